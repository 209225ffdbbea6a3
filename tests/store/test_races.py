"""Whoever comes at the same time, exactly one wins."""

import asyncio
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from store.examples import SEEN_AT, asked, finished, names, passed, press, submitted

from bot.domain.errors import Refused
from bot.domain.press import Choice
from bot.domain.termination import Outcome
from bot.domain.transitions import ending
from bot.ports.store import Submitted


async def test_of_200_racing_clicks_one_wins(store_factory):
    """From two processes, with every button there is."""
    owners = [await store_factory("one"), await store_factory("two")]
    question = await asked(owners[0])
    choices = list(Choice)

    results: list[Any] = await asyncio.gather(
        *(
            owners[number % 2].decide(press(question, choices[number % 3]), seen_at=SEEN_AT, run_here=True)
            for number in range(200)
        ),
        return_exceptions=True,
    )

    refusals = [result for result in results if isinstance(result, Refused)]
    (winner,) = [result for result in results if result not in refusals]
    assert {"already_decided"} == {refusal.reply for refusal in refusals}
    assert 2 == len(await names(owners[0]))
    assert winner.termination == (await owners[1].find(question.id)).termination


async def test_of_a_click_and_the_expiry_one_wins_1000_times(store_factory):
    """Never both, and never neither."""
    # Nobody takes over what was confirmed, however long a busy machine takes over all of them.
    clicker, timer = [await store_factory(owner, lease_ms=600_000) for owner in ("one", "two")]
    # A few at a time: a thousand at once would only measure how patient a busy machine's database is.
    questions = [one for _ in range(40) for one in await asyncio.gather(*(asked(clicker) for _ in range(25)))]
    confirmed, expired = set(), set()
    in_any_order = Random(1).sample(questions, len(questions))

    async def click(question):
        with suppress(Refused):
            await clicker.decide(press(question), seen_at=SEEN_AT, run_here=True)
            confirmed.add(question.id)

    async def click_all():
        while in_any_order:
            question = in_any_order.pop()
            # A person's press comes at any moment, also between two steps of the worker.
            await asyncio.sleep(0)
            await click(question)

    async def let_expire(job):
        expiry = ending(job.termination, "expired", Outcome.EXPIRED, await timer.now())
        if await timer.advance(job, expiry):
            expired.add(job.termination.id)

    async def expire_all():
        while jobs := await timer.claim(5):
            await asyncio.gather(*(let_expire(job) for job in jobs))

    # One of each for certain, however the machine divides the others.
    await click(in_any_order.pop())
    (due,) = await timer.claim(1)
    await let_expire(due)
    await asyncio.gather(*(click_all() for _ in range(5)), expire_all())

    assert min(len(confirmed), len(expired)) > 0
    assert set() == confirmed & expired
    assert {question.id for question in questions} == confirmed | expired
    for question in questions:
        expected = ["requested", "confirmed" if question.id in confirmed else "expired"]
        assert expected == await names(clicker, reference=question.id)


async def test_racing_claims_never_share_a_job(store_factory):
    """Two processes take different jobs, and together all of them."""
    owners = [await store_factory("one"), await store_factory("two")]
    results = await asyncio.gather(*(submitted(owners[0], run_here=False) for _ in range(200)))
    await passed(owners[0], await owners[0].now())

    claims = await asyncio.gather(*(owners[number % 2].claim(9) for number in range(60)))

    taken = [job.termination.id for jobs in claims for job in jobs]
    assert sorted(result.termination.id for result in results) == sorted(taken)


async def test_of_racing_requests_for_the_same_instance_one_is_recorded(store_factory):
    """The others are told which one."""
    owners = [await store_factory("one"), await store_factory("two")]
    attempts = [submitted(owners[number % 2], workflow_id="w1") for number in range(50)]

    results = await asyncio.gather(*attempts, return_exceptions=True)

    (winner,) = [result for result in results if isinstance(result, Submitted)]
    assert ["requested"] == await names(owners[0])
    assert winner.job is not None
    await finished(owners[0], winner.job)


@pytest.mark.parametrize("per_second", [10])
async def test_racing_calls_with_one_key_get_one_seconds_worth(store_factory, per_second):
    """The pace holds also when everybody asks at once."""
    owners = [await store_factory("one"), await store_factory("two")]

    start = await owners[0].now()
    waits = await asyncio.gather(*(owners[number % 2].pace("key", per_second) for number in range(100)))
    elapsed = await owners[0].now() - start

    assert per_second <= waits.count(0) <= per_second + elapsed * per_second / 1000 + 1
