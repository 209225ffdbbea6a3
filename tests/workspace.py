"""The whole bot, really wired, between the sandbox's Slack and Vibecode: what the stories are told with."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.sandbox.slack import Channel, Delivery, Message, Person
from bot.sandbox.world import COMMAND, World, open_world
from bot.storage import open_store


@dataclass
class Workspace(World):
    """A world with words for what a story does and expects."""

    async def command(
        self, text: str, *, by: Person | None = None, channel: Channel | None = None, **extra: Any
    ) -> Delivery:
        return await self.slack.command(by or self.requester, channel or self.channel, COMMAND, text, **extra)

    async def click(self, action_id: str, *, by: Person | None = None) -> Delivery:
        return await self.slack.click(by or self.requester, self.message(), action_id)

    def message(self, channel: Channel | None = None) -> Message:
        """The one message in the channel."""
        (message,) = self.slack.channel_messages(channel or self.channel)
        return message

    def whispers(self, person: Person | None = None) -> list[str]:
        return [message.text for message in self.slack.private_messages(person or self.requester)]

    async def told(self, words: str, *, within: float = 5) -> Message:
        """Wait until the channel's one message says this."""

        def says() -> Message | None:
            messages = self.slack.channel_messages(self.channel)
            assert len(messages) <= 1, [message.text for message in messages]
            return messages[0] if messages and words in messages[0].text else None

        return await self.slack.wait_for(says, within)

    async def whispered(self, words: str, *, to: Person | None = None) -> str:
        def says() -> str | None:
            return next((text for text in self.whispers(to) if words in text), None)

        return await self.slack.wait_for(says, 5)

    async def audit(self) -> list[dict[str, Any]]:
        store = await open_store(self.settings.database_url, owner="test", shared=True)
        try:
            return [dict(event) async for event in store.events()]
        finally:
            await store.close()

    async def events(self) -> list[str]:
        return [event["event"] for event in await self.audit() if event["event"] != "key_set"]


@contextlib.asynccontextmanager
async def workspace(
    folder: Path, *, mode: str = "http", start: bool = True, **settings: Any
) -> AsyncIterator[Workspace]:
    """Open a workspace, by default with its bot running and calls that are not slowed down."""
    settings = {"haltbot_vibecode_rate": 1000} | settings
    async with open_world(folder, socket_mode=mode == "socket", **settings) as world:
        opened = Workspace(**vars(world))
        if start:
            await opened.start()
        try:
            yield opened
        finally:
            await opened.stop()
