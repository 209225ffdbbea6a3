"""A click decides a question once, for the one who may."""

from typing import Any

import pytest
from parts import changed
from store.examples import SEEN_AT, asked, audit, finished, names, press, running, submitted

from bot.domain.errors import Refused
from bot.domain.job import Transition
from bot.domain.press import Choice
from bot.domain.termination import MessageRef, Outcome, Phase


async def test_force_goes_on_as_a_request(store):
    """The choice, who made it and where the question was seen are kept."""
    question = await asked(store)

    job = await store.decide(press(question), seen_at=SEEN_AT, run_here=True)

    assert Phase.REQUESTED is job.phase
    assert (True, "U1", SEEN_AT) == (
        job.termination.request.force,
        job.termination.question.decided_by,
        job.termination.posting.message,
    )
    assert job.termination == (await store.find(question.id)).termination
    assert ["requested", "confirmed"] == await names(store)
    assert {"choice": "force"} == (await audit(store))[-1]["detail"]


async def test_keep_ends_it(store):
    """Nothing will be called; the message is told next."""
    question = await asked(store)

    job = await store.decide(press(question, Choice.KEEP), seen_at=SEEN_AT, run_here=True)

    assert (Phase.TELLING, Outcome.CANCELLED) == (job.phase, job.termination.result.outcome)
    assert "cancelled" == (await audit(store))[-1]["outcome"]


async def test_the_message_that_is_known_already_stays(store):
    """The click's own message only fills a gap."""
    known = MessageRef(channel="C1", ts="1700000000.000001", way="channel")
    question = await asked(store, message=known)

    job = await store.decide(press(question), seen_at=SEEN_AT, run_here=True)

    assert known == job.termination.posting.message


@pytest.mark.parametrize(
    ("change", "reply"),
    [
        ({"reference": "HB-unknown"}, "question_gone"),
        ({"channel": "C2"}, "question_elsewhere"),
        ({"user": "U2"}, "not_the_requester"),
        ({"question": 2}, "older_question"),
    ],
)
async def test_another_click_is_refused_and_changes_nothing(store, change, reply):
    """Each with its reason."""
    question = await asked(store)

    with pytest.raises(Refused) as refusal:
        await store.decide(press(question, **change), seen_at=SEEN_AT, run_here=True)

    assert reply == refusal.value.reply
    assert (Phase.AWAITING_CONFIRMATION, 0) == (
        (await store.find(question.id)).phase,
        (await store.find(question.id)).fence,
    )
    assert ["requested"] == await names(store)


async def test_an_expired_question_is_refused_by_the_databases_clock(store):
    """Also while its buttons are still to be seen."""
    now = await store.now()
    late, in_time = await asked(store, expires_at=now), await asked(store, expires_at=now + 60_000)

    await store.decide(press(in_time), seen_at=SEEN_AT, run_here=True)
    with pytest.raises(Refused) as refusal:
        await store.decide(press(late), seen_at=SEEN_AT, run_here=True)

    assert "question_expired" == refusal.value.reply


async def test_a_second_click_is_refused_whether_the_job_goes_on_or_ended(store):
    """The answer tells what became of it."""
    question = await asked(store)
    job = await store.decide(press(question), seen_at=SEEN_AT, run_here=True)

    for _ in range(2):
        with pytest.raises(Refused) as refusal:
            await store.decide(press(question), seen_at=SEEN_AT, run_here=True)
        assert "already_decided" == refusal.value.reply
        await finished(store, job, outcome=Outcome.ACCEPTED)

    ended: Any = refusal.value.detail["termination"]
    assert Outcome.ACCEPTED is ended.result.outcome


async def test_a_softened_question_with_an_open_soft_twin_is_refused(store):
    """The soft one that is under way does what was asked for; the question stays."""
    await running(store, workflow_id="w1", force=False)
    question = await asked(store, workflow_id="w1")

    with pytest.raises(Refused) as refusal:
        await store.decide(press(question, Choice.SOFT), seen_at=SEEN_AT, run_here=True)
    job = await store.decide(press(question, Choice.FORCE), seen_at=SEEN_AT, run_here=True)

    assert "twin_open" == refusal.value.reply
    assert Phase.REQUESTED is job.phase


async def test_a_question_outlives_its_askers_lease(store):
    """What is given back until it expires can still be answered."""
    result = await submitted(store, Phase.AWAITING_CONFIRMATION, force=True)
    shown = changed(result.termination, expires_at=await store.now() + 60_000)
    await store.advance(
        result.job, Transition(termination=shown, phase=Phase.AWAITING_CONFIRMATION, due_in_ms=60_000)
    )

    job = await store.decide(press(result.termination), seen_at=SEEN_AT, run_here=True)

    assert shown.question.expires_at == job.termination.question.expires_at
