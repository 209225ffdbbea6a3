"""Refusals: each stands in the audit, and a key that cannot be used is one."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace

from bot.domain import Event
from bot.errors import KeyMissing, KeyUnusable, Refused
from bot.ports import Store


@asynccontextmanager
async def refusals_recorded(store: Store, attempt: Event) -> AsyncIterator[None]:
    """Record ``attempt``, an event ``refused``, if what is done within raises Refused, and let that go on."""
    try:
        yield
    except Refused as refused:
        await store.record(replace(attempt, outcome=f"refused:{refused.reply}"))
        raise


@contextmanager
def unusable_keys_refused(team: str, channel: str) -> Iterator[None]:
    """Turn what is wrong with a channel's key into the refusal that tells the person."""
    try:
        yield
    except KeyMissing as missing:
        raise Refused("no_key", team=team, channel=channel) from missing
    except KeyUnusable as unusable:
        raise Refused("key_unusable", code=unusable.code) from unusable
