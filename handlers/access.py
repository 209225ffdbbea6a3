"""A channel's key and people's accounts: the words ``key`` and ``connect``, and the buttons under the answers."""

from slack_bolt.async_app import AsyncApp

from bot.channels.connections import Connections
from bot.channels.key_service import KeyService
from bot.domain.errors import Refused
from bot.messages import access, access_blocks, replies
from bot.messages.blocks import CONNECT, question_of
from bot.ports.core import Message
from handlers.bodies import Body, asker, clicker
from handlers.responder import Responder
from handlers.services import Services


def register(app: AsyncApp, responder: Responder, services: Services) -> None:
    @app.action(access_blocks.KEY_REMOVE)
    @responder.button
    async def remove_key(body: Body) -> None:
        removed = await services.keys.remove(clicker(body))
        responder.tell(body, access.key_removed() if removed else replies.refusal(Refused("key_gone")))

    @app.action(CONNECT)
    @responder.button
    async def connect_and_go_on(body: Body) -> None:
        responder.follow_up(body, _connect_and_go_on(body, services.connections))

    for link in (access_blocks.KEY_LINK, access_blocks.CONNECT_LINK):
        app.action(link)(responder.link)


async def key(body: Body, keys: KeyService) -> Message:
    """Show what the channel's key is, and how another one is handed in. Raises Refused."""
    actor = asker(body)
    return access_blocks.key_card(await keys.card(actor), actor)


async def connect(body: Body, connections: Connections) -> Message:
    """Hand out the link that connects somebody's account. Raises Refused."""
    return access_blocks.connect(await connections.start(asker(body)))


async def _connect_and_go_on(body: Body, connections: Connections) -> Message:
    question = question_of(body["actions"][0]["value"])
    if question is None:
        raise Refused("question_gone")
    return access_blocks.connect(await connections.start_for(question[0], clicker(body)))
