"""Copies an embedded database while the bot runs, and brings such a copy back in its place."""

import os
import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path

from bot.domain.errors import HaltbotError, StoreLocked
from bot.store import statements
from bot.store.dialect import SQLITE, render
from bot.store.sqlite_file import hand_over, known_migrations, lock_file, owned_as

_BUSY_SECONDS = 5
_BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database belongs to that one alone: it would be replayed into another in its place."""


class BackupFailed(HaltbotError):
    """There is no backup; the message says why and what to do."""


class RestoreFailed(HaltbotError):
    """Nothing was lost; the message says why and what to do."""


def back_up(database: Path, target: Path) -> int:
    """Copy the database, check the copy, and only then name it; returns its size in bytes. Raises BackupFailed."""
    if not database.exists():
        raise BackupFailed(f"DATABASE_URL: there is no database at {database.absolute()}")
    if not target.absolute().parent.is_dir():
        raise BackupFailed(f"The folder {target.absolute().parent} does not exist")
    if target.exists():
        raise BackupFailed(f"{target} exists already; a backup never overwrites anything")
    unfinished = target.with_name(target.name + ".unfinished")
    try:
        # Ours before it holds anything, so that nobody else on the machine can read it.
        os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        _copy(database, unfinished)
        # Unlike a rename, a link does not replace what somebody else has put there meanwhile.
        target.hardlink_to(unfinished)
    except (OSError, sqlite3.Error) as error:
        raise BackupFailed(f"The backup to {target} failed: {error}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return target.stat().st_size


def restore(database: Path, backup: Path) -> list[Path]:
    """Put a copy of the backup in the database's place; returns the names under which that is kept.

    Raises RestoreFailed, StoreError.
    """
    if not backup.is_file():
        raise RestoreFailed(f"There is no backup at {backup.absolute()}")
    if database.exists() and backup.samefile(database):
        raise RestoreFailed(f"{backup} is the database itself; name a backup")
    try:
        lock = lock_file(database)
    except StoreLocked:
        raise RestoreFailed(
            f"A Haltbot is using {database.absolute()}: stop it, then restore; nothing was changed"
        ) from None
    try:
        # Behind a link, SQLite's own files are beside what it leads to.
        return _replace(database.resolve(), backup)
    finally:
        os.close(lock)


def _replace(database: Path, backup: Path) -> list[Path]:
    copy = database.with_name(f"{database.name}.unfinished-restore")
    try:
        # A fresh file: a former, interrupted restore may have left one.
        copy.unlink(missing_ok=True)
        os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        _copy(backup, copy)
        _check_version(copy, backup)
        _distrust(copy)
        hand_over(copy, like=owned_as(database))
        kept = _set_aside(database)
        copy.replace(database)
        _flush(database.parent)
    except (BackupFailed, OSError, sqlite3.Error) as error:
        raise RestoreFailed(f"{backup} cannot be restored: {error}. Nothing was deleted") from error
    finally:
        copy.unlink(missing_ok=True)
    return kept


def _check_version(copy: Path, backup: Path) -> None:
    """Refuse what no Haltbot of this version could open. Raises RestoreFailed, sqlite3.Error."""
    with closing(sqlite3.connect(copy)) as db:
        is_ours = db.execute("SELECT 1 FROM sqlite_master WHERE name = '_sqlite_migrations'").fetchone()
        applied = (
            {name for (name,) in db.execute("SELECT name FROM _sqlite_migrations")} if is_ours else set()
        )
    known = known_migrations()
    if not applied & known:
        raise RestoreFailed(f"{backup} is no database of Haltbot; nothing was changed")
    if newer := applied - known:
        raise RestoreFailed(
            f"{backup} was made by a newer Haltbot ({', '.join(sorted(newer))}): restore it with that version;"
            " nothing was changed"
        )


def _distrust(copy: Path) -> None:
    """Let what was about to be called or asked be looked up first: it may have been called since the backup."""
    with closing(sqlite3.connect(copy)) as db, db:
        db.execute(render(statements.DISTRUST, SQLITE), {"doubt": statements.DOUBT}).fetchall()
    _flush(copy)


def _set_aside(database: Path) -> list[Path]:
    """Give the database and SQLite's files beside it names under which SQLite still opens them as one."""
    there = [suffix for suffix in ("", *_BESIDE) if Path(f"{database}{suffix}").exists()]
    names = (f"{database}.before-restore" + (f"-{number}" if number > 1 else "") for number in count(1))
    name = next(name for name in names if not any(Path(f"{name}{s}").exists() for s in ("", *_BESIDE)))
    kept = [Path(f"{name}{suffix}") for suffix in there]
    # Each has its second name before any loses its first, and a link replaces nothing that is there.
    for suffix, aside in zip(there, kept, strict=True):
        aside.hardlink_to(f"{database}{suffix}")
    _flush(database.parent)
    for suffix in there:
        Path(f"{database}{suffix}").unlink()
    return kept


def _copy(database: Path, target: Path) -> None:
    source = f"{database.absolute().as_uri()}?mode=ro"
    with (
        closing(sqlite3.connect(source, uri=True, timeout=_BUSY_SECONDS)) as original,
        closing(sqlite3.connect(target)) as copy,
    ):
        # In one step: it reads one state of the write-ahead log and keeps no writer waiting, while a copy in
        # several steps would begin again with each write of the bot.
        original.backup(copy)
        # One file, without a write-ahead log beside it; the bot turns the log on again when it opens it.
        copy.execute("PRAGMA journal_mode = DELETE")
        (verdict,) = copy.execute("PRAGMA integrity_check").fetchone()
    if verdict != "ok":
        raise BackupFailed(f"The copy is damaged, and so may be {database}: {verdict}")
    _flush(target)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
