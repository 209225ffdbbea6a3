"""A person types the command and sees the workflow stopped."""

import contextlib
import signal
import sqlite3
from functools import partial
from pathlib import Path

import pytest
from processes import running_bot
from workspace import Workspace, workspace

from sandbox.vibecode import Step

WAITING = Step(3600, locked=False)


async def test_a_soft_termination_stops_the_workflow_and_says_so(either: Workspace):
    """One DELETE, one message: the instance is gone, and the channel reads that it is."""
    instance = either.vibecode.start_instance(steps=[WAITING])

    delivery = await either.command(f"{instance} looping since 2 a.m.")
    message = await either.told("*Stopped:*")

    (call,) = either.vibecode.deletes(instance)
    assert delivery.status == 200
    assert call.query == {"status": "looping since 2 a.m."}
    assert "looping since 2 a.m." in message.text
    assert ["requested", "attempted", "outcome"] == await either.events()


async def test_a_forced_one_asks_first_and_then_aborts(either: Workspace):
    """Nothing is sent before the click; after it the instance is gone at once."""
    instance = either.vibecode.start_instance(steps=[WAITING])

    await either.command(f"{instance} force deadlock")
    question = await either.told("Force-terminate")
    before = either.vibecode.deletes(instance)
    await either.click("termination_force")
    message = await either.told("*Stopped:*")

    (call,) = either.vibecode.deletes(instance)
    assert before == []
    assert call.query == {"force": "true", "status": "deadlock"}
    assert question.ts == message.ts
    assert ["requested", "confirmed", "attempted", "outcome"] == await either.events()


async def test_a_termination_without_a_reason_sends_none(either: Workspace):
    """No empty status: Bitrix24 would show it."""
    instance = either.vibecode.start_instance(steps=[WAITING])
    await either.command(instance)
    await either.told("*Stopped:*")

    (call,) = either.vibecode.deletes(instance)
    assert {} == call.query


async def test_force_without_a_reason_sends_force_alone(work: Workspace):
    """Exactly ``force=true``; anything else Vibecode refuses."""
    instance = work.vibecode.start_instance(steps=[WAITING])
    await work.command(f"{instance} force")
    await work.told("Force-terminate")
    await work.click("termination_force")
    await work.told("*Stopped:*")

    (call,) = work.vibecode.deletes(instance)
    assert {"force": "true"} == call.query


async def test_it_is_on_disk_before_slack_has_its_answer(work: Workspace):
    """When the acknowledgement is there, the request is too, whatever happens to the process next."""
    await work.vibecode.stop()
    await work.command("69f0c2d5ade389.22457798 loops")

    assert "requested" == (await work.events())[0]


async def test_a_database_that_is_too_slow_is_told_as_uncertain(work: Workspace):
    """Slack waits three seconds: the person reads in time that nothing is certain, and what was recorded is done."""
    instance = work.vibecode.start_instance(steps=[WAITING])
    path = work.settings.database_url.removeprefix("sqlite:///")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as somebody:
        somebody.execute("BEGIN IMMEDIATE")
        delivery = await work.command(f"{instance} loops")
        somebody.execute("ROLLBACK")

    assert delivery.ok
    assert "could not confirm that your request was recorded" in work.whispers()[0]
    await work.told("*Stopped:*")
    assert 1 == len(work.vibecode.deletes(instance))


async def test_slack_delivers_twice(either: Workspace):
    """The same request once more: one termination, and the person is shown where it is."""
    instance = either.vibecode.start_instance(steps=[WAITING])
    delivery = await either.command(f"{instance} loops")
    again = await either.slack.redeliver(delivery)
    await either.told("*Stopped:*")

    assert again.ok
    assert 1 == len(either.vibecode.deletes(instance))
    assert ["requested", "attempted", "outcome"] == await either.events()


async def test_a_person_presses_enter_twice(work: Workspace):
    """A second command for what is under way starts nothing; it points to the message."""
    work.vibecode.latency = 0.2
    instance = work.vibecode.start_instance(steps=[WAITING])
    await work.command(f"{instance} loops")
    await work.command(f"{instance} loops")
    told = await work.whispered("No second one was started")
    work.vibecode.latency = 0
    await work.told("*Stopped:*")

    assert f"<@{work.requester.id}>" in told
    assert 1 == len(work.vibecode.deletes(instance))


