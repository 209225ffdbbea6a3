"""The worker takes up what is due, and outlives whatever goes wrong with one job or with the database."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest
from parts import built

from bot.domain.errors import StoreBusy, StoreError
from bot.domain.job import Job
from bot.domain.termination import Phase
from bot.terminations.worker import Alarm, Worker


def job(number: int) -> Job:
    termination = built(
        id=f"reference{number}",
        team="T1",
        channel="C1",
        user="U1",
        workflow_id=str(number),
        force=False,
        reason="",
        requested_at=0,
    )
    return Job(termination=termination, phase=Phase.REQUESTED, fence=1, attempts=0, owner="me", held_until=0)


class FakeStore:
    """Hands out what it was given, claim by claim; an error in its place is raised."""

    def __init__(self, *claims: list[Job] | StoreError) -> None:
        self.claims = list(claims)
        self.asked: list[int] = []
        self.released = False
        self.empty = asyncio.Event()
        self.at_claim: Callable[[], None] = lambda: None

    async def claim(self, limit: int) -> list[Job]:
        self.asked.append(limit)
        self.at_claim()
        if not self.claims:
            self.empty.set()
            return []
        claim = self.claims.pop(0)
        if isinstance(claim, StoreError):
            raise claim
        return claim

    async def release(self) -> None:
        self.released = True


@contextlib.asynccontextmanager
async def serving(worker: Worker) -> AsyncIterator[None]:
    task = asyncio.create_task(worker.serve())
    try:
        yield
    finally:
        await worker.stop(within_seconds=0.05)
        async with asyncio.timeout(2):
            await task


def make(store: FakeStore, run, **options) -> Worker:
    return Worker(store, run, Alarm(), poll_seconds=0.01, **options)  # type: ignore[arg-type]


async def test_what_is_due_is_run():
    """Each job once, and the rest is given back at the end."""
    store, ran = FakeStore([job(1), job(2)], [job(3)]), []

    async def run(one: Job) -> None:
        ran.append(one.termination.request.workflow_id)

    async with serving(make(store, run)):
        await store.empty.wait()

    assert ["1", "2", "3"] == ran
    assert store.released


async def test_a_database_that_is_away_is_asked_again(caplog: pytest.LogCaptureFixture):
    """Not healthy meanwhile, healthy afterwards; the log says it once, not at each try."""
    store, healthy = FakeStore(StoreBusy(), StoreBusy()), []

    async def run(_: Job) -> None:
        raise AssertionError

    worker = make(store, run)
    store.at_claim = lambda: healthy.append(worker.healthy)
    async with serving(worker):
        await store.empty.wait()

    assert [True, False, False] == healthy[:3]
    assert worker.healthy
    assert 1 == sum("does not answer" in record.message for record in caplog.records)


@pytest.mark.parametrize("error", [StoreBusy(), ValueError("a fault of ours")])
async def test_one_job_s_fault_is_nobody_else_s(error, caplog: pytest.LogCaptureFixture):
    """It is logged with its reference, and the next job runs."""
    store, ran = FakeStore([job(1)], [job(2)]), []

    async def run(one: Job) -> None:
        if one.termination.request.workflow_id == "1":
            raise error
        ran.append(one.termination.request.workflow_id)

    async with serving(make(store, run)):
        await store.empty.wait()

    assert ["2"] == ran
    assert any("reference1" in record.message and record.exc_info for record in caplog.records)


async def test_no_more_is_taken_up_than_there_is_room_for():
    """A full worker asks for nothing; a free place is used at once."""
    store = FakeStore([job(1), job(2)], [job(3)])
    go, started = asyncio.Event(), asyncio.Event()

    async def run(one: Job) -> None:
        if one.termination.request.workflow_id == "2":
            started.set()
        await go.wait()

    worker = make(store, run, slots=2)
    async with serving(worker):
        await started.wait()
        assert not worker.has_room()
        asked = list(store.asked)
        go.set()
        await store.empty.wait()

    assert [2] == asked


async def test_a_worker_that_ends_is_handed_nothing_more():
    """What is asked for now waits in the database for another process: here it would be cut off."""

    async def run(_: Job) -> None:
        raise AssertionError

    worker = make(FakeStore(), run)
    async with serving(worker):
        assert worker.has_room()

    assert not worker.has_room()


async def test_what_does_not_end_in_time_is_cancelled_and_given_back():
    """A stop waits for a limited time; what it gives up is taken up by somebody else."""
    store, ended = FakeStore([job(1)]), []

    async def run(_: Job) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    async with serving(make(store, run)):
        await store.empty.wait()

    assert ["cancelled"] == ended
    assert store.released


async def test_a_wake_comes_before_the_poll():
    """Whoever knows when something is due does not wait for the next poll."""
    store = FakeStore([])

    async def run(_: Job) -> None:
        raise AssertionError

    alarm = Alarm()
    worker = Worker(store, run, alarm, poll_seconds=60)  # type: ignore[arg-type]
    async with serving(worker):
        await asyncio.sleep(0)
        alarm.ring_in(0.01)
        async with asyncio.timeout(2):
            await store.empty.wait()
