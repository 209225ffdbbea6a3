"""What the embedded store promises beyond what every store does."""

import asyncio
import os
import re
import signal
import sqlite3
import stat
import sys
import threading
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from typing import Any, cast

import pytest
from sqlite_utils import Database
from store.examples import (
    SEEN_AT,
    a_key,
    a_line,
    asked,
    audit,
    names,
    press,
    running,
    submitted,
    to,
)

from bot.domain.errors import Refused, StoreBusy, StoreError, StoreLocked
from bot.domain.press import Choice
from bot.domain.termination import Phase
from bot.store import statements, statements_audit
from bot.store.dialect import SQLITE, render
from bot.store.sqlite import open_sqlite
from bot.store.store import SqlStore


@pytest.fixture(name="path")
def _path(tmp_path):
    return tmp_path / "haltbot.db"


@pytest.fixture(name="store")
async def _store(path):
    async with await open_sqlite(path, owner="one") as store:
        yield store


@asynccontextmanager
async def writer_held(store: SqlStore):
    """Keep the writing thread busy, so that what comes meanwhile is written together afterwards."""
    held, let_go = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def wait():
        loop.call_soon_threadsafe(held.set)
        yield statements.NOW, {}
        let_go.wait(10)

    waiting = asyncio.create_task(store.database.write(wait))
    await held.wait()
    try:
        yield
    finally:
        # What was asked for meanwhile has not reached the queue before the loop has run once.
        await asyncio.sleep(0)
        let_go.set()
        await waiting


async def traced(store: SqlStore) -> list[str]:
    """Note every statement that the writing connection runs from now on."""
    seen: list[str] = []

    def trace():
        cast("Any", store.database)._writing.conn.set_trace_callback(seen.append)
        yield statements.NOW, {}

    await store.database.write(trace)
    return seen


async def test_what_waits_for_the_writer_is_committed_together(store):
    """A hundred requests at once cost one flush of the disk, not a hundred."""
    seen = await traced(store)

    async with writer_held(store):
        requests = asyncio.gather(*(submitted(store) for _ in range(100)))
    await requests

    assert 100 == len(await store.open_in("T1", "C1"))
    # One for what held the writer, one for the hundred; the first is for the one that switched tracing on.
    assert 3 == seen.count("COMMIT")


async def test_a_batch_has_an_end(store):
    """Nobody waits for more than 256 others to be written."""
    seen = await traced(store)

    async with writer_held(store):
        requests = asyncio.gather(*(submitted(store) for _ in range(257)))
    await requests

    assert 4 == seen.count("COMMIT")


async def test_a_bad_operation_fails_alone(store):
    """The others in its batch are written, once."""

    def bad():
        yield statements_audit.RECORD, {"nothing": "that it needs"}

    async with writer_held(store):
        results = asyncio.gather(
            submitted(store), store.database.write(bad), submitted(store), return_exceptions=True
        )
    first, failure, last = cast("list[Any]", await results)

    assert isinstance(failure, StoreError)
    assert isinstance(failure.__cause__, sqlite3.Error)
    written = [job.termination for job in await store.open_in("T1", "C1")]
    assert [first.termination, last.termination] == written
    assert ["requested", "requested"] == await names(store)


async def test_a_bug_in_an_operation_comes_back_as_it_is(store):
    """It is neither hidden nor does it stop the writer."""

    def bug():
        yield statements.NOW, {}
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.database.write(bug)
    async with writer_held(store):
        results = asyncio.gather(store.database.write(bug), submitted(store), return_exceptions=True)
    failure, result = cast("list[Any]", await results)

    assert isinstance(failure, ZeroDivisionError)
    assert [result.termination] == [job.termination for job in await store.open_in("T1", "C1")]


