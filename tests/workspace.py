"""The whole bot, really wired, between the sandbox's Slack and Vibecode: what the stories are told with."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.channels.keys import Keys
from bot.config.settings import sqlite_path
from bot.domain.audit import Event
from bot.domain.command import COMMAND
from bot.store.opening import open_store, open_vault
from sandbox.slack import Channel, Delivery, Message, Person
from sandbox.world import World, open_world

MAIN_EVENTS = (
    "requested",
    "refused",
    "confirmed",
    "cancelled",
    "expired",
    "attempted",
    "accepted",
    "outcome",
)


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

    async def told(self, words: str, *, within: float = 20) -> Message:
        """Wait until the channel's one message says this; returns it as it was then."""

        def says() -> Message | None:
            messages = self.slack.channel_messages(self.channel)
            assert len(messages) <= 1, [message.text for message in messages]
            return messages[0].snapshot() if messages and words in messages[0].text else None

        return await self.slack.wait_for(says, within)

    async def whispered(self, words: str, *, to: Person | None = None) -> str:
        def says() -> str | None:
            return next((text for text in self.whispers(to) if words in text), None)

        return await self.slack.wait_for(says)

    @property
    def database_file(self) -> Path:
        """Where the bot's embedded database lies."""
        path = sqlite_path(self.settings.database_url)
        assert path is not None
        return path

    async def ended(self) -> None:
        """Wait until the bot ends by itself, and raise what it raised."""
        assert self._serving is not None
        serving, self._serving = self._serving, None
        async with asyncio.timeout(10):
            await serving

    async def remove_key(self) -> None:
        """Take the channel's key away, as an admin does in a shell."""
        async with self._keys() as keys:
            assert await keys.remove(self.slack.team, self.channel.id, by="shell:admin")

    async def copy_sealed_key(self, source: Channel, target: Channel) -> None:
        """Put the sealed key of one channel into the row of another, as somebody with the file could."""
        store = await open_store(self.settings.database_url, owner="test", shared=True)
        try:
            found = await store.channel_key(self.slack.team, source.id)
            assert found is not None
            copied = Event(event="key_copied", team=self.slack.team, channel=target.id, user="nobody")
            await store.put_channel_key(replace(found, channel=target.id), copied)
        finally:
            await store.close()

    async def put_settings(self, settings: dict[str, Any]) -> None:
        """Change the channel's settings, as an admin does in a shell."""
        store = await open_store(self.settings.database_url, owner="test", shared=True)
        try:
            changed = Event(event="settings", team=self.slack.team, channel=self.channel.id, user="test")
            place = (self.slack.team, self.channel.id)
            await store.replace_settings(*place, await store.settings(*place), settings, changed)
        finally:
            await store.close()

    async def idle(self) -> None:
        """Wait until Vibecode has answered whatever it was asked."""
        await self.vibecode.wait_for(lambda: all(call.status is not None for call in self.vibecode.calls))

    async def audit(self) -> list[dict[str, Any]]:
        store = await open_store(self.settings.database_url, owner="test", shared=True)
        try:
            return [dict(event) async for event in store.events()]
        finally:
            await store.close()

    @contextlib.asynccontextmanager
    async def _keys(self) -> AsyncIterator[Keys]:
        store = await open_store(self.settings.database_url, owner="test", shared=True)
        try:
            yield Keys(store, open_vault(self.settings))
        finally:
            await store.close()

    async def events(self) -> list[str]:
        """What the audit says about asking, deciding, calling and ending, in order."""
        return [event["event"] for event in await self.audit() if event["event"] in MAIN_EVENTS]


@contextlib.asynccontextmanager
async def workspace(
    folder: Path,
    *,
    mode: str = "http",
    start: bool = True,
    pace: dict[str, Any] | None = None,
    **settings: Any,
) -> AsyncIterator[Workspace]:
    """Open a workspace, by default with its bot running and calls that are not slowed down.

    ``pace`` names what lasts a shorter or a longer time than usual: fields of ``bot.domain.pace.Pace``.
    """
    settings = {"haltbot_vibecode_rate": 1000} | settings
    async with open_world(folder, socket_mode=mode == "socket", **settings) as world:
        opened = Workspace(**vars(world) | {"pace": pace or {}})
        if start:
            await opened.start()
        try:
            yield opened
        finally:
            await opened.stop()
