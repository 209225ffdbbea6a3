"""The shared store: any number of replicas on one PostgreSQL, also behind a pooler in transaction mode.

Nothing here outlives a transaction on the server: no prepared statement, no setting, no session lock, and no
NOTIFY, under which commits would queue up behind each other.
"""

import asyncio
import json
import select
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import cache
from typing import Any, TypeAlias, TypeVar

import psycopg
from psycopg import AsyncConnection, errors
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from bot.errors import HaltbotError, Refused, StoreBusy, StoreError
from bot.stores import schema
from bot.stores.dialect import POSTGRES, render
from bot.stores.postgres_trouble import told
from bot.stores.sql import SqlStore
from bot.stores.steps import Plain, Recorded, Row, Steps, columns

T = TypeVar("T")
Connection: TypeAlias = AsyncConnection[DictRow]
Pool: TypeAlias = AsyncConnectionPool[Connection]

_PATIENCE_SECONDS = 5
_URGENT_CONNECTIONS = 2
_READING_CONNECTIONS = 2
_CONNECTIONS = 4
_CLOCK_SECONDS = 1.0
"""How long the server's clock is counted on from here before it is asked again."""
_TRIES = 10
_MIGRATION_LOCK = 0x4841_4C54
"""The number of the advisory lock; any number will do that nobody else uses in this database."""

MOVING = "moving an embedded database in"
MOVED = "moved an embedded database in"
"""What ``haltbot migrate`` leaves beside the names of the schema's migrations."""

# These concern our end of the connection only, so a pooler need not know them: a server that vanished is
# noticed in seconds, whether it was to hear something (the system would take a quarter of an hour) or to
# answer something (two hours).
_CONNECTION: dict[str, Any] = {
    "autocommit": True,
    "prepare_threshold": None,
    "row_factory": dict_row,
    "connect_timeout": _PATIENCE_SECONDS,
    "tcp_user_timeout": _PATIENCE_SECONDS * 1000,
    "keepalives_idle": _PATIENCE_SECONDS,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "application_name": "haltbot",
}

# The classes of SQLSTATE that tell of a state that passes: connection, rollback, lock, shutdown; none at all
# means that no answer came.
_PASSING_CLASSES = ("", "08", "40", "55", "57")


# A change and its lines of the audit, which are added if it returned a row, in one question over the network.
_WITH_LINES = """
WITH changed AS (CHANGE), recorded AS (
    INSERT INTO event (at, event, reference, team, channel, "user", workflow_id, force, reason, outcome, detail)
    SELECT {now}, line.event, line.reference, line.team, line.channel, line."user", line.workflow_id,
           line.force, line.reason, line.outcome, line.detail
    FROM changed, ROWS FROM (json_to_recordset(:lines) AS (
        event TEXT, reference TEXT, team TEXT, channel TEXT, "user" TEXT, workflow_id TEXT,
        force INTEGER, reason TEXT, outcome TEXT, detail TEXT
    )) WITH ORDINALITY AS line
    ORDER BY line.ordinality
)
SELECT * FROM changed
"""


class _InDoubt(Exception):
    """The connection was lost while a commit was on its way: only the database knows."""


async def open_postgres(url: str, *, owner: str, lease_ms: int = 15_000) -> "PostgresStore":
    """Connect, and migrate as needed; replicas may do so at the same time. Raises StoreError."""
    store = PostgresStore(url, owner=owner, lease_ms=lease_ms)
    await store.open()
    return store


async def prepare_postgres(url: str) -> None:
    """Migrate a database that nobody is to work with yet. Raises StoreError."""
    try:
        async with await _connect(url) as connection:
            await _migrate(connection)
    except psycopg.Error as error:
        raise _ours(error) from error


async def migrations(url: str) -> tuple[set[str], set[str]]:
    """Name the migrations that the database has had, and those that this version has. Raises StoreError."""
    try:
        async with await _connect(url) as connection:
            rows = await _rows(connection, "SELECT name FROM migration", {})
    except psycopg.Error as error:
        raise _ours(error) from error
    return {row["name"] for row in rows} - {MOVING, MOVED}, set(_MIGRATIONS)


