"""A termination is recorded once, whoever asks for it again."""

from dataclasses import replace

import pytest
from parts import changed
from store.examples import (
    a_key,
    a_line,
    a_termination,
    audit,
    between,
    finished,
    names,
    passed,
    running,
    submitted,
)

from bot.domain.admission import Admission
from bot.domain.errors import Refused, StoreError
from bot.domain.permissions import Facts, Person
from bot.domain.termination import Outcome, Phase
from bot.ports.store import Duplicate, Submitted


async def test_a_termination_comes_back_as_it_was_recorded(store):
    """What was asked for is what is found, with the database's time."""
    before = await store.now()

    result = await submitted(store, reason="ça y est 🛑\nline two  ", response_url="sealed")
    termination = result.termination

    found = await store.find(termination.id)
    assert termination == found.termination
    assert between(before, termination.request.requested_at, await store.now())
    assert Phase.REQUESTED is found.phase


async def test_the_request_is_in_the_audit(store):
    """The intent is recorded with the request, by the same time."""
    termination = (await submitted(store, force=True)).termination

    (line,) = await audit(store)

    assert ("requested", termination.id, True) == (line["event"], line["reference"], line["force"])


async def test_run_here_leases_the_job_to_this_owner(store):
    """The process that records it runs it, so nobody else may claim it."""
    job = await running(store)

    assert ("one", 1, 0) == (job.owner, job.fence, job.attempts)
    assert job.held_until > 0
    assert [] == await store.claim(10)


async def test_without_run_here_anybody_may_claim_at_once(store):
    """It is due now, and its first claim has fence 1."""
    result = await submitted(store, run_here=False)

    (job,) = await store.claim(10)

    assert result.job is None
    assert (result.termination, 1) == (job.termination, job.fence)


KNOWN = Facts(user="U1", home="T1", place="T1", person=Person())
GUEST = replace(KNOWN, person=Person(guest=True))


async def test_the_channel_is_looked_at_before_anything_is_written(store):
    """Its settings, or that it has no key; whoever is refused leaves nothing, not even the request's name."""

    async def submit(facts, **changes):
        admission = Admission(facts)
        return await store.submit(
            a_termination(**changes), Phase.REQUESTED, idempotency_key="x", run_here=True, admission=admission
        )

    await store.replace_settings("T1", "C1", {}, {"force_needs_reason": True}, a_line())
    with pytest.raises(Refused, match="no_key"):
        await submit(KNOWN)
    await store.put_channel_key(a_key(team="T1", channel="C1"), a_line())
    with pytest.raises(Refused, match="reason_needed"):
        await submit(KNOWN, force=True, reason="")
    with pytest.raises(Refused, match="guest"):
        await submit(GUEST)
    admitted = await submit(None)

    assert isinstance(admitted, Submitted)
    assert 1 == (await names(store)).count("requested")


async def test_a_channel_with_a_key_and_no_settings_has_the_usual_ones(store):
    """Nothing set is something else than no key."""
    await store.put_channel_key(a_key(team="T1", channel="C1"), a_line())

    admitted = await store.submit(
        a_termination(force=True, reason=""),
        Phase.AWAITING_CONFIRMATION,
        idempotency_key="x",
        run_here=True,
        admission=Admission(KNOWN),
    )

    assert isinstance(admitted, Submitted)


async def test_the_same_request_again_is_a_duplicate(store):
    """Slack may deliver a command twice; the second finds the first."""
    first = a_termination()
    await store.submit(first, Phase.REQUESTED, idempotency_key="trigger 1", run_here=True)

    again = await store.submit(a_termination(), Phase.REQUESTED, idempotency_key="trigger 1", run_here=True)

    assert isinstance(again, Duplicate)
    assert (first.id, Phase.REQUESTED, True) == (again.termination.id, again.phase, again.same_request)
    assert 1 == len(await audit(store))


