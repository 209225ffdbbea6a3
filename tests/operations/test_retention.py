"""The daily deletion: it happens by itself, says what it did, and a failure ends nothing."""

import asyncio
import contextlib
import logging
import sqlite3

from clock import Clock
from store.examples import a_line, audit
from workspace import workspace

from bot.domain.errors import StoreBusy
from bot.operations.retention import DAY_MS, Retention
from bot.store.database import Database
from bot.store.sqlite import open_sqlite
from bot.store.store import SqlStore

DAYS = 30


class BusyStore(SqlStore):
    """A store whose database fails at first; it tells when it was asked."""

    def __init__(self, database: Database, *, failures: int) -> None:
        super().__init__(database)
        self.failures = failures
        self.asked = asyncio.Semaphore(0)

    async def forget(self, *, older_than_ms: int, period_ms: int) -> int:
        self.asked.release()
        if self.failures:
            self.failures -= 1
            raise StoreBusy("away")
        return await super().forget(older_than_ms=older_than_ms, period_ms=period_ms)


async def once(store, days=DAYS):
    """Let it look once."""
    looked = asyncio.Event()

    class Watched(SqlStore):
        async def forget(self, **limits):
            try:
                return await super().forget(**limits)
            finally:
                looked.set()

    serving = asyncio.create_task(Retention(Watched(store.database), days=days).serve())
    await looked.wait()
    # What it says of it follows within the same turn of the loop.
    await asyncio.sleep(0)
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving


async def test_what_is_old_goes_once_a_day(caplog, tmp_path):
    """A line of yesterday stays until its time has come, and the log says how many went."""
    caplog.set_level(logging.INFO)
    clock = Clock()
    async with await open_sqlite(tmp_path / "haltbot.db", owner="one", clock=clock) as store:
        await store.record(a_line("old"))
        clock.ms += DAYS * DAY_MS
        await store.record(a_line("young"))
        await once(store)
        assert 2 == len(await audit(store))
        clock.ms += DAY_MS + 1

        await once(store)

        assert ["young"] == [line["event"] for line in await audit(store)]
    assert "Deleted 1 rows that were older than 30 days." in caplog.text


async def test_a_database_that_is_away_ends_nothing(caplog, embedded):
    """It is tried again at the next look."""
    store = BusyStore(embedded.database, failures=1)
    serving = asyncio.create_task(Retention(store, days=DAYS, look_seconds=0).serve())
    async with asyncio.timeout(30):
        await store.asked.acquire()
        await store.asked.acquire()
    serving.cancel()

    assert "could not be deleted: away" in caplog.text


async def test_the_running_bot_deletes_what_is_old_and_nothing_else(tmp_path):
    """With a limit it does so by itself, and the work goes on as before."""
    async with workspace(tmp_path, start=False, haltbot_retention_days=1) as work:
        with contextlib.closing(sqlite3.connect(work.database_file)) as db, db:
            db.execute(
                """
                INSERT INTO event (at, event, team, channel, "user", force, reason, detail)
                VALUES (0, 'ancient', '', '', '', 0, '', '{}')
                """
            )
        young = [line for line in await work.audit() if line["event"] != "ancient"]
        await work.start()
        async with asyncio.timeout(20):
            while "ancient" in [line["event"] for line in await work.audit()]:  # noqa: ASYNC110 -- the database tells nobody
                await asyncio.sleep(0.02)

        assert young
        assert young == (await work.audit())[: len(young)]
