"""Terminations, clicks and lines of the audit to fill a store with."""

import asyncio
import itertools
from dataclasses import replace

from parts import built, changed

from bot.domain.api_key import ChannelKey
from bot.domain.audit import Event, event
from bot.domain.channel_settings import Role
from bot.domain.job import Job, Transition
from bot.domain.press import Choice, Press
from bot.domain.termination import MessageRef, Phase, Termination
from bot.ports.store import Store, Submitted

SEEN_AT = MessageRef(channel="C1", ts="1700000000.000100", way="channel")

SET_BACK_MS = 100

_numbers = itertools.count(1)


def a_termination(**changes):
    number = next(_numbers)
    defaults = {
        "id": f"HB-{number:08}",
        "workflow_id": f"66a8c1b0.{number:08}",
        "reason": "stuck since 03:00 – “no answer”",
    }
    return built(**defaults | changes)


async def submitted(store: Store, phase=Phase.REQUESTED, *, run_here=True, **changes) -> Submitted:
    termination = a_termination(**changes)
    result = await store.submit(
        termination, phase, idempotency_key=f"request {termination.id}", run_here=run_here
    )
    assert isinstance(result, Submitted)
    return result


async def running(store: Store, **changes) -> Job:
    """A job that this store's owner holds."""
    job = (await submitted(store, **changes)).job
    assert job is not None
    return job


async def asked(store: Store, *, run_here=False, **changes) -> Termination:
    """A forced termination whose question waits for its answer."""
    changes = {"force": True, **changes}
    result = await submitted(store, Phase.AWAITING_CONFIRMATION, run_here=run_here, **changes)
    return result.termination


def press(termination: Termination, choice=Choice.FORCE, **changes) -> Press:
    click = Press(
        team=termination.request.team,
        channel=termination.request.channel,
        user=termination.request.user,
        reference=termination.id,
        question=termination.question.number,
        choice=choice,
        may=frozenset(Role),
    )
    return replace(click, **changes)


def to(job: Job, phase: Phase, *events: str, **changes) -> Transition:
    """A transition that leaves the termination as it is."""
    names = tuple(event(job.termination, name) for name in events)
    return Transition(termination=job.termination, phase=phase, events=names, **changes)


async def finished(store: Store, job: Job, **changes) -> Job | None:
    termination = changed(job.termination, **changes)
    return await store.advance(job, Transition(termination=termination, phase=Phase.DONE))


def a_line(name="refused", **changes) -> Event:
    return replace(Event(event=name, team="T1", channel="C1", user="U1"), **changes)


def a_key(**changes) -> ChannelKey:
    return replace(
        ChannelKey(
            team="T1",
            channel="C1",
            sealed_key="sealed",
            sealed_session=None,
            key_id="key-1",
            hint="vibe_api_1234567…abcd",
            set_by="U1",
            set_at=1_700_000_000_000,
        ),
        **changes,
    )


async def audit(store: Store, **of):
    return [line async for line in store.events(**of)]


async def names(store: Store, **of):
    return [line["event"] for line in await audit(store, **of)]


def between(before: int, moment: int, after: int) -> bool:
    """Tell whether these times, in ms, follow each other; a machine's clock is also set back a little while it runs."""
    return before - SET_BACK_MS <= moment <= after + SET_BACK_MS


async def passed(store: Store, moment: int) -> None:
    """Wait until the store's clock shows more than that."""
    async with asyncio.timeout(10):
        while (remaining_ms := moment + 1 - await store.now()) > 0:  # noqa: ASYNC110 -- a clock wakes nobody
            await asyncio.sleep(remaining_ms / 1000)


async def claimed(store: Store) -> tuple[Job, int]:
    """Claim one job as soon as it is due; also tells a time at which it was not claimed yet."""
    async with asyncio.timeout(10):
        while True:
            before = await store.now()
            if jobs := await store.claim(1):
                return jobs[0], before
            await asyncio.sleep(0.001)
