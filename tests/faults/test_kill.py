"""The process is killed at each point of a termination's way; the next one takes it up where it stood."""

import asyncio
import signal

import pytest
from processes import running_bot
from workspace import workspace

from bot.domain.termination import Phase
from bot.messages.termination import FORCE_TERMINATE
from sandbox.vibecode import Step

KILL = signal.SIGKILL
RECOVERED = "recovered after a restart"


async def test_killed_before_the_insert_nothing_was_acknowledged(outage):
    """The person sees Slack's failure and presses Enter again: it is done once."""
    work, instance = outage.work, outage.instance()
    async with running_bot(work) as bot:
        with outage.locked():
            sent = asyncio.create_task(work.command(f"{instance} looping"))
            await asyncio.sleep(0.3)
            await bot.stop(KILL)
            delivery = await sent
    async with running_bot(work):
        await asyncio.sleep(0.3)
        calls_before = outage.calls(instance)
        await work.command(f"{instance} looping")
        await work.told("is gone (verified")

    assert "dispatch_failed" == delivery.error
    assert 0 == calls_before
    assert 1 == outage.calls(instance)


async def test_killed_between_the_insert_and_the_acknowledgement(outage):
    """It is on disk, so it is carried out; delivered again, it points to its message."""
    work, instance = outage.work, outage.instance()
    async with running_bot(work) as bot:
        await outage.hold_key_back(3000)
        async with outage.command_unanswered(f"{instance} looping") as lost:
            await outage.recorded(Phase.REQUESTED)
            await bot.stop(KILL)
    async with running_bot(work):
        await work.told("is gone (verified")
        again = await work.slack.redeliver(lost)

    assert "No second one was started" in again.json["text"]
    assert 1 == outage.calls(instance)


async def test_killed_between_the_acknowledgement_and_the_call(outage):
    """Nothing had been sent: it is called once, and there is nothing to recover from."""
    work, instance = outage.work, outage.instance()
    async with running_bot(work) as bot:
        await outage.hold_key_back(3000)
        delivery = await work.command(f"{instance} looping")
        await bot.stop(KILL)
    assert (True, 0) == (delivery.ok, outage.calls(instance))
    async with running_bot(work):
        message = await work.told("is gone (verified")

    assert RECOVERED not in message.text
    assert 1 == outage.calls(instance)


async def test_killed_while_a_question_stands(outage):
    """The question is in the database and its buttons in Slack; the click after the restart decides it."""
    work, instance = outage.work, outage.instance()
    async with running_bot(work) as bot:
        await work.command(f"{instance} force deadlock")
        await work.told("Force-terminate")
        await bot.stop(KILL)
    async with running_bot(work):
        assert 0 == outage.calls(instance)
        await work.click(FORCE_TERMINATE)
        await work.told("gone")

    assert 1 == outage.calls(instance)


async def test_killed_during_the_call_that_was_carried_out(outage):
    """Nobody saw it end: the list is read, the instance is not there, nothing is repeated."""
    work, instance = outage.work, outage.instance()
    work.vibecode.script("hang", method="DELETE", executes=True)
    async with running_bot(work) as bot:
        await work.command(f"{instance} looping")
        await outage.called(instance)
        await bot.stop(KILL)
    async with running_bot(work):
        message = await work.told(RECOVERED)

    assert "already gone" in message.text
    assert 1 == outage.calls(instance)
    assert "recovered" in [event["event"] for event in await work.audit()]


async def test_killed_during_the_call_that_was_not_carried_out(outage):
    """Still in the list: it is called once more, and the message says so."""
    work, instance = outage.work, outage.instance()
    work.vibecode.script("hang", method="DELETE")
    async with running_bot(work) as bot:
        await work.command(f"{instance} looping")
        await outage.called(instance)
        await bot.stop(KILL)
    async with running_bot(work):
        message = await work.told(RECOVERED)

    assert "is gone (verified" in message.text
    assert "sent twice" in message.text
    assert 2 == outage.calls(instance)


