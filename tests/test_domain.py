"""What a termination is, who may decide it, and what follows: pure functions, without a clock or a database."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts import built, changed
from store.examples import press

from bot.domain.audit import event
from bot.domain.errors import Refused
from bot.domain.instance import Instance
from bot.domain.press import Choice
from bot.domain.termination import MessageRef, Outcome, Phase, dedupe_key, repeats
from bot.domain.transitions import decide, ending
from bot.store.payload import decode, encode

ASKED = built(
    id="abcdefgh2345",
    team="T1",
    channel="C1",
    user="U1",
    workflow_id="69f0c2d5ade389.22457798",
    force=True,
    reason="loops",
    requested_at=1_000,
    message=MessageRef("C1", "1.1", "channel"),
    number=2,
    expires_at=300_000,
)
PRESS = press(ASKED)
AWAITING = Phase.AWAITING_CONFIRMATION


@pytest.mark.parametrize(
    ("choice", "phase", "force", "outcome", "recorded"),
    [
        (Choice.FORCE, Phase.REQUESTED, True, None, "confirmed"),
        (Choice.SOFT, Phase.REQUESTED, False, None, "confirmed"),
        (Choice.KEEP, Phase.TELLING, True, Outcome.CANCELLED, "cancelled"),
    ],
)
def test_each_answer_of_the_question_has_its_effect(choice, phase, force, outcome, recorded):
    """Force goes on as asked, soft without force, keep ends it; each is recorded with who did it."""
    to = decide(ASKED, AWAITING, replace(PRESS, choice=choice), now=2_000)

    (told,) = to.events
    assert (phase, force, outcome) == (to.phase, to.termination.request.force, to.termination.result.outcome)
    assert (recorded, "U1") == (told.event, told.user)
    assert "U1" == to.termination.question.decided_by


@pytest.mark.parametrize(
    ("press", "reply"),
    [
        (replace(PRESS, user="U2"), "not_the_requester"),
        (replace(PRESS, team="T2"), "not_the_requester"),
        (replace(PRESS, channel="C2"), "question_elsewhere"),
        (replace(PRESS, question=1), "older_question"),
        (replace(PRESS, question=3), "older_question"),
    ],
)
@pytest.mark.parametrize("choice", [Choice.FORCE, Choice.SOFT, Choice.KEEP])
def test_nothing_but_the_requester_s_own_press_decides(press, reply, choice):
    """Another person, team, channel or question: no answer of theirs counts, not even Keep running."""
    with pytest.raises(Refused) as refused:
        decide(ASKED, AWAITING, replace(press, choice=choice), now=2_000)

    assert reply == refused.value.reply


@pytest.mark.parametrize("choice", [Choice.FORCE, Choice.SOFT, Choice.KEEP])
def test_the_last_moment_counts_and_the_next_does_not(choice):
    """A question stands until its end, to the millisecond."""
    press = replace(PRESS, choice=choice)

    assert decide(ASKED, AWAITING, press, now=299_999)
    with pytest.raises(Refused) as refused:
        decide(ASKED, AWAITING, press, now=300_000)
    assert "question_expired" == refused.value.reply


@pytest.mark.parametrize("phase", sorted(set(Phase) - {AWAITING}))
@pytest.mark.parametrize("choice", [Choice.FORCE, Choice.SOFT, Choice.KEEP])
def test_a_question_is_answered_once(phase, choice):
    """Whatever came after the answer, the buttons of the question decide nothing any more."""
    with pytest.raises(Refused) as refused:
        decide(ASKED, phase, replace(PRESS, choice=choice), now=2_000)

    assert "already_decided" == refused.value.reply


def test_a_question_that_stands_elsewhere_is_answered_there():
    """The bot could not post in the channel, so the question went to the person directly."""
    told_directly = changed(ASKED, message=MessageRef("D1", "1.1", "dm"))

    assert decide(told_directly, AWAITING, replace(PRESS, channel="D1"), now=2_000)
    assert decide(changed(ASKED, message=None), AWAITING, PRESS, now=2_000)


def test_an_ending_is_recorded_before_it_is_told():
    """The outcome, its code and status, and how often it was tried are in the event."""
    to = ending(
        changed(ASKED, sent=("soft",) * 3, trouble="X"),
        "outcome",
        Outcome.FAILED,
        9_000,
        code="X",
        status=502,
    )

    (told,) = to.events
    assert (Phase.TELLING, 9_000, None) == (
        to.phase,
        to.termination.result.ended_at,
        to.termination.calls.trouble,
    )
    assert "failed:X" == told.outcome
    assert {"code": "X", "status": 502, "tries": 3, "recovered": False} == dict(told.detail)


@pytest.mark.parametrize(
    ("outcome", "code", "result"),
    [
        (None, None, None),
        (Outcome.GONE_VERIFIED, None, "gone_verified"),
        (Outcome.ALREADY_GONE, "ENTITY_NOT_FOUND", "already_gone"),
        (Outcome.FAILED, "SCOPE_DENIED", "failed:SCOPE_DENIED"),
        (Outcome.UNKNOWN, "TIMEOUT", "unknown"),
    ],
)
def test_a_result_is_named_as_the_audit_names_it(outcome, code, result):
    """A failure carries its code."""
    assert result == changed(ASKED, outcome=outcome, code=code).result.label


def test_twins_stop_the_same_instance_the_same_way():
    """Who asked and why does not matter; team, channel, instance and force do."""
    assert dedupe_key(ASKED) == dedupe_key(changed(ASKED, id="other", user="U2", reason="other"))
    others = [
        changed(ASKED, team="T2"),
        changed(ASKED, channel="C2"),
        changed(ASKED, workflow_id="69f0c2d5ade389.22457799"),
        changed(ASKED, force=False),
    ]
    assert 5 == len({dedupe_key(one) for one in [ASKED, *others]})


@pytest.mark.parametrize(
    ("differs", "expected"),
    [
        ({}, True),
        ({"user": "U2"}, False),
        ({"reason": "other"}, False),
        ({"requested_at": 129_999}, True),
        ({"requested_at": 130_000}, False),
    ],
)
def test_the_same_again_within_two_minutes_is_a_repetition(differs, expected):
    """Somebody saw Slack's timeout and pressed Enter once more."""
    done = changed(ASKED, outcome=Outcome.GONE_VERIFIED, ended_at=10_000)
    later = changed(ASKED, **({"requested_at": 11_000} | differs))

    assert expected == repeats(done, later)


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.UNKNOWN, Outcome.CANCELLED, Outcome.EXPIRED])
def test_what_did_not_succeed_may_be_asked_for_again_at_once(outcome):
    """It is no repetition but a second try."""
    assert not repeats(changed(ASKED, outcome=outcome, ended_at=10_000), changed(ASKED, requested_at=11_000))


def test_an_event_names_who_did_it():
    """The requester, unless somebody else is named."""
    assert "U1" == event(ASKED, "attempted").user
    assert ("U2", {"way": "dm"}) == (
        (told := event(ASKED, "told_elsewhere", user="U2", way="dm")).user,
        dict(told.detail),
    )
    assert (ASKED.id, ASKED.request.reason, True) == (told.reference, told.reason, told.force)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.none() | st.sampled_from(Outcome), st.booleans())
def test_a_termination_survives_the_database(reason, outcome, seen):
    """Whatever it holds, it comes back as it was."""
    instance = Instance("1", template_id="713", locked_until=5) if seen else None
    whole = changed(ASKED, reason=reason, outcome=outcome, seen=instance)

    assert whole == decode(encode(whole))
