"""Checks the installation once a day and tells those who can mend it, before an incident does."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from bot.domain.channel_settings import ChannelSettings
from bot.domain.errors import HaltbotError, SettingsNotAccepted, SlackError
from bot.domain.findings import Finding, Level
from bot.messages.findings import describe, remedy, warning
from bot.observability import metrics
from bot.ports.directory import Configurers
from bot.ports.messenger import Tell
from bot.ports.store import Store

log = logging.getLogger(__name__)

DAY_SECONDS = 24 * 60 * 60.0
_PER_WEEK = 1 / (7 * DAY_SECONDS)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When what is done, in seconds."""

    first: float = 60.0
    """The first check: a bot that has just started has better things to do."""
    every: float = DAY_SECONDS
    retry: float = 600.0
    """The next check, when one was cut short."""
    gauges: float = 15.0
    """Between two updates of the metrics."""
    fresh: float = 600.0
    """How long what is known about channels is good enough for whoever looks."""


class Checks(Protocol):
    """What the doctor offers."""

    async def check_all(self) -> list[Finding]: ...

    async def check_channels(self, team: str | None = None) -> list[Finding]: ...


class Daily:
    """``tell`` writes to one person; ``configurers`` names those of a channel, or with empty ids the owners.

    Every replica checks, since each has metrics of its own. To tell of a finding, a replica takes a turn of which
    there is one a week, as it takes one of a key's pace; the others come too early.
    """

    def __init__(
        self,
        store: Store,
        doctor: Checks,
        tell: Tell,
        configurers: Configurers,
        schedule: Schedule = Schedule(),
    ) -> None:
        self._store = store
        self._doctor = doctor
        self._tell = tell
        self._configurers = configurers
        self._schedule = schedule
        self._channels: dict[str, tuple[float, list[Finding]]] = {}
        self._looking = asyncio.Lock()

    async def serve(self) -> None:
        """Check soon after the start and then once a day, and keep the metrics up to date in between."""
        due = time.monotonic() + self._schedule.first
        while True:
            try:
                await self.measure()
                if time.monotonic() >= due:
                    due = time.monotonic() + self._schedule.retry
                    await self.check()
                    due = time.monotonic() + self._schedule.every
            except HaltbotError as error:
                log.warning("The daily look at the installation was cut short: %s", error)
            await asyncio.sleep(self._schedule.gauges)

    async def measure(self) -> None:
        """Tell the metrics how much there is to do. Raises StoreError."""
        backlog = await self._store.backlog()
        metrics.QUEUE_AGE.set(backlog.oldest_due_ms / 1000)
        metrics.UNFINISHED.clear()
        for phase, count in backlog.phases.items():
            metrics.UNFINISHED.labels(phase).set(count)

    async def check(self) -> None:
        """Check everything, and tell what nobody was told within the last week. Raises StoreError."""
        found = await self._doctor.check_all()
        for level in Level:
            metrics.FINDINGS.labels(level.value).set(sum(finding.level is level for finding in found))
        bad = [finding for finding in found if finding.level is not Level.OK]
        log.info("The daily examination found %s thing(s) to mend.", len(bad))
        await self._tell_all(bad)

    async def channels(self, team: str) -> list[Finding]:
        """Check the channels of a team, unless that was done a moment ago."""
        async with self._looking:
            at, found = self._channels.get(team, (float("-inf"), []))
            if time.monotonic() - at > self._schedule.fresh:
                found = await self._doctor.check_channels(team)
                self._channels[team] = (time.monotonic(), found)
        return found

    async def _tell_all(self, findings: list[Finding]) -> None:
        by_person: dict[str, list[Finding]] = defaultdict(list)
        for finding in findings:
            if await self._store.pace(f"told {finding.team} {finding.channel} {finding.check}", _PER_WEEK):
                continue
            people = set(await self._configurers(finding.team or "", finding.channel or ""))
            if not people:
                where = " ".join(filter(None, (finding.team, finding.channel))) or "this installation"
                log.warning(
                    "Nobody in Slack to tell about %s: %s %s", where, describe(finding), remedy(finding)
                )
            for person in people:
                by_person[person].append(finding)
        for person, theirs in by_person.items():
            try:
                await self._tell(warning(theirs), person)
            except SlackError as error:
                log.warning("What the daily examination found could not be told: %s", error.code)


async def configurers_of(store: Store, owners: Iterable[str], team: str, channel: str) -> set[str]:
    """Name who can mend a channel: the owners, those who may configure it by name, and who set its key.

    A key that was set in a shell has nobody in Slack behind it. Raises StoreError.
    """
    people = set(owners)
    if not channel:
        return people
    key = await store.channel_key(team, channel)
    setter = key.set_by.removeprefix("user:") if key else ""
    if setter.startswith(("U", "W")):
        people.add(setter)
    try:
        people.update(ChannelSettings.from_json(await store.settings(team, channel)).configure.users)
    except SettingsNotAccepted as error:
        log.warning("Who may configure a channel cannot be read: %s", error)
    return people