async def test_a_refusal_costs_the_others_in_its_batch_nothing(store):
    """It is an answer: the batch is written at once, not one by one."""
    question = await asked(store)
    await store.decide(press(question), seen_at=SEEN_AT, run_here=True)
    seen = await traced(store)

    async with writer_held(store):
        results = asyncio.gather(
            *(store.decide(press(question), seen_at=SEEN_AT, run_here=True) for _ in range(10)),
            submitted(store),
            return_exceptions=True,
        )
    *refusals, result = cast("list[Any]", await results)

    assert {Refused} == {type(refusal) for refusal in refusals}
    assert 3 == seen.count("COMMIT")
    assert result.job == replace(await store.find(result.termination.id), held_until=result.job.held_until)


async def test_a_twin_that_is_in_the_way_undoes_nobody_elses_work(store):
    """The database itself refuses it; the others in the batch are written again."""
    await running(store, workflow_id="w1")
    question = await asked(store, workflow_id="w1")

    async with writer_held(store):
        results = asyncio.gather(
            submitted(store),
            store.decide(press(question, Choice.SOFT), seen_at=SEEN_AT, run_here=True),
            submitted(store),
            return_exceptions=True,
        )
    first, refusal, last = cast("list[Any]", await results)

    assert "twin_open" == refusal.reply
    assert ["requested"] == await names(store, reference=first.termination.id)
    assert ["requested"] == await names(store, reference=last.termination.id)


async def test_who_stops_waiting_disturbs_nobody(store):
    """A cancelled caller's work may still be written, and the others are answered."""
    async with writer_held(store):
        given_up = asyncio.create_task(submitted(store))
        waiting = asyncio.create_task(submitted(store))
        await asyncio.sleep(0)
        given_up.cancel()

    assert isinstance((await waiting).termination.id, str)
    assert 2 == len(await store.open_in("T1", "C1"))


async def test_the_loop_goes_on_while_the_database_is_held_by_another(store, path):
    """A write waits for its turn in its own thread."""
    ticks = 0
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(submitted(store))
        for _ in range(100):
            await asyncio.sleep(0.01)
            ticks += 1
        assert not writing.done()
        assert [] == await store.open_in("T1", "C1")
        other.execute("ROLLBACK")
    await writing

    assert 100 == ticks


async def test_a_database_that_stays_held_is_busy(store, path):
    """After the timeout, everybody who waits is told once, and the writer goes on."""

    def be_impatient():
        yield "PRAGMA busy_timeout = 20", {}

    await store.database.write(be_impatient)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        results = await asyncio.gather(submitted(store), submitted(store), return_exceptions=True)
        other.execute("ROLLBACK")

    assert [StoreBusy, StoreBusy] == [type(result) for result in results]
    assert "database is locked" in str(results[0])
    assert (await submitted(store)).job is not None


async def test_a_full_disk_is_an_error_and_nothing_else(store):
    """Its cause is told, nothing is half-written, and the store works again when there is room."""
    job = await running(store)

    def limit(pages):
        yield f"PRAGMA max_page_count = {pages}", {}

    async def fill():
        while True:
            await store.advance(job, to(job, Phase.REQUESTED, *["filler"] * 50))

    (row,) = await store.database.read("PRAGMA page_count", {})
    await store.database.write(lambda: limit(row[0]))
    with pytest.raises(StoreError, match="full"):
        await fill()
    lines = len(await audit(store))
    await store.database.write(lambda: limit(1_000_000))
    await store.advance(job, to(job, Phase.TELLING, "told"))

    assert lines + 1 == len(await audit(store))
    assert 0 == (lines - 1) % 50


async def test_a_second_bot_on_the_same_file_does_not_start(store, path):
    """The message names the file and what to do."""
    with pytest.raises(StoreLocked, match=r"haltbot\.db.*stop it first"):
        await open_sqlite(path, owner="two")


async def test_the_command_line_works_beside_the_bot(store, path):
    """It reads, sets a key, and adopts nothing."""
    job = await running(store)

    async with await open_sqlite(path, owner="cli", exclusive=False) as beside:
        await beside.put_channel_key(a_key(), a_line("key_set"))
        assert ["requested", "key_set"] == await names(beside)
        assert [] == await beside.claim(10)

    assert a_key() == await store.channel_key("T1", "C1")
    assert replace(job, held_until=0) == await store.find(job.termination.id)