class PostgresStore(SqlStore):
    """The store in a PostgreSQL database."""

    def __init__(self, url: str, *, owner: str, lease_ms: int) -> None:
        super().__init__(owner=owner, lease_ms=lease_ms)
        self._url = url
        # A person waits for what takes an urgent connection, so nothing else may have used them all up.
        # The same holds for reading: it is short, and an acknowledgement begins with it.
        self._urgent = _pool(url, "urgent", _URGENT_CONNECTIONS)
        self._reading = _pool(url, "reading", _READING_CONNECTIONS)
        self._others = _pool(url, "others", _CONNECTIONS)
        self._pools = (self._urgent, self._reading, self._others)
        self._ahead_ms, self._asked = 0.0, -_CLOCK_SECONDS
        self._running: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def open(self) -> None:
        try:
            async with await _connect(self._url) as connection:
                if MOVING in await _migrate(connection):
                    raise StoreError(
                        "an embedded database is being moved into this one: run haltbot migrate to its end first"
                    )
            for pool in self._pools:
                await pool.open(wait=True, timeout=_PATIENCE_SECONDS)
        except (psycopg.Error, StoreError) as error:
            await self.close()
            raise _ours(error) from error

    async def close(self) -> None:
        """Finish what was asked for, then disconnect."""
        self._closed = True
        if self._running:
            await asyncio.wait(self._running, timeout=_PATIENCE_SECONDS)
        for pool in self._pools:
            await pool.close()

    async def _write(self, steps: Callable[[], Steps[T]], *, urgent: bool = False, atomic: bool = True) -> T:
        pool = self._urgent if urgent else self._others
        run = _transact if atomic else _run_one_by_one
        return await self._to_the_end(_with_connection(pool, lambda connection: run(connection, steps)))

    async def _read(self, statement: str, parameters: Mapping[str, Any]) -> list[Row]:
        return await self._to_the_end(
            _with_connection(self._reading, lambda connection: _rows(connection, statement, parameters))
        )

    async def now(self) -> int:
        # A job wants to know the time at each of its steps; asking each time would be a third of its questions.
        if time.monotonic() - self._asked >= _CLOCK_SECONDS:
            told = await super().now()
            self._asked = time.monotonic()
            self._ahead_ms = told - self._asked * 1000
        return int(self._ahead_ms + time.monotonic() * 1000)

    async def _to_the_end(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for work that goes on when the waiting ends: what was begun may be written all the same."""
        if self._closed:
            work.close()
            raise StoreError("the store is closed")
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await asyncio.shield(task)
        except TimeoutError as error:
            raise StoreBusy("PostgreSQL did not answer in time") from error
        except (psycopg.Error, _InDoubt) as error:
            raise _ours(error) from error

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            # Nobody may be left to be told of its failure, and that is no reason to complain.
            task.exception()


def _pool(url: str, name: str, size: int) -> Pool:
    return AsyncConnectionPool(
        url,
        connection_class=AsyncConnection[DictRow],
        kwargs=_CONNECTION,
        min_size=size,
        max_size=size,
        timeout=_PATIENCE_SECONDS,
        # A lost connection is given up soon: the pool would wait longer and longer before it tries again, while
        # whoever asks for one once the server is back gets a new one at once.
        reconnect_timeout=_PATIENCE_SECONDS,
        name=f"haltbot-{name}",
        open=False,
    )


async def _connect(url: str) -> Connection:
    return await AsyncConnection[DictRow].connect(url, **_CONNECTION)


async def _with_connection(pool: Pool, use: Callable[[Connection], Awaitable[T]]) -> T:
    """Use a connection, or another one if this one turns out to be of no use before anything came of it."""
    for _ in range(_TRIES):
        async with pool.connection() as connection:
            try:
                return await use(connection)
            except (errors.DeadlockDetected, errors.SerializationFailure):
                continue
            except psycopg.OperationalError:
                # The server was restarted, or a pooler hung up, while the connection was idle.
                if not connection.closed:
                    raise
    raise StoreBusy(f"PostgreSQL failed {_TRIES} times in a row")


async def _transact(connection: Connection, steps: Callable[[], Steps[T]]) -> T:
    committing = False
    try:
        async with connection.transaction():
            result = await _converse(connection, steps())
            committing = True
    except psycopg.OperationalError as error:
        if committing:
            raise _InDoubt from error
        raise
    return result


async def _run_one_by_one(connection: Connection, steps: Callable[[], Steps[T]]) -> T:
    """Let each statement commit by itself: half the questions that a transaction takes."""
    if _has_hung_up(connection):
        await connection.close()
        raise psycopg.OperationalError("the server hung up while the connection was idle")
    return await _converse(connection, steps())


def _has_hung_up(connection: Connection) -> bool:
    """See, before anything is sent that could be in doubt, whether the server has ended an idle connection."""
    heard = select.poll()
    heard.register(connection.fileno(), select.POLLIN)
    return bool(heard.poll(0))


async def _converse(connection: Connection, steps: Steps[T]) -> T:
    try:
        step = next(steps)
        while True:
            step = steps.send(await _carry_out(connection, step))
    except StopIteration as done:
        result: T = done.value
        return result


async def _carry_out(connection: Connection, step: Plain | Recorded) -> list[Row]:
    if not isinstance(step, Recorded):
        return await _rows(connection, *step)
    commits = connection.info.transaction_status is TransactionStatus.IDLE
    lines = json.dumps([columns(line) for line in step.lines], ensure_ascii=False)
    try:
        return await _rows(connection, _with_lines(step.statement), {**step.parameters, "lines": lines})
    except errors.AdminShutdown:
        # The server says so instead of answering, so nothing was written.
        raise
    except psycopg.OperationalError as error:
        if commits and connection.closed:
            raise _InDoubt from error
        raise


@cache
def _with_lines(statement: str) -> str:
    """Make one statement of a change and its lines of the audit."""
    return _WITH_LINES.replace("CHANGE", statement)


async def _rows(connection: Connection, statement: str, parameters: Mapping[str, Any]) -> list[Row]:
    cursor = await connection.execute(_encoded(statement), parameters)
    return list(await cursor.fetchall()) if cursor.description else []


@cache
def _encoded(statement: str) -> bytes:
    return render(statement, POSTGRES).encode()


async def _migrate(connection: Connection) -> set[str]:
    """Bring the schema up to date; the names of all that was ever done to this database."""
    async with connection.transaction():
        # Whoever comes second waits until the first has committed, and finds nothing left to do.
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY, applied_at BIGINT NOT NULL)"
        )
        rows = await _rows(connection, "SELECT name FROM migration", {})
        applied = {row["name"] for row in rows}
        for name, changes in _MIGRATIONS.items():
            if name not in applied:
                for change in changes:
                    await connection.execute(_encoded(change))
                await _rows(connection, "INSERT INTO migration VALUES (:name, {now})", {"name": name})
    return applied


_MIGRATIONS = {**schema.MIGRATIONS, "0002_append_only": schema.APPEND_ONLY_POSTGRES}


def _ours(error: Exception) -> HaltbotError:
    """Tell a failure of PostgreSQL in our terms. The values that were written are not repeated."""
    if isinstance(error, _InDoubt):
        return StoreBusy("the connection to PostgreSQL was lost during a commit")
    if not isinstance(error, psycopg.Error):
        return StoreError(str(error))
    if isinstance(error, errors.UniqueViolation) and error.diag.constraint_name == "job_twin":
        return Refused("twin_open")
    code = error.sqlstate or ""
    passing = isinstance(error, psycopg.OperationalError) and code[:2] in _PASSING_CLASSES
    kind = StoreBusy if passing else StoreError
    return kind(f"PostgreSQL: {told(error)}")
