"""``haltbot migrate``: moves an embedded installation over to PostgreSQL, so that replicas can share it."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable

from bot.config.database_url import POSTGRES_SCHEMES, mistake_in
from bot.config.settings import SettingsInvalid, StorageSettings, load, sqlite_path
from bot.store.database_file import examine
from bot.store.opening import key_path, postgres_adapter
from bot.store.sqlite import open_sqlite
from bot.store.sqlite_file import lock_file


def add_command(add: Callable[..., argparse.ArgumentParser]) -> None:
    migrate = add("migrate", "move an embedded installation over to PostgreSQL", _migrate)
    migrate.add_argument(
        "--to",
        required=True,
        metavar="postgresql://…",
        help="an empty database; its password is better given as PGPASSWORD or in ~/.pgpass",
    )


async def _migrate(options: argparse.Namespace) -> int:
    source = sqlite_path(load(StorageSettings).database_url)
    if source is None:
        raise SettingsInvalid("DATABASE_URL: it is PostgreSQL already; only an embedded database is moved")
    if not options.to.startswith(POSTGRES_SCHEMES):
        raise SettingsInvalid("--to: must be postgresql://…")
    if mistake := mistake_in(options.to):
        raise SettingsInvalid(f"--to: {mistake}")
    examine(source, may_create=False)
    postgres = postgres_adapter("--to")
    # It needs the same extra.
    from bot.operations import migration  # noqa: PLC0415

    # Its lock keeps every bot away until it is set aside.
    lock = lock_file(source)
    try:
        # Opening it brings its schema up to date, and changes nothing else.
        await (await open_sqlite(source, owner="migrate", exclusive=False)).close()
        await postgres.prepare_postgres(options.to)
        moved = await asyncio.to_thread(migration.move, source, options.to, _say)
        aside = migration.set_aside(source)
    finally:
        os.close(lock)
    print(f"Moved {moved} rows, each compared. The old database is kept as {aside}; no bot uses it any more.")
    print("Now set DATABASE_URL to the new one, and start as many replicas as you like.")
    key_file = key_path(source)
    if key_file.exists():
        print(f"HALTBOT_ENCRYPTION_KEYS: give every replica what stands in {key_file}.")
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr)
