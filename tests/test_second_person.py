"""A force that one person alone cannot decide: the second person, the broken glass, the last four characters."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from parts import built, changed
from store.examples import press
from workspace import Workspace

from bot.domain.channel_settings import Role
from bot.domain.errors import Refused
from bot.domain.press import Choice
from bot.domain.termination import Approval, MessageRef, Phase
from bot.domain.transitions import decide
from bot.messages.force_dialog import LAST_FOUR, WHY
from bot.messages.termination import BREAK_GLASS, FORCE_TERMINATE, KEEP_RUNNING, TERMINATE_SOFTLY
from sandbox.slack import Message, Person
from sandbox.slack.workspace import View
from sandbox.vibecode import Step

WAITING = Step(3600, locked=False)


async def asked(work: Workspace, reason: str = "deadlock", **settings: Any) -> tuple[str, Message]:
    """Let the requester ask for a force in a channel with these settings; the colleague may approve."""
    await work.put_settings({"second_person": "always", "approve": [work.colleague.id]} | settings)
    instance = work.vibecode.start_instance(steps=[WAITING])
    await work.command(f"{instance} force {reason}")
    question = await work.told("Started by")
    return instance, question


async def dialog_of(work: Workspace, person: Person) -> View:
    (view,) = await work.slack.wait_for(lambda: work.slack.views(person))
    return view


async def events(work: Workspace, name: str) -> list[Mapping[str, Any]]:
    return [event for event in await work.audit() if event["event"] == name]


async def test_somebody_else_has_to_press(either: Workspace):
    """The requester's press is answered so; the approver's runs it, and both are named."""
    instance, question = await asked(either)

    await either.click(FORCE_TERMINATE)
    told = await either.whispered("your own press does not approve it")
    unsent = either.vibecode.deletes()
    await either.click(FORCE_TERMINATE, by=either.colleague)
    message = await either.told("is gone (verified")

    assert f"Who can approve: <@{either.colleague.id}>." in question.text
    assert f"Who can approve: <@{either.colleague.id}>." in told
    assert [] == unsent
    assert 1 == len(either.vibecode.deletes(instance))
    assert f"Asked by <@{either.requester.id}> · approved by <@{either.colleague.id}>" in message.text
    (confirmed,) = await events(either, "confirmed")
    assert (either.colleague.id, "second_person") == (confirmed["user"], confirmed["detail"]["approval"])


async def test_without_the_role_nobody_approves(work: Workspace):
    """A third person is told which role is missing, and the question stands."""
    _, question = await asked(work)
    third = work.slack.add_person("Theo")

    await work.click(FORCE_TERMINATE, by=third)
    await work.whispered("role *approve*", to=third)
    await work.click(BREAK_GLASS if BREAK_GLASS in question.action_ids else KEEP_RUNNING, by=third)
    await work.slack.wait_for(lambda: len(work.whispers(third)) == 2)

    assert question.action_ids == work.message().action_ids
    assert [] == work.vibecode.deletes()


async def test_of_two_approvers_one_decides(work: Workspace):
    """Clicks at once: one wins, the other reads by whom it was answered."""
    second = work.slack.add_person("Sue")
    instance, question = await asked(work, approve=[work.colleague.id, second.id])

    await asyncio.gather(
        work.slack.click(work.colleague, question, FORCE_TERMINATE),
        work.slack.click(second, question, FORCE_TERMINATE),
    )
    await work.told("is gone (verified")
    await work.slack.wait_for(lambda: work.whispers(work.colleague) + work.whispers(second))

    assert 1 == len(work.vibecode.deletes(instance))


@pytest.mark.parametrize("action_id", [KEEP_RUNNING, TERMINATE_SOFTLY])
async def test_the_requester_may_always_choose_the_gentler_way(work: Workspace, action_id: str):
    """To let it run, or to stop it softly, needs no second person."""
    instance, _ = await asked(work)

    await work.click(action_id)
    await work.told("Kept running" if action_id == KEEP_RUNNING else "is gone (verified")

    assert [{"status": "deadlock"}][: action_id == TERMINATE_SOFTLY] == [
        call.query for call in work.vibecode.deletes(instance)
    ]


async def test_an_approver_may_decline(work: Workspace):
    """Keep running ends it for everybody."""
    await asked(work)

    await work.click(KEEP_RUNNING, by=work.colleague)
    message = await work.told("Kept running")

    assert f"<@{work.colleague.id}> decided" in message.text
    assert [] == work.vibecode.deletes()


async def test_a_setting_made_after_the_question_counts_at_the_click(work: Workspace):
    """The channel wants a second person now, whatever the message still says."""
    instance, _ = await asked(work, second_person="off")
    await work.put_settings({"second_person": "always", "approve": [work.colleague.id]})

    await work.click(FORCE_TERMINATE)
    await work.whispered("your own press")
    await work.click(FORCE_TERMINATE, by=work.colleague)
    await work.told("is gone (verified")

    assert 1 == len(work.vibecode.deletes(instance))


@pytest.mark.parametrize("on_call", [True, False])
async def test_on_call_one_person_is_enough(work: Workspace, on_call: bool):
    """Outside on-call somebody has to approve; the user group says who is on call."""
    group = work.slack.add_user_group("on-call", [work.requester] if on_call else [])
    instance, _ = await asked(work, second_person="outside_on_call", on_call=group.id)

    await work.click(FORCE_TERMINATE)
    await (work.told("is gone (verified") if on_call else work.whispered("your own press"))

    assert on_call == bool(work.vibecode.deletes(instance))


async def test_the_glass_is_broken_loudly_and_with_a_reason(either: Workspace):
    """One person forces alone: the channel is told, the audit says so, the message keeps it."""
    instance, question = await asked(either, reason="", break_glass=True)

    await either.click(BREAK_GLASS)
    view = await dialog_of(either, either.requester)
    await either.slack.submit(either.requester, view, {WHY: "payroll in 5 min"})
    await either.slack.wait_for(
        lambda: [m for m in either.slack.channel_messages(either.channel) if "rotating_light" in m.text][1:]
    )
    messages = await either.slack.wait_for(
        lambda: [m for m in either.slack.channel_messages(either.channel) if "is gone (verified" in m.text]
    )

    assert BREAK_GLASS in question.action_ids
    assert question.ts == messages[0].ts
    assert "Break glass" in messages[0].text
    (call,) = either.vibecode.deletes(instance)
    assert {"force": "true", "status": "payroll in 5 min"} == call.query
    (broken,) = await events(either, "break_glass")
    assert "payroll in 5 min" == broken["detail"]["why"]


async def test_an_empty_reason_does_not_break_the_glass(work: Workspace):
    """The dialog stays open and says what it wants."""
    await asked(work, break_glass=True)
    await work.click(BREAK_GLASS)
    view = await dialog_of(work, work.requester)

    answer = await work.slack.submit(work.requester, view, {WHY: "  "})

    assert {WHY: "Say why this cannot wait for a second person."} == answer.json["errors"]
    assert [] == work.vibecode.deletes()


async def test_a_dialog_that_asks_too_little_decides_nothing(work: Workspace):
    """The channel wants more than it did when the dialog was opened."""
    await asked(work, break_glass=True)
    await work.click(BREAK_GLASS)
    view = await dialog_of(work, work.requester)
    await work.put_settings({"second_person": "always", "break_glass": True, "type_last_four": True})

    await work.slack.submit(work.requester, view, {WHY: "payroll"})
    await work.whispered("not the last four")

    assert [] == work.slack.views(work.requester)
    assert [] == work.vibecode.deletes()


async def test_the_glass_is_not_broken_where_it_is_not_allowed(work: Workspace):
    """There is no button, and a press of an older one is refused."""
    instance, question = await asked(work, break_glass=True)
    await work.put_settings({"second_person": "always"})

    await work.slack.click(work.requester, question, BREAK_GLASS)
    await work.whispered("Forcing alone is not allowed here")

    assert work.vibecode.is_running(instance)
    assert [] == work.slack.views(work.requester)


async def test_the_last_four_have_to_be_typed(either: Workspace):
    """A stray tap opens a dialog; only the right characters force."""
    instance, _ = await asked(either, second_person="off", type_last_four=True)

    await either.click(FORCE_TERMINATE)
    view = await dialog_of(either, either.requester)
    wrong = await either.slack.submit(either.requester, view, {LAST_FOUR: "0000"})
    unsent = either.vibecode.deletes()
    await either.slack.submit(either.requester, view, {LAST_FOUR: instance[-4:]})
    await either.told("is gone (verified")

    assert "errors" == wrong.json["response_action"]
    assert [] == unsent
    assert [] == either.slack.views(either.requester)
    assert 1 == len(either.vibecode.deletes(instance))


async def test_a_slow_slack_keeps_nobody_from_forcing(work: Workspace, monkeypatch: pytest.MonkeyPatch):
    """What was known of the person a moment ago counts, in time for the dialog and without a word of doubt."""
    instance, _ = await asked(work, second_person="off", type_last_four=True)
    monkeypatch.setattr("bot.slack.directory.FRESH_SECONDS", 0)
    work.slack.fail("users.info", "hang", times=9)

    await work.click(FORCE_TERMINATE)
    view = await dialog_of(work, work.requester)
    await work.slack.submit(work.requester, view, {LAST_FOUR: instance[-4:]})
    await work.told("is gone (verified")

    assert [] == work.whispers()


async def test_who_may_not_press_gets_no_dialog(work: Workspace):
    """The rights come before the typing."""
    await asked(work, second_person="off", type_last_four=True)

    await work.click(FORCE_TERMINATE, by=work.colleague)
    await work.whispered("can answer", to=work.colleague)

    assert [] == work.slack.views(work.colleague)


async def test_a_dialog_of_an_answered_question_decides_nothing(work: Workspace):
    """The question was answered while the dialog was open."""
    instance, question = await asked(work, second_person="off", type_last_four=True)
    await work.click(FORCE_TERMINATE)
    view = await dialog_of(work, work.requester)
    await work.slack.click(work.requester, question, KEEP_RUNNING)
    await work.told("Kept running")

    await work.slack.submit(work.requester, view, {LAST_FOUR: instance[-4:]})
    await work.whispered("Already answered")

    assert [] == work.vibecode.deletes()


async def test_a_dialog_that_slack_does_not_open_is_told(work: Workspace):
    """Nothing is decided, and the person presses again."""
    await asked(work, second_person="off", type_last_four=True)
    work.slack.fail("views.open", "expired_trigger_id")

    await work.click(FORCE_TERMINATE)
    await work.whispered("did not open the dialog")

    assert [] == work.vibecode.deletes()


async def test_a_force_needs_a_reason_where_the_channel_says_so(work: Workspace):
    """Refused before anything is asked; with a reason it goes on, and the soft way needs none."""
    await work.put_settings({"force_needs_reason": True})
    instance = work.vibecode.start_instance(steps=[WAITING])

    await work.command(f"{instance} force")
    await work.whispered("a force needs a reason")
    await work.command(f"{instance}")
    await work.told("is gone (verified")

    assert 1 == len(work.vibecode.deletes(instance))


async def test_a_key_among_the_reasons_is_not_kept(work: Workspace):
    """The dialog says so, and nothing is decided or recorded with it."""
    await asked(work, break_glass=True)
    await work.click(BREAK_GLASS)
    view = await dialog_of(work, work.requester)

    answer = await work.slack.submit(work.requester, view, {WHY: "use vibe_api_0123456789abcdef"})

    assert {WHY} == answer.json["errors"].keys()
    assert "vibe_api_0123456789abcdef" not in str(await work.audit())
    assert [] == work.vibecode.deletes()


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
)
EVERY_ROLE = frozenset(Role)


@pytest.mark.parametrize(
    ("approval", "user", "choice", "may", "reply"),
    [
        (None, "U1", Choice.FORCE, {Role.FORCE}, None),
        (None, "U1", Choice.FORCE, {Role.SOFT}, "not_granted"),
        (None, "U1", Choice.SOFT, {Role.FORCE}, "not_granted"),
        (None, "U1", Choice.KEEP, set(), None),
        (None, "U2", Choice.FORCE, EVERY_ROLE, "not_the_requester"),
        (Approval.SECOND_PERSON, "U1", Choice.FORCE, EVERY_ROLE, "own_press"),
        (Approval.SECOND_PERSON, "U1", Choice.SOFT, {Role.SOFT}, None),
        (Approval.SECOND_PERSON, "U1", Choice.KEEP, set(), None),
        (Approval.SECOND_PERSON, "U2", Choice.FORCE, {Role.APPROVE}, None),
        (Approval.SECOND_PERSON, "U2", Choice.SOFT, {Role.APPROVE}, None),
        (Approval.SECOND_PERSON, "U2", Choice.KEEP, {Role.APPROVE}, None),
        (Approval.SECOND_PERSON, "U2", Choice.FORCE, {Role.FORCE}, "not_granted"),
        (Approval.SECOND_PERSON, "U2", Choice.KEEP, set(), "not_granted"),
        (Approval.SECOND_PERSON, "U2", Choice.BREAK_GLASS, EVERY_ROLE, "not_the_requester"),
        (Approval.SECOND_PERSON, "U1", Choice.BREAK_GLASS, {Role.FORCE}, None),
        (Approval.SECOND_PERSON, "U1", Choice.BREAK_GLASS, {Role.APPROVE}, "not_granted"),
        (Approval.ASKED, "U1", Choice.FORCE, EVERY_ROLE, "own_press"),
        (Approval.ASKED, "U1", Choice.SOFT, EVERY_ROLE, "own_press"),
        (Approval.ASKED, "U1", Choice.BREAK_GLASS, EVERY_ROLE, "no_break_glass"),
        (Approval.ASKED, "U2", Choice.FORCE, {Role.APPROVE}, None),
        (Approval.BREAKER, "U1", Choice.SOFT, EVERY_ROLE, "own_press"),
        (Approval.BREAKER, "U1", Choice.KEEP, set(), None),
        (Approval.BREAKER, "U1", Choice.BREAK_GLASS, {Role.FORCE}, None),
    ],
)
@pytest.mark.parametrize("known_at", ["question", "click"])
def test_whose_press_counts(known_at, approval, user, choice, may, reply):
    """Requester, approver and others, whether the need was known with the question or came up since."""
    asked_for = changed(ASKED, approval=approval if known_at == "question" else None)
    click = press(
        asked_for,
        choice,
        user=user,
        may=frozenset(may),
        approval=approval if known_at == "click" else None,
        break_glass=True,
        reason="payroll",
    )
    try:
        decide(asked_for, Phase.AWAITING_CONFIRMATION, click, 2_000)
        refused = None
    except Refused as error:
        refused = error.reply

    assert reply == refused


def test_a_breaker_that_trips_after_the_question_holds_the_gentler_way_back_too():
    """The question only needed a second person for the force."""
    asked_for = changed(ASKED, approval=Approval.SECOND_PERSON)
    click = press(asked_for, Choice.SOFT, may=EVERY_ROLE, approval=Approval.BREAKER)

    with pytest.raises(Refused) as refused:
        decide(asked_for, Phase.AWAITING_CONFIRMATION, click, 2_000)

    assert "own_press" == refused.value.reply


def test_nobody_makes_a_force_of_a_soft_one():
    """An approver approves what was asked for, and no more."""
    soft = changed(ASKED, force=False, approval=Approval.BREAKER)
    click = press(soft, Choice.FORCE, user="U2", may=EVERY_ROLE)

    with pytest.raises(Refused) as refused:
        decide(soft, Phase.AWAITING_CONFIRMATION, click, 2_000)

    assert "older_question" == refused.value.reply
