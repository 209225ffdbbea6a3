"""The portal's workflow instances: they run step by step, end by themselves and can be terminated."""

import heapq
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

PAGE = 50

_STUCK_AFTER = (
    600.0  # A lock more than five minutes in the past means that nobody works on the step any more.
)
_STARTED_BEFORE_STUCK = 3600.0
_MOST_CHURN = 10_000
_MICROSECONDS_DIGITS = 0x100000


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a workflow; an unlocked one waits for something, so nobody executes it."""

    seconds: float
    locked: bool = True


@dataclass(slots=True, eq=False)
class Instance:
    """One workflow instance; times are Unix seconds. It is kept after its end, for tests to look at."""

    id: str
    template: str
    document: str
    entity: str
    started_by: str
    started_at: float
    steps: tuple[Step, ...]
    stuck: bool
    writes_back_after_force: float | None
    modified_at: float
    step: int = 0
    locked_until: float | None = None
    terminating: bool = False
    running: bool = True
    ended_at: float | None = None
    #: How it ended: "finished", "soft" or "forced".
    ended_by: str | None = None

    def row(self) -> dict[str, Any]:
        """Show it as the list does."""
        return {
            "ID": self.id,
            "MODIFIED": _iso(self.modified_at),
            "OWNED_UNTIL": None if self.locked_until is None else _iso(self.locked_until),
            "MODULE_ID": "crm",
            "ENTITY": self.entity,
            "DOCUMENT_ID": self.document,
            "STARTED": _iso(self.started_at),
            "STARTED_BY": self.started_by,
            "TEMPLATE_ID": self.template,
        }


class Instances:
    """All instances. Time passes when somebody looks, so there is no task to stop and any clock will do."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._all: dict[str, Instance] = {}
        self._running: list[Instance] = []
        self._order_is_old = False
        # What happens next, soonest first; an entry whose turn is not its instance's latest is outdated.
        self._due: list[tuple[float, int, str]] = []
        self._turns: dict[str, int] = {}
        self._turn = 0
        self._churn_per_second = 0.0
        self._churned_at = clock()

    @property
    def all(self) -> dict[str, Instance]:
        self.advance()
        return self._all

    def is_running(self, instance_id: str) -> bool:
        self.advance()
        found = self._all.get(instance_id)
        return found is not None and found.running

    def start(
        self,
        *,
        template: str,
        document: str,
        entity: str,
        started_by: str,
        steps: Sequence[float | Step],
        stuck: bool,
        writes_back_after_force: float | None,
        instance_id: str | None,
        started_at: float | None,
    ) -> str:
        now = self._clock()
        if started_at is None:
            started_at = now - _STARTED_BEFORE_STUCK if stuck else now
        instance = Instance(
            id=instance_id or self._new_id(started_at),
            template=template,
            document=document,
            entity=entity,
            started_by=started_by,
            started_at=started_at,
            steps=tuple(step if isinstance(step, Step) else Step(step) for step in steps),
            stuck=stuck,
            writes_back_after_force=writes_back_after_force,
            modified_at=now,
        )
        if self.is_running(instance.id):
            raise ValueError(f"{instance.id} is running already")
        self._all[instance.id] = instance
        self._running.append(instance)
        self._begin_step(instance, now)
        return instance.id

    def churn(self, per_second: float) -> None:
        """Modify that many random instances a second from now on, so that the list's order shifts."""
        self.advance()
        self._churn_per_second = per_second
        self._churned_at = self._clock()

    def terminate(self, instance_id: str, *, force: bool) -> bool:
        """Stop one instance as Bitrix24 does; False when no such instance is running."""
        if not self.is_running(instance_id):
            return False
        now = self._clock()
        instance = self._all[instance_id]
        if force:
            back_after, instance.writes_back_after_force = instance.writes_back_after_force, None
            self._end(instance, now, "forced")
            if back_after is not None:
                self._schedule(instance, now + back_after)
        elif instance.locked_until is None:
            self._end(instance, now, "soft")
        else:
            instance.terminating = True
        return True

    def finish(self, instance_id: str) -> None:
        """Let an instance end by itself, whatever it was doing."""
        if self.is_running(instance_id):
            self._end(self._all[instance_id], self._clock(), "finished")

    def page(
        self, offset: int, template: str | None, started_by: str | None
    ) -> tuple[list[dict[str, Any]], int]:
        """Read one page, last modified first, and how many there are in all."""
        self.advance()
        if self._order_is_old:
            self._running = [instance for instance in self._running if instance.running]
            self._running.sort(key=attrgetter("modified_at"), reverse=True)
            self._order_is_old = False
        found = self._running
        if template is not None:
            found = [instance for instance in found if instance.template == template]
        if started_by is not None:
            found = [instance for instance in found if instance.started_by == started_by]
        return [instance.row() for instance in found[offset : offset + PAGE]], len(found)

    def advance(self) -> None:
        """Let everything happen that is due by now."""
        now = self._clock()
        while self._due and self._due[0][0] <= now:
            at, turn, instance_id = heapq.heappop(self._due)
            if self._turns.get(instance_id) == turn:
                self._happen(self._all[instance_id], at)
        amount = min(int((now - self._churned_at) * self._churn_per_second), _MOST_CHURN)
        if amount > 0:
            self._churned_at = now
            for _ in range(amount if self._running else 0):
                if (instance := secrets.choice(self._running)).running:
                    self._modify(instance, now)

    def _happen(self, instance: Instance, at: float) -> None:
        if not instance.running:  # A step was under way when it was forced, and writes it back now.
            instance.running, instance.ended_at, instance.ended_by = True, None, None
            if instance not in self._running:
                self._running.append(instance)
            self._begin_step(instance, at)
        elif instance.terminating:
            self._end(instance, at, "soft")
        else:
            instance.step += 1
            self._begin_step(instance, at)

    def _begin_step(self, instance: Instance, at: float) -> None:
        if instance.stuck:
            instance.locked_until = at - _STUCK_AFTER
            self._modify(instance, max(instance.started_at, at - 2 * _STUCK_AFTER))
        elif instance.step >= len(instance.steps):
            self._end(instance, at, "finished")
        else:
            step = instance.steps[instance.step]
            instance.locked_until = at + step.seconds if step.locked else None
            self._modify(instance, at)
            self._schedule(instance, at + step.seconds)

    def _end(self, instance: Instance, at: float, how: str) -> None:
        instance.running, instance.ended_at, instance.ended_by = False, at, how
        instance.terminating, instance.locked_until = False, None
        self._turns.pop(instance.id, None)
        self._order_is_old = True

    def _modify(self, instance: Instance, at: float) -> None:
        instance.modified_at = at
        self._order_is_old = True

    def _schedule(self, instance: Instance, at: float) -> None:
        self._turn += 1
        self._turns[instance.id] = self._turn
        heapq.heappush(self._due, (at, self._turn, instance.id))

    def _new_id(self, started_at: float) -> str:
        """Make an identifier as PHP's ``uniqid('', true)`` does: seconds, microseconds, a random tail."""
        while True:
            seconds, rest = divmod(started_at, 1)
            tail = secrets.randbelow(10**9)
            made = f"{int(seconds):08x}{int(rest * 1_000_000) % _MICROSECONDS_DIGITS:05x}{tail // 10**8}"
            if (made := f"{made}.{tail % 10**8:08d}") not in self._all:
                return made


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
