"""Copies an embedded database while the bot runs, so that the copy is whole and opens like the original."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from bot.errors import HaltbotError

_BUSY_SECONDS = 5


class BackupFailed(HaltbotError):
    """There is no backup; the message says why and what to do."""


def back_up(database: Path, target: Path) -> int:
    """Copy the database, check the copy, and only then give it its name; its size in bytes.

    Raises BackupFailed.
    """
    if not database.exists():
        raise BackupFailed(f"DATABASE_URL: there is no database at {database}")
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
        raise BackupFailed(f"The backup is damaged, and so may be the database: {verdict}")
    descriptor = os.open(target, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
