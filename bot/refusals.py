"""Sees to it that whatever is refused stands in the audit, with who wanted it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from bot.domain import Event
from bot.errors import Refused
from bot.ports import Store


@asynccontextmanager
async def refusals_recorded(store: Store, attempt: Event) -> AsyncIterator[None]:
    """Record ``attempt`` if what is done within raises Refused, which goes on to whoever tells the person."""
    try:
        yield
    except Refused as refused:
        await store.record(replace(attempt, event="refused", outcome=f"refused:{refused.reply}"))
        raise