async def test_a_restart_takes_over_at_once(path):
    """The file's lock says that the former process is gone, so its leases are."""
    async with await open_sqlite(path, owner="one") as store:
        held = await running(store)
        waiting = await running(store)
        await store.advance(waiting, to(waiting, Phase.REQUESTED, due_in_ms=60_000))

    async with await open_sqlite(path, owner="two") as store:
        (job,) = await store.claim(10)

    assert (held.termination, "two", held.fence + 1) == (job.termination, job.owner, job.fence)


async def test_migrations_run_once(path):
    """A file that is opened again is as it was."""
    async with await open_sqlite(path, owner="one") as store:
        await running(store)
    with closing(Database(path)) as db:
        schema, applied = db.schema, list(db["_sqlite_migrations"].rows)

    async with await open_sqlite(path, owner="one") as store:
        assert 1 == len(await audit(store))

    with closing(Database(path)) as db:
        assert schema == db.schema
        assert applied == list(db["_sqlite_migrations"].rows)
    assert 4 == len(applied)


async def test_processes_that_start_together_migrate_once(path):
    """Whoever comes second waits and finds nothing left to do."""
    stores = await asyncio.gather(
        *(open_sqlite(path, owner=str(number), exclusive=False) for number in range(8))
    )
    for store in stores:
        await store.close()

    with closing(Database(path)) as db:
        assert 4 == db["_sqlite_migrations"].count


