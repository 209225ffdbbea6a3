"""The store without a database: the same behaviour in plain Python, with a clock that tests can turn."""

import json
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Self

from bot.domain.audit import Event, event
from bot.domain.errors import Refused, StoreError
from bot.domain.job import Job, Transition
from bot.domain.practice import is_practice
from bot.domain.press import Press
from bot.domain.termination import MessageRef, Outcome, Phase, Termination, dedupe_key, repeats
from bot.domain.transitions import decide, moved
from bot.ports.core import Admit, Backlog, Duplicate, Submitted
from bot.store.memory_access import AccessTables, MemoryAccessStore
from bot.store.spacing import Spacing


def _wall_clock() -> float:
    return time.time() * 1000


@dataclass(kw_only=True, slots=True)
class _Row:
    termination: Termination
    idem: str
    phase: Phase
    owner: str | None
    fence: int
    due_at: float
    attempts: int = 0
    changed_at: float = 0
    changed: int = 0
    """Counts all changes of the store, so that it tells which twin ended last."""

    @property
    def open(self) -> bool:
        return self.phase is not Phase.DONE


@dataclass(kw_only=True, slots=True)
class _Bucket:
    tat: float = 0
    blocked_until: float = 0


@dataclass(slots=True)
class _Tables:
    rows: dict[str, _Row] = field(default_factory=dict)
    events: list[Mapping[str, Any]] = field(default_factory=list)
    buckets: dict[str, _Bucket] = field(default_factory=dict)
    access: AccessTables = field(default_factory=AccessTables)
    changes: int = 0
    keep_from: float = 0
    lines: int = 0
    """How many lines the audit ever had."""


