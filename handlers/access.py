"""A channel's key and people's accounts: the words ``key`` and ``connect``, and the buttons under the answers."""

from slack_bolt.async_app import AsyncApp

from bot.channels.connections import Connections
from bot.channels.key_service import KeyService
from bot.domain.errors import Refused
from bot.messages import access, access_blocks, replies
from bot.messages.blocks import CONNECT, question_of
from bot.ports.core import Message
from handlers.actors import asker, clicker, holder
from handlers.responder import Answers, Body


def register(app: AsyncApp, answers: Answers, keys: KeyService, connections: Connections) -> None:
    @app.action(access_blocks.KEY_REMOVE)
    @answers.button
    async def remove_key(body: Body) -> None:
        actor = clicker(body)
        removed = await keys.remove(holder(actor), home=actor.home)
        answers.tell(body, access.key_removed() if removed else replies.refusal(Refused("key_gone")))

    @app.action(CONNECT)
    @answers.button
    async def start_connection(body: Body) -> None:
        answers.follow_up(body, _connect_and_go_on(body))

    async def _connect_and_go_on(body: Body) -> Message:
        question = question_of(body["actions"][0]["value"])
        if question is None:
            raise Refused("question_gone")
        actor = clicker(body)
        address = await connections.start_for(question[0], holder(actor), home=actor.home)
        return access_blocks.connect(address)

    @answers.button
    async def open_link(body: Body) -> None:
        """Slack opens the address itself; the click still wants its acknowledgement."""

    app.action(access_blocks.KEY_LINK)(open_link)
    app.action(access_blocks.CONNECT_LINK)(open_link)


async def about_access(word: str, body: Body, keys: KeyService, connections: Connections) -> Message:
    """Answer the words ``key`` and ``connect``. Raises Refused."""
    person = holder(asker(body))
    if word == "connect":
        return access_blocks.connect(await connections.start(person))
    return access_blocks.key_card(await keys.card(person), person)
