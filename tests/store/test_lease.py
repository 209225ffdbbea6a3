"""Who holds a job may change it; who comes late may not."""

import time
from dataclasses import replace

import pytest
from parts import changed
from store.examples import (
    SEEN_AT,
    a_termination,
    asked,
    audit,
    claimed,
    finished,
    names,
    passed,
    press,
    running,
    submitted,
    to,
)

from bot.domain.audit import Event, event
from bot.domain.errors import Refused
from bot.domain.job import Transition
from bot.domain.press import Choice
from bot.domain.termination import Outcome, Phase
from bot.ports.store import Duplicate

LEASE_MS = 60


async def test_claims_are_oldest_first_and_at_most_as_many_as_asked_for(store):
    """What has waited longest is taken first."""
    results = []
    for _ in range(3):
        results.append(await submitted(store, run_here=False))
        await passed(store, results[-1].termination.request.requested_at)

    jobs = await store.claim(2)

    assert [result.termination for result in results[:2]] == [job.termination for job in jobs]
    assert 1 == len(await store.claim(10))
    assert [] == await store.claim(10)


async def test_a_lease_that_ended_is_taken_over_with_a_higher_fence(store_factory):
    """A dead owner's work goes on elsewhere; what it does later is refused."""
    one = await store_factory("one", lease_ms=LEASE_MS)
    two = await store_factory("two")
    lost = await running(one)

    job, _ = await claimed(two)

    assert ("two", lost.fence + 1) == (job.owner, job.fence)
    assert await one.advance(lost, to(lost, Phase.TELLING, "late")) is None
    assert Phase.REQUESTED is (await two.find(job.termination.id)).phase
    assert ["requested"] == await names(two)


async def test_nothing_is_claimed_before_it_is_due(store_factory):
    """Neither a lease nor a wait is cut short, not even by a rounded millisecond."""
    store = await store_factory(lease_ms=20)
    for wait_ms in range(3, 9):
        start = await store.now()
        job = await running(store)
        held_until = job.held_until
        job, _ = await claimed(store)
        assert time.monotonic() >= held_until
        assert await store.now() >= start + 20
        start = await store.now()
        before = time.monotonic()

        await store.advance(job, to(job, Phase.REQUESTED, due_in_ms=wait_ms))
        job, _ = await claimed(store)

        assert await store.now() >= start + wait_ms
        assert time.monotonic() - before >= wait_ms / 1000
        await finished(store, job)


async def test_held_until_is_one_lease_from_before_the_statement(store):
    """The owner never believes in its lease for longer than the database does."""
    before = time.monotonic()

    job = await running(store)
    kept = await store.advance(job, to(job, Phase.REQUESTED))
    await submitted(store, run_here=False)
    (taken,) = await store.claim(1)
    clicked = await store.decide(press(await asked(store)), seen_at=SEEN_AT, run_here=True)

    for held in (job, kept, taken, clicked):
        assert before + 15 <= held.held_until <= time.monotonic() + 15


async def test_a_transition_keeps_the_lease_and_records_its_events(store):
    """The next step is this owner's too, with a full new lease."""
    job = await running(store)
    other = changed(job.termination, trouble="UPSTREAM", sent=("soft",))

    after = await store.advance(
        job,
        Transition(termination=other, phase=Phase.CALLING, events=(event(other, "calling", tries=1),)),
    )

    assert (other, Phase.CALLING, job.fence, "one") == (
        after.termination,
        after.phase,
        after.fence,
        after.owner,
    )
    assert after.held_until >= job.held_until
    assert replace(after, held_until=0) == replace(await store.find(other.id), held_until=0)
    assert [] == await store.claim(10)
    assert ["requested", "calling"] == await names(store)


async def test_attempts_change_only_when_the_transition_says_so(store):
    """A transition that does not mention them leaves them."""
    job = await running(store)

    job = await store.advance(job, to(job, Phase.REQUESTED, attempts=3))
    assert 3 == job.attempts
    job = await store.advance(job, to(job, Phase.REQUESTED, due_in_ms=0))
    assert 3 == job.attempts
    (job,) = await store.claim(1)
    assert 3 == job.attempts


async def test_a_job_that_was_given_back_waits_for_anybody(store_factory):
    """It has no owner, and whoever claims it when it is due goes on."""
    one, two = await store_factory("one"), await store_factory("two")
    job = await running(one)

    given_back = await one.advance(job, to(job, Phase.REQUESTED, due_in_ms=30))
    assert given_back.owner is None
    assert [] == await two.claim(10)
    job, _ = await claimed(two)

    assert ("two", 2) == (job.owner, job.fence)
    assert await one.advance(given_back, to(given_back, Phase.TELLING)) is None


