"""What commands in a shell have in common: who runs them, and the database beside a running bot."""

import getpass
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.channels.key_check import examine_key
from bot.domain.api_key import ApiKey, KeyReport
from bot.domain.findings import Finding
from bot.ports.access import AccessStore
from bot.store.opening import open_store
from bot.vibecode.client import VibecodeClient, open_client


def operator() -> str:
    """Name whoever works in this shell, as the audit does."""
    return f"shell:{getpass.getuser()}"


@asynccontextmanager
async def opened_store(database_url: str, *, may_create: bool = False) -> AsyncIterator[AccessStore]:
    """Open the database as a guest, which takes over nothing. Raises SettingsInvalid, StoreError."""
    store = await open_store(database_url, owner="shell", shared=True, may_create=may_create)
    try:
        yield store
    finally:
        await store.close()


async def report_on(key: ApiKey, vibecode_api_url: str, now: int) -> KeyReport:
    """Ask Vibecode about a key before it is stored; ``now`` in Unix milliseconds."""
    async with open_client(vibecode_api_url) as http:
        return await examine_key(VibecodeClient(http), key, now)


def tell(finding: Finding) -> None:
    """Print what an examination has found."""
    print(f"   {finding.level}: {finding.told}" + (f" {finding.remedy}" if finding.remedy else ""))
