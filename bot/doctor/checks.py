"""Examines everything that a termination will need: asks the database, Slack and Vibecode, and changes nothing."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import Any

import yaml
from slack_sdk.web.async_client import AsyncWebClient

from bot import metrics
from bot.config import Settings, sqlite_path
from bot.doctor.database import examine_file, examine_server
from bot.doctor.findings import (
    Finding,
    Level,
    Place,
    judge_clock,
    judge_conversation,
    judge_key,
    judge_scopes,
)
from bot.errors import KeyUnusable, SessionMissing, SlackError, SlackRefused, StoreError, VibecodeError
from bot.explanations import explain
from bot.keys import Keys
from bot.manifest import socket_manifest
from bot.ports import ChannelKey, Store, Workflows
from bot.slack.calls import ask, call, in_our_terms, open_session
from bot.storage import open_store, open_vault
from bot.vibecode.client import VibecodeClient, open_client

_WRITES_PER_SECOND = 1000.0
_UNKNOWN_CHANNEL = frozenset({"channel_not_found", "not_in_channel"})


class Doctor:
    """Looks at one installation."""

    def __init__(
        self, settings: Settings, store: Store, keys: Keys, client: AsyncWebClient, workflows: Workflows
    ) -> None:
        self._settings = settings
        self._store = store
        self._keys = keys
        self._client = client
        self._workflows = workflows

    async def examine(self) -> list[Finding]:
        """Check everything, from the ground up."""
        return [*await self.database(), *await self.slack(), *await self.channels()]

    async def database(self) -> list[Finding]:
        """Check that the database answers, can be written, and is sound."""
        try:
            # Taking a place that nobody waits for is the smallest write there is.
            await self._store.pace("doctor", _WRITES_PER_SECOND)
            now = await self._store.now()
        except StoreError as error:
            return [
                Finding(
                    "database", Level.FAIL, f"The database cannot be used: {error}", "Check DATABASE_URL."
                )
            ]
        found = [Finding("database", Level.OK, "The database answers and can be written.")]
        ahead = now / 1000 - time.time()
        if abs(ahead) > 2:  # noqa: PLR2004 -- seconds that nobody would notice
            told = f"The database's clock is {abs(ahead):.0f} s away from this machine's."
            found.append(Finding("database.clock", Level.WARN, told, "Let both follow a time server (NTP)."))
        path = sqlite_path(self._settings.database_url)
        if path is None:
            return [*found, *await examine_server(self._settings.database_url)]
        return [*found, *await asyncio.to_thread(examine_file, path)]

    async def slack(self) -> list[Finding]:
        """Check the tokens, what they may do, and the clock against Slack's."""
        try:
            answer = await call(self._client, "auth.test")
        except SlackError as error:
            return [_slack_token(error)]
        manifest = yaml.safe_load(socket_manifest())["oauth_config"]["scopes"]
        headers = {name.lower(): value for name, value in answer.headers.items()}
        granted = str(headers.get("x-oauth-scopes", ""))
        return [
            Finding(
                "slack.token",
                Level.OK,
                f"Slack knows the bot in {answer.get('team')} ({answer.get('team_id')}).",
            ),
            judge_scopes(granted, manifest["bot"], manifest.get("bot_optional", [])),
            judge_clock(_ahead(str(headers.get("date", "")))),
            *await self._way_in(),
        ]

    async def channels(self, team: str | None = None) -> list[Finding]:
        """Check every channel that has a key: in Slack, and its key with Vibecode."""
        stored = [key for key in await self._keys.all() if team in (None, key.team)]
        if not stored:
            remedy = "haltbot key set --team T… --channel C…"
            return [
                Finding("keys", Level.WARN, "No channel has a key yet, so nothing can be stopped.", remedy)
            ]
        soonest = float("inf")
        found: list[Finding] = []
        for key in stored:
            place = Place(key.team, key.channel)
            found += await self._conversation(place)
            about_key, left = await self._key(place, key)
            found += about_key
            soonest = min(soonest, left)
        metrics.KEY_EXPIRY.set(soonest)
        return found

    async def _way_in(self) -> list[Finding]:
        token = self._settings.slack_app_token
        if token is None:
            told = "HTTP mode: Slack posts to /slack/events at your public address; requests are signed."
            return [Finding("slack.way_in", Level.OK, told)]
        try:
            with in_our_terms():
                await self._client.apps_connections_open(app_token=token.get_secret_value())
        except SlackError as error:
            return [
                Finding(
                    "slack.way_in",
                    Level.FAIL if isinstance(error, SlackRefused) else Level.WARN,
                    f"Slack will not open a Socket Mode connection ({error.code}).",
                    "Check SLACK_APP_TOKEN (xapp-…, scope connections:write) and that Socket Mode is on.",
                )
            ]
        return [Finding("slack.way_in", Level.OK, "Slack offers a Socket Mode connection.")]

    async def _conversation(self, place: Place) -> list[Finding]:
        try:
            answer = await ask(self._client, "conversations.info", channel=place.channel)
        except SlackError as error:
            if error.code in _UNKNOWN_CHANNEL:
                return [
                    place.warn(
                        "channel.member",
                        "Haltbot does not see the channel: it is private without it, or gone.",
                        "Type /invite @haltbot in the channel, or remove its key: haltbot key remove.",
                    )
                ]
            told = f"What the channel is like cannot be seen ({error.code})."
            refused = isinstance(error, SlackRefused)
            remedy = "Grant channels:read and groups:read." if refused else "Try again when Slack answers."
            return [place.warn("channel.slack", told, remedy)]
        shown: dict[str, Any] = answer.get("channel") or {}
        return judge_conversation(place, shown)

    async def _key(self, place: Place, stored: ChannelKey) -> tuple[list[Finding], float]:
        """Check a key; also how many seconds it is still good for."""
        now = await self._store.now()
        try:
            opened = await self._keys.open(place.team, place.channel)
        except SessionMissing:
            told = "It is an application's key: each person connects their own Bitrix24 account to it."
            return [place.ok("key.facts", told)], float("inf")
        except KeyUnusable as unusable:
            why = explain(unusable.code, None)
            return [place.fail("key.sealed", _sentence(why.why), why.next)], float("inf")
        try:
            await self._wait_for_turn(stored.key_id)
            facts = await self._workflows.describe_key(opened.key)
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
        return [*found, place.ok("key.workflows", f"The running workflows can be read: {seen}.")], left

    async def _wait_for_turn(self, key_id: str) -> None:
        while wait_ms := await self._store.pace(key_id, self._settings.haltbot_vibecode_rate):  # noqa: ASYNC110 -- see Store.pace
            await asyncio.sleep(wait_ms / 1000)


