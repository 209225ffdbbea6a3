"""What the shared store promises beyond what every store does."""

import asyncio
import os
import re
import shutil
import subprocess
from contextlib import asynccontextmanager

import pytest
from store.examples import (
    SEEN_AT,
    a_key,
    a_line,
    asked,
    audit,
    finished,
    names,
    press,
    running,
    submitted,
    to,
)

from bot.domain.errors import Refused, StoreBusy, StoreError
from bot.domain.findings import Level
from bot.domain.press import Choice
from bot.domain.termination import Phase
from bot.messages.findings import describe
from bot.operations.doctor.database_checks import check_database_server
from bot.store import statements, statements_audit
from bot.store.dialect import POSTGRES, render

psycopg = pytest.importorskip("psycopg", reason="left out: the extra postgres is not installed")
store_postgres = pytest.importorskip(
    "bot.store.postgres", reason="left out: the extra postgres is not installed"
)


@pytest.fixture(name="store")
async def _store(postgres_url):
    async with await store_postgres.open_postgres(postgres_url, owner="one") as store:
        yield store


@asynccontextmanager
async def connected(url):
    """Another client of the same database, with a mind of its own."""
    connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
    async with connection:
        yield connection


async def test_replicas_that_start_together_migrate_once(postgres_url):
    """Whoever comes second waits and finds nothing left to do."""
    stores = await asyncio.gather(
        *(store_postgres.open_postgres(postgres_url, owner=str(number)) for number in range(4))
    )
    for store in stores:
        await store.close()

    async with connected(postgres_url) as connection:
        rows = await (await connection.execute("SELECT name FROM migration ORDER BY name")).fetchall()
    assert [
        "0001_jobs_events_buckets_channels",
        "0002_append_only",
        "0003_links_and_sessions",
        "0004_admitted",
    ] == [name for (name,) in rows]


async def test_the_work_goes_on_after_the_server_was_restarted(store, postgres_server):
    """Connections that died meanwhile are replaced without anybody noticing."""
    job = await running(store)

    await asyncio.to_thread(postgres_server.restart)

    assert job.termination == (await store.find(job.termination.id)).termination
    assert Phase.CALLING is (await store.advance(job, to(job, Phase.CALLING))).phase
    assert (await submitted(store)).job is not None


async def test_the_work_goes_on_at_once_after_an_outage(store, postgres_server):
    """However long it was: whoever asked in vain meanwhile does not delay the first one who asks again."""
    job = await running(store)
    await asyncio.to_thread(postgres_server.stop, "immediate")
    for _ in range(2):
        with pytest.raises(StoreBusy):
            await store.find(job.termination.id)

    await asyncio.to_thread(postgres_server.start)

    assert job.termination == (await store.find(job.termination.id)).termination
    assert (await submitted(store)).job is not None


async def test_a_commit_whose_answer_was_lost_is_told_as_such(store, postgres_url):
    """It is not repeated: only the database knows whether it was made."""
    async with connected(postgres_url) as connection:
        await connection.execute(
            "CREATE FUNCTION hang_up() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$"
        )
        await connection.execute(
            "CREATE CONSTRAINT TRIGGER hang_up AFTER INSERT ON event DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION hang_up()"
        )

        with pytest.raises(StoreBusy, match="lost during a commit"):
            await store.record(a_line())
        await connection.execute("DROP TRIGGER hang_up ON event")

    assert [] == await audit(store)


