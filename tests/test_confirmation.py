"""A forced termination needs an answer: whose, which, how often, until when."""

import asyncio
from pathlib import Path

import pytest
from workspace import Workspace, workspace

from bot.messages.termination import FORCE_TERMINATE, KEEP_RUNNING, TERMINATE_SOFTLY
from sandbox.slack import Message
from sandbox.vibecode import Step

WAITING = Step(3600, locked=False)
SOON_MS = 2000
"""Enough to be asked and shown what is known of the instance."""


async def asked(work: Workspace, reason: str = "deadlock") -> tuple[str, Message]:
    """Let the requester ask for a forced termination; returns the instance and the question as it is shown."""
    instance = work.vibecode.start_instance(steps=[WAITING])
    await work.command(f"{instance} force {reason}")
    await work.told("Force-terminate")
    # What is known of the instance comes a moment later, into the same message.
    question = await work.slack.wait_for(
        lambda: next((m for m in [work.message()] if "Looking it up" not in m.text), None)
    )
    return instance, question.snapshot()


async def test_the_question_says_what_is_at_stake(work: Workspace):
    """Which instance, who asked, why, what force destroys and until when: all of it before the click."""
    instance, question = await asked(work)

    assert f"`{instance}`" in question.text
    assert f"<@{work.requester.id}>" in question.text
    assert "Reason: deadlock" in question.text
    assert "history, tasks and log" in question.text
    assert "cannot be undone" in question.text
    assert "UTC. Without an answer nothing is done" in question.text
    assert {FORCE_TERMINATE, TERMINATE_SOFTLY, KEEP_RUNNING} == set(question.action_ids)
    assert ["Force terminate", "Terminate softly instead", "Keep running"] == [
        element["text"]["text"] for element in question.elements
    ]
    assert [FORCE_TERMINATE] == [e["action_id"] for e in question.elements if e.get("style") == "danger"]
    assert [] == work.vibecode.deletes()


@pytest.mark.parametrize("action_id", [FORCE_TERMINATE, TERMINATE_SOFTLY, KEEP_RUNNING])
async def test_only_the_requester_may_press(either: Workspace, action_id: str):
    """A colleague reads privately whose question it is, also for Keep running; the buttons stay."""
    instance, question = await asked(either)

    await either.click(action_id, by=either.colleague)
    told = await either.whispered("can answer", to=either.colleague)

    assert f"Only <@{either.requester.id}>" in told
    assert question.action_ids == either.message().action_ids
    assert [] == either.vibecode.deletes()
    assert [] == either.whispers()

    await either.click(FORCE_TERMINATE)
    await either.told("*Stopped:*")
    assert not either.vibecode.is_running(instance)
    assert ["requested", "refused", "confirmed", "attempted", "outcome"] == await either.events()


async def test_the_same_user_id_of_another_team_may_not_press(work: Workspace):
    """Ids are unique within a team only, and shared channels bring other teams in."""
    await asked(work)

    await work.slack.click(
        work.requester,
        work.message(),
        FORCE_TERMINATE,
        extra={"user": {"id": work.requester.id, "team_id": "T0STRANGE"}},
    )

    await work.whispered("can answer")
    assert [] == work.vibecode.deletes()


async def test_softly_instead_sends_no_force(either: Workspace):
    """Who thinks better of it stops the workflow the gentle way, with the same reason."""
    instance, question = await asked(either)

    await either.click(TERMINATE_SOFTLY)
    message = await either.told("*Stopped:*")

    (call,) = either.vibecode.deletes(instance)
    assert {"status": "deadlock"} == call.query
    assert question.ts == message.ts
    assert " · soft · " in message.text
    assert "soft" == either.vibecode.instances[instance].ended_by


async def test_keep_running_sends_nothing(either: Workspace):
    """The message says who decided, and has no buttons any more."""
    instance, _ = await asked(either)

    await either.click(KEEP_RUNNING)
    message = await either.told("Kept running")

    assert f"<@{either.requester.id}> decided" in message.text
    assert [] == message.action_ids
    assert [] == either.vibecode.deletes()
    assert either.vibecode.is_running(instance)
    assert ["requested", "cancelled"] == await either.events()


async def test_a_double_click_counts_once(work: Workspace):
    """The second click of a nervous finger is answered privately and sends nothing."""
    instance, question = await asked(work)

    await asyncio.gather(
        work.slack.click(work.requester, question, FORCE_TERMINATE),
        work.slack.click(work.requester, question, FORCE_TERMINATE),
    )
    await work.told("*Stopped:*")

    assert "Nothing more was done" in await work.whispered("Already answered")
    assert 1 == len(work.vibecode.deletes(instance))


async def test_twenty_clicks_at_once_make_one_call(either: Workspace):
    """Exactly one click wins in the database; the others are told so."""
    instance, question = await asked(either)

    deliveries = await asyncio.gather(
        *(either.slack.click(either.requester, question, FORCE_TERMINATE) for _ in range(20))
    )
    await either.told("*Stopped:*")
    await either.slack.wait_for(lambda: len(either.whispers()) == 19)

    assert 1 == len(either.vibecode.deletes(instance))
    assert all(delivery.ok for delivery in deliveries)
    events = await either.events()
    assert (1, 19, 1) == (events.count("confirmed"), events.count("refused"), events.count("outcome"))


