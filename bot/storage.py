"""Opens the database and the vault that the settings name."""

from bot.config import Settings, SettingsInvalid, StorageSettings, sqlite_path
from bot.ports_access import AccessStore
from bot.store_sqlite import open_sqlite
from bot.vault import AesVault, decode_keys, key_file

LEASE_MS = 15_000
"""Longer than the longest Vibecode call: a takeover must not find it still under way."""


async def open_store(database_url: str, *, owner: str, shared: bool = False) -> AccessStore:
    """Open the database that the settings name; ``shared`` for a command beside a running bot.

    Raises SettingsInvalid, StoreError.
    """
    path = sqlite_path(database_url)
    if path is None:
        return await _open_postgres(database_url, owner)
    return await open_sqlite(path, owner=owner, lease_ms=LEASE_MS, exclusive=not shared)


async def _open_postgres(database_url: str, owner: str) -> AccessStore:
    try:
        from bot.store_postgres import open_postgres  # noqa: PLC0415 -- an optional extra
    except ImportError as missing:
        raise SettingsInvalid(
            "DATABASE_URL: PostgreSQL needs the extra: pip install 'haltbot[postgres]'"
        ) from missing
    return await open_postgres(database_url, owner=owner, lease_ms=LEASE_MS)


def open_vault(storage: Settings | StorageSettings) -> AesVault:
    """Build the vault from HALTBOT_ENCRYPTION_KEYS, or from the key file beside an embedded database."""
    path = sqlite_path(storage.database_url)
    try:
        if storage.haltbot_encryption_keys is not None:
            return AesVault(decode_keys(storage.haltbot_encryption_keys.get_secret_value()))
        if path is None:
            raise SettingsInvalid(
                "HALTBOT_ENCRYPTION_KEYS: needed with PostgreSQL, the same on every replica"
            )
        return AesVault(key_file(path.with_name(path.name + ".key")))
    except OSError as unreachable:
        raise SettingsInvalid(
            f"DATABASE_URL: the key file beside it cannot be used: {unreachable.strerror}"
        ) from None
    except ValueError as wrong:
        raise SettingsInvalid(f"HALTBOT_ENCRYPTION_KEYS: {wrong}") from None
