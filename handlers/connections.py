"""People's Bitrix24 accounts: the word ``connect``, and the button under a refusal for want of one."""

from slack_bolt.async_app import AsyncApp

from bot.channels.connections import Connections
from bot.domain.errors import Refused
from bot.messages import connections as texts
from bot.messages.termination import CONNECT, question_of
from bot.ports.messenger import Message
from handlers.bodies import Body, asker, clicker
from handlers.responder import Responder
from handlers.services import Services


def register(app: AsyncApp, responder: Responder, services: Services) -> None:
    @app.action(CONNECT)
    @responder.button
    async def connect_and_go_on(body: Body) -> None:
        responder.follow_up(body, _connect_and_go_on(body, services.connections))

    app.action(texts.CONNECT_LINK)(responder.link)


async def connect(body: Body, connections: Connections) -> Message:
    """Hand out the link that connects somebody's account. Raises Refused."""
    return texts.connect(await connections.start(asker(body)))


async def _connect_and_go_on(body: Body, connections: Connections) -> Message:
    question = question_of(body["actions"][0]["value"])
    if question is None:
        raise Refused("question_gone")
    return texts.connect(await connections.start_for(question[0], clicker(body)))