class MemoryStore(MemoryAccessStore):
    """The store in this process's memory; nothing outlives it."""

    def __init__(
        self, *, owner: str = "memory", lease_ms: int = 15_000, clock: Callable[[], float] = _wall_clock
    ) -> None:
        self._owner = owner
        self._lease_ms = lease_ms
        self._clock = clock
        self._tables = _Tables()

    def beside(self, owner: str, *, lease_ms: int | None = None) -> "MemoryStore":
        """Open the same data as another owner, as a second replica does."""
        other = MemoryStore(owner=owner, lease_ms=lease_ms or self._lease_ms, clock=self._clock)
        other._tables = self._tables
        return other

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def submit(
        self, termination: Termination, phase: Phase, *, idem: str, run_here: bool, admit: Admit | None = None
    ) -> Submitted | Duplicate:
        if admit is not None:
            place = termination.request.team, termination.request.channel
            admit(self._tables.access.settings.get(place, {}) if place in self._tables.access.keys else None)
        now = self._clock()
        asked = replace(termination, request=replace(termination.request, requested_at=int(now)))
        for row in self._known(idem, dedupe_key(asked)):
            if row.idem == idem or row.open or repeats(row.termination, asked):
                return Duplicate(row.termination, row.phase, same_request=row.idem == idem)
        if asked.id in self._tables.rows:
            raise StoreError(f"termination {asked.id} could not be recorded: its reference is taken")
        row = _Row(termination=asked, idem=idem, phase=phase, owner=None, fence=0, due_at=now)
        self._record(event(asked, "requested"))
        self._tables.rows[asked.id] = row
        job = None
        if run_here:
            row.fence = 1
            job = self._held(row)
        return Submitted(asked, job)

    async def claim(self, limit: int) -> list[Job]:
        now = self._clock()
        due = sorted(
            (row for row in self._tables.rows.values() if row.open and row.due_at <= now),
            key=lambda row: row.due_at,
        )
        jobs = []
        for row in due[:limit]:
            row.fence += 1
            taken_over = row.owner is not None
            jobs.append(replace(self._held(row), taken_over=taken_over))
        return jobs

    async def advance(self, job: Job, to: Transition) -> Job | None:
        row = self._row_of(job)
        return self._apply(row, to, keep=to.due_in_ms is None, delay=to.due_in_ms or 0) if row else None

    async def begin_call(
        self, job: Job, to: Transition, *, key_id: str, per_second: float
    ) -> Job | int | None:
        if self._row_of(job) is None:
            return None
        return await self.pace(key_id, per_second) or await self.advance(job, to)

    async def decide(self, press: Press, *, seen_at: MessageRef, run_here: bool) -> Job:
        row = self._tables.rows.get(press.reference)
        if row is None:
            raise Refused("question_gone")
        termination = row.termination
        if termination.posting.message is None:
            termination = replace(termination, posting=replace(termination.posting, message=seen_at))
        to = decide(termination, row.phase, press, int(self._clock()))
        return self._apply(row, to, fence_step=1, keep=run_here, delay=0)

    async def pace(self, key_id: str, per_second: float) -> int:
        now = self._clock()
        spacing = Spacing.of(per_second)
        bucket = self._tables.buckets.setdefault(key_id, _Bucket())
        wait = max(bucket.tat - spacing.tolerance_ms, bucket.blocked_until) - now
        if wait > 0:
            return math.ceil(wait)
        bucket.tat = max(bucket.tat, now) + spacing.interval_ms
        return 0

    async def block(self, key_id: str, for_ms: int) -> None:
        bucket = self._tables.buckets.setdefault(key_id, _Bucket())
        bucket.blocked_until = max(bucket.blocked_until, self._clock() + for_ms)

    async def release(self) -> None:
        for row in self._tables.rows.values():
            if row.open and row.owner == self._owner and row.phase is not Phase.CALLING:
                row.due_at = self._clock()

    async def record(self, event: Event) -> None:
        self._record(event)

    async def forget(self, *, older_than_ms: int, period_ms: int) -> int:
        tables, keep_from = self._tables, int(self._clock()) - older_than_ms
        if tables.keep_from > keep_from - period_ms:
            return 0
        tables.keep_from = keep_from
        old = [key for key, row in tables.rows.items() if not row.open and row.changed_at < keep_from]
        lines = [line for line in tables.events if line["at"] >= _iso(keep_from)]
        forgotten = len(old) + len(tables.events) - len(lines)
        tables.events = lines
        for key in old:
            del tables.rows[key]
        return forgotten + self._forget_left(keep_from)

    async def now(self) -> int:
        return int(self._clock())

    async def find(self, reference: str) -> Job | None:
        row = self._tables.rows.get(reference)
        return _job(row) if row else None

    async def open_in(self, team: str, channel: str) -> list[Job]:
        return [
            _job(row)
            for row in self._tables.rows.values()
            if row.open and (row.termination.request.team, row.termination.request.channel) == (team, channel)
        ]

    async def recent(self, team: str, *, within_ms: int, limit: int) -> list[Job]:
        since = self._clock() - within_ms
        rows = [
            row
            for row in self._tables.rows.values()
            if row.termination.request.team == team
            and (
                row.open or (row.termination.result.ended_at or row.termination.request.requested_at) > since
            )
        ]
        newest = sorted(rows, key=lambda row: -row.termination.request.requested_at)
        return [_job(row) for row in newest[:limit]]

    async def backlog(self) -> Backlog:
        rows = [row for row in self._tables.rows.values() if row.open]
        late = max((self._clock() - row.due_at for row in rows), default=0)
        return Backlog(Counter(row.phase.value for row in rows), max(0, int(late)))

    async def events(self, *, reference: str | None = None) -> AsyncIterator[Mapping[str, Any]]:
        for line in self._tables.events:
            if reference in (None, line["reference"]):
                yield line

    async def admitted_since(self, team: str, channel: str, since: int) -> int:
        start = datetime.fromtimestamp(since / 1000, UTC)
        return sum(
            line["event"] == "admitted"
            and (line["team"], line["channel"]) == (team, channel)
            and datetime.fromisoformat(line["at"]) > start
            for line in self._tables.events
        )

    async def close(self) -> None:
        """Keep everything: another owner may still be using it."""

    async def worked_at(self, team: str, channel: str, *, since: int) -> int | None:
        worked = (Outcome.GONE_VERIFIED, Outcome.ACCEPTED, Outcome.ALREADY_GONE)
        times = [
            datetime.fromisoformat(line["at"])
            for line in self._tables.events
            if (line["team"], line["channel"]) == (team, channel)
            and line["outcome"] in worked
            and not is_practice(line["workflow_id"])
        ]
        at = round(max(times).timestamp() * 1000) if times else None
        return at if at is not None and at >= since else None

    def _access(self) -> AccessTables:
        return self._tables.access

    def _move_jobs(self, team: str, old: str, new: str) -> bool:
        rows = [
            row
            for row in self._tables.rows.values()
            if row.open and (row.termination.request.team, row.termination.request.channel) == (team, old)
        ]
        for row in rows:
            row.termination = moved(row.termination, old, new)
            row.fence, row.owner, row.due_at = row.fence + 1, None, self._clock()
        return bool(rows)

    def _known(self, idem: str, name: str) -> Iterator[_Row]:
        """List what may make a termination a duplicate: its request, its open twin, the last ended one."""
        rows = list(self._tables.rows.values())
        twins = [row for row in rows if dedupe_key(row.termination) == name]
        yield from (row for row in rows if row.idem == idem)
        yield from (row for row in twins if row.open)
        yield from sorted((row for row in twins if not row.open), key=lambda row: -row.changed)[:1]

    def _row_of(self, job: Job) -> _Row | None:
        row = self._tables.rows.get(job.termination.id)
        return row if row and row.open and row.fence == job.fence else None

    def _apply(self, row: _Row, to: Transition, *, keep: bool, delay: int, fence_step: int = 0) -> Job:
        name = dedupe_key(to.termination)
        if to.phase is not Phase.DONE and any(
            other is not row and other.open and dedupe_key(other.termination) == name
            for other in self._tables.rows.values()
        ):
            raise Refused("twin_open")
        # Before anything is changed, so that a line that cannot be written changes nothing.
        self._record(*to.events)
        row.termination, row.phase = to.termination, to.phase
        row.attempts = row.attempts if to.attempts is None else to.attempts
        row.fence += fence_step
        self._tables.changes += 1
        row.changed, row.changed_at = self._tables.changes, self._clock()
        if keep and row.open:
            return self._held(row)
        row.owner, row.due_at = None, self._clock() + delay
        return _job(row)

    def _held(self, row: _Row) -> Job:
        """Give this owner a full lease."""
        held_until = time.monotonic() + self._lease_ms / 1000
        row.owner, row.due_at = self._owner, self._clock() + self._lease_ms
        return _job(row, held_until)

    def _record(self, *events: Event) -> None:
        at, first = self._clock(), self._tables.lines + 1
        self._tables.lines += len(events)
        self._tables.events += [_line(seq, at, event) for seq, event in enumerate(events, start=first)]


def _job(row: _Row, held_until: float = 0.0) -> Job:
    return Job(
        termination=row.termination,
        phase=row.phase,
        fence=row.fence,
        attempts=row.attempts,
        owner=row.owner,
        held_until=held_until,
    )


def _line(seq: int, at: float, line: Event) -> Mapping[str, Any]:
    return {
        "seq": seq,
        "at": _iso(at),
        "event": line.event,
        "team": line.team,
        "channel": line.channel,
        "user": line.user,
        "workflow_id": line.workflow_id,
        "force": line.force,
        "reason": line.reason,
        "outcome": line.outcome,
        "reference": line.reference,
        "detail": json.loads(json.dumps(dict(line.detail))),
    }


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