async def test_the_same_request_is_a_duplicate_even_after_it_ended(store):
    """A late redelivery starts nothing, however it ended."""
    job = (
        await store.submit(a_termination(), Phase.REQUESTED, idempotency_key="trigger 1", run_here=True)
    ).job
    await finished(store, job, outcome=Outcome.FAILED, code="SCOPE_DENIED")

    again = await store.submit(a_termination(), Phase.REQUESTED, idempotency_key="trigger 1", run_here=True)

    assert isinstance(again, Duplicate)
    assert (Phase.DONE, True) == (again.phase, again.same_request)


async def test_an_open_twin_is_a_duplicate(store):
    """The same instance is not stopped twice at once, whoever asks."""
    job = await running(store, workflow_id="w1")

    again = await store.submit(
        a_termination(workflow_id="w1", user="U2", reason="other"),
        Phase.REQUESTED,
        idempotency_key="x",
        run_here=True,
    )

    assert isinstance(again, Duplicate)
    assert (job.termination, False) == (again.termination, again.same_request)


@pytest.mark.parametrize("other", [{"force": True}, {"channel": "C2"}, {"team": "T2"}, {"workflow_id": "w2"}])
async def test_what_differs_is_no_twin(store, other):
    """Another way, channel, team or instance is a request of its own."""
    await running(store, workflow_id="w1")

    result = await store.submit(
        a_termination(**{"workflow_id": "w1", **other}), Phase.REQUESTED, idempotency_key="x", run_here=True
    )

    assert isinstance(result, Submitted)


async def test_a_repeat_right_after_success_is_a_duplicate(store):
    """A person who saw a timeout presses Enter again; the workflow is gone already."""
    job = await running(store, workflow_id="w1")
    await finished(store, job, outcome=Outcome.GONE_VERIFIED, ended_at=await store.now())

    again = await store.submit(
        a_termination(workflow_id="w1"), Phase.REQUESTED, idempotency_key="x", run_here=True
    )

    assert isinstance(again, Duplicate)
    assert (Outcome.GONE_VERIFIED, False) == (again.termination.result.outcome, again.same_request)


@pytest.mark.parametrize(
    "ending",
    [
        {"outcome": Outcome.FAILED, "code": "UPSTREAM"},
        {"outcome": Outcome.CANCELLED},
        {"outcome": Outcome.ACCEPTED, "ended_at": 1},
    ],
)
async def test_after_another_end_it_may_be_asked_for_again(store, ending):
    """A failure, a cancellation and a success of long ago are no reason to refuse."""
    job = await running(store, workflow_id="w1")
    await finished(store, job, **{"ended_at": await store.now(), **ending})

    again = await store.submit(
        a_termination(workflow_id="w1"), Phase.REQUESTED, idempotency_key="x", run_here=True
    )

    assert isinstance(again, Submitted)


async def test_only_the_newest_ended_twin_counts(store):
    """A success followed by a failure may be repeated."""
    for outcome in (Outcome.ACCEPTED, Outcome.FAILED):
        termination = a_termination(workflow_id="w1", reason=outcome)
        result = await store.submit(termination, Phase.REQUESTED, idempotency_key=outcome, run_here=True)
        ended_at = await store.now()
        await finished(store, result.job, outcome=outcome, ended_at=ended_at)
        await passed(store, ended_at + 2)

    again = await store.submit(
        a_termination(workflow_id="w1", reason=Outcome.ACCEPTED),
        Phase.REQUESTED,
        idempotency_key="x",
        run_here=True,
    )

    assert isinstance(again, Submitted)


async def test_a_taken_reference_is_an_error(store):
    """Two terminations never share a reference."""
    job = await running(store)
    other = changed(job.termination, workflow_id="another")

    with pytest.raises(StoreError, match="reference is taken"):
        await store.submit(other, Phase.REQUESTED, idempotency_key="x", run_here=True)


async def test_what_is_open_in_a_channel_is_listed_oldest_first(store):
    """Only this channel's, and only what has not ended."""
    first, second, ended = [await running(store) for _ in range(3)]
    await running(store, channel="C2")
    await finished(store, ended)

    jobs = await store.open_in("T1", "C1")

    assert [first.termination, second.termination] == [job.termination for job in jobs]


async def test_nothing_is_found_for_an_unknown_reference(store):
    """A reference that somebody made up finds nothing."""
    assert await store.find("HB-unknown") is None
