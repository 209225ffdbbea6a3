"""Looks at the embedded database's file before it is opened, so that a mistake is told and makes nothing."""

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from bot.config.settings import SettingsInvalid
from bot.domain.errors import StoreError


def check_path(path: Path, *, may_create: bool) -> None:
    """Refuse a file that cannot be used, or one that is not there and must not be made. Raises SettingsInvalid."""
    folder = path.absolute().parent
    try:
        is_there, is_folder = path.exists(), path.is_dir()
        if not folder.is_dir():
            raise SettingsInvalid(f"DATABASE_URL: the folder {folder} does not exist")
    except OSError as unreachable:
        raise SettingsInvalid(
            f"DATABASE_URL: {path} cannot be reached ({unreachable.strerror})"
        ) from unreachable
    if is_folder:
        raise SettingsInvalid(f"DATABASE_URL: {path} is a folder; name a file in it")
    if not is_there and not may_create:
        relative = "" if path.is_absolute() else " (a relative path starts at the current folder)"
        raise SettingsInvalid(f"DATABASE_URL: there is no database at {path.absolute()}{relative}")
    # SQLite keeps files of its own beside the database, so the folder has to be writable too.
    for wanted in (folder, path) if is_there else (folder,):
        if not os.access(wanted, os.W_OK):
            raise SettingsInvalid(f"DATABASE_URL: {_called(wanted)} cannot be written {_why(wanted)}")


def holds_sealed_keys(path: Path) -> bool:
    """Tell whether a database holds what only its encryption key opens. Raises StoreError."""
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'channel'").fetchone():
                return False
            found = db.execute("SELECT 1 FROM channel WHERE sealed_key IS NOT NULL LIMIT 1").fetchone()
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be read: {error}") from error
    return found is not None


def _called(path: Path) -> str:
    return f"the folder {path}" if path.is_dir() else str(path)


def _why(path: Path) -> str:
    if os.statvfs(path).f_flag & os.ST_RDONLY:
        return f"({os.strerror(errno.EROFS)})"
    denied, owned_by = f"({os.strerror(errno.EACCES)})", path.stat().st_uid
    if owned_by == os.geteuid():
        return denied
    try:
        owner = path.owner()
    except KeyError:
        # A service's user may exist only while it runs.
        owner = f"the user with the number {owned_by}"
    return f"{denied}. It belongs to {owner}: run this as that user, or as root"
