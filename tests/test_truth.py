"""What is told is what is true: of what was sent, of what was seen, and of what nobody could see."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from outcomes import SOON, WAITING
from workspace import Workspace, workspace

from bot.messages.termination import BREAK_GLASS, FORCE_TERMINATE
from sandbox.slack import Message


async def escalate(work: Workspace, **what: Any) -> str:
    """Stop a stuck instance softly, then ask to force it; returns the instance."""
    instance = work.vibecode.start_instance(stuck=True, **what)
    await work.command(f"{instance} loops")
    await work.told("Accepted")
    await work.click("termination_escalate")
    return instance


async def escalated(work: Workspace, **what: Any) -> tuple[str, Message]:
    """The same, until the question is complete; returns it as well."""
    instance = await escalate(work, **what)

    def is_complete() -> Message | None:
        message = work.message()
        complete = FORCE_TERMINATE in message.action_ids and "Looking it up" not in message.text
        return message.snapshot() if complete else None

    return instance, await work.slack.wait_for(is_complete)


async def events(work: Workspace, name: str) -> list[dict[str, Any]]:
    return [event for event in await work.audit() if event["event"] == name]


async def test_what_is_written_back_between_two_looks_is_seen(tmp_path: Path):
    """It was gone at the first look: the last one reads anew, and does not repeat what the first one saw."""
    async with workspace(tmp_path, pace={"write_back_ms": 2200}) as work:
        instance = work.vibecode.start_instance(steps=[3600], writes_back_after_force=1.5)
        await work.command(f"{instance} force")
        await work.told("Started by")

        await work.click("termination_force")
        gone = await work.told("*Stopped")
        await work.told("*Still listed", within=8)

        assert "may write it back" in gone.text
        assert work.vibecode.is_running(instance)


async def test_a_refusal_after_an_unclear_try_is_not_told_as_nothing_done(work: Workspace):
    """The first try may have stopped it; that the second was refused for certain does not undo that."""
    instance = work.vibecode.start_instance(steps=[3600])
    work.vibecode.script("BITRIX_TIMEOUT", method="DELETE", retry_after=SOON, executes=True)
    work.vibecode.script("BILLING_EXHAUSTED", method="DELETE")

    await work.command(f"{instance} loops")
    message = await work.told("*Unknown:*")

    assert "BILLING_EXHAUSTED" in message.text
    assert work.vibecode.deletes(instance)[0].executed
    assert "unknown" == (await work.audit())[-1]["outcome"]


async def test_a_key_that_is_gone_after_an_unclear_try_leaves_it_unknown(work: Workspace):
    """Without the key nobody can look any more: whether it was stopped is not known."""
    instance = work.vibecode.start_instance(steps=[3600])
    work.vibecode.script("BITRIX_UNAVAILABLE", method="DELETE", retry_after=1, executes=True)

    await work.command(f"{instance} loops")
    await work.told("Not yet")
    await work.remove_key()
    message = await work.told("*Unknown:*")

    assert "KEY_MISSING" in message.text
    assert 1 == len(work.vibecode.deletes(instance))


async def test_a_force_after_a_soft_stop_is_no_repetition(work: Workspace):
    """Each was sent once, so nothing is said of a call that was sent twice."""
    instance, _ = await escalated(work)
    await work.click(FORCE_TERMINATE)
    message = await work.told("*Stopped:*")

    assert 2 == len(work.vibecode.deletes(instance))
    assert "was sent" not in message.text


async def test_a_soft_stop_that_was_repeated_stays_told_so(work: Workspace):
    """Whatever is decided about the force that was asked for afterwards."""
    work.vibecode.script("BITRIX_UNAVAILABLE", method="DELETE", retry_after=SOON)
    await escalated(work)
    await work.click("termination_keep")
    message = await work.told("*Not forced:*")

    assert "The call was sent twice" in message.text


async def test_a_force_that_may_have_worked_is_not_told_as_nothing_sent(work: Workspace):
    """Its answer was lost, then the workflow became another one: whoever decides anew reads what is certain."""
    instance = work.vibecode.start_instance(template="713", steps=[WAITING])
    await work.command(f"{instance} force loops")
    await work.told("Template: 713")
    work.vibecode.script("drop", method="DELETE")
    await work.click(FORCE_TERMINATE)
    await work.vibecode.wait_for(lambda: work.vibecode.deletes(instance))
    work.vibecode.instances[instance].template = "900"
    asked = await work.told("Its template changed from 713 to 900")
    await work.click("termination_keep")
    kept = await work.told("*Not tried again:*")

    assert "Nothing more was sent" in asked.text
    assert "Whether an earlier try stopped" in kept.text
    assert "othing was" not in kept.text


async def test_to_keep_from_forcing_does_not_take_the_soft_stop_back(work: Workspace):
    """Something was sent and accepted before: the message does not say that nothing was."""
    instance, _ = await escalated(work)

    await work.click("termination_keep")
    message = await work.told("*Not forced:*")

    assert f"<@{work.requester.id}> decided against it" in message.text
    assert "accepted before still stands" in message.text
    assert "Nothing was sent" not in message.text
    assert [{"status": "loops"}] == [call.query for call in work.vibecode.deletes(instance)]


async def test_a_force_that_nobody_confirms_does_not_take_the_soft_stop_back(tmp_path: Path):
    """The question expires; what was accepted before goes on."""
    async with workspace(tmp_path, haltbot_confirmation_seconds=1) as work:
        instance = await escalate(work)

        message = await work.told("*Expired:*")

        assert "nothing more was sent" in message.text
        assert "accepted before still stands" in message.text
        assert "nothing was done" not in message.text
        assert 1 == len(work.vibecode.deletes(instance))


async def test_a_force_that_is_refused_does_not_take_the_soft_stop_back(work: Workspace):
    """It was not aborted, but it was not left as it is either."""
    instance, _ = await escalated(work)
    work.vibecode.script("BILLING_EXHAUSTED", method="DELETE")

    await work.click("termination_force")
    message = await work.told("*Not forced:*")

    assert "accepted before still stands" in message.text
    assert "left as it is" not in message.text
    assert work.vibecode.is_running(instance)


async def test_a_force_that_follows_a_soft_stop_says_who_has_to_approve(work: Workspace):
    """The question of an escalation is a question like any other: a second person is asked for in it."""
    await work.put_settings({"second_person": "always", "break_glass": True, "approve": [work.colleague.id]})
    instance, question = await escalated(work)

    await work.click("termination_force")
    await work.whispered("your own press does not approve it")
    unforced = [call.query for call in work.vibecode.deletes(instance)]
    await work.click("termination_force", by=work.colleague)
    message = await work.told("is gone (verified")

    assert f"Who can approve: <@{work.colleague.id}>." in question.text
    assert BREAK_GLASS in question.action_ids
    assert [{"status": "loops"}] == unforced
    assert f"approved by <@{work.colleague.id}>" in message.text


async def test_a_force_that_follows_a_soft_stop_forces_only_what_was_shown(work: Workspace):
    """It is another one now: nothing is forced, and the question is put again with what has changed."""
    instance, _ = await escalated(work, template="713")
    work.vibecode.instances[instance].template = "714"

    await work.click("termination_force")
    await work.told("Its template changed from 713 to 714")
    unforced = [call.query for call in work.vibecode.deletes(instance)]
    await work.told("Template: 714")
    await work.click("termination_force")
    await work.told("is gone (verified")

    assert [{"status": "loops"}] == unforced
    assert ["714"] == [event["detail"]["instance"]["template_id"] for event in await events(work, "snapshot")]


async def test_what_ends_before_it_is_forced_was_stopped(work: Workspace):
    """The soft stop sufficed while the question stood: no force is sent, and nobody reads of a typo."""
    instance, _ = await escalated(work)
    work.vibecode.finish(instance)

    await work.click("termination_force")
    message = await work.told("is gone (verified")

    assert message.text.startswith("*Stopped:*")
    assert [{"status": "loops"}] == [call.query for call in work.vibecode.deletes(instance)]
    assert "gone_verified" == (await work.audit())[-1]["outcome"]


async def test_a_key_that_is_blocked_for_long_is_told_and_not_waited_for(work: Workspace):
    """Vibecode wants a minute: the next question says so at once, and its force waits without being repeated."""
    first, second = (work.vibecode.start_instance(steps=[WAITING]) for _ in range(2))
    work.vibecode.script("RATE_LIMITED", method="DELETE", retry_after=60)
    await work.command(f"{first} loops")
    await work.told("Not yet")

    await work.command(f"{second} force")
    question = await work.slack.wait_for(
        lambda: next(
            (
                message.snapshot()
                for message in work.slack.channel_messages(work.channel)
                if second in message.text and "could not be looked up" in message.text
            ),
            None,
        ),
        5,
    )
    await work.slack.click(work.requester, question, "termination_force")
    await work.slack.wait_for(
        lambda: [
            m for m in work.slack.channel_messages(work.channel) if second in m.text and not m.action_ids
        ],
        5,
    )

    assert "RATE_LIMITED" in question.text
    assert [] == work.vibecode.deletes(second)
    assert [] == await events(work, "recovered")


async def test_what_could_not_be_seen_is_not_verified_an_hour_later(tmp_path: Path):
    """Nobody answers the offer: it closes with what was last known, which was nothing."""
    async with workspace(tmp_path, pace={"offer_ms": 300}, haltbot_watch_seconds=1) as work:
        instance = work.vibecode.start_instance(steps=[WAITING])
        work.vibecode.script("INTERNAL_ERROR", method="GET", times=99)
        await work.command(instance)
        await work.told("*Not verified:*")

        message = await work.told("*Accepted:*")

        assert "could not be verified" in message.text
        assert [] == message.action_ids


async def test_an_offer_that_slack_refuses_is_not_verified_either(tmp_path: Path):
    """No way leads to the channel at that moment: the outcome that is told later claims nothing."""
    async with workspace(tmp_path, haltbot_watch_seconds=1) as work:
        instance = work.vibecode.start_instance(steps=[WAITING])
        work.vibecode.script("INTERNAL_ERROR", method="GET", times=99)
        await work.command(instance)
        await work.told("not known yet")
        work.slack.fail("chat.update", "message_not_found")
        work.slack.fail("chat.postMessage", "is_archived", times=2)
        work.slack.fail("response_url", "expired_url", status=404)

        message = await work.told("could not be verified", within=8)

        assert [] == work.slack.planned_failures
        assert message.text.startswith("*Accepted:*")


async def test_what_an_accepted_stop_ended_before_the_force_was_stopped(work: Workspace):
    """Nobody could look before the force, which then finds nothing: it was neither finished nor a typo."""
    instance, _ = await escalated(work)
    work.vibecode.script("BITRIX_UNAVAILABLE", method="GET")
    work.vibecode.finish(instance)
    await work.click(FORCE_TERMINATE)

    message = await work.told("is gone (verified")

    assert message.text.startswith("*Stopped:*")
    assert 2 == len(work.vibecode.deletes(instance))


@pytest.mark.parametrize("trouble", ["lost answer", "rate limit"])
async def test_a_question_that_comes_late_does_not_stay_over_the_outcome(
    work: Workspace, monkeypatch: pytest.MonkeyPatch, trouble: str
):
    """Slack shows the preview after the outcome; then its answer is lost, or the correction has to wait."""
    arrived, go_on = asyncio.Event(), asyncio.Event()
    in_time = work.slack._faults.before

    async def late(method: str) -> bool:
        if method != "chat.update" or arrived.is_set():
            return await in_time(method)
        arrived.set()
        await go_on.wait()
        if trouble == "rate limit":
            work.slack.fail("chat.update", "ratelimited", retry_after=1)
        return trouble == "lost answer"

    monkeypatch.setattr(work.slack._faults, "before", late)
    instance = work.vibecode.start_instance(steps=[WAITING])
    await work.command(f"{instance} force")
    async with asyncio.timeout(20):
        await arrived.wait()
    await work.click(FORCE_TERMINATE)
    await work.told("*Stopped:*")
    edits: list[Any] = []
    work.slack.listen(lambda record: edits.append(record) if record.kind == "message_edited" else None)
    go_on.set()
    await work.slack.wait_for(lambda: edits)

    assert "*Force-terminate" in edits[0].detail["text"]
    await work.told("*Stopped:*")


@pytest.mark.parametrize("trouble", [{"status": 429, "retry_after": 1}, {"status": 500}])
async def test_a_preview_that_slack_did_not_take_is_shown_later(work: Workspace, trouble: dict[str, int]):
    """A question must not stay without what it would destroy, nor force what nobody was shown."""
    work.slack.fail("chat.update", "internal_error", **trouble)
    instance = work.vibecode.start_instance(stuck=True, template="713")
    await work.command(f"{instance} force loops")

    question = await work.told("Template: 713", within=8)
    await work.click("termination_force")
    await work.told("is gone (verified")

    assert "Looking it up" not in question.text
    assert 1 == len(work.vibecode.deletes(instance))
