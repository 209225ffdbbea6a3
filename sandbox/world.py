"""A Slack, a Vibecode and the real bot between them, on this machine, with a database of its own."""

import asyncio
import base64
import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot.app import build, pace_of
from bot.channels.keys import Keys
from bot.config.settings import Settings
from bot.store.opening import open_store, open_vault
from sandbox.slack import Channel, Person, SlackSandbox
from sandbox.vibecode import VibecodeSandbox

START_SECONDS = 10


class GivenSettings(Settings):
    """Takes nothing from the environment or the ``.env`` of whoever tries it: a world is the same on every machine."""

    model_config = SettingsConfigDict(env_file=None)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 -- pydantic's own signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


@dataclass
class World:
    """One workspace: a channel that has a key, somebody who asks and a colleague who looks on."""

    slack: SlackSandbox
    vibecode: VibecodeSandbox
    settings: Settings
    channel: Channel
    requester: Person
    colleague: Person
    key: str
    pace: dict[str, Any] = field(default_factory=dict)
    """Where the bot's pace differs from what its settings make of it."""
    port: int | None = None
    """Where the bot listens, while it runs."""
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the bot; returns when Slack can reach it."""
        self._stop = asyncio.Event()
        listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._serving = asyncio.create_task(self._serve(listening))
        self._serving.add_done_callback(lambda _: listening.cancel())
        try:
            async with asyncio.timeout(START_SECONDS):
                self.port = await listening
        except asyncio.CancelledError:
            # It ended before it listened: let its error speak.
            await self._serving
            raise
        if self.settings.socket_mode:
            await self.slack.wait_connected()
        else:
            self.slack.deliver_by_http(f"http://127.0.0.1:{self.port}/slack/events")

    async def stop(self) -> None:
        """Stop the bot as SIGTERM does. Slack, Vibecode and the database stay."""
        self._stop.set()
        if self._serving is not None:
            serving, self._serving = self._serving, None
            await serving

    async def set_key(self, key: str, *, channel: Channel | None = None, session: str | None = None) -> None:
        store = await open_store(self.settings.database_url, owner="sandbox", shared=True)
        try:
            keys = Keys(store, open_vault(self.settings))
            await keys.set(
                self.slack.team, (channel or self.channel).id, key, session, by=f"user:{self.requester.id}"
            )
        finally:
            await store.close()

    async def _serve(self, listening: asyncio.Future[int]) -> None:
        pace = replace(pace_of(self.settings), **self.pace)
        async with build(self.settings, pace) as bot:
            await bot.serve(self._stop, listening=listening.set_result)


@contextlib.asynccontextmanager
async def open_world(folder: Path, *, socket_mode: bool = False, **settings: Any) -> AsyncIterator[World]:
    """Open a world whose bot is not started yet; ``settings`` replace those of the bot."""
    async with SlackSandbox() as slack, VibecodeSandbox() as vibecode:
        configured = GivenSettings.model_validate(
            {
                "slack_bot_token": slack.bot_token,
                "slack_app_token": slack.app_token if socket_mode else None,
                "slack_signing_secret": slack.signing_secret,
                "slack_api_url": slack.api_url,
                "vibecode_api_url": vibecode.url,
                "database_url": f"sqlite:///{folder / 'haltbot.db'}",
                "haltbot_encryption_keys": SecretStr(base64.b64encode(secrets.token_bytes(32)).decode()),
                "haltbot_host": "127.0.0.1",
                "haltbot_port": 0,
            }
            | settings
        )
        world = World(
            slack=slack,
            vibecode=vibecode,
            settings=configured,
            channel=slack.add_channel("ops"),
            requester=slack.add_person("Rita"),
            colleague=slack.add_person("Carl"),
            key=vibecode.add_key(),
        )
        await world.set_key(world.key)
        try:
            yield world
        finally:
            await world.stop()
