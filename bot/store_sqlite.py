"""The embedded store: one SQLite file, one process, one thread that writes for everybody.

Whatever waits for the writer is written in one transaction (group commit): its cost, the disk's flush, is
shared, and nobody is answered before it.
"""

import asyncio
import contextlib
import fcntl
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

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from bot import statements
from bot.errors import Refused, StoreBusy, StoreError, StoreLocked
from bot.statements import SQLITE, render
from bot.store_sql import SqlStore
from bot.store_steps import Plain, Recorded, Row, Steps, columns

T = TypeVar("T")

_BATCH = 256
_BUSY_TIMEOUT_MS = 5000
_PATIENCE_SECONDS = 0.01
"""The most that what is not urgent waits for company, whatever the disk does."""
_CHECKPOINT_PAGES = 8000
"""Tidying up the write-ahead log costs the one who waits two more flushes of the disk: with SQLite's own 1000
pages that is one acknowledgement in forty under load, with 8000 (32 MB) less than one in a hundred."""
_OLDEST = (3, 35)
"""The first one that knows RETURNING."""
_CODE_WITHOUT_DETAIL = 0xFF
"""SQLite's extended result codes carry the plain one in their lowest byte."""


async def open_sqlite(
    path: Path | str, *, owner: str, lease_ms: int = 15_000, exclusive: bool = True
) -> "SqliteStore":
    """Open the file, made and migrated as needed. Raises StoreLocked, StoreError.

    ``exclusive`` is for the bot: it keeps every other bot out, and takes over at once what the former one
    held. Without it the file is shared, as the command line does beside a running bot.
    """
    if sqlite3.sqlite_version_info < _OLDEST:
        raise StoreError(f"SQLite 3.35 or newer is needed; this Python comes with {sqlite3.sqlite_version}")
    store = SqliteStore(Path(path), owner=owner, lease_ms=lease_ms, exclusive=exclusive)
    await store.open()
    return store


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


