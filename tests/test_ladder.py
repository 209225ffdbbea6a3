"""What is true is told: gone, still finishing, still there; and soft leads to force in one message."""

import asyncio
from functools import partial

from workspace import Workspace, workspace

from sandbox.slack import Message
from sandbox.vibecode import Call, Step

WAITING = Step(3600, locked=False)


async def test_a_step_that_finishes_turns_the_message_into_gone(work: Workspace):
    """Accepted first, then gone after so many seconds, in the same message."""
    instance = work.vibecode.start_instance(steps=[1.5])

    await work.command(instance)
    accepted = await work.told("Accepted")
    gone = await work.told("is gone after")

    assert "Haltbot watches it until" in accepted.text
    assert "(verified at " in gone.text
    assert ["requested", "attempted", "accepted", "outcome"] == await work.events()


async def test_what_does_not_end_is_offered_to_be_forced(tmp_path):
    """When the time is up the message offers force; pressing it asks, as every force does."""
    async with workspace(tmp_path, haltbot_watch_seconds=1) as work:
        instance = work.vibecode.start_instance(stuck=True)

        await work.command(f"{instance} loops")
        offer = await work.told("Still running")
        await work.click("termination_escalate")
        question = await work.told("Force-terminate")
        sent_before = [call.query for call in work.vibecode.deletes(instance)]
        await work.told("Started by")
        await work.click("termination_force")
        await work.told("is gone (verified")

        assert "stuck: its lock ran out" in offer.text
        assert ["termination_escalate", "termination_watch"] == offer.action_ids
        assert "loops" in question.text
        assert [{"status": "loops"}] == sent_before
        assert {"force": "true", "status": "loops"} == work.vibecode.deletes(instance)[-1].query


async def test_only_the_requester_may_escalate(tmp_path):
    """The same rights as for every other button."""
    async with workspace(tmp_path, haltbot_watch_seconds=1) as work:
        instance = work.vibecode.start_instance(stuck=True)
        await work.command(instance)
        await work.told("Still running")

        await work.click("termination_escalate", by=work.colleague)

        await work.whispered("Only <@", to=work.colleague)
        assert "Still running" in work.message().text


async def test_watching_can_go_on(tmp_path):
    """Keep watching starts the watch anew, and ends when the instance does."""
    async with workspace(tmp_path, haltbot_watch_seconds=1) as work:
        instance = work.vibecode.start_instance(stuck=True)
        await work.command(instance)
        await work.told("Still running")

        await work.click("termination_watch")
        await work.told("Accepted")
        work.vibecode.finish(instance)

        await work.told("is gone after")


async def test_a_watch_ends_though_vibecode_wants_to_be_left_alone(tmp_path):
    """The list is not read while the key is blocked, and the person is not kept waiting for as long."""
    async with workspace(tmp_path, pace={"late_ms": 500}, haltbot_watch_seconds=2) as work:
        instance = work.vibecode.start_instance(stuck=True)
        await work.command(instance)
        await work.told("Accepted")
        work.vibecode.script("RATE_LIMITED", method="GET", retry_after=60, times=9)

        await work.told("*Not verified:*")


async def test_force_can_be_asked_for_while_it_is_watched(work: Workspace):
    """Nobody has to wait for the end of the watch."""
    instance = work.vibecode.start_instance(stuck=True)
    await work.command(instance)
    await work.told("Accepted")

    await work.click("termination_escalate")

    await work.told("Force-terminate")


async def test_a_watch_survives_a_restart(work: Workspace):
    """The bot is stopped while it watches; the next one sees it end."""
    instance = work.vibecode.start_instance(stuck=True)
    await work.command(instance)
    await work.told("Accepted")

    await work.stop()
    work.vibecode.finish(instance)
    await work.start()

    await work.told("*Stopped")
    assert 1 == len(work.vibecode.deletes(instance))