async def test_a_change_that_the_server_could_not_answer_is_told_as_such(
    store, postgres_url, postgres_server
):
    """A change and its lines commit by themselves, so when the server crashes meanwhile only it knows."""
    job = await running(store)
    locker = await psycopg.AsyncConnection.connect(postgres_url)
    await locker.execute("LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
    changing = asyncio.create_task(store.advance(job, to(job, Phase.CALLING)))
    await _waits_for_a_lock(postgres_url)
    await asyncio.to_thread(postgres_server.stop, "immediate")
    with pytest.raises(StoreBusy, match="lost during a commit"):
        await changing
    await locker.close()
    await asyncio.to_thread(postgres_server.start)

    found = await store.find(job.termination.id)
    assert (Phase.REQUESTED, ["requested"]) == (found.phase, await names(store))


async def test_a_change_that_an_administrator_ended_is_made_again(store, postgres_url):
    """The server said that it ended the connection before anything was written: nothing is in doubt."""
    job = await running(store)
    async with connected(postgres_url) as connection:
        async with connection.transaction():
            await connection.execute("LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
            changing = asyncio.create_task(store.advance(job, to(job, Phase.CALLING, "attempted")))
            waiting = await _waits_for_a_lock(postgres_url)
            await connection.execute("SELECT pg_terminate_backend(%s)", (waiting,))
        assert Phase.CALLING is (await changing).phase

    assert ["requested", "attempted"] == await names(store)


async def _waits_for_a_lock(url):
    """Wait until one does; its process."""
    async with asyncio.timeout(5), connected(url) as connection:
        while True:
            found = await connection.execute("SELECT pid FROM pg_locks WHERE NOT granted")
            if row := await found.fetchone():
                return row[0]
            await asyncio.sleep(0.01)


async def test_what_takes_too_long_is_busy_and_may_land_later(store, postgres_url, monkeypatch):
    """Nobody waits for ever, and what was begun is not taken back."""
    async with connected(postgres_url) as connection, connection.transaction():
        await connection.execute("LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
        with monkeypatch.context() as hasty:
            hasty.setattr(store_postgres, "PATIENCE_SECONDS", 0.1)
            with pytest.raises(StoreBusy, match="did not answer in time"):
                await store.record(a_line("late"))
    await asyncio.gather(*store.database._running)

    assert ["late"] == await names(store)


async def test_who_stops_waiting_takes_nothing_back(store, postgres_url):
    """A cancelled caller's work is written, and its failure disturbs nobody."""
    async with connected(postgres_url) as connection:
        async with connection.transaction():
            await connection.execute("LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
            given_up = [
                asyncio.create_task(store.record(a_line(name, reason=reason)))
                for name, reason in (("written", ""), ("refused", "\0"))
            ]
            # Long enough to have begun, or not: it makes no difference.
            await asyncio.sleep(0.01)
            for task in given_up:
                task.cancel()
        await asyncio.gather(*given_up, return_exceptions=True)
    await store.close()

    async with await store_postgres.open_postgres(postgres_url, owner="two") as another:
        assert ["written"] == await names(another)


async def test_a_request_is_recorded_while_everything_else_waits(store, postgres_url):
    """Some connections are kept for what a person waits for."""
    question = await asked(store)
    async with connected(postgres_url) as connection, connection.transaction():
        await connection.execute("LOCK TABLE bucket IN ACCESS EXCLUSIVE MODE")
        waiting = [asyncio.create_task(store.pace("key", 5)) for _ in range(20)]
        await asyncio.sleep(0.05)

        assert (await submitted(store)).job is not None
        assert (await store.decide(press(question), seen_at=SEEN_AT, run_here=True)).owner == "one"
        assert not any(task.done() for task in waiting)
    await asyncio.gather(*waiting)


async def test_nothing_stays_on_the_server(postgres_server, postgres_url):
    """By the server's own log: what a pooler may give to another client next has nothing left of ours."""
    async with connected(postgres_url) as connection:
        await connection.execute("ALTER DATABASE haltbot SET log_statement = 'all'")
    log = postgres_server.directory / "log"
    before = log.stat().st_size
    async with await store_postgres.open_postgres(postgres_url, owner="one") as store:
        job = await running(store)
        for number in range(10):
            job = await store.advance(job, to(job, Phase.REQUESTED, str(number)))
        question = await asked(store)
        await store.decide(press(question, Choice.KEEP), seen_at=SEEN_AT, run_here=False)
        await store.claim(5)
        await store.find(job.termination.id)

    asked_for = re.findall(r"LOG:  (statement|execute [^:]+): (\w+)(.*)", log.read_text()[before:])
    assert len(asked_for) > 20
    # A prepared statement would have a name; NOTIFY, LISTEN, DECLARE, PREPARE and SET begin with another word.
    assert {"statement", "execute <unnamed>"} >= {how for how, _, _ in asked_for}
    words = {"ALTER", "BEGIN", "COMMIT", "CREATE", "DROP", "INSERT", "SELECT", "UPDATE", "WITH"}
    assert words >= {word.upper() for _, word, _ in asked_for}
    called = {name for _, _, rest in asked_for for name in re.findall(r"pg_\w*(?:notify|lock)\w*", rest)}
    assert {"pg_advisory_xact_lock"} == called


async def test_a_database_that_cannot_be_reached_is_an_error(postgres_server, tmp_path):
    """Its cause is told."""
    with pytest.raises(StoreError, match="No such file"):
        await store_postgres.open_postgres(f"postgresql://haltbot@/haltbot?host={tmp_path}", owner="one")
    with pytest.raises(StoreError, match='database "nowhere" does not exist'):
        await store_postgres.open_postgres(postgres_server.url("nowhere"), owner="one")


async def test_a_failure_does_not_repeat_what_was_written(store):
    """The values may be private; the message names the trouble only."""
    with pytest.raises(StoreError) as failure:
        await store.database.write(
            lambda: once("INSERT INTO event (at, reason) VALUES (1, :reason)", reason="private")
        )

    assert "private" not in str(failure.value)
    assert isinstance(failure.value.__cause__, psycopg.Error)


def once(statement, **parameters):
    yield statement, parameters


async def test_a_deadlock_is_resolved_by_another_try(store, postgres_url):
    """The one that the database ends is run again."""
    first, second = await running(store), await running(store)

    def try_both(one, other):
        for job in (one, other):
            yield "UPDATE job SET attempts = attempts + 1 WHERE id = :id", {"id": job.termination.id}
            yield "SELECT pg_sleep(0.05)", {}

    async with connected(postgres_url) as connection:
        await connection.execute("ALTER DATABASE haltbot SET deadlock_timeout = '20ms'")
    async with await store_postgres.open_postgres(postgres_url, owner="two") as other:
        await asyncio.gather(
            other.database.write(lambda: try_both(first, second)),
            other.database.write(lambda: try_both(second, first)),
        )

    assert [2, 2] == [job.attempts for job in await store.open_in("T1", "C1")]


async def test_what_never_gets_through_is_given_up(store):
    """A conflict that comes back each time is busy, after a few tries."""
    tries = []

    def conflict():
        tries.append(1)
        yield "DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END $$", {}

    with pytest.raises(StoreBusy, match="10 times in a row"):
        await store.database.write(conflict)

    assert 10 == len(tries)


async def test_what_an_administrator_ends_is_busy(store):
    """It is not run again: whoever ended it had a reason."""
    tries = []

    def cancelled():
        tries.append(1)
        yield "SET LOCAL statement_timeout = 1", {}
        yield "SELECT pg_sleep(10)", {}

    with pytest.raises(StoreBusy, match="canceling statement"):
        await store.database.write(cancelled)

    assert 1 == len(tries)


async def test_a_closed_store_says_so(store):
    """Whoever asks afterwards is told."""
    await store.close()

    with pytest.raises(StoreError, match="closed"):
        await store.claim(1)


async def test_the_audit_cannot_be_changed(store, postgres_url):
    """Not even by hand: the database refuses it, until retention lets go of a line."""
    await store.record(a_line("old"))
    await store.record(a_line("new"))
    async with connected(postgres_url) as connection:
        for statement in ("UPDATE event SET reason = 'x'", "DELETE FROM event"):
            with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
                await connection.execute(statement)

        async with connection.transaction():
            await connection.execute("UPDATE retention SET keep_from = (SELECT max(at) + 1 FROM event)")
            await connection.execute("DELETE FROM event WHERE event = 'old'")
            await connection.execute("UPDATE retention SET keep_from = 0")

    assert ["new"] == await names(store)


@pytest.mark.parametrize(
    "statement", ["KNOWN", "CLAIM", "ADVANCE", "PRESSED", "FIND", "OPEN_IN", "EVENTS", "EVENTS_ABOUT"]
)
async def test_no_frequent_statement_reads_a_whole_table(store, postgres_url, statement):
    """An index serves each of them, so their cost does not grow with the number of rows."""
    sql = render(
        getattr(statements_audit if statement.startswith("EVENTS") else statements, statement), POSTGRES
    )
    numbers = {"limit", "after", "fence", "fence_step", "delay", "attempts"}
    wanted = re.findall(r"%\((\w+)\)s", sql)
    parameters = {name: 1 if name in numbers else "x" for name in wanted}
    async with connected(postgres_url) as connection:
        # An empty table would be read whole if that were at all possible.
        await connection.execute("SET enable_seqscan = off")
        await connection.execute("SET enable_sort = off")
        rows = await (await connection.execute(f"EXPLAIN {sql}".encode(), parameters)).fetchall()

    assert [] == [line for (line,) in rows if "Seq Scan" in line]


@pytest.fixture(name="pooled_url")
def _pooled_url(postgres_url, postgres_server):
    """The same database behind PgBouncer in transaction mode, with fewer connections than the store has."""
    pgbouncer = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin") or shutil.which(
        "pgbouncer"
    )
    if pgbouncer is None:
        reason = "left out: pgbouncer is not on this machine"
        if os.environ.get("REQUIRE_POSTGRES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    directory = postgres_server.directory / "pgbouncer"
    directory.mkdir()
    settings = directory / "pgbouncer.ini"
    settings.write_text(
        f"""
        [databases]
        haltbot = host={postgres_server.directory} user=haltbot
        [pgbouncer]
        pool_mode = transaction
        default_pool_size = 3
        auth_type = any
        listen_addr =
        unix_socket_dir = {directory}
        """
    )
    if postgres_server.user is not None:
        for path in (directory, settings):
            shutil.chown(path, postgres_server.user)
    with subprocess.Popen(
        [pgbouncer, "--quiet", settings], stderr=subprocess.PIPE, text=True, user=postgres_server.user
    ) as process:
        yield f"postgresql://haltbot@/haltbot?host={directory}&port=6432"
        # Newer ones wait for their clients when they are told to end in good order.
        process.kill()


async def through(url):
    """Open the store as soon as the pooler listens."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await store_postgres.open_postgres(url, owner="one")
            except StoreError:
                await asyncio.sleep(0.02)


async def test_everything_works_behind_a_pooler(pooled_url):
    """Each transaction may meet another server connection, and none notices."""
    async with await through(pooled_url) as store:
        jobs = await asyncio.gather(*(running(store) for _ in range(50)))
        question = await asked(store)
        clicks = await asyncio.gather(
            *(store.decide(press(question, Choice.KEEP), seen_at=SEEN_AT, run_here=False) for _ in range(20)),
            return_exceptions=True,
        )
        begun = await asyncio.gather(
            *(
                store.begin_call(job, to(job, Phase.CALLING, "calling"), key_id="k", per_second=0.001)
                for job in jobs
            )
        )
        await store.release()
        claimed = await store.claim(100)
        await asyncio.gather(*(finished(store, job) for job in claimed))
        await store.block("k", 1000)
        await store.put_channel_key(a_key(), a_line("key_set"))

        assert 19 == sum(isinstance(click, Refused) for click in clicks)
        assert 49 == sum(isinstance(wait, int) for wait in begun)
        assert 50 == len(claimed)
        assert 1 == len(await store.open_in("T1", "C1"))
        assert a_key() == await store.channel_key("T1", "C1")
        assert 51 + 1 + 1 + 1 == len(await audit(store))


async def test_a_newer_version_s_database_is_noticed(store, postgres_url):
    """An older Haltbot would not understand what a newer one has written."""
    (fits,) = await check_database_server(postgres_url)
    async with connected(postgres_url) as connection:
        await connection.execute("INSERT INTO migration VALUES ('9999_future', 1)")

    (newer,) = await check_database_server(postgres_url)

    assert (Level.OK, Level.FAIL) == (fits.level, newer.level)
    assert "9999_future" in describe(newer)


async def test_a_database_without_a_version_is_told_of(postgres_server, postgres_url):
    """Nothing was migrated there yet."""
    (found,) = await check_database_server(postgres_url)

    assert Level.WARN is found.level