async def test_opposite_clicks_at_once_have_one_winner(work: Workspace):
    """Whatever wins, what happens to the workflow and what the channel reads agree."""
    instance, question = await asked(work)

    await asyncio.gather(
        *(
            work.slack.click(work.requester, question, action_id)
            for action_id in (KEEP_RUNNING, FORCE_TERMINATE, TERMINATE_SOFTLY) * 3
        )
    )
    message = await work.slack.wait_for(
        lambda: next((m for m in [work.message()] if not m.action_ids and "…" not in m.text), None)
    )
    await work.slack.wait_for(lambda: len(work.whispers()) == 8)

    assert work.vibecode.is_running(instance) == ("Kept running" in message.text)
    assert len(work.vibecode.deletes()) == (0 if "Kept running" in message.text else 1)


async def test_a_question_expires_by_itself(tmp_path: Path):
    """Nobody answers: the message loses its buttons without anybody's doing, and a late click does nothing."""
    async with workspace(tmp_path, pace={"confirmation_ms": SOON_MS}) as work:
        instance, question = await asked(work)
        message = await work.told("Expired")
        await work.slack.click(work.requester, question, FORCE_TERMINATE)

        assert "has expired, so nothing was done" in await work.whispered("expired")
        assert [] == message.action_ids
        assert f"/terminate-workflow {instance} force" in message.text
        assert [] == work.vibecode.deletes()
        assert ["requested", "expired", "refused"] == await work.events()


async def test_expiry_is_enforced_while_slack_still_shows_the_buttons(tmp_path: Path):
    """A message that could not be edited decides nothing: the database does."""
    async with workspace(tmp_path, pace={"confirmation_ms": SOON_MS}) as work:
        await asked(work)
        work.slack.fail("chat.update", "internal_error")
        await work.slack.wait_for(
            lambda: [call for call in work.slack.calls_of("chat.update") if not call.ok]
        )
        assert FORCE_TERMINATE in work.message().action_ids
        await work.click(FORCE_TERMINATE)

        await work.whispered("expired")
        await work.told("Expired", within=10)
        assert [] == work.message().action_ids
        assert [] == work.vibecode.deletes()


async def test_a_question_expires_while_the_bot_is_away(tmp_path: Path):
    """The bot comes back after the end: the question closes instead of standing for ever."""
    async with workspace(tmp_path, pace={"confirmation_ms": SOON_MS}) as work:
        await asked(work)
        await work.stop()
        started = asyncio.get_running_loop().time()
        passed = asyncio.Event()
        asyncio.get_running_loop().call_at(started + SOON_MS / 1000, passed.set)
        await passed.wait()
        await work.start()

        await work.told("Expired")
        assert [] == work.message().action_ids


async def test_a_question_outlives_a_restart(either: Workspace):
    """Asked of one life of the bot, answered in the next."""
    instance, question = await asked(either)

    await either.stop()
    await either.start()
    await either.click(FORCE_TERMINATE)
    message = await either.told("*Stopped:*")

    (call,) = either.vibecode.deletes(instance)
    assert {"force": "true", "status": "deadlock"} == call.query
    assert question.ts == message.ts


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("{reference}.7", "earlier version"),
        ("nobodyknowsit.1", "no longer known"),
        ("nonsense", "no longer known"),
        ("", "no longer known"),
    ],
)
async def test_a_button_that_is_not_the_question_s_decides_nothing(work: Workspace, value: str, told: str):
    """An older question, one that nobody knows, and a value that somebody made up."""
    instance, question = await asked(work)
    (shown,) = [element for element in question.elements if element["action_id"] == FORCE_TERMINATE]
    reference = shown["value"].partition(".")[0]
    action = {"type": "button", "action_id": FORCE_TERMINATE, "value": value.format(reference=reference)}

    await work.slack.click(work.requester, question, FORCE_TERMINATE, extra={"actions": [action]})

    await work.whispered(told)
    assert work.vibecode.is_running(instance)
    assert [] == work.vibecode.deletes()


async def test_a_click_from_another_channel_decides_nothing(work: Workspace):
    """A question is answered where it was asked."""
    _, question = await asked(work)
    elsewhere = work.slack.add_channel("random")

    await work.slack.click(
        work.requester,
        question,
        FORCE_TERMINATE,
        extra={
            "channel": {"id": elsewhere.id},
            "container": {"type": "message", "channel_id": elsewhere.id, "message_ts": question.ts},
        },
    )

    await work.whispered("another channel")
    assert [] == work.vibecode.deletes()


async def test_asking_twice_points_to_the_open_question(work: Workspace):
    """A second person with the same idea is shown the message that stands already."""
    instance, question = await asked(work)

    await work.command(f"{instance} force me too", by=work.colleague)
    told = await work.whispered("already under way", to=work.colleague)
    attempt = (await work.audit())[-1]

    assert question.ts.replace(".", "") in told
    assert ("refused", "refused:duplicate", work.colleague.id, instance, True, "me too") == tuple(
        attempt[name] for name in ("event", "outcome", "user", "workflow_id", "force", "reason")
    )
    assert attempt["reference"] in question.text
    assert [question.ts] == [message.ts for message in work.slack.channel_messages(work.channel)]


async def test_the_key_that_was_removed_meanwhile_is_told(work: Workspace):
    """Between the question and the click an admin took the key away: nothing is sent, and it is said why."""
    instance, _ = await asked(work)
    await work.remove_key()

    await work.click(FORCE_TERMINATE)
    message = await work.told("Not stopped")

    assert "has no API key any more" in message.text
    assert "KEY_MISSING" in message.text
    assert "haltbot key set" in message.text
    assert [] == work.vibecode.deletes()
    assert work.vibecode.is_running(instance)
