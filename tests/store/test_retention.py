"""Retention: what ended long ago goes, what is open stays, and one owner does it for all."""

import asyncio

from store.examples import a_line, asked, audit, finished, names, passed, running, submitted

DAY_MS = 86_400_000


async def old(store):
    """Let the clock move on, so that everything so far lies in the past."""
    await passed(store, await store.now())


async def ended(store):
    return await finished(store, await running(store))


async def test_what_ended_goes_and_what_is_open_stays(store):
    """The audit goes with it, and what happens afterwards is recorded as ever."""
    done = await ended(store)
    held, question = await running(store), await asked(store)
    lines = len(await audit(store))
    await old(store)

    forgotten = await store.forget(older_than_ms=0, period_ms=DAY_MS)

    assert lines + 1 == forgotten
    assert [] == await audit(store)
    assert await store.find(done.termination.id) is None
    assert held.termination == (await store.find(held.termination.id)).termination
    assert question == (await store.find(question.id)).termination
    await store.record(a_line("later"))
    (line,) = await audit(store)
    assert ("later", lines + 1) == (line["event"], line["seq"])


async def test_what_is_young_enough_stays(store):
    """Nothing goes before its time."""
    done = await ended(store)
    lines = await names(store)

    assert 0 == await store.forget(older_than_ms=DAY_MS, period_ms=DAY_MS)
    assert lines == await names(store)
    assert await store.find(done.termination.id) is not None


async def test_one_of_all_owners_does_it(store, store_factory):
    """The period has passed for nobody else once one of them has begun."""
    other = await store_factory("two")
    for _ in range(3):
        await ended(store)
    await old(store)

    results = await asyncio.gather(
        *(one.forget(older_than_ms=0, period_ms=DAY_MS) for one in (store, other, store, other))
    )

    assert 1 == sum(result > 0 for result in results)
    assert 0 == await other.forget(older_than_ms=0, period_ms=DAY_MS)


async def test_more_than_a_chunk_goes(store):
    """It takes several transactions, and all of it goes."""
    for _ in range(16):
        await asyncio.gather(*(store.record(a_line()) for _ in range(50)))
    await asyncio.gather(*(submitted(store) for _ in range(20)))
    await old(store)

    assert 820 == await store.forget(older_than_ms=0, period_ms=DAY_MS)
    assert [] == await audit(store)
