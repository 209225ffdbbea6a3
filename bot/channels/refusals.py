"""Refusals: each stands in the audit, and a key that cannot be used is one."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace

from bot.domain.audit import Event
from bot.domain.errors import KeyMissing, KeyUnusable, Refused
from bot.ports.store import Store


@asynccontextmanager
async def refusals_recorded(store: Store, attempt: Event) -> AsyncIterator[None]:
    """Record ``attempt``, an event ``refused``, if what is done within raises Refused, and let that go on.

    What was to be stopped, and how, is added where the attempt names a termination of its team.
    """
    try:
        yield
    except Refused as refused:
        found = await store.find(attempt.reference) if attempt.reference is not None else None
        if found is not None and found.termination.request.team == attempt.team:
            about = found.termination
            attempt = replace(
                attempt,
                workflow_id=about.request.workflow_id,
                force=about.request.force,
                reason=about.request.reason,
            )
        await record_refusal(store, attempt, refused.reply)
        raise


async def record_refusal(store: Store, attempt: Event, reply: str) -> None:
    """Record ``attempt``, an event ``refused``, with what the person is told."""
    await store.record(replace(attempt, outcome=f"refused:{reply}"))


@contextmanager
def unusable_keys_refused(team: str, channel: str) -> Iterator[None]:
    """Turn what is wrong with a channel's key into the refusal that tells the person."""
    try:
        yield
    except KeyMissing as missing:
        raise Refused("no_key", team=team, channel=channel) from missing
    except KeyUnusable as unusable:
        raise Refused("key_unusable", code=unusable.code) from unusable
