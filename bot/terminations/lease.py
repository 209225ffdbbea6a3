"""Holds a termination while it is worked on: records each step, keeps the lease, and gives it back."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

from bot.domain.audit import Event
from bot.domain.errors import SlackUnavailable
from bot.domain.job import Job, Transition
from bot.domain.pace import Pace
from bot.domain.termination import Outcome, Phase, Termination
from bot.domain.transitions import ending
from bot.ports.store import Store
from bot.terminations.worker import Alarm

T = TypeVar("T")


class Overtaken(Exception):
    """Somebody else has the termination now: this process was away for longer than its lease, or it was decided."""


class Leases:
    """``alarm`` wakes the worker when what was given back is due again."""

    def __init__(self, store: Store, alarm: Alarm, pace: Pace) -> None:
        self.store = store
        self._alarm = alarm
        self._recording_seconds = pace.recording_seconds

    async def advance(
        self,
        job: Job,
        termination: Termination,
        phase: Phase | None = None,
        *events: Event,
        rest_ms: int | None = None,
    ) -> Job | None:
        """Record a step; None: somebody else has taken over.

        The lease is renewed, or with ``rest_ms`` given back: whoever is free takes it up after so long.
        """
        step = Transition(termination=termination, phase=phase or job.phase, events=events, due_in_ms=rest_ms)
        advanced = await self.apply(job, step)
        if advanced is not None and rest_ms is not None:
            self._alarm.ring_in(rest_ms / 1000)
        return advanced

    async def apply(self, job: Job, step: Transition) -> Job | None:
        # What the fence grows by from here on without a recorded step is a crash.
        return await self.store.advance(job, replace(step, attempts=job.fence))

    async def rest(self, job: Job, termination: Termination, wait_ms: float) -> Job | None:
        """Give it back for so long; whoever is free takes it up then. None: nothing to go on with now."""
        await self.advance(job, termination, rest_ms=int(wait_ms))
        return None

    async def end(
        self,
        job: Job,
        outcome: Outcome,
        *,
        code: str | None = None,
        status: int | None = None,
        verified: bool | None = None,
        name: str = "outcome",
    ) -> Job | None:
        """Decide the outcome: record it now, tell it next."""
        now = await self.store.now()
        step = ending(job.termination, name, outcome, now, code=code, status=status, verified=verified)
        return await self.apply(job, step)

    async def keep(
        self, job: Job, work: Coroutine[Any, Any, T] | asyncio.Task[T]
    ) -> tuple[Job, asyncio.Task[T]]:
        """Wait until work has ended that may outlast the lease, which is renewed meanwhile.

        The task tells what the work came to. Raises Overtaken.
        """
        task, held = asyncio.ensure_future(work), job
        try:
            while not await ends(task, within_seconds=self._speaking_until(held) - time.monotonic()):
                held = await self.renew(held, held.termination)
            return held, task
        finally:
            task.cancel()

    async def renew(self, job: Job, termination: Termination) -> Job:
        """Keep it for another full length. Raises Overtaken."""
        renewed = await self.advance(job, termination)
        if renewed is None:
            raise Overtaken
        return renewed

    @asynccontextmanager
    async def while_held(self, job: Job) -> AsyncIterator[None]:
        """Speak only as long as the lease leaves time to record it, or somebody else would take over meanwhile.

        Raises Overtaken, and SlackUnavailable when that time is over.
        """
        if not is_held(job):
            raise Overtaken
        try:
            async with asyncio.timeout_at(self._speaking_until(job)):
                yield
        except TimeoutError as late:
            raise SlackUnavailable("connection") from late

    def _speaking_until(self, job: Job) -> float:
        return job.held_until - self._recording_seconds


async def ends(task: asyncio.Task[Any], *, within_seconds: float) -> bool:
    """Wait for a task, but not longer; it goes on all the same."""
    done, _ = await asyncio.wait({task}, timeout=max(0.0, within_seconds))
    return bool(done)


def is_held(job: Job) -> bool:
    """A process that was frozen past its lease must not act or speak: somebody else has taken over."""
    return time.monotonic() < job.held_until
