"""PostgreSQL's connections, and how steps are carried out over one of them."""

import json
import select
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any, TypeAlias, TypeVar

import psycopg
from psycopg import AsyncConnection, errors
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from bot.domain.errors import StoreBusy
from bot.store import statements_audit as statements
from bot.store.dialect import POSTGRES, render
from bot.store.steps import Plain, Recorded, Row, Steps, columns

T = TypeVar("T")
Connection: TypeAlias = AsyncConnection[DictRow]
Pool: TypeAlias = AsyncConnectionPool[Connection]

PATIENCE_SECONDS = 5
_TRIES = 10

# These concern our end of the connection only, so a pooler need not know them: a server that vanished is
# noticed in seconds, whether it was to hear something (the system would take a quarter of an hour) or to
# answer something (two hours).
_CONNECTION: dict[str, Any] = {
    "autocommit": True,
    "prepare_threshold": None,
    "row_factory": dict_row,
    "connect_timeout": PATIENCE_SECONDS,
    "tcp_user_timeout": PATIENCE_SECONDS * 1000,
    "keepalives_idle": PATIENCE_SECONDS,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "application_name": "haltbot",
}


class InDoubt(Exception):
    """The connection was lost while a commit was on its way: only the database knows."""


def open_pool(url: str, name: str, size: int) -> Pool:
    """Make a pool that keeps this many connections; it is opened later."""
    return AsyncConnectionPool(
        url,
        connection_class=AsyncConnection[DictRow],
        kwargs=_CONNECTION,
        min_size=size,
        max_size=size,
        timeout=PATIENCE_SECONDS,
        # A lost connection is given up soon: the pool would wait longer and longer before it tries again, while
        # whoever asks for one once the server is back gets a new one at once.
        reconnect_timeout=PATIENCE_SECONDS,
        name=f"haltbot-{name}",
        open=False,
    )


async def connect(url: str) -> Connection:
    """Raises psycopg.Error."""
    return await AsyncConnection[DictRow].connect(url, **_CONNECTION)


async def with_connection(pool: Pool, use: Callable[[Connection], Awaitable[T]]) -> T:
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


async def transact(connection: Connection, steps: Callable[[], Steps[T]]) -> T:
    """Carry the steps out in one transaction. Raises psycopg.Error, InDoubt."""
    committing = False
    try:
        async with connection.transaction():
            result = await _converse(connection, steps())
            committing = True
    except psycopg.OperationalError as error:
        if committing:
            raise InDoubt from error
        raise
    return result


async def run_one_by_one(connection: Connection, steps: Callable[[], Steps[T]]) -> T:
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
        return await query(connection, *step)
    commits = connection.info.transaction_status is TransactionStatus.IDLE
    lines = json.dumps([columns(line) for line in step.lines], ensure_ascii=False)
    try:
        return await query(connection, _with_lines(step.statement), {**step.parameters, "lines": lines})
    except errors.AdminShutdown:
        # The server says so instead of answering, so nothing was written.
        raise
    except psycopg.OperationalError as error:
        if commits and connection.closed:
            raise InDoubt from error
        raise


@cache
def _with_lines(statement: str) -> str:
    """Make one statement of a change and its lines of the audit."""
    return statements.CHANGE_WITH_LINES.replace("CHANGE", statement)


async def query(connection: Connection, statement: str, parameters: Mapping[str, Any]) -> list[Row]:
    """Ask the server; the rows of its answer."""
    cursor = await connection.execute(encoded(statement), parameters)
    return list(await cursor.fetchall()) if cursor.description else []


@cache
def encoded(statement: str) -> bytes:
    """The statement as PostgreSQL wants it, in the bytes that go over the network."""
    return render(statement, POSTGRES).encode()