@asynccontextmanager
async def open_doctor(settings: Settings) -> AsyncIterator[Doctor]:
    """Open what an examination beside the running bot needs. Raises SettingsInvalid, StoreError."""
    async with AsyncExitStack() as stack:
        vault = open_vault(settings)
        store = await open_store(settings.database_url, owner="doctor", shared=True)
        stack.push_async_callback(store.close)
        session = await stack.enter_async_context(open_session())
        client = AsyncWebClient(
            token=settings.slack_bot_token.get_secret_value(),
            base_url=settings.slack_api_url,
            session=session,
            retry_handlers=[],
        )
        http = await stack.enter_async_context(open_client(settings.vibecode_api_url))
        yield Doctor(settings, store, Keys(store, vault), client, VibecodeClient(http))


def _slack_token(error: SlackError) -> Finding:
    if isinstance(error, SlackRefused):
        remedy = "Copy the Bot User OAuth Token again from the app's page OAuth & Permissions: haltbot setup."
        return Finding("slack.token", Level.FAIL, f"Slack refuses SLACK_BOT_TOKEN ({error.code}).", remedy)
    return Finding(
        "slack.token", Level.FAIL, f"Slack cannot be reached ({error.code}).", "Check the way to slack.com."
    )


def _vibecode(place: Place, check: str, error: VibecodeError) -> Finding:
    why = explain(error.code, error.status)
    return place.fail(check, f"{_sentence(why.why)} ({error.code})", why.next)


def _ahead(date: str) -> float | None:
    try:
        # The header counts whole seconds; half of one is its middle.
        return time.time() - parsedate_to_datetime(date).timestamp() - 0.5
    except ValueError:
        return None


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
