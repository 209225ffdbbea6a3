"""What commands have in common: how they fail, who runs them, and the database beside a running bot."""

import getpass
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.config.settings import StorageSettings, load
from bot.domain.errors import HaltbotError
from bot.domain.findings import Finding
from bot.messages.findings import describe, remedy
from bot.messages.language import paragraph
from bot.ports.store import Store
from bot.store.opening import open_store


class CommandFailed(HaltbotError):
    """A command cannot do what it was asked; the message says why and what to do."""


def operator() -> str:
    """Name whoever works in this shell, as the audit does."""
    return f"shell:{getpass.getuser()}"


@asynccontextmanager
async def opened_store(database_url: str | None = None, *, may_create: bool = False) -> AsyncIterator[Store]:
    """Open a database, by default the settings', beside a bot that may run. Raises SettingsInvalid, StoreError."""
    url = database_url or load(StorageSettings).database_url
    store = await open_store(url, owner="shell", shared=True, may_create=may_create)
    try:
        yield store
    finally:
        await store.close()


def print_finding(finding: Finding) -> None:
    print(f"   {finding.level}: {paragraph(describe(finding), remedy(finding))}")
