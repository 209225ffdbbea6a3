"""Looks at the database itself: its version, and of a file its soundness and the room that is left beside it."""

import shlex
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

from bot.domain.errors import StoreError
from bot.domain.findings import Finding, fail, judge_disk, ok, warn
from bot.store.sqlite_file import known_migrations, plain_code


def check_database_file(path: Path) -> list[Finding]:
    """Read the file without changing it; takes its time with a large one."""
    found = [judge_disk(shutil.disk_usage(path.absolute().parent).free)]
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            (sound,) = db.execute("PRAGMA quick_check(1)").fetchone()
            applied = {name for (name,) in db.execute("SELECT name FROM _sqlite_migrations")}
    except sqlite3.Error as error:
        return [*found, fail("database.integrity", "file_unreadable", problem=error)]
    if sound == "ok":
        found.append(ok("database.integrity", "file_good"))
    else:
        found.append(fail("database.integrity", "file_damaged"))
    return [*found, _version(applied, known_migrations())]


def check_secret_file(path: Path, check: str, says: str) -> list[Finding]:
    """Tell whether others on the machine can read a file that has to be kept secret."""
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0
    if not mode & 0o077:
        return []
    where = str(path.absolute())
    return [warn(check, says, path=where, mode=f"{mode:04o}", quoted=shlex.quote(where))]


def cannot_be_used(error: StoreError) -> Finding:
    """Tell of a database that does not even open, or that does not answer."""
    damaged = plain_code(error.__cause__) in _DAMAGED
    return fail("database", "database_damaged" if damaged else "database_unusable", problem=error)


async def check_database_server(url: str) -> list[Finding]:
    """Read the version of a PostgreSQL database."""
    from bot.store import postgres  # noqa: PLC0415 -- an optional extra

    try:
        applied, known = await postgres.migrations(url)
    except StoreError as error:
        return [warn("database.version", "version_unknown", problem=error)]
    return [_version(applied, known)]


def _version(applied: set[str], known: set[str]) -> Finding:
    if unknown := applied - known:
        return fail("database.version", "version_newer", migrations=", ".join(sorted(unknown)))
    return ok("database.version", "version_good", count=len(applied))


_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