async def test_a_finished_job_is_never_claimed_or_changed_again(store_factory):
    """Done is done."""
    store = await store_factory(lease_ms=1)
    job = await running(store)

    done = await finished(store, job, outcome=Outcome.ACCEPTED)
    await passed(store, await store.now() + 5)

    assert done is not None
    assert (Phase.DONE, None) == (done.phase, done.owner)
    assert [] == await store.claim(10)
    assert await store.advance(done, to(done, Phase.REQUESTED)) is None
    assert [] == await store.open_in("T1", "C1")


async def test_a_change_of_the_way_changes_the_twin(store):
    """A question that was answered softly is the twin of soft ones from then on, and no forced one's."""
    job = await running(store, workflow_id="w1", force=True)

    await store.advance(
        job, Transition(termination=changed(job.termination, force=False), phase=Phase.REQUESTED)
    )

    await submitted(store, workflow_id="w1", force=True)
    soft = a_termination(workflow_id="w1", force=False)
    assert isinstance(
        await store.submit(soft, Phase.REQUESTED, idempotency_key="x", run_here=True), Duplicate
    )


async def test_a_transition_into_an_open_twin_is_refused_and_changes_nothing(store):
    """Two open ones for the same instance and way would call twice."""
    await running(store, workflow_id="w1", force=False)
    job = await running(store, workflow_id="w1", force=True)
    softer = Transition(
        termination=changed(job.termination, force=False),
        phase=Phase.REQUESTED,
        events=(event(job.termination, "softened"),),
    )

    with pytest.raises(Refused) as refusal:
        await store.advance(job, softer)

    assert "twin_open" == refusal.value.reply
    assert job.termination == (await store.find(job.termination.id)).termination
    assert ["requested", "requested"] == await names(store)


async def test_release_gives_back_what_has_not_begun_its_call(store_factory):
    """A process that stops hands over at once; a call that is under way stays leased."""
    one, two = await store_factory("one"), await store_factory("two")
    idle, telling, calling = [await running(one) for _ in range(3)]
    await one.advance(telling, to(telling, Phase.TELLING))
    await one.advance(calling, to(calling, Phase.CALLING))
    others = await running(two)
    ended = await running(one)
    await finished(one, ended)

    await one.release()

    jobs = await two.claim(10)
    assert {idle.termination.id, telling.termination.id} == {job.termination.id for job in jobs}
    assert {(2, True)} == {(job.fence, job.taken_over) for job in jobs}
    assert "one" == (await one.find(calling.termination.id)).owner
    assert 1 == (await two.find(others.termination.id)).fence


async def test_a_click_fences_out_who_still_shows_the_question(store):
    """The asker's later news about the question changes nothing."""
    result = await submitted(store, Phase.AWAITING_CONFIRMATION, force=True)

    job = await store.decide(press(result.termination), seen_at=SEEN_AT, run_here=True)

    assert result.job is not None
    late = await store.advance(result.job, to(result.job, Phase.AWAITING_CONFIRMATION, due_in_ms=1000))
    assert late is None
    assert result.job.fence + 1 == job.fence


async def test_a_decided_question_is_run_here_or_by_anybody(store_factory):
    """The process that took the click runs it at once, or leaves it to the first that asks."""
    one, two = await store_factory("one"), await store_factory("two")
    here, anywhere = await asked(one), await asked(one)

    job = await one.decide(press(here), seen_at=SEEN_AT, run_here=True)
    left = await one.decide(press(anywhere, Choice.SOFT), seen_at=SEEN_AT, run_here=False)

    assert ("one", None) == (job.owner, left.owner)
    (taken,) = await two.claim(10)
    assert (anywhere.id, False, Phase.REQUESTED) == (
        taken.termination.id,
        taken.termination.request.force,
        taken.phase,
    )
    assert job.held_until > time.monotonic()


async def test_an_event_that_cannot_be_written_takes_its_transition_with_it(store):
    """The audit and the state never disagree."""
    job = await running(store)
    broken = Event(event="broken", team="T1", channel="C1", user="U1", detail={"what": object()})

    with pytest.raises(TypeError, match="JSON"):
        await store.advance(job, replace(to(job, Phase.TELLING), events=(broken,)))

    assert Phase.REQUESTED is (await store.find(job.termination.id)).phase
    assert 1 == len(await audit(store))


async def test_a_claim_tells_whether_somebody_held_it(store_factory):
    """What was given back is taken up as it stands; what was held may have gone further than is recorded."""
    one, two = await store_factory("one", lease_ms=LEASE_MS), await store_factory("two")
    held, rests = await running(one), await running(one)
    await one.advance(rests, to(rests, Phase.REQUESTED, due_in_ms=0))
    await passed(two, await two.now() + LEASE_MS)

    jobs = {job.termination.id: job.taken_over for job in await two.claim(10)}

    assert jobs.pop(held.termination.id)
    assert [False] == list(jobs.values())