async def test_killed_between_the_call_and_the_look(outage):
    """The answer was 204, but it was not recorded yet."""
    work, instance = outage.work, outage.instance()
    work.vibecode.script("hang", method="GET")
    async with running_bot(work) as bot:
        await work.command(f"{instance} looping")
        await work.vibecode.wait_for(lambda: any(call.method == "GET" for call in work.vibecode.calls))
        await bot.stop(KILL)
    async with running_bot(work):
        message = await work.told(RECOVERED)

    assert "already gone" in message.text
    assert 1 == outage.calls(instance)


async def test_killed_between_the_call_and_the_message(outage):
    """The outcome is recorded: only the message is still owed."""
    work, instance = outage.work, outage.instance()
    work.slack.fail("chat.postMessage", "hang")
    async with running_bot(work) as bot:
        await work.command(f"{instance} looping")
        await outage.recorded(Phase.TELLING)
        await bot.stop(KILL)
    async with running_bot(work):
        await work.told("is gone (verified")

    assert 1 == outage.calls(instance)
    assert ["requested", "attempted", "outcome"] == await work.events()


async def test_killed_between_a_refusal_and_its_sentence(outage):
    """The refusal is recorded: the requester is still told, and nobody else."""
    work, instance = outage.work, outage.instance()
    await work.put_settings({"soft": ["nobody"]})
    work.slack.fail("response_url", "hang")
    async with running_bot(work) as bot:
        await work.command(f"{instance} looping")
        await outage.recorded(Phase.TELLING)
        await bot.stop(KILL)
    async with running_bot(work):
        await work.whispered("you need the role")

    assert [] == work.slack.channel_messages(work.channel)
    assert 0 == outage.calls(instance)


async def test_killed_after_a_message_whose_place_is_not_known(outage):
    """Slack had posted it before the connection broke: it is found again and not posted twice."""
    work, instance = outage.work, outage.instance()
    work.slack.fail("chat.postMessage", "drop_after")
    async with running_bot(work) as bot:
        await work.command(f"{instance} looping")
        await work.told("is gone (verified")
        await outage.recorded(Phase.TELLING)
        await bot.stop(KILL)
    async with running_bot(work):
        await work.slack.wait_for(lambda: work.message().edited)

    assert 1 == len(work.slack.channel_messages(work.channel))
    assert 1 == outage.calls(instance)


async def test_killed_during_a_watch(outage):
    """The step finishes while nobody looks; the next process sees that it has."""
    work = outage.work
    instance = work.vibecode.start_instance(steps=[Step(3600), Step(3600)])
    async with running_bot(work) as bot:
        await work.command(f"{instance} looping")
        await work.told("Accepted")
        await bot.stop(KILL)
    work.vibecode.finish(instance)
    async with running_bot(work):
        await work.told("*Stopped:*")

    assert 1 == outage.calls(instance)


async def test_killed_again_and_again(tmp_path):
    """Ten terminations, a process that dies four times: each is done, and told in one message."""
    async with workspace(tmp_path, start=False, vibecode_timeout_seconds=3.0) as work:
        instances = work.vibecode.start_many(10, steps=[Step(3600, locked=False)])
        for round_number in range(4):
            async with running_bot(work) as bot:
                for instance in instances[round_number::4]:
                    assert (await work.command(f"{instance} looping")).ok
                await asyncio.sleep(0.03 * round_number)
                await bot.stop(KILL)
        async with running_bot(work):
            await work.slack.wait_for(lambda: sum("gone" in text for text in _texts(work)) == 10, 30)

        assert 10 == len(_texts(work))
        for instance in instances:
            (text,) = [text for text in _texts(work) if instance in text]
            calls = len(work.vibecode.deletes(instance))
            assert calls == 1 or (calls == 2 and "sent twice" in text), (calls, text)


def _texts(work):
    return [message.text for message in work.slack.channel_messages(work.channel)]


@pytest.mark.parametrize("outage", ["socket"], indirect=True)
async def test_killed_with_a_socket_open(outage):
    """Slack delivers over the next process's connection what this one did not acknowledge."""
    work, instance = outage.work, outage.instance()
    async with running_bot(work) as bot:
        bot.process.send_signal(signal.SIGSTOP)
        sent = asyncio.create_task(work.command(f"{instance} looping"))
        await asyncio.sleep(0.1)
        await bot.stop(KILL)
        async with running_bot(work):
            await sent
            await work.told("is gone (verified")

    assert 1 == outage.calls(instance)
