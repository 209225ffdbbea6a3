"""Disk, database, Slack and Vibecode fail under a running bot; nothing is lost, and the person is told."""

import asyncio
import resource
import signal

from processes import Running, running_bot

from bot.domain.termination import Phase
from sandbox.slack import Delivery

TELL_SECONDS = 25


def limit_files(bot: Running, size: int) -> None:
    """Let the process write no file beyond this size: to it, the disk is full."""
    hard = resource.prlimit(bot.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(bot.process.pid, resource.RLIMIT_FSIZE, (size, hard))


def said(delivery: Delivery) -> str:
    return str(delivery.json.get("text"))


async def test_a_full_disk_stops_the_intake_and_nothing_else(outage):
    """What cannot be recorded is not done, and the person hears it; with room again everything goes on."""
    work, instance = outage.work, outage.instance()
    async with running_bot(work) as bot:
        limit_files(bot, 0)
        refused = await work.command(f"{instance} looping")
        calls_while_full = outage.calls(instance)
        limit_files(bot, resource.RLIM_INFINITY)
        accepted = await work.command(f"{instance} looping")
        await work.told("is gone (verified")
        code = await bot.stop(signal.SIGTERM)

    assert "could not confirm that your request was recorded" in said(refused)
    assert 0 == calls_while_full
    assert accepted.ok
    assert 1 == outage.calls(instance)
    assert 0 == code


async def test_a_disk_that_fills_up_during_a_call_loses_no_outcome(outage):
    """The outcome cannot be recorded: it is found out again once there is room."""
    work, instance = outage.work, outage.instance()
    work.vibecode.latency = 0.5
    async with running_bot(work) as bot:
        await work.command(f"{instance} looping")
        await outage.called(instance)
        limit_files(bot, 0)
        await asyncio.sleep(1.5)
        await bot.stop(signal.SIGKILL)
    async with running_bot(work):
        message = await work.told("gone")

    assert "recovered after a restart" in message.text
    assert 1 == outage.calls(instance)


async def test_a_locked_database_is_waited_for_and_nothing_is_done_twice(outage):
    """The person hears in time that nothing is certain; Enter again does no harm."""
    work, instance = outage.work, outage.instance()
    async with running_bot(work):
        with outage.locked():
            uncertain = await work.command(f"{instance} looping")
        again = await work.command(f"{instance} looping")
        await work.told("is gone (verified")

    assert uncertain.ok
    assert uncertain.ack_ms < 3000
    assert "a repeated request does no harm" in said(uncertain)
    assert "No second one was started" in said(again)
    assert 1 == outage.calls(instance)


async def test_a_click_into_a_locked_database_counts_once(outage):
    """It is acknowledged, told to be uncertain, and carried out when the lock is gone."""
    work, instance = outage.work, outage.instance()
    async with running_bot(work):
        await work.command(f"{instance} force deadlock")
        await work.told("Force-terminate")
        with outage.locked():
            clicked = await work.click("termination_force")
        await work.told("gone")

    assert clicked.ok
    assert clicked.ack_ms < 3000
    assert 1 == outage.calls(instance)


async def test_with_slack_down_the_termination_goes_on_and_is_told_later(outage):
    """As often as it takes, and over a crash. Who the person is was asked before: else it would wait for Slack."""
    work, before, instance = outage.work, outage.instance(), outage.instance()
    async with running_bot(work) as bot:
        await work.command(f"{before} looping")
        await work.told("is gone (verified")
        work.slack.down = True
        delivery = await work.command(f"{instance} looping")
        await outage.recorded(Phase.TELLING)
        await asyncio.sleep(1)
        await bot.stop(signal.SIGKILL)
        done_meanwhile = not work.vibecode.is_running(instance)
    async with running_bot(work):
        await asyncio.sleep(8)
        work.slack.down = False
        await work.slack.wait_for(lambda: outage.told(instance, "is gone (verified"), TELL_SECONDS)

    assert delivery.ok
    assert done_meanwhile
    assert 1 == outage.calls(instance)
    assert 2 == len(work.slack.channel_messages(work.channel))


async def test_a_person_whom_slack_cannot_tell_about_waits_for_slack(outage):
    """Nobody is stopped by somebody unknown; nothing that was acknowledged is lost over it."""
    work, instance = outage.work, outage.instance()
    async with running_bot(work):
        work.slack.down = True
        delivery = await work.command(f"{instance} looping")
        await asyncio.sleep(2)
        calls_while_down = outage.calls(instance)
        work.slack.down = False
        await work.told("is gone (verified", within=TELL_SECONDS)

    assert (True, 0, 1) == (delivery.ok, calls_while_down, outage.calls(instance))


async def test_a_hanging_vibecode_is_told_looked_into_and_tried_again(outage):
    """The message says within two seconds that it is under way, then why not yet, then the outcome."""
    work, instance = outage.work, outage.instance()
    work.vibecode.script("hang", method="DELETE", times=1)
    async with running_bot(work):
        await work.command(f"{instance} looping")
        first = await work.told("Stopping", within=2.5)
        first_text = first.text
        await work.told("Not yet", within=TELL_SECONDS)
        last = await work.told("is gone (verified", within=TELL_SECONDS)

    assert instance in first_text
    assert "sent twice" in last.text
    assert 2 == outage.calls(instance)


async def test_a_vibecode_that_hangs_after_it_has_acted_is_not_asked_again(outage):
    """The list says that the instance is gone: there is nothing to repeat."""
    work, instance = outage.work, outage.instance()
    work.vibecode.script("hang", method="DELETE", executes=True)
    async with running_bot(work):
        await work.command(f"{instance} looping")
        message = await work.told("already gone", within=TELL_SECONDS)

    assert "no clear answer" in message.text
    assert 1 == outage.calls(instance)
