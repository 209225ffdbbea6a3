"""``haltbot backup``: copies an embedded database while the bot runs."""

import asyncio
import shlex
from pathlib import Path

import click

from bot.config.settings import StorageSettings, load, sqlite_path
from bot.operations.backup import BackupFailed, back_up
from bot.store.database_file import examine


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
async def backup(file: Path) -> None:
    """Copy an embedded database while the bot runs.

    FILE is a new one; nothing is ever overwritten.
    """
    storage = load(StorageSettings)
    source = sqlite_path(storage.database_url)
    if source is None:
        raise BackupFailed(
            "An embedded database only. For PostgreSQL: pg_dump --format=custom, or the archive of your provider;"
            " pg_restore brings it back"
        )
    examine(source, may_create=False)
    size = await asyncio.to_thread(back_up, source, file)
    print(
        f"{file}: {size} bytes, whole. To restore: stop the bot, then haltbot restore {shlex.quote(str(file))}"
    )
    if storage.haltbot_encryption_keys is None:
        print(f"The keys in it open only with {source}.key: keep that too, and not beside the backup.")
