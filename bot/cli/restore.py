"""``haltbot restore``: brings a backup back in the place of an embedded database, which is kept.

A dump of PostgreSQL is brought back by its own tools; what is left to do then is done here.
"""

import asyncio
from pathlib import Path

import click

from bot.config.settings import StorageSettings, load, sqlite_path
from bot.operations.backup import RestoreFailed
from bot.operations.backup import restore as restore_file
from bot.store.database_file import examine
from bot.store.opening import postgres_adapter


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
async def restore(file: Path | None) -> None:
    """Bring a backup back; the present database is kept beside it.

    FILE is what haltbot backup made; none after pg_restore, which has brought PostgreSQL's back.
    """
    storage = load(StorageSettings)
    database = sqlite_path(storage.database_url)
    if database is None:
        await _after_pg_restore(storage.database_url, file)
        return
    if file is None:
        raise RestoreFailed("Name the backup: haltbot restore FILE")
    examine(database, may_create=True)
    kept = await asyncio.to_thread(restore_file, database, file)
    print(f"{database.absolute()}: restored from {file}, whole.")
    if kept:
        print(f"What was there before is kept: {', '.join(map(str, kept))}")
    if storage.haltbot_encryption_keys is None:
        print(
            f"The keys in it open only with the backup's own key file: see that {database.absolute()}.key is it."
        )
    else:
        print("The keys in it open only with the HALTBOT_ENCRYPTION_KEYS of that time.")


async def _after_pg_restore(url: str, backup: Path | None) -> None:
    """See that what was open in the dump is looked up first: it may have been called since the dump was made."""
    if backup is not None:
        raise RestoreFailed(
            "With PostgreSQL, pg_restore brings back what pg_dump made. Stop every replica first, and run haltbot"
            " restore without a file before one starts again: then nothing is called twice without a look"
        )
    count = await postgres_adapter().distrust(url)
    print(f"{count} termination(s) that were open in the dump are looked up before anything is called again.")
