"""Checks all that a termination needs: asks the database, Slack and Vibecode, and changes nothing."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from slack_sdk.web.async_client import AsyncWebClient

from bot.channels.key_check import describe_key
from bot.channels.keys import Keys
from bot.config.settings import Settings, SettingsInvalid, sqlite_path
from bot.domain.api_key import ChannelKey
from bot.domain.errors import KeyUnusable, SessionMissing, StoreError, VibecodeError
from bot.domain.findings import Finding, Level, Place, fail, judge_key, ok, warn
from bot.observability import metrics
from bot.operations.doctor.database_checks import (
    cannot_be_used,
    check_database_file,
    check_database_server,
    check_secret_file,
)
from bot.operations.doctor.slack_checks import check_conversation, check_slack
from bot.ports.store import Store
from bot.ports.workflows import Workflows
from bot.slack.web_api import open_slack
from bot.store.database_file import check_path
from bot.store.opening import key_path, open_store, open_vault
from bot.vibecode.client import VibecodeClient, open_client

_WRITES_PER_SECOND = 1000.0


class Doctor:
    """Checks one installation."""

    def __init__(
        self, settings: Settings, store: Store, keys: Keys, client: AsyncWebClient, workflows: Workflows
    ) -> None:
        self._settings = settings
        self._store = store
        self._keys = keys
        self._client = client
        self._workflows = workflows

    async def check_all(self) -> list[Finding]:
        """Check everything, from the ground up."""
        slack = await check_slack(self._settings, self._client)
        # What a token that fails cannot see says nothing about the channels.
        works = all(finding.level is Level.OK for finding in slack if finding.check == "slack.token")
        return [*await self.check_database(), *slack, *await self.check_channels(slack_answers=works)]

    async def check_database(self) -> list[Finding]:
        """Check that the database answers, can be written, and is sound."""
        try:
            # Taking a place that nobody waits for is the smallest write there is.
            await self._store.pace("doctor", _WRITES_PER_SECOND)
            now = await self._store.now()
        except StoreError as error:
            return [cannot_be_used(error)]
        found = [ok("database", "database_good")]
        ahead = now / 1000 - time.time()
        if abs(ahead) > 2:  # noqa: PLR2004 -- seconds that nobody would notice
            found.append(warn("database.clock", "database_clock", seconds=round(abs(ahead))))
        path = sqlite_path(self._settings.database_url)
        if path is None:
            return [*found, *await check_database_server(self._settings.database_url)]
        if self._settings.haltbot_encryption_keys is None:
            found += check_secret_file(key_path(path), "database.key_file", "database_key_file_open")
        return [*found, *await asyncio.to_thread(check_database_file, path)]

    async def check_channels(self, team: str | None = None, *, slack_answers: bool = True) -> list[Finding]:
        """Check every channel that has a key: in Slack, and its key with Vibecode."""
        stored = [key for key in await self._store.channel_keys() if team in (None, key.team)]
        if not stored:
            return [warn("keys", "no_keys")]
        soonest = float("inf")
        found: list[Finding] = []
        for key in stored:
            place = Place(key.team, key.channel)
            if slack_answers:
                found += await check_conversation(self._client, place)
            about_key, left = await self._check_key(place, key)
            found += about_key
            soonest = min(soonest, left)
        metrics.KEY_EXPIRY.set(soonest)
        return found

    async def _check_key(self, place: Place, stored: ChannelKey) -> tuple[list[Finding], float]:
        """Check a key; also how many seconds it is still good for."""
        now = await self._store.now()
        try:
            opened = await self._keys.open(place.team, place.channel)
        except SessionMissing:
            return [place.ok("key.facts", "key_personal")], float("inf")
        except KeyUnusable as unusable:
            return [place.fail("key.sealed", "key_unopened", code=unusable.code)], float("inf")
        try:
            await self._wait_for_turn(stored.key_id)
            facts = await describe_key(self._workflows, opened.key)
            found = judge_key(place, facts, now)
            left = float("inf") if facts.expires_at is None else (facts.expires_at - now) / 1000
        except VibecodeError as error:
            return [_vibecode(place, "key.valid", error)], float("inf")
        try:
            await self._wait_for_turn(stored.key_id)
            page = await self._workflows.running(opened.key)
        except VibecodeError as error:
            return [*found, _vibecode(place, "key.workflows", error)], left
        seen = len(page.instances) if page.total is None else page.total
        return [*found, place.ok("key.workflows", "workflows_read", count=seen)], left

    async def _wait_for_turn(self, key_id: str) -> None:
        while wait_ms := await self._store.pace(key_id, self._settings.haltbot_vibecode_rate):  # noqa: ASYNC110 -- see Store.pace
            await asyncio.sleep(wait_ms / 1000)


async def check_installation(settings: Settings) -> list[Finding]:
    """Check everything beside a running bot, and without a database at least Slack."""
    path = sqlite_path(settings.database_url)
    try:
        if path is not None:
            check_path(path, may_create=True)
        if path is None or path.exists():
            async with open_doctor(settings) as doctor:
                return await doctor.check_all()
        found = warn("database", "database_missing", path=path.absolute())
    except SettingsInvalid as invalid:
        found = fail("settings", "settings_wrong", problem=invalid)
    except StoreError as error:
        found = cannot_be_used(error)
    async with _open_slack(settings) as client:
        return [found, *await check_slack(settings, client)]


@asynccontextmanager
async def open_doctor(settings: Settings) -> AsyncIterator[Doctor]:
    """Open a doctor beside a bot that may run. Raises SettingsInvalid, StoreError."""
    async with AsyncExitStack() as stack:
        vault = open_vault(settings, may_create=False)
        store = await open_store(settings.database_url, owner="doctor", shared=True, may_create=False)
        stack.push_async_callback(store.close)
        client = await stack.enter_async_context(_open_slack(settings))
        http = await stack.enter_async_context(open_client(settings.vibecode_api_url))
        yield Doctor(settings, store, Keys(store, vault), client, VibecodeClient(http))


def _open_slack(settings: Settings) -> AbstractAsyncContextManager[AsyncWebClient]:
    return open_slack(settings.slack_api_url, settings.slack_bot_token.get_secret_value())


def _vibecode(place: Place, check: str, error: VibecodeError) -> Finding:
    return place.fail(check, "key_refused", code=error.code, status=error.status)
