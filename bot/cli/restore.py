"""``haltbot restore``: brings a backup back in the place of an embedded database, which is kept.

A dump of PostgreSQL is brought back by its own tools; what is left to do then is done here.
"""

import argparse
import asyncio
from collections.abc import Callable
from pathlib import Path

from bot.config.settings import StorageSettings, load, sqlite_path
from bot.operations.backup import RestoreFailed, restore
from bot.store.database_file import examine
from bot.store.opening import postgres_adapter


def add_command(add: Callable[..., argparse.ArgumentParser]) -> None:
    command = add("restore", "bring a backup back; the database that is there is kept beside it", _restore)
    command.add_argument(
        "file",
        type=Path,
        nargs="?",
        metavar="FILE",
        help="what haltbot backup made; none after pg_restore, which has brought PostgreSQL's back",
    )


async def _restore(options: argparse.Namespace) -> int:
    storage = load(StorageSettings)
    database = sqlite_path(storage.database_url)
    if database is None:
        return await _look_first(storage.database_url, options.file)
    if options.file is None:
        raise RestoreFailed("Name the backup: haltbot restore FILE")
    examine(database, may_create=True)
    kept = await asyncio.to_thread(restore, database, options.file)
    print(f"{database.absolute()}: restored from {options.file}, whole.")
    if kept:
        print(f"What was there before is kept: {', '.join(map(str, kept))}")
    if storage.haltbot_encryption_keys is None:
        print(
            f"The keys in it open only with the backup's own key file: see that {database.absolute()}.key is it."
        )
    else:
        print("The keys in it open only with the HALTBOT_ENCRYPTION_KEYS of that time.")
    return 0


async def _look_first(url: str, backup: Path | None) -> int:
    """After pg_restore: what was open in the dump may have been called since it was made."""
    if backup is not None:
        raise RestoreFailed(
            "With PostgreSQL, pg_restore brings back what pg_dump made. Stop every replica first, and run haltbot"
            " restore without a file before one starts again: then nothing is called twice without a look"
        )
    count = await postgres_adapter().distrust(url)
    print(f"{count} termination(s) that were open in the dump are looked up before anything is called again.")
    return 0
