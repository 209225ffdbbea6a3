"""A channel's key and people's accounts: the words ``key`` and ``connect``, and the buttons under the answers."""

from slack_bolt.async_app import AsyncApp

from bot import blocks_access, replies, replies_access
from bot.blocks import CONNECT, question_of
from bot.connections import Connections
from bot.errors import Refused
from bot.key_service import KeyService
from bot.ports import Message
from handlers.actors import asker, clicker, holder
from handlers.answers import Answers, Body


def register(app: AsyncApp, answers: Answers, keys: KeyService, connections: Connections) -> None:
    @app.action(blocks_access.KEY_REMOVE)
    @answers.button
    async def remove_key(body: Body) -> None:
        actor = clicker(body)
        removed = await keys.remove(holder(actor), home=actor.home)
        answers.tell(body, replies_access.key_removed() if removed else replies.refusal(Refused("key_gone")))

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
        return blocks_access.connect(address)

    @answers.button
    async def open_link(body: Body) -> None:
        """Slack opens the address itself; the click still wants its acknowledgement."""

    app.action(blocks_access.KEY_LINK)(open_link)
    app.action(blocks_access.CONNECT_LINK)(open_link)


async def about_access(word: str, body: Body, keys: KeyService, connections: Connections) -> Message:
    """Answer the words ``key`` and ``connect``. Raises Refused."""
    person = holder(asker(body))
    if word == "connect":
        return blocks_access.connect(await connections.start(person))
    return blocks_access.key_card(await keys.card(person), person)
