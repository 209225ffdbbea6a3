"""What the Home tab and the gauges ask: what was there lately, and how much there is to do."""

from store.examples import finished, passed, running, submitted

from bot.domain.termination import Outcome, Phase

DAY_MS = 24 * 60 * 60 * 1000


async def test_what_is_open_or_was_lately_is_listed_newest_first(store):
    """Other teams' terminations are not."""
    first = await submitted(store)
    # Two in the same millisecond have no order.
    await passed(store, await store.now() + 1)
    ended = await running(store)
    await finished(store, ended, outcome=Outcome.ALREADY_GONE, ended_at=await store.now())
    await submitted(store, team="T2")

    recent = await store.recent("T1", within_ms=DAY_MS, limit=10)

    assert {first.termination.id, ended.termination.id} == {job.termination.id for job in recent}
    assert Phase.DONE in {job.phase for job in recent}
    assert recent == sorted(recent, key=lambda job: -job.termination.request.requested_at)


async def test_no_more_than_asked_for_is_listed(store):
    """However many there are."""
    for _ in range(5):
        await submitted(store)

    assert 3 == len(await store.recent("T1", within_ms=DAY_MS, limit=3))


async def test_the_backlog_counts_what_is_open_by_its_phase(store):
    """What is done does not count, and what a process holds is not late."""
    await submitted(store)
    await submitted(store, Phase.AWAITING_CONFIRMATION)
    ended = await running(store)
    await finished(store, ended)

    backlog = await store.backlog()

    assert {"requested": 1, "awaiting_confirmation": 1} == dict(backlog.phases)
    assert 0 == backlog.oldest_due_ms


async def test_the_backlog_tells_how_late_the_oldest_is(store):
    """Nobody has taken it up since it became due."""
    await submitted(store, run_here=False)
    await passed(store, await store.now() + 5)

    assert (await store.backlog()).oldest_due_ms > 0
