"""Takes up what is due and runs it, at most so much at once; knows nothing of what a termination is."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any

from bot.domain.errors import StoreError
from bot.domain.job import Job
from bot.observability import context
from bot.ports.store import TerminationStore

log = logging.getLogger(__name__)

SLOTS = 100
POLL_SECONDS = 0.5
_ACK_FIRST_SECONDS = 0.001
_CLOCK_SECONDS = 0.005
"""The database's clock counts whole milliseconds: a look that comes too early would cost a whole poll."""


class Alarm:
    """Wakes the worker before its next poll."""

    def __init__(self) -> None:
        self._ringing = asyncio.Event()

    def ring(self) -> None:
        self._ringing.set()

    def ring_in(self, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds + _CLOCK_SECONDS, self.ring)

    async def wait(self, *, within_seconds: float) -> None:
        """Sleep until it rings, but not longer."""
        try:
            async with asyncio.timeout(within_seconds):
                await self._ringing.wait()
        except TimeoutError:
            return
        self._ringing.clear()


class Worker:
    """Runs jobs: those handed to it right after their commit, and those that it finds due by polling.

    A claim after a crash is an ordinary claim, so there is no reaper and no leader.
    """

    def __init__(
        self,
        store: TerminationStore,
        run: Callable[[Job], Awaitable[None]],
        alarm: Alarm,
        *,
        slots: int = SLOTS,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._store = store
        self._run_job = run
        self._slots = slots
        self._poll_seconds = poll_seconds
        self._running: set[asyncio.Task[None]] = set()
        self._alarm = alarm
        self._stopping = False
        self._taking_up: asyncio.Task[Any] | None = None
        self.healthy = True
        """Whether the last poll reached the database."""

    def has_room(self) -> bool:
        return not self._stopping and len(self._running) < self._slots

    def start(self, job: Job) -> None:
        """Run a job that this process already holds."""
        task = asyncio.create_task(self._guarded(job), name=f"termination {job.termination.id}")
        self._running.add(task)
        task.add_done_callback(self._ended)

    async def serve(self) -> None:
        """Take up due work until stopped."""
        self._taking_up = asyncio.current_task()
        while not self._stopping:
            claimed = await self._claim()
            if self._stopping:
                # What was claimed in this very moment is given back with the rest.
                return
            for job in claimed:
                self.start(job)
            if not claimed or not self.has_room():
                await self._rest()

    async def stop(self, *, within_seconds: float) -> None:
        """Take up nothing more, let what runs finish within the limit, give the rest back."""
        self._stopping = True
        self._alarm.ring()
        if self._taking_up is not None:
            await asyncio.wait({self._taking_up})
        if self._running:
            await asyncio.wait(self._running, timeout=within_seconds)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._store.release()

    async def _claim(self) -> list[Job]:
        room = self._slots - len(self._running)
        if room <= 0:
            return []
        try:
            jobs = await self._store.claim(room)
        except StoreError:
            if self.healthy:
                log.exception("The database does not answer; trying again.")
            self.healthy = False
            return []
        self.healthy = True
        return jobs

    async def _rest(self) -> None:
        # Jittered, so that replicas do not ask at the same moment; never longer, so that a take-over is in time.
        pause = self._poll_seconds * random.uniform(0.6, 1.0)  # noqa: S311 -- spreads load, guards nothing
        await self._alarm.wait(within_seconds=pause)

    async def _guarded(self, job: Job) -> None:
        # Each job is a task of its own, so this name stays within it.
        context.reference.set(job.termination.id)
        try:
            # The acknowledgement of the request that it came with leaves first.
            await asyncio.sleep(_ACK_FIRST_SECONDS)
            await self._run_job(job)
        except StoreError:
            # The lease ends by itself, and then it is taken up where the database says that it stands.
            log.exception("Termination %s could not be recorded; it is taken up again.", job.termination.id)
        except Exception:
            log.exception("Termination %s met a fault in Haltbot.", job.termination.id)

    def _ended(self, task: asyncio.Task[None]) -> None:
        was_full = len(self._running) >= self._slots
        self._running.discard(task)
        if was_full:
            self._alarm.ring()