async def test_a_forced_one_that_is_written_back_is_said_so(work: Workspace):
    """It was gone, and is back: a running step wrote it. Force again is offered, not repeated."""
    instance = work.vibecode.start_instance(steps=[3600], writes_back_after_force=0.5)
    await work.command(f"{instance} force")
    await work.told("Started by")

    await work.click("termination_force")
    gone = await work.told("*Stopped")
    offer = await work.told("Still listed", within=8)

    assert "may write it back" in gone.text
    assert "Force again, or look in the portal" in offer.text
    assert 1 == len(work.vibecode.deletes(instance))


async def test_what_others_saw_before_a_force_does_not_count_after_it(tmp_path):
    """Two are watched and share what they read; one of them is forced, and the other one's look came before."""
    async with workspace(tmp_path, pace={"write_back_ms": 1500}) as work:
        forced, other = (work.vibecode.start_instance(template="713", steps=[3600]) for _ in range(2))

        def message_of(instance: str, words: str) -> Message | None:
            return next((m for m in told_of(work) if instance in m.text and words in m.text), None)

        for instance in (other, forced):
            await work.command(instance)
            accepted = await work.slack.wait_for(partial(message_of, instance, "Accepted"))
        # Both have looked once, and look again after two seconds, and then after four.
        await asyncio.sleep(1.5)
        await work.slack.click(work.requester, accepted, "termination_escalate")
        question = await work.slack.wait_for(lambda: message_of(forced, "Force-terminate"))
        looked = len(looks(work))
        await work.vibecode.wait_for(lambda: len(looks(work)) > looked)
        await work.slack.click(work.requester, question, "termination_force")
        await work.slack.wait_for(lambda: message_of(forced, "*Stopped"))

        await asyncio.sleep(2.5)
        assert message_of(forced, "*Stopped")


def told_of(work: Workspace) -> list[Message]:
    return work.slack.channel_messages(work.channel)


def looks(work: Workspace) -> list[Call]:
    """What the watches have read: the list of those like theirs."""
    return [call for call in work.vibecode.calls if call.method == "GET" and "templateId" in call.query]


async def test_what_cannot_be_verified_is_not_called_gone(tmp_path):
    """A 204 is not yet the truth: where the list cannot be read, the message says that."""
    async with workspace(tmp_path, haltbot_watch_seconds=1) as work:
        instance = work.vibecode.start_instance(steps=[WAITING])
        work.vibecode.script("SCOPE_DENIED", method="GET", times=99)

        await work.command(instance)
        message = await work.told("could not be verified")

        assert "Accepted" in message.text


async def test_a_gentle_force_stops_softly_where_that_suffices(tmp_path):
    """The reason reaches Bitrix24, and nothing is aborted."""
    async with workspace(tmp_path, haltbot_soft_first=True, haltbot_soft_first_seconds=2) as work:
        instance = work.vibecode.start_instance(steps=[WAITING])
        await work.command(f"{instance} force the reason")
        await work.told("Started by")

        await work.click("termination_force")
        await work.told("is gone (verified")

        assert [{"status": "the reason"}] == [call.query for call in work.vibecode.deletes(instance)]


async def test_a_gentle_force_aborts_what_is_still_there(tmp_path):
    """After the given seconds the force follows, and the message says that both were needed."""
    async with workspace(tmp_path, haltbot_soft_first=True, haltbot_soft_first_seconds=1) as work:
        instance = work.vibecode.start_instance(stuck=True)
        await work.command(f"{instance} force the reason")
        await work.told("Started by")

        await work.click("termination_force")
        message = await work.told("*Stopped", within=8)

        assert "asked softly first" in message.text
        assert [{"status": "the reason"}, {"force": "true", "status": "the reason"}] == [
            call.query for call in work.vibecode.deletes(instance)
        ]


async def test_status_lists_what_is_under_way_here(work: Workspace):
    """Privately, with who asked and where its message is."""
    watched = work.vibecode.start_instance(stuck=True)
    await work.command(watched)
    await work.told("Accepted")

    await work.command("status", by=work.colleague)
    told = await work.whispered("Under way", to=work.colleague)

    assert f"`{watched}` was accepted and is being watched" in told
    assert f"<@{work.requester.id}>" in told


async def test_status_says_when_nothing_is_under_way(work: Workspace):
    """An empty list is a sentence too."""
    await work.command("status")

    await work.whispered("Nothing is under way")
