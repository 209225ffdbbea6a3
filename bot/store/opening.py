"""Opens the database and the vault that the settings name."""

import secrets
from pathlib import Path
from typing import Any

from bot.config.settings import Settings, SettingsInvalid, StorageSettings, sqlite_path
from bot.config.vault import KEY_BYTES, AesVault, decode_keys, key_file
from bot.domain.pace import Pace
from bot.ports.store import Store
from bot.store import database_file
from bot.store.sqlite import open_sqlite
from bot.store.sqlite_file import hand_over, owned_as


async def open_store(
    database_url: str,
    *,
    owner: str,
    shared: bool = False,
    may_create: bool = True,
    lease_ms: int = Pace().lease_ms,
) -> Store:
    """Open the database that the settings name; ``shared`` for a command beside a running bot.

    ``may_create``: an embedded database that is not there is made; a command that only reads would otherwise find
    an empty one in the wrong folder. Raises SettingsInvalid, StoreError.
    """
    path = sqlite_path(database_url)
    if path is None:
        return await _open_postgres(database_url, owner, lease_ms)
    database_file.check_path(path, may_create=may_create)
    return await open_sqlite(path, owner=owner, lease_ms=lease_ms, exclusive=not shared)


async def _open_postgres(database_url: str, owner: str, lease_ms: int) -> Store:
    store: Store = await postgres_adapter().open_postgres(database_url, owner=owner, lease_ms=lease_ms)
    return store


def postgres_adapter(setting: str = "DATABASE_URL") -> Any:
    """Import ``bot.store.postgres``, which needs an optional extra. Raises SettingsInvalid about the setting."""
    try:
        from bot.store import postgres  # noqa: PLC0415 -- only where it is used
    except ImportError as missing:
        raise SettingsInvalid(
            f"{setting}: PostgreSQL needs the extra; in Haltbot's folder: pip install '.[postgres]'"
        ) from missing
    return postgres


def open_vault(storage: Settings | StorageSettings, *, may_create: bool = True) -> AesVault:
    """Build the vault from HALTBOT_ENCRYPTION_KEYS, or from the key file beside an embedded database.

    ``may_create``: a key file that is missing where it is not needed yet is made. Raises SettingsInvalid, StoreError.
    """
    if storage.haltbot_encryption_keys is not None:
        return AesVault(decode_keys(storage.haltbot_encryption_keys.get_secret_value()))
    path = sqlite_path(storage.database_url)
    if path is None:
        raise SettingsInvalid("HALTBOT_ENCRYPTION_KEYS: needed with PostgreSQL, the same on every replica")
    return _vault_beside(path, may_create=may_create)


def key_path(database: Path) -> Path:
    """Name the key file of an embedded database."""
    return database.with_name(database.name + ".key")


def _vault_beside(database: Path, *, may_create: bool) -> AesVault:
    path = key_path(database)
    database_file.check_path(database, may_create=may_create)
    if not path.exists() and database_file.holds_sealed_keys(database):
        raise SettingsInvalid(
            f"DATABASE_URL: {path} is missing, and {database} holds keys that only it opens. Put it back, or set"
            " HALTBOT_ENCRYPTION_KEYS to what stood in it; if it is lost, remove every channel's key (haltbot key"
            " list, haltbot key remove) and set them again"
        )
    if not may_create and not path.exists():
        # Nothing is sealed yet, so there is nothing that a key of this moment would have to open.
        return AesVault([secrets.token_bytes(KEY_BYTES)])
    try:
        is_new = not path.exists()
        keys = key_file(path)
        if is_new:
            hand_over(path, like=owned_as(database))
        return AesVault(keys)
    except OSError as unreachable:
        raise SettingsInvalid(
            f"DATABASE_URL: the key file {path} cannot be used ({unreachable.strerror})"
        ) from None
    except ValueError:
        raise SettingsInvalid(
            f"DATABASE_URL: the key file {path} is damaged: it holds no key. Put the right one back"
        ) from None
