"""Calls with one key keep their distance, whichever process makes them."""

import asyncio
from dataclasses import replace

import pytest
from store.examples import a_termination, names, passed, running, to

from bot.domain.termination import Phase


async def test_a_seconds_worth_may_go_at_once_then_one_per_interval(store):
    """5 per second: five now, the next one 200 ms after the first would have been due."""
    start = await store.now()

    waits = [await store.pace("key", 5) for _ in range(6)]

    elapsed = await store.now() - start
    assert [0, 0, 0, 0, 0] == waits[:5]
    assert 200 - elapsed <= waits[5] <= 200


async def test_after_the_wait_there_is_a_place(store):
    """Whoever waits as told is not told to wait again."""
    while not (wait_ms := await store.pace("key", 1)):
        pass

    await passed(store, await store.now() + wait_ms)

    assert 0 == await store.pace("key", 1)
    assert 0 < await store.pace("key", 1)


async def test_calls_are_spaced_across_owners(store_factory):
    """Two replicas share one pace: a second's worth at first, then the rate."""
    owners = [await store_factory("one"), await store_factory("two")]
    start = await owners[0].now()
    taken = 0
    while taken < 60:
        for owner in owners:
            taken += await owner.pace("key", 50) == 0
        await asyncio.sleep(0.001)

    elapsed = await owners[0].now() - start

    assert taken <= 50 + elapsed / 20 + 1


@pytest.mark.parametrize(("per_second", "interval_ms"), [(1, 1000), (0.5, 2000), (3, 334)])
async def test_a_rate_is_never_exceeded_by_rounding(store, per_second, interval_ms):
    """An interval that is no whole number of milliseconds is rounded up."""
    start = await store.now()
    burst = max(1, int(per_second))
    assert {0} == {await store.pace("key", per_second) for _ in range(burst)}

    wait_ms = await store.pace("key", per_second)

    assert interval_ms - (await store.now() - start) <= wait_ms <= interval_ms


async def test_keys_do_not_wait_for_each_other(store):
    """Each key has its own pace."""
    while await store.pace("busy", 5) == 0:
        pass

    assert 0 == await store.pace("idle", 5)


async def test_a_blocked_key_waits_as_long_as_it_was_blocked(store):
    """Retry-After counts for every call, also for the first with this key."""
    start = await store.now()
    await store.block("key", 60_000)

    wait_ms = await store.pace("key", 5)

    assert 60_000 - (await store.now() - start) <= wait_ms <= 60_001


async def test_a_shorter_block_does_not_end_a_longer_one(store):
    """Two answers may name different times: the later one counts."""
    await store.block("key", 60_000)
    await store.block("key", 10)

    assert 50_000 < await store.pace("key", 5)


async def test_a_block_ends(store):
    """After it, calls go on."""
    await store.block("key", 20)
    wait_ms = await store.pace("key", 5)

    await passed(store, await store.now() + wait_ms)

    assert 0 == await store.pace("key", 5)


async def test_begin_call_makes_the_transition_and_takes_a_place(store):
    """The phase is on disk before the call is made."""
    job = await running(store)

    begun = await store.begin_call(job, to(job, Phase.CALLING, "calling"), key_id="key", per_second=1)

    assert (Phase.CALLING, job.fence, "one") == (begun.phase, begun.fence, begun.owner)
    assert 0 < await store.pace("key", 1)
    assert ["requested", "calling"] == await names(store)


async def test_begin_call_writes_nothing_when_it_is_not_the_keys_turn(store):
    """It tells how long to wait, and the job stays as it was."""
    job = await running(store)
    await store.block("key", 5000)

    wait_ms = await store.begin_call(job, to(job, Phase.CALLING, "calling"), key_id="key", per_second=5)

    assert 4000 < wait_ms <= 5001
    found = await store.find(job.termination.id)
    assert replace(job, held_until=0) == replace(found, held_until=0)
    assert ["requested"] == await names(store)


async def test_a_late_owner_takes_nobodys_place(store_factory):
    """Fenced out, it neither calls nor uses up the pace."""
    one, two = await store_factory("one", lease_ms=1), await store_factory("two")
    late = await running(one)
    await passed(one, await one.now() + 5)
    await two.claim(1)

    begun = await one.begin_call(late, to(late, Phase.CALLING, "calling"), key_id="key", per_second=1)

    assert begun is None
    assert 0 == await two.pace("key", 1)
    assert ["requested"] == await names(two)


async def test_an_unknown_job_begins_no_call(store_factory):
    """A job of another database is fenced out here."""
    store = await store_factory()
    job = await running(store)
    stranger = replace(job, termination=a_termination())

    assert await store.begin_call(stranger, to(stranger, Phase.CALLING), key_id="key", per_second=1) is None
    assert await store.advance(stranger, to(stranger, Phase.CALLING)) is None