async def test_each_channel_acts_with_its_own_key(work: Workspace):
    """A command in one channel never uses what another channel was given."""
    elsewhere = work.slack.add_channel("random")
    other_key = work.vibecode.add_key("vibe_api_" + "fedcba98" * 4)
    await work.set_key(other_key, channel=elsewhere)
    here, there = work.vibecode.start_many(2, steps=[WAITING])
    await work.command(f"{here} loops")
    await work.command(f"{there} loops", channel=elsewhere)
    await work.vibecode.wait_for(lambda: not any(map(work.vibecode.is_running, (here, there))))

    (first,), (second,) = work.vibecode.deletes(here), work.vibecode.deletes(there)
    assert work.key[:16] == first.headers["X-Api-Key"][:16]
    assert other_key[:16] == second.headers["X-Api-Key"][:16]


async def test_a_key_s_calls_are_paced(tmp_path: Path):
    """A second's worth of calls goes at once; what comes then keeps to the rate."""
    async with workspace(tmp_path, haltbot_vibecode_rate=10) as work:
        for instance in work.vibecode.start_many(8, steps=[WAITING]):
            await work.command(f"{instance} loops")
        await work.slack.wait_for(
            lambda: sum("*Stopped:*" in m.text for m in work.slack.channel_messages(work.channel)) == 8
        )

    times = [call.at for call in work.vibecode.calls]
    assert 8 == len(work.vibecode.deletes())
    assert times[-1] - times[0] >= (len(times) - 11) / 10


async def test_many_people_stop_many_workflows_at_once(work: Workspace):
    """Each gets its own message, and each workflow its one call."""
    instances = work.vibecode.start_many(30, steps=[WAITING])
    for instance in instances:
        await work.command(f"{instance} loops")
    await work.slack.wait_for(
        lambda: sum("*Stopped:*" in m.text for m in work.slack.channel_messages(work.channel)) == 30, 10
    )

    assert sorted(instances) == sorted(str(call.instance) for call in work.vibecode.deletes())
    assert 30 == len(work.slack.channel_messages(work.channel))


@pytest.mark.parametrize("mode", ["http", "socket"])
async def test_the_bot_is_killed_in_the_middle_of_a_call(tmp_path: Path, mode: str):
    """kill -9: the next life looks before it repeats, and says that it did."""
    async with workspace(tmp_path, mode=mode, start=False) as work:
        instance = await killed_while_calling(work, executes=True)
        async with running_bot(work):
            message = await work.told("as far as we can tell")

        assert "recovered after a restart" in message.text
        assert 1 == len(work.vibecode.deletes(instance))


async def test_a_call_that_was_never_carried_out_is_repeated_after_a_kill(tmp_path: Path):
    """The list still shows it, so it is stopped now; the person typed once."""
    async with workspace(tmp_path, start=False) as work:
        instance = await killed_while_calling(work, executes=False)
        async with running_bot(work):
            message = await work.told("*Stopped:*")

        assert "recovered after a restart" in message.text
        assert 2 == len(work.vibecode.deletes(instance))
        assert 1 == len(work.slack.channel_messages(work.channel))


async def killed_while_calling(work: Workspace, *, executes: bool) -> str:
    """Let the bot be killed while its DELETE hangs; returns the instance."""
    instance = work.vibecode.start_instance(steps=[WAITING])
    work.vibecode.script("hang", method="DELETE", executes=executes)
    async with running_bot(work) as bot:
        await work.command(f"{instance} loops")
        await work.vibecode.wait_for(lambda: work.vibecode.deletes(instance))
        assert -signal.SIGKILL == await bot.stop(signal.SIGKILL)
    return instance


async def test_a_command_that_waits_for_its_turn_says_so(work: Workspace):
    """Vibecode asked another call with this key to wait: that this one waits as well is told at once."""
    first, second = work.vibecode.start_many(2, steps=[WAITING])
    other = work.slack.add_channel("other")
    await work.set_key(work.key, channel=other)
    work.vibecode.script("RATE_LIMITED", retry_after=3)
    await work.command(first)
    await work.told("RATE_LIMITED")

    await work.command(second, channel=other)
    for words in ("Not yet", "is gone (verified"):
        await work.slack.wait_for(
            partial(lambda said: any(said in m.text for m in work.slack.channel_messages(other)), words)
        )

    assert 1 == len(work.slack.channel_messages(other))
    assert 1 == len(work.vibecode.deletes(second))
