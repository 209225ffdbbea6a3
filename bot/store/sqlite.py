"""The embedded store: one SQLite file, one process, one thread that writes for everybody.

Whatever waits for the writer is written in one transaction (group commit): its cost, the disk's flush, is
shared, and nobody is answered before it.
"""

import asyncio
import contextlib
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import sqlite_utils

from bot.domain.errors import Refused, StoreError
from bot.store import statements, statements_audit
from bot.store.database import Database
from bot.store.dialect import CLOCKED, SQLITE, Dialect, render
from bot.store.sqlite_file import lock_file, map_error, open_for_reading, open_for_writing, tidy_up
from bot.store.steps import Plain, Recorded, Row, Steps, columns
from bot.store.store import SqlStore

T = TypeVar("T")

_BATCH = 256
"""With so many, what else waits is left to the next transaction."""
_PATIENCE_SECONDS = 0.01
"""The most that what is not urgent waits for company, whatever the disk does."""
_TIDY_EVERY = 256
"""So many transactions make the log longer by some 10 MB."""
_OLDEST = (3, 35)
"""The first one that knows RETURNING."""


async def open_sqlite(
    path: Path | str,
    *,
    owner: str,
    lease_ms: int = 15_000,
    exclusive: bool = True,
    clock: Callable[[], int] | None = None,
) -> SqlStore:
    """Open the file, made and migrated as needed. Raises StoreLocked, StoreError.

    ``exclusive`` is for the bot: it keeps every other bot out, and takes over at once what the former one
    held. Without it the file is shared, as the command line does beside a running bot. ``clock``, in ms since
    1970, takes the place of SQLite's own.
    """
    if sqlite3.sqlite_version_info < _OLDEST:
        raise StoreError(f"SQLite 3.35 or newer is needed; this Python comes with {sqlite3.sqlite_version}")
    database = SqliteDatabase(Path(path), owner=owner, lease_ms=lease_ms, exclusive=exclusive, clock=clock)
    await database.open()
    return SqlStore(database)


@dataclass(frozen=True, slots=True)
class _Operation(Generic[T]):
    """A transaction that somebody waits for; ``urgent``: a person does."""

    steps: Callable[[], Steps[T]]
    answer: asyncio.Future[T]
    urgent: bool

    def settle(self, result: T | Exception) -> None:
        # Whoever stopped waiting is not told; what was written stands.
        if self.answer.done():
            return
        if isinstance(result, Exception):
            self.answer.set_exception(result)
        else:
            self.answer.set_result(result)


