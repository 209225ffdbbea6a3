"""Looks at the database itself: its version, and of a file its soundness and the room that is left beside it."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from bot.doctor.findings import Finding, Level, judge_disk
from bot.errors import StoreError
from bot.stores.sqlite_file import known_migrations


def examine_file(path: Path) -> list[Finding]:
    """Read the file without changing it; takes its time with a large one."""
    found = [judge_disk(shutil.disk_usage(path.absolute().parent).free)]
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            (sound,) = db.execute("PRAGMA quick_check(1)").fetchone()
            applied = {name for (name,) in db.execute("SELECT name FROM _sqlite_migrations")}
    except sqlite3.Error as error:
        return [
            *found,
            Finding("database.integrity", Level.FAIL, f"The file cannot be read: {error}", _RESTORE),
        ]
    if sound == "ok":
        found.append(Finding("database.integrity", Level.OK, "The database file is sound."))
    else:
        found.append(Finding("database.integrity", Level.FAIL, "The database file is damaged.", _RESTORE))
    return [*found, _version(applied, known_migrations())]


async def examine_server(url: str) -> list[Finding]:
    """Read the version of a PostgreSQL database."""
    from bot.stores import postgres  # noqa: PLC0415 -- an optional extra

    try:
        applied, known = await postgres.migrations(url)
    except StoreError as error:
        return [Finding("database.version", Level.WARN, f"Its version cannot be read: {error}")]
    return [_version(applied, known)]


def _version(applied: set[str], known: set[str]) -> Finding:
    if unknown := applied - known:
        told = f"The database was made by a newer Haltbot ({', '.join(sorted(unknown))})."
        return Finding("database.version", Level.FAIL, told, "Run that newer version, or restore a backup.")
    return Finding(
        "database.version", Level.OK, f"The database has this version's {len(applied)} migrations."
    )


_RESTORE = "Stop Haltbot and restore a backup; keep the damaged file."
