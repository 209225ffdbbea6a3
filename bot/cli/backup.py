"""``haltbot backup``: copies an embedded database while the bot runs."""

import argparse
import asyncio
import shlex
from collections.abc import Callable
from pathlib import Path

from bot.config.settings import StorageSettings, load, sqlite_path
from bot.operations.backup import BackupFailed, back_up
from bot.store.database_file import examine


def add_command(add: Callable[..., argparse.ArgumentParser]) -> None:
    backup = add("backup", "copy an embedded database while the bot runs", _backup)
    backup.add_argument("file", type=Path, metavar="FILE", help="the new file; nothing is ever overwritten")


async def _backup(options: argparse.Namespace) -> int:
    storage = load(StorageSettings)
    source = sqlite_path(storage.database_url)
    if source is None:
        raise BackupFailed(
            "An embedded database only. For PostgreSQL: pg_dump --format=custom, or the archive of your provider;"
            " pg_restore brings it back"
        )
    examine(source, may_create=False)
    size = await asyncio.to_thread(back_up, source, options.file)
    print(
        f"{options.file}: {size} bytes, whole. To restore: stop the bot, then haltbot restore {shlex.quote(str(options.file))}"
    )
    if storage.haltbot_encryption_keys is None:
        print(f"The keys in it open only with {source}.key: keep that too, and not beside the backup.")
    return 0
