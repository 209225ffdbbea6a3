"""The daily examination: who can mend something is told privately, once, before the incident."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from clock import Clock
from slack_sdk.web.async_client import AsyncWebClient
from workspace import Workspace, workspace

from bot.domain.errors import SlackRefused, StoreBusy
from bot.domain.findings import (
    Finding,
    Place,
)
from bot.operations.doctor.daily import Daily, Schedule, configurers_of
from bot.operations.doctor.doctor import open_doctor
from bot.ports.messenger import Message
from bot.ports.store import Store
from bot.slack.outbox import Outbox
from bot.slack.web_api import open_session
from bot.store.opening import open_store
from bot.store.sqlite import open_sqlite
from bot.store.store import SqlStore

DAY = 24 * 60 * 60 * 1000


@pytest.fixture(name="idle")
async def _idle(tmp_path: Path) -> AsyncIterator[Workspace]:
    """A workspace whose bot does not run: the doctor needs none."""
    async with workspace(tmp_path, mode="socket", start=False) as opened:
        yield opened


class Told:
    """Takes down who was told what, in Slack's place."""

    def __init__(self) -> None:
        self.messages: dict[str, list[str]] = defaultdict(list)
        self.first = asyncio.Event()

    async def __call__(self, message: Message, user: str) -> None:
        self.messages[user].append(message.text)
        self.first.set()


class Patient:
    """An installation with these findings."""

    def __init__(self, *findings: Finding) -> None:
        self.findings = list(findings)
        self.checked = 0

    async def check_all(self) -> list[Finding]:
        self.checked += 1
        return self.findings

    async def check_channels(self, team: str | None = None) -> list[Finding]:
        return await self.check_all()


EXPIRING = Place("T1", "C1").warn("key.expiry", "key_expires", days=3, expires_at=3 * DAY)
EXPIRES = (
    "The key expires in 3 days, on 1970-01-04 00:00 UTC. Issue a new key in Vibecode and set it: `haltbot key set"
    " --team T1 --channel C1`."
)
FINE = Place("T1", "C1").ok("key.workflows", "workflows_read", count=3)


async def ada(_team: str, _channel: str) -> set[str]:
    return {"UADA"}


async def test_who_can_mend_it_is_told_once_a_week(tmp_path: Path):
    """Not at every start and not by every replica; after a week once more if it still holds."""
    clock, told, patient = Clock(0), Told(), Patient(EXPIRING, FINE)
    async with AsyncExitStack() as opened:
        replicas = []
        for owner in ("a", "b"):
            opening = open_sqlite(tmp_path / "haltbot.db", owner=owner, exclusive=False, clock=clock)
            replicas.append(Daily(await opened.enter_async_context(await opening), patient, told, ada))
        for hour in range(0, 8 * 24, 6):
            clock.ms = hour * 3_600_000
            for replica in replicas:
                await replica.check()

    assert 2 == len(told.messages["UADA"])
    assert f"<#C1>: {EXPIRES}" in told.messages["UADA"][0]
    assert "can be read" not in told.messages["UADA"][0]


async def test_a_new_trouble_is_told_at_once(tmp_path: Path):
    """The former one is not repeated for its sake."""
    clock, told, patient = Clock(0), Told(), Patient(EXPIRING)
    async with await open_sqlite(tmp_path / "haltbot.db", owner="a", clock=clock) as store:
        replica = Daily(store, patient, told, ada)
        await replica.check()
        clock.ms += DAY
        patient.findings.append(replace(EXPIRING, check="channel.archived", says="channel_archived"))
        await replica.check()

    assert 2 == len(told.messages["UADA"])
    assert "expires" not in told.messages["UADA"][1]