async def test_the_file_is_nobody_elses_to_read(store, path):
    """It holds what people typed, and sealed keys."""
    await running(store)

    files = [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm", ".lock")]
    modes = {stat.S_IMODE(file.stat().st_mode) for file in files}

    assert {0o600} == modes


async def test_a_commit_is_flushed_to_the_disk(store):
    """An acknowledged command survives a power failure, not only a crash."""
    rows = {}

    def ask(pragma):
        rows[pragma] = (yield f"PRAGMA {pragma}", {})[0][0]

    for pragma in ("journal_mode", "synchronous"):
        await store.database.write(lambda pragma=pragma: ask(pragma))

    assert {"journal_mode": "wal", "synchronous": 2} == rows


async def test_the_audit_cannot_be_changed(store, path):
    """Not even by hand: the database refuses it, until retention lets go of a line."""
    await store.record(a_line("old"))
    await store.record(a_line("new"))
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in ("UPDATE event SET reason = 'x'", "DELETE FROM event"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                db.execute(statement)

        db.execute("BEGIN IMMEDIATE")
        db.execute("UPDATE retention SET keep_from = (SELECT max(at) + 1 FROM event)")
        db.execute("DELETE FROM event WHERE event = 'old'")
        db.execute("UPDATE retention SET keep_from = 0")
        db.execute("COMMIT")

    assert ["new"] == await names(store)


async def test_closing_finishes_what_was_asked_for(path):
    """And whoever asks afterwards is told that it is closed."""
    store = await open_sqlite(path, owner="one")
    async with writer_held(store):
        requests = asyncio.gather(*(submitted(store) for _ in range(20)))
        await asyncio.sleep(0)
        closing_ = asyncio.create_task(store.close())
    await closing_
    await store.close()

    assert 20 == len(await requests)
    for late in (store.claim(1), store.now()):
        with pytest.raises(StoreError, match="closed"):
            await late


async def test_a_file_that_cannot_be_opened_is_an_error(tmp_path):
    """A missing directory, and a file that is no database."""
    with pytest.raises(StoreError, match="missing"):
        await open_sqlite(tmp_path / "missing" / "haltbot.db", owner="one")
    with pytest.raises(StoreError, match="missing"):
        await open_sqlite(tmp_path / "missing" / "haltbot.db", owner="one", exclusive=False)
    other = tmp_path / "other.db"
    other.write_text("This is no database, it is a letter. " * 100)
    with pytest.raises(StoreError, match="not a database"):
        await open_sqlite(other, owner="one")
    other.unlink()

    async with await open_sqlite(other, owner="one") as store:
        assert [] == await store.claim(1)


async def test_a_lost_connection_leaves_nobody_without_an_answer(store):
    """The writer goes on, if only to say that it cannot write."""

    def lose():
        yield statements.NOW, {}
        store.database._writing.close()

    for _ in range(2):
        with pytest.raises(StoreError, match="closed database"):
            await store.database.write(lose)


async def test_an_sqlite_that_is_too_old_is_named(path, monkeypatch):
    """At the start, not at the first command."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))

    with pytest.raises(StoreError, match=r"SQLite 3\.35 or newer is needed"):
        await open_sqlite(path, owner="one")


async def test_a_read_that_fails_is_an_error(store):
    """In our terms, with SQLite's as the cause."""
    with pytest.raises(StoreError, match="no such table") as failure:
        await store.database.read("SELECT * FROM elsewhere", {})

    assert isinstance(failure.value.__cause__, sqlite3.OperationalError)


CHILD = """
import asyncio, sys
from store.examples import submitted
from bot.store.sqlite import open_sqlite

async def work():
    store = await open_sqlite(sys.argv[1], owner="child")
    async def one():
        result = await submitted(store)
        print("acked", result.termination.id, flush=True)
    while True:
        await asyncio.gather(*(one() for _ in range(20)))

asyncio.run(work())
"""


async def test_kill_9_loses_nothing_that_was_acknowledged(path):
    """A real process, killed while it writes; the next one has all of it and the file is sound."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        CHILD,
        str(path),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert child.stdout is not None
    acknowledged = [await child.stdout.readline() for _ in range(300)]
    child.send_signal(signal.SIGKILL)
    acknowledged += (await child.stdout.read()).splitlines(keepends=True)
    await child.wait()
    references = {line.split()[1].decode() for line in acknowledged if line.endswith(b"\n")}

    async with await open_sqlite(path, owner="next") as store:
        taken = await store.claim(100_000)
        recorded = {line["reference"] for line in await audit(store)}

    assert len(references) >= 300
    assert references <= {job.termination.id for job in taken}
    assert references <= recorded
    assert {2} == {job.fence for job in taken}
    with closing(sqlite3.connect(path)) as db:
        assert [("ok",)] == db.execute("PRAGMA integrity_check").fetchall()


async def test_waiting_for_company_ends(store, monkeypatch):
    """However short the wait is, and wherever the thread is interrupted: one write after the other is answered."""
    monkeypatch.setattr("bot.store.sqlite._PATIENCE_SECONDS", 1.2e-5)

    async with asyncio.timeout(60):
        for _ in range(5000):
            await store.record(a_line())


async def test_the_log_is_brought_into_the_file_while_others_write(store, path, monkeypatch):
    """Nobody has to wait for it, and it does not wait until somebody closes the file."""
    monkeypatch.setattr("bot.store.sqlite._TIDY_EVERY", 1)
    size = path.stat().st_size

    async with asyncio.timeout(20):
        while path.stat().st_size == size:
            await submitted(store)


@pytest.mark.parametrize(
    "statement", ["KNOWN", "CLAIM", "ADVANCE", "PRESSED", "FIND", "OPEN_IN", "TAKE", "EVENTS", "EVENTS_ABOUT"]
)
async def test_no_frequent_statement_reads_a_whole_table(store, path, statement):
    """What an acknowledgement costs does not grow with the number of rows."""
    sql = render(
        getattr(statements_audit if statement.startswith("EVENTS") else statements, statement), SQLITE
    )
    with closing(sqlite3.connect(path)) as db:
        parameters = dict.fromkeys(re.findall(r":(\w+)", sql), 1)
        plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]

    assert [] == [step for step in plan if re.match("SCAN (job|event|bucket|channel)", step)]


async def test_what_is_asked_for_together_is_one_transaction(store):
    """The writer does not begin with the first of many requests that came in at once."""
    seen = await traced(store)

    await asyncio.gather(*(submitted(store) for _ in range(50)))

    # The first is for the one that switched tracing on.
    assert 2 == seen.count("COMMIT")
