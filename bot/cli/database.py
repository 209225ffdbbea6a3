"""``haltbot backup``, ``restore`` and ``migrate``: what an operator does with a whole database."""

import asyncio
import os
import shlex
import sys
from functools import partial
from pathlib import Path

import click

from bot.config.database_url import POSTGRES_SCHEMES, mistake_in
from bot.config.settings import SettingsInvalid, StorageSettings, load, sqlite_path
from bot.operations.backup import BackupFailed, RestoreFailed, back_up
from bot.operations.backup import restore as restore_file
from bot.store.database_file import check_path
from bot.store.opening import key_path, postgres_adapter
from bot.store.sqlite import open_sqlite
from bot.store.sqlite_file import lock_file


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
    check_path(source, may_create=False)
    size = await asyncio.to_thread(back_up, source, file)
    print(
        f"{file}: {size} bytes, whole. To restore: stop the bot, then haltbot restore {shlex.quote(str(file))}"
    )
    if storage.haltbot_encryption_keys is None:
        print(f"The keys in it open only with {source}.key: keep that too, and not beside the backup.")


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
    check_path(database, may_create=True)
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


@click.command()
@click.option(
    "--to",
    "target",
    required=True,
    metavar="postgresql://…",
    help="An empty database; its password is better given as PGPASSWORD or in ~/.pgpass.",
)
async def migrate(target: str) -> None:
    """Move an embedded installation over to PostgreSQL."""
    source = sqlite_path(load(StorageSettings).database_url)
    if source is None:
        raise SettingsInvalid("DATABASE_URL: it is PostgreSQL already; only an embedded database is moved")
    if not target.startswith(POSTGRES_SCHEMES):
        raise SettingsInvalid("--to: must be postgresql://…")
    if mistake := mistake_in(target):
        raise SettingsInvalid(f"--to: {mistake}")
    check_path(source, may_create=False)
    postgres = postgres_adapter("--to")
    from bot.operations import migration  # noqa: PLC0415 -- it needs the same extra

    # Its lock keeps every bot away until it is set aside.
    lock = lock_file(source)
    try:
        # Opening it brings its schema up to date, and changes nothing else.
        await (await open_sqlite(source, owner="migrate", exclusive=False)).close()
        await postgres.prepare_postgres(target)
        moved = await asyncio.to_thread(migration.move, source, target, partial(print, file=sys.stderr))
        aside = migration.set_aside(source)
    finally:
        os.close(lock)
    print(f"Moved {moved} rows, each compared. The old database is kept as {aside}; no bot uses it any more.")
    print("Now set DATABASE_URL to the new one, and start as many replicas as you like.")
    key_file = key_path(source)
    if key_file.exists():
        print(f"HALTBOT_ENCRYPTION_KEYS: give every replica what stands in {key_file}.")
