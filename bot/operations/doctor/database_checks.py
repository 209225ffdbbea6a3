"""Looks at the database itself: its version, and of a file its soundness and the room that is left beside it."""

import shlex
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

from bot.domain.errors import StoreError
from bot.domain.findings import Finding, Level, judge_disk
from bot.store.sqlite_file import known_migrations, plain_code


def check_database_file(path: Path) -> list[Finding]:
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


def check_secret_file(path: Path, check: str, what: str) -> list[Finding]:
    """Tell whether others on the machine can read a file that ``what`` describes."""
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0
    if not mode & 0o077:
        return []
    told = f"{path.absolute()} {what}, and others on this machine may read it (mode {mode:04o})."
    remedy = f"chmod 600 {shlex.quote(str(path.absolute()))}"
    return [Finding(check, Level.WARN, told, remedy)]


def cannot_be_used(error: StoreError) -> Finding:
    """Tell of a database that does not even open, or that does not answer."""
    remedy = _RESTORE if plain_code(error.__cause__) in _DAMAGED else "Check DATABASE_URL."
    return Finding("database", Level.FAIL, f"The database cannot be used: {error}", remedy)


async def check_database_server(url: str) -> list[Finding]:
    """Read the version of a PostgreSQL database."""
    from bot.store import postgres  # noqa: PLC0415 -- an optional extra

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


_RESTORE = "Stop Haltbot, then haltbot restore FILE with a backup; it keeps the damaged file."
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