async def test_the_bot_tells_it_privately(idle: Workspace):
    """In a direct message to whoever set the key: the channel hears nothing."""
    await idle.set_key(idle.vibecode.add_key("vibe_api_0123456789abcdef0123", access_mode="READONLY"))
    async with open_store_of(idle) as store, open_doctor(idle.settings) as doctor, open_session() as session:
        client = AsyncWebClient(token=idle.slack.bot_token, base_url=idle.slack.api_url, session=session)
        tell = Outbox(client, session).tell
        await Daily(store, doctor, tell, partial(configurers_of, store, ())).check()

    (message,) = idle.slack.direct_messages(idle.requester)
    assert "may only read" in message.text
    assert [] == idle.slack.channel_messages(idle.channel)


async def test_owners_and_who_set_the_key_can_mend_it(idle: Workspace):
    """And those who are named in the channel's settings."""
    await idle.put_settings({"configure": ["U0NAMED1", "admins"]})
    async with open_store_of(idle) as store:
        by_person = await configurers_of(store, ["UOWNER"], idle.slack.team, idle.channel.id)
        unknown = await configurers_of(store, ["UOWNER"], idle.slack.team, "C0")
        everywhere = await configurers_of(store, ["UOWNER"], "", "")

        await idle.put_settings({"configure": "?", "unknown": 1})
        unreadable = await configurers_of(store, ["UOWNER"], idle.slack.team, idle.channel.id)

    assert {"UOWNER", "U0NAMED1", idle.requester.id} == by_person
    assert {"UOWNER", idle.requester.id} == unreadable
    assert {"UOWNER"} == unknown == everywhere


@contextlib.asynccontextmanager
async def open_store_of(work: Workspace) -> AsyncIterator[Store]:
    store = await open_store(work.settings.database_url, owner="test", shared=True)
    try:
        yield store
    finally:
        await store.close()


async def test_the_running_bot_looks_by_itself(embedded: SqlStore):
    """A database that is away for a moment does not end it; afterwards it goes on."""
    schedule = Schedule(first=-1.0, gauges=0.001)
    told, patient = Told(), Patient(EXPIRING)
    away = AwayAtFirst(embedded)
    looking = asyncio.create_task(Daily(away, patient, told, ada, schedule).serve())
    async with asyncio.timeout(5):
        await told.first.wait()
        # It measures on, some dozens of times, and checks once a day.
        await asyncio.sleep(0.1)
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)

    assert 1 == patient.checked
    assert away.asked > 1


async def test_an_examination_that_was_cut_short_is_made_up_for(embedded: SqlStore):
    """Sooner than the next day."""
    schedule = Schedule(first=-1.0, retry=0.01, gauges=0.001)
    told, patient = Told(), CutShort(EXPIRING)
    looking = asyncio.create_task(Daily(embedded, patient, told, ada, schedule).serve())
    async with asyncio.timeout(5):
        await told.first.wait()
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)

    assert 2 == patient.checked


class CutShort(Patient):
    """The database goes away in the middle of the first examination."""

    async def check_all(self) -> list[Finding]:
        found = await super().check_all()
        if self.checked == 1:
            raise StoreBusy("away")
        return found


async def test_a_person_whom_slack_does_not_reach_costs_the_others_nothing(embedded: SqlStore):
    """It is logged, and the next one is told."""
    reached: list[str] = []

    async def tell(_message: Message, user: str) -> None:
        if user == "UADA":
            raise SlackRefused("account_inactive")
        reached.append(user)

    async def both(_team: str, _channel: str) -> list[str]:
        return ["UADA", "UBOB"]

    await Daily(embedded, Patient(EXPIRING), tell, both).check()

    assert ["UBOB"] == reached


async def test_what_nobody_can_be_told_is_logged(embedded: SqlStore, caplog: pytest.LogCaptureFixture):
    """Set in a shell, and no owners."""

    async def nobody(_team: str, _channel: str) -> list[str]:
        return []

    await Daily(embedded, Patient(EXPIRING), Told(), nobody).check()

    assert f"Nobody in Slack to tell about T1 C1: {EXPIRES}" in caplog.text


class AwayAtFirst:
    """A store that does not answer the first time."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self.asked = 0

    def __getattr__(self, name: str):
        return getattr(self._store, name)

    async def backlog(self):
        self.asked += 1
        if self.asked == 1:
            raise StoreBusy("away")
        return await self._store.backlog()