class SqliteStore(SqlStore):
    """The store in an SQLite file."""

    def __init__(self, path: Path, *, owner: str, lease_ms: int, exclusive: bool) -> None:
        super().__init__(owner=owner, lease_ms=lease_ms)
        self._path = path
        self._exclusive = exclusive
        self._lock: int | None = None
        self._operations: queue.SimpleQueue[_Operation[Any] | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_for_everybody, name="haltbot-store", daemon=True)
        self._writing: Database | None = None
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="haltbot-read")
        self._reading: Database | None = None
        self._flush_seconds = 0.0
        self._loop = asyncio.get_running_loop()
        self._closed = False

    async def open(self) -> None:
        if self._exclusive:
            self._lock = lock_file(self._path)
        try:
            self._writer.start()
            await self._write(_nothing)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Finish what was asked for, then let go of the file."""
        if self._closed:
            return
        self._closed = True
        await asyncio.to_thread(self._let_go)

    def _let_go(self) -> None:
        if self._reading is not None:
            self._reader.submit(self._reading.close).result()
        self._reader.shutdown()
        # The writing connection is the last to close: it is the one that can tidy up the write-ahead log.
        self._operations.put(None)
        self._writer.join()
        if self._lock is not None:
            os.close(self._lock)

    async def _write(self, steps: Callable[[], Steps[T]], *, urgent: bool = False, atomic: bool = True) -> T:
        del atomic  # One transaction serves everybody.
        if self._closed:
            raise StoreError("the store is closed")
        answer: asyncio.Future[T] = self._loop.create_future()
        self._operations.put(_Operation(steps, answer, urgent))
        return await answer

    async def now(self) -> int:
        # SQLite's clock is this machine's, to the same millisecond; asking the reading thread for it would only
        # make everybody wait.
        if self._closed:
            raise StoreError("the store is closed")
        return time.time_ns() // 1_000_000

    async def _read(self, statement: str, parameters: Mapping[str, Any]) -> list[Row]:
        if self._closed:
            raise StoreError("the store is closed")
        return await self._loop.run_in_executor(
            self._reader, self._query, render(statement, SQLITE), parameters
        )

    def _query(self, statement: str, parameters: Mapping[str, Any]) -> list[Row]:
        try:
            if self._reading is None:
                self._reading = _open_for_reading(self._path)
            return _rows(self._reading, statement, parameters)
        except sqlite3.Error as error:
            raise _ours(error) from error

    def _write_for_everybody(self) -> None:
        """Be the thread that owns the writing connection."""
        failure: Exception | None = None
        try:
            self._writing = _open_for_writing(self._path, adopt=self._exclusive)
        except Exception as error:  # noqa: BLE001 (it is handed to whoever opens the store)
            failure = _ours(error)
        ending = False
        while not ending:
            batch, ending = self._drain()
            if self._writing is None:
                results: list[Any] = [failure] * len(batch)
            else:
                began = time.monotonic()
                results = _write_batch(self._writing, batch)
                self._flush_seconds = time.monotonic() - began
            self._answer(batch, results)
        if self._writing is not None:
            self._writing.close()

    def _drain(self) -> tuple[list[_Operation[Any]], bool]:
        """Wait for an operation and take what else is there; the second value tells that it was the last.

        What nobody waits for waits itself, for as long as a flush takes, for something urgent to go with: whoever
        is urgent would have to wait for its flush, and for another one after it.
        """
        batch: list[_Operation[Any]] = []
        operation = self._operations.get()
        patient_until = time.monotonic() + min(self._flush_seconds, _PATIENCE_SECONDS)
        while operation is not None:
            batch.append(operation)
            if len(batch) == _BATCH:
                return batch, False
            if operation.urgent:
                patient_until = 0.0
            patience = patient_until - time.monotonic()
            try:
                operation = self._operations.get(block=patience > 0, timeout=max(patience, 0.0))
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


def _write_batch(db: Database, batch: list[_Operation[Any]]) -> list[Any]:
    """Write all in one transaction; if one of them fails, each in its own, so that it fails alone."""
    if not batch:
        return []
    try:
        db.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        # It was waited for in vain, once for all of them.
        return [_ours(error) for _ in batch]
    try:
        results = [_converse(db, operation.steps) for operation in batch]
        db.execute("COMMIT")
    except Exception as error:  # noqa: BLE001 (it is handed to the caller, whose it is; the thread goes on)
        failure = _undo(db, error)
        if len(batch) == 1:
            return [failure]
        return [result for operation in batch for result in _write_batch(db, [operation])]
    return results


def _converse(db: Database, make_steps: Callable[[], Steps[T]]) -> T | Refused:
    """Run a transaction's steps. A refusal is an answer: it has written nothing and undoes nobody's work."""
    steps = make_steps()
    try:
        step = next(steps)
        while True:
            step = steps.send(_carry_out(db, step))
    except StopIteration as done:
        result: T = done.value
        return result
    except Refused as refusal:
        return refusal


def _carry_out(db: Database, step: Plain | Recorded) -> list[Row]:
    if not isinstance(step, Recorded):
        statement, parameters = step
        return _rows(db, render(statement, SQLITE), parameters)
    rows = _rows(db, render(step.statement, SQLITE), step.parameters)
    if rows:
        for line in step.lines:
            db.execute(render(statements.RECORD, SQLITE), columns(line))
    return rows


def _rows(db: Database, statement: str, parameters: Mapping[str, Any]) -> list[Row]:
    rows: list[Row] = db.execute(statement, dict(parameters)).fetchall()
    return rows


def _undo(db: Database, error: Exception) -> Exception:
    """End the failed transaction, and tell its failure in our terms."""
    try:
        db.rollback()
    except sqlite3.Error as another:
        return _ours(another)
    return _ours(error)


def _ours(error: Exception) -> Exception:
    """Tell a failure of SQLite in our terms; anything else is a bug and stays as it is."""
    if isinstance(error, sqlite3.IntegrityError) and "job.twin" in str(error):
        return Refused("twin_open")
    if not isinstance(error, (sqlite3.Error, OSError)):
        return error
    code = getattr(error, "sqlite_errorcode", 0) & _CODE_WITHOUT_DETAIL
    kind = StoreBusy if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) else StoreError
    ours = kind(f"SQLite: {error}")
    ours.__cause__ = error
    return ours


def lock_file(path: Path) -> int:
    """Keep bots out until the descriptor is closed, which the system does at the latest when the process ends.

    Raises StoreLocked, StoreError.
    """
    name = path.with_name(f"{path.name}.lock")
    try:
        lock = os.open(name, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreError(f"{name} cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise StoreLocked(
            f"another Haltbot is using {path}: stop it first, give this one another DATABASE_URL, "
            "or use PostgreSQL to run several"
        ) from error
    return lock


def _open_for_writing(path: Path, *, adopt: bool) -> Database:
    # Created by us, so that nobody else on the machine can read it; SQLite gives its own files the same mode.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    db = Database(sqlite3.connect(path, timeout=_BUSY_TIMEOUT_MS / 1000))
    try:
        db.enable_wal()
        # In WAL mode anything less may lose an acknowledged transaction when the power fails.
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        if _MIGRATIONS.pending(db):
            # Another process may be about to do the same: it waits here, and finds nothing left to do.
            db.execute("BEGIN IMMEDIATE")
            _MIGRATIONS.apply(db)
            db.execute("COMMIT")
        if adopt:
            db.execute(render(statements.ADOPT, SQLITE))
    except BaseException:
        db.close()
        raise
    db.conn.row_factory = sqlite3.Row
    return db


def _open_for_reading(path: Path) -> Database:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    db = Database(sqlite3.connect(uri, uri=True, timeout=_BUSY_TIMEOUT_MS / 1000))
    db.conn.row_factory = sqlite3.Row
    return db


def _migration(name: str, changes: tuple[str, ...]) -> None:
    @_MIGRATIONS(name=name)
    def migrate(db: Database, /) -> None:
        for change in changes:
            db.execute(render(change, SQLITE))


_MIGRATIONS = Migrations("haltbot")
for _name, _changes in statements.MIGRATIONS.items():
    _migration(_name, _changes)
_migration("0002_append_only", statements.APPEND_ONLY_SQLITE)


def known_migrations() -> set[str]:
    """Name the migrations that this version has; an applied one that is not among them is a newer version's."""
    db = Database(memory=True)
    try:
        return {migration.name for migration in _MIGRATIONS.pending(db)}
    finally:
        db.close()
