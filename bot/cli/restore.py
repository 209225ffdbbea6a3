"""``haltbot restore``: brings a backup back in the place of an embedded database, which is kept."""

import argparse
import asyncio
from collections.abc import Callable
from pathlib import Path

from bot.backup import RestoreFailed, restore
from bot.config import StorageSettings, load, sqlite_path
from bot.database_file import examine


def add_command(add: Callable[..., argparse.ArgumentParser]) -> None:
    command = add("restore", "bring a backup back; the database that is there is kept beside it", _restore)
    command.add_argument("file", type=Path, metavar="FILE", help="what haltbot backup made")


async def _restore(options: argparse.Namespace) -> int:
    storage = load(StorageSettings)
    database = sqlite_path(storage.database_url)
    if database is None:
        raise RestoreFailed(
            "An embedded database only. For PostgreSQL: pg_restore brings back what pg_dump made"
        )
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
