"""The SQLite file itself: who may open it, how, with which schema, and how its log is kept short."""

import fcntl
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from bot.domain.errors import Refused, StoreBusy, StoreError, StoreLocked
from bot.store import schema, statements
from bot.store.dialect import CLOCK, CLOCKED, SQLITE, render

_BUSY_TIMEOUT_MS = 5000
_CHECKPOINT_PAGES = 16_000
"""A log of 64 MB. Whoever commits then tidies it up, which costs two more flushes of the disk; most of it has been
brought into the file by ``tidy_up`` before, for which nobody waits."""
_CODE_WITHOUT_DETAIL = 0xFF
"""SQLite's extended result codes carry the plain one in their lowest byte."""


def lock_file(path: Path) -> int:
    """Keep bots out until the descriptor is closed, which the system does at the latest when the process ends.

    Raises StoreLocked, StoreError.
    """
    name = path.with_name(f"{path.name}.lock")
    try:
        lock = os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        hand_over(name, like=owned_as(path))
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


def owned_as(database: Path) -> Path:
    """Tell what shows whose a database is, or will be: itself, or the folder that waits for it."""
    return database if database.exists() else database.absolute().parent


def hand_over(file: Path, *, like: Path) -> None:
    """Give a file that root has made to whoever ``like`` belongs to, as the service that has to open it.

    Nothing under another name is given away, whoever put a link there. Raises OSError.
    """
    if os.geteuid() != 0:
        return
    owner, descriptor = like.stat(), os.open(file, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        if os.fstat(descriptor).st_nlink == 1:
            # In a container root may not give anything away; everything is root's there.
            with suppress(PermissionError):
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
    finally:
        os.close(descriptor)


def open_for_writing(path: Path, *, adopt: bool, clock: Callable[[], int] | None = None) -> Database:
    """Open the file, made and migrated as needed; ``adopt`` what the former process held. Raises sqlite3.Error."""
    # Created by us, so that nobody else on the machine can read it; SQLite gives its own files the same mode and owner.
    model = owned_as(path)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    if model != path:
        hand_over(path, like=model)
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
        _prepare(db, clock)
        if adopt:
            db.execute(render(statements.ADOPT, CLOCKED if clock else SQLITE))
    except BaseException:
        db.close()
        raise
    return db


def open_for_reading(path: Path, clock: Callable[[], int] | None = None) -> Database:
    """Open the file, which has to be there. Raises sqlite3.Error."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    db = Database(sqlite3.connect(uri, uri=True, timeout=_BUSY_TIMEOUT_MS / 1000))
    _prepare(db, clock)
    return db


def _prepare(db: Database, clock: Callable[[], int] | None) -> None:
    db.conn.row_factory = sqlite3.Row
    if clock is not None:
        db.conn.create_function(CLOCK, 0, clock)


def tidy_up(path: Path) -> None:
    """Bring into the file what its log holds, as far as nobody has to wait for it. Raises sqlite3.Error."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(PASSIVE)")


def plain_code(error: BaseException | None) -> int:
    """Return SQLite's code without its detail; 0 for what is none of SQLite's failures."""
    return int(getattr(error, "sqlite_errorcode", 0)) & _CODE_WITHOUT_DETAIL


def map_error(error: Exception) -> Exception:
    """Tell a failure of SQLite in our terms; anything else is a bug and stays as it is."""
    if isinstance(error, sqlite3.IntegrityError) and "job.twin" in str(error):
        return Refused("twin_open")
    if not isinstance(error, (sqlite3.Error, OSError)):
        return error
    kind = StoreBusy if plain_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) else StoreError
    ours = kind(f"SQLite: {error}")
    ours.__cause__ = error
    return ours


def _migration(name: str, changes: tuple[str, ...]) -> None:
    @_MIGRATIONS(name=name)
    def migrate(db: Database, /) -> None:
        for change in changes:
            db.execute(render(change, SQLITE))


_MIGRATIONS = Migrations("haltbot")
for _name, _changes in schema.MIGRATIONS.items():
    _migration(_name, _changes)
_migration("0002_append_only", schema.APPEND_ONLY_SQLITE)


def known_migrations() -> set[str]:
    """Name the migrations that this version has; an applied one that is not among them is a newer version's."""
    db = Database(memory=True)
    try:
        return {migration.name for migration in _MIGRATIONS.pending(db)}
    finally:
        db.close()
