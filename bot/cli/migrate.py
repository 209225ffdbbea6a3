"""``haltbot migrate``: moves an embedded installation over to PostgreSQL, so that replicas can share it."""

import asyncio
import os
import sys
from functools import partial

import click

from bot.config.database_url import POSTGRES_SCHEMES, mistake_in
from bot.config.settings import SettingsInvalid, StorageSettings, load, sqlite_path
from bot.store.database_file import examine
from bot.store.opening import key_path, postgres_adapter
from bot.store.sqlite import open_sqlite
from bot.store.sqlite_file import lock_file


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
    examine(source, may_create=False)
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
