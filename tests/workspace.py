"""The whole bot, really wired, between the sandbox's Slack and Vibecode: what the stories are told with."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot.app import build
from bot.config import Settings
from bot.keys import Keys
from bot.sandbox.slack import Channel, Delivery, Message, Person, SlackSandbox
from bot.sandbox.vibecode import VibecodeSandbox
from bot.storage import open_store, open_vault

COMMAND = "/terminate-workflow"


@dataclass
class Workspace:
    """One Slack workspace with a channel that has a key, a requester and a colleague."""

    slack: SlackSandbox
    vibecode: VibecodeSandbox
    settings: Settings
    channel: Channel
    requester: Person
    colleague: Person
    key: str
    port: int | None = None
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the bot; returns when Slack can reach it."""
        self._stop = asyncio.Event()
        self._serving = asyncio.create_task(self._serve())
        await self._until_ready()

    async def stop(self) -> None:
        self._stop.set()
        if self._serving is not None:
            await self._serving

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

    async def set_key(self, key: str, *, channel: Channel | None = None, session: str | None = None) -> None:
        store = await open_store(self.settings.database_url, owner="test", shared=True)
        try:
            keys = Keys(store, open_vault(self.settings))
            await keys.set(self.slack.team, (channel or self.channel).id, key, session, by="test")
        finally:
            await store.close()

    async def _serve(self) -> None:
        async with build(self.settings) as bot:
            await bot.serve(self._stop, listening=self._listening)

    def _listening(self, port: int) -> None:
        self.port = port

    async def _until_ready(self) -> None:
        async with asyncio.timeout(5):
            while self.port is None:
                if self._serving is not None and self._serving.done():
                    await self._serving
                await asyncio.sleep(0.005)
        if self.settings.socket_mode:
            await self.slack.wait_connected()
        else:
            self.slack.deliver_by_http(f"http://127.0.0.1:{self.port}/slack/events")


@contextlib.asynccontextmanager
async def workspace(
    folder: Path, *, mode: str = "http", start: bool = True, **settings: Any
) -> AsyncIterator[Workspace]:
    """Open a workspace with its own database, and close all of it again."""
    async with SlackSandbox() as slack, VibecodeSandbox() as vibecode:
        configured = Settings(
            _env_file=None,
            slack_bot_token=slack.bot_token,
            slack_app_token=slack.app_token if mode == "socket" else None,
            slack_signing_secret=slack.signing_secret,
            slack_api_url=slack.api_url,
            vibecode_api_url=vibecode.url,
            database_url=f"sqlite:///{folder / 'haltbot.db'}",
            haltbot_encryption_keys=SecretStr(base64.b64encode(b"k" * 32).decode()),
            haltbot_port=0,
            **{"haltbot_vibecode_rate": 1000, **settings},
        )
        opened = Workspace(
            slack=slack,
            vibecode=vibecode,
            settings=configured,
            channel=slack.add_channel("ops"),
            requester=slack.add_person("Rita"),
            colleague=slack.add_person("Carl"),
            key=vibecode.add_key("vibe_api_0123456789abcdefghijklmnopqrstuvwxyz"),
        )
        await opened.set_key(opened.key)
        if start:
            await opened.start()
        try:
            yield opened
        finally:
            await opened.stop()