class SqliteDatabase(Database):
    """An SQLite file."""

    def __init__(
        self, path: Path, *, owner: str, lease_ms: int, exclusive: bool, clock: Callable[[], int] | None
    ) -> None:
        super().__init__(owner=owner, lease_ms=lease_ms)
        self._path = path
        self._exclusive = exclusive
        self._clock = clock
        self._dialect = SQLITE if clock is None else CLOCKED
        self._lock: int | None = None
        self._gathered: list[_Operation[Any]] = []
        # Not SimpleQueue: CPython 3.11's waits for ever when its limit passes before its first look.
        self._operations: queue.Queue[list[_Operation[Any]] | None] = queue.Queue()
        self._writer = threading.Thread(target=self._write_for_everybody, name="haltbot-store", daemon=True)
        self._writing: sqlite_utils.Database | None = None
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="haltbot-read")
        self._reading: sqlite_utils.Database | None = None
        self._tidier = ThreadPoolExecutor(max_workers=1, thread_name_prefix="haltbot-tidy")
        self._transactions = 0
        self._flush_seconds = 0.0
        self._loop = asyncio.get_running_loop()
        self._closed = False

    async def open(self) -> None:
        if self._exclusive:
            self._lock = lock_file(self._path)
        try:
            self._writer.start()
            await self.write(_nothing)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Finish what was asked for, then let go of the file."""
        if self._closed:
            return
        self._closed = True
        self._hand_over()
        await asyncio.to_thread(self._let_go)

    def _let_go(self) -> None:
        if self._reading is not None:
            self._reader.submit(self._reading.close).result()
        self._reader.shutdown()
        # A connection that writes is the last to close: only such a one can tidy up the write-ahead log.
        self._operations.put(None)
        self._writer.join()
        self._tidier.shutdown()
        if self._lock is not None:
            os.close(self._lock)

    async def write(self, steps: Callable[[], Steps[T]], *, urgent: bool = False, atomic: bool = True) -> T:
        del atomic  # One transaction serves everybody.
        if self._closed:
            raise StoreError("the store is closed")
        answer: asyncio.Future[T] = self._loop.create_future()
        if not self._gathered:
            # All that this turn of the loop asks for is handed over together: the writer, woken by the first of
            # many, would begin with it alone.
            self._loop.call_soon(self._hand_over)
        self._gathered.append(_Operation(steps, answer, urgent))
        return await answer

    def _hand_over(self) -> None:
        gathered, self._gathered = self._gathered, []
        for start in range(0, len(gathered), _BATCH):
            self._operations.put(gathered[start : start + _BATCH])

    async def now(self) -> int:
        # SQLite's clock is this machine's, to the same millisecond; asking the reading thread for it would only
        # make everybody wait.
        if self._closed:
            raise StoreError("the store is closed")
        return self._clock() if self._clock else time.time_ns() // 1_000_000

    async def read(self, statement: str, parameters: Mapping[str, Any]) -> list[Row]:
        if self._closed:
            raise StoreError("the store is closed")
        return await self._loop.run_in_executor(
            self._reader, self._query, render(statement, self._dialect), parameters
        )

    def _query(self, statement: str, parameters: Mapping[str, Any]) -> list[Row]:
        try:
            if self._reading is None:
                self._reading = open_for_reading(self._path, self._clock)
            return _rows(self._reading, statement, parameters)
        except sqlite3.Error as error:
            raise map_error(error) from error

    def _write_for_everybody(self) -> None:
        """Be the thread that owns the writing connection."""
        failure: Exception | None = None
        try:
            self._writing = open_for_writing(self._path, adopt=self._exclusive, clock=self._clock)
        except Exception as error:  # noqa: BLE001 (it is handed to whoever opens the store)
            failure = map_error(error)
        ending = False
        while not ending:
            batch, ending = self._drain()
            if self._writing is None:
                results: list[Any] = [failure] * len(batch)
            else:
                began = time.monotonic()
                results = _write_batch(self._writing, batch, self._dialect)
                self._flush_seconds = time.monotonic() - began
            self._answer(batch, results)
            self._keep_log_short()
        if self._writing is not None:
            self._writing.close()

    def _keep_log_short(self) -> None:
        self._transactions += 1
        if self._transactions % _TIDY_EVERY == 0:
            self._tidier.submit(self._tidy_up)

    def _tidy_up(self) -> None:
        # Where it is in somebody's way, it is done the next time.
        with contextlib.suppress(sqlite3.Error):
            tidy_up(self._path)

    def _drain(self) -> tuple[list[_Operation[Any]], bool]:
        """Wait for an operation and take what else is there; the second value tells that it was the last.

        What nobody waits for waits itself, for as long as a flush takes, for something urgent to go with: whoever
        is urgent would have to wait for its flush, and for another one after it.
        """
        batch: list[_Operation[Any]] = []
        operations = self._operations.get()
        patient_until = time.monotonic() + min(self._flush_seconds, _PATIENCE_SECONDS)
        while operations is not None:
            batch += operations
            if len(batch) >= _BATCH:
                return batch, False
            if any(operation.urgent for operation in operations):
                patient_until = 0.0
            patience = patient_until - time.monotonic()
            try:
                operations = self._operations.get(block=patience > 0, timeout=max(patience, 0.0))
            except queue.Empty:
                return batch, False
        return batch, True

    def _answer(self, batch: list[_Operation[Any]], results: list[Any]) -> None:
        """Wake everybody up at once: one call into the loop, whatever the size of the batch."""

        def settle_all() -> None:
            for operation, result in zip(batch, results, strict=True):
                operation.settle(result)

        # A closed loop has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(settle_all)


def _nothing() -> Steps[None]:
    yield statements.NOW, {}


def _write_batch(db: sqlite_utils.Database, batch: list[_Operation[Any]], dialect: Dialect) -> list[Any]:
    """Write all in one transaction; if one of them fails, each in its own, so that it fails alone."""
    if not batch:
        return []
    try:
        db.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        # It was waited for in vain, once for all of them.
        return [map_error(error) for _ in batch]
    try:
        results = [_converse(db, operation.steps, dialect) for operation in batch]
        db.execute("COMMIT")
    except Exception as error:  # noqa: BLE001 (it is handed to the caller, whose it is; the thread goes on)
        failure = _undo(db, error)
        if len(batch) == 1:
            return [failure]
        return [result for operation in batch for result in _write_batch(db, [operation], dialect)]
    return results


def _converse(db: sqlite_utils.Database, make_steps: Callable[[], Steps[T]], dialect: Dialect) -> T | Refused:
    """Run a transaction's steps. A refusal is an answer: it has written nothing and undoes nobody's work."""
    steps = make_steps()
    try:
        step = next(steps)
        while True:
            step = steps.send(_carry_out(db, step, dialect))
    except StopIteration as done:
        result: T = done.value
        return result
    except Refused as refusal:
        return refusal


def _carry_out(db: sqlite_utils.Database, step: Plain | Recorded, dialect: Dialect) -> list[Row]:
    if not isinstance(step, Recorded):
        statement, parameters = step
        return _rows(db, render(statement, dialect), parameters)
    rows = _rows(db, render(step.statement, dialect), step.parameters)
    if rows:
        for line in step.lines:
            db.execute(render(statements_audit.RECORD, dialect), columns(line))
    return rows


def _rows(db: sqlite_utils.Database, statement: str, parameters: Mapping[str, Any]) -> list[Row]:
    rows: list[Row] = db.execute(statement, dict(parameters)).fetchall()
    return rows


def _undo(db: sqlite_utils.Database, error: Exception) -> Exception:
    """End the failed transaction, and tell its failure in our terms."""
    try:
        db.rollback()
    except sqlite3.Error as another:
        return map_error(another)
    return map_error(error)
