"""A channel's key and people's accounts: the words ``key`` and ``connect``, and the buttons under the answers."""

from dataclasses import dataclass

from slack_bolt.async_app import AsyncApp

from bot import blocks_access, replies, replies_access
from bot.blocks import CONNECT, question_of
from bot.connections import Connections
from bot.errors import Refused
from bot.key_service import KeyService
from bot.lifecycle import Lifecycle
from bot.links import Holder
from bot.places import is_outsider, of_click, of_clicker, of_command
from bot.ports import Message, Store
from handlers.answers import Answers, Body


@dataclass(frozen=True, slots=True)
class Access:
    """Who and what is let in: keys, connected accounts, and what Slack tells about channels and the installation."""

    keys: KeyService
    connections: Connections
    lifecycle: Lifecycle
    store: Store

    async def answer(self, word: str, body: Body) -> Message:
        """Answer the words ``key`` and ``connect``. Raises Refused."""
        holder = Holder(team=of_command(body), channel=body["channel_id"], user=body["user_id"])
        if word == "connect":
            return blocks_access.connect(await self.connections.start(holder))
        return blocks_access.key_card(await self.keys.card(holder), holder, await self.store.now())

    async def connect_and_go_on(self, body: Body) -> Message:
        """Answer the button under a refused termination, in whose channel it is. Raises Refused."""
        question = question_of(body["actions"][0]["value"])
        job = await self.store.find(question[0]) if question else None
        if job is None:
            raise Refused("question_gone")
        asked = job.termination
        if body["user"]["id"] != asked.user or is_outsider(of_clicker(body), asked.team):
            raise Refused("not_the_requester", requester=asked.user)
        holder = Holder(team=asked.team, channel=asked.channel, user=asked.user)
        return blocks_access.connect(await self.connections.start(holder, asked.id))


def register(app: AsyncApp, access: Access, answers: Answers) -> None:
    @app.action(blocks_access.KEY_REMOVE)
    @answers.button
    async def remove_key(body: Body) -> None:
        removed = await access.keys.remove(_clicked(body), home=of_clicker(body))
        answers.whisper(
            body, replies_access.key_removed() if removed else replies.refusal(Refused("key_gone"))
        )

    @app.action(CONNECT)
    @answers.button
    async def start_connection(body: Body) -> None:
        answers.follow_up(body, access.connect_and_go_on(body))

    @answers.button
    async def open_link(body: Body) -> None:
        """Slack opens the address itself; the click still wants its acknowledgement."""

    app.action(blocks_access.KEY_LINK)(open_link)
    app.action(blocks_access.CONNECT_LINK)(open_link)


def _clicked(body: Body) -> Holder:
    channel = body["container"].get("channel_id") or (body.get("channel") or {}).get("id") or ""
    return Holder(team=of_click(body), channel=channel, user=body["user"]["id"])
