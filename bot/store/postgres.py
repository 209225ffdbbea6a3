"""The shared store: any number of replicas on one PostgreSQL, also behind a pooler in transaction mode.

Nothing here outlives a transaction on the server: no prepared statement, no setting, no session lock, and no
NOTIFY, under which commits would queue up behind each other.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import psycopg
from psycopg import errors

from bot.domain.errors import HaltbotError, Refused, StoreBusy, StoreError
from bot.store import schema, statements
from bot.store.database import Database
from bot.store.postgres_connection import (
    PATIENCE_SECONDS,
    Connection,
    InDoubt,
    connect,
    encoded,
    open_pool,
    query,
    run_one_by_one,
    transact,
    with_connection,
)
from bot.store.postgres_trouble import describe
from bot.store.steps import Row, Steps
from bot.store.store import SqlStore

T = TypeVar("T")
_URGENT_CONNECTIONS = 6
"""Their commits share one flush of the disk; with too few, commands wait in line for it."""
_CONNECTIONS = 6
_CLOCK_SECONDS = 1.0
"""How long the server's clock is counted on from here before it is asked again."""
_MIGRATION_LOCK = 0x4841_4C54
"""The number of the advisory lock; any number will do that nobody else uses in this database."""

MOVING = "moving an embedded database in"
MOVED = "moved an embedded database in"
"""What ``haltbot migrate`` leaves beside the names of the schema's migrations."""

# The classes of SQLSTATE that tell of a state that passes: connection, rollback, lock, shutdown; none at all
# means that no answer came.
_PASSING_CLASSES = ("", "08", "40", "55", "57")


async def open_postgres(url: str, *, owner: str, lease_ms: int = 15_000) -> SqlStore:
    """Connect, and migrate as needed; replicas may do so at the same time. Raises StoreError."""
    database = PostgresDatabase(url, owner=owner, lease_ms=lease_ms)
    await database.open()
    return SqlStore(database)


async def prepare_postgres(url: str) -> None:
    """Migrate a database that nobody is to work with yet. Raises StoreError."""
    async with _connected(url) as connection:
        await _migrate(connection)


async def migrations(url: str) -> tuple[set[str], set[str]]:
    """Name the migrations that the database has had, and those that this version has. Raises StoreError."""
    async with _connected(url) as connection:
        rows = await query(connection, "SELECT name FROM migration", {})
    return {row["name"] for row in rows} - {MOVING, MOVED}, set(_MIGRATIONS)


async def distrust(url: str) -> int:
    """Let what was about to be called or asked be looked up first: a dump is older than what was done since.

    Returns how many terminations these are. Raises StoreError.
    """
    async with _connected(url) as connection:
        await _migrate(connection)
        return len(await query(connection, statements.DISTRUST, {"doubt": statements.DOUBT}))


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Connection]:
    """Open a connection for one thing to do, and tell what fails in our terms."""
    try:
        async with await connect(url) as connection:
            yield connection
    except psycopg.Error as error:
        raise _map_error(error) from error


class PostgresDatabase(Database):
    """A PostgreSQL database."""

    def __init__(self, url: str, *, owner: str, lease_ms: int) -> None:
        super().__init__(owner=owner, lease_ms=lease_ms)
        self._url = url
        # A person waits for what takes an urgent connection, so nothing else that takes long may use them up.
        # Reading is short, and a click's acknowledgement begins with it.
        self._urgent = open_pool(url, "urgent", _URGENT_CONNECTIONS)
        self._others = open_pool(url, "others", _CONNECTIONS)
        self._pools = (self._urgent, self._others)
        self._ahead_ms, self._asked = 0.0, -_CLOCK_SECONDS
        self._running: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def open(self) -> None:
        try:
            async with await connect(self._url) as connection:
                if MOVING in await _migrate(connection):
                    raise StoreError(
                        "an embedded database is being moved into this one: run haltbot migrate to its end first"
                    )
            for pool in self._pools:
                await pool.open(wait=True, timeout=PATIENCE_SECONDS)
        except (psycopg.Error, StoreError) as error:
            await self.close()
            raise _map_error(error) from error
        except BaseException:
            # Whoever was interrupted leaves no pool behind: its tasks would go on.
            await self.close()
            raise

    async def close(self) -> None:
        """Finish what was asked for, then disconnect."""
        self._closed = True
        if self._running:
            await asyncio.wait(self._running, timeout=PATIENCE_SECONDS)
        for pool in self._pools:
            await pool.close()

    async def write(self, steps: Callable[[], Steps[T]], *, urgent: bool = False, atomic: bool = True) -> T:
        pool = self._urgent if urgent else self._others
        run = transact if atomic else run_one_by_one
        return await self._to_the_end(with_connection(pool, lambda connection: run(connection, steps)))

    async def read(self, statement: str, parameters: Mapping[str, Any]) -> list[Row]:
        return await self._to_the_end(
            with_connection(self._urgent, lambda connection: query(connection, statement, parameters))
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
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await asyncio.shield(task)
        except TimeoutError as error:
            raise StoreBusy("PostgreSQL did not answer in time") from error
        except (psycopg.Error, InDoubt) as error:
            raise _map_error(error) from error

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            # Nobody may be left to be told of its failure, and that is no reason to complain.
            task.exception()


async def _migrate(connection: Connection) -> set[str]:
    """Bring the schema up to date; the names of all that was ever done to this database."""
    async with connection.transaction():
        # Whoever comes second waits until the first has committed, and finds nothing left to do.
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY, applied_at BIGINT NOT NULL)"
        )
        rows = await query(connection, "SELECT name FROM migration", {})
        applied = {row["name"] for row in rows}
        for name, changes in _MIGRATIONS.items():
            if name not in applied:
                for change in changes:
                    await connection.execute(encoded(change))
                await query(connection, "INSERT INTO migration VALUES (:name, {now})", {"name": name})
    return applied


_MIGRATIONS = {**schema.MIGRATIONS, "0002_append_only": schema.APPEND_ONLY_POSTGRES}


def _map_error(error: Exception) -> HaltbotError:
    """Tell a failure of PostgreSQL in our terms. The values that were written are not repeated."""
    if isinstance(error, InDoubt):
        return StoreBusy("the connection to PostgreSQL was lost during a commit")
    if not isinstance(error, psycopg.Error):
        return StoreError(str(error))
    if isinstance(error, errors.UniqueViolation) and error.diag.constraint_name == "job_twin":
        return Refused("twin_open")
    code = error.sqlstate or ""
    passing = isinstance(error, psycopg.OperationalError) and code[:2] in _PASSING_CLASSES
    kind = StoreBusy if passing else StoreError
    return kind(f"PostgreSQL: {describe(error)}")
