"""What Slack, or a person, sends twice is done once; the second time points to the first."""

import asyncio
from pathlib import Path

from workspace import Workspace, workspace

from bot.domain.termination import REPEAT_WINDOW_MS
from bot.messages.termination import FORCE_TERMINATE
from sandbox.slack import Delivery
from sandbox.vibecode import Step

WAITING = Step(3600, locked=False)


def link(work: Workspace) -> str:
    return f"/archives/{work.channel.id}/p{work.message().ts.replace('.', '')}"


def said(delivery: Delivery) -> str:
    return str(delivery.json.get("text"))


async def test_the_same_delivery_again_starts_nothing(either: Workspace):
    """A replayed HTTP request, or an envelope that Slack delivers again under the same id."""
    instance = either.vibecode.start_instance(steps=[WAITING])
    first = await either.command(f"{instance} looping")
    await either.told("is gone (verified")

    again = await either.slack.redeliver(first)

    assert (200, first.envelope_id) == (again.status, again.envelope_id)
    assert link(either) in said(again)
    assert 1 == len(either.vibecode.deletes(instance))
    assert ["requested", "attempted", "outcome"] == await either.events()


async def test_twenty_replays_at_once_start_nothing(work: Workspace):
    """They race each other and the first one; exactly one termination comes of it."""
    instance = work.vibecode.start_instance(steps=[WAITING])
    first = await work.command(f"{instance} looping")

    again = await asyncio.gather(*(work.slack.redeliver(first) for _ in range(20)))
    await work.told("is gone (verified")

    assert {200} == {delivery.status for delivery in again}
    assert all("No second one was started" in said(delivery) for delivery in again)
    assert 1 == len(work.vibecode.deletes(instance))


async def test_a_redelivery_after_a_restart_starts_nothing(tmp_path: Path):
    """What was done is remembered in the database, not in the process."""
    async with workspace(tmp_path) as work:
        instance = work.vibecode.start_instance(steps=[WAITING])
        first = await work.command(f"{instance} looping")
        await work.told("is gone (verified")
        await work.stop()
        await work.start()

        again = await work.slack.redeliver(first)

        assert link(work) in said(again)
        assert 1 == len(work.vibecode.deletes(instance))


async def test_a_redelivery_of_what_failed_starts_nothing(either: Workspace):
    """A person may ask again at once for what failed; Slack's second delivery is not a person."""
    instance = either.vibecode.start_instance(steps=[WAITING])
    either.vibecode.script("SCOPE_DENIED", method="DELETE")
    first = await either.command(f"{instance} looping")
    await either.told("Not stopped")

    again = await either.slack.redeliver(first)
    calls_then = len(either.vibecode.deletes(instance))
    asked_again = await either.command(f"{instance} looping")
    await either.slack.wait_for(lambda: len(either.slack.channel_messages(either.channel)) == 2)

    assert "No second one was started" in said(again)
    assert 1 == calls_then
    assert "" == asked_again.body
    assert 2 == len(either.vibecode.deletes(instance))


async def test_pressing_enter_again_points_to_the_first_one(either: Workspace):
    """After a timeout the text is still in the box, so people press Enter again."""
    instance = either.vibecode.start_instance(steps=[WAITING])
    await either.command(f"{instance} looping")
    await either.told("is gone (verified")

    again = await either.command(f"{instance} looping")

    assert link(either) in said(again)
    assert 1 == len(either.vibecode.deletes(instance))


async def test_pressing_enter_again_while_it_is_under_way_says_so(either: Workspace):
    """Whoever asks: a second stop of what is being stopped is not started."""
    instance = either.vibecode.start_instance(steps=[WAITING])
    either.vibecode.script("BITRIX_UNAVAILABLE", method="DELETE", retry_after=1)
    await either.command(f"{instance} looping")
    await either.told("Not yet")

    own = await either.command(f"{instance} looping")
    colleagues = await either.command(f"{instance} me too", by=either.colleague)
    await either.told("is gone (verified")

    assert "already under way" in said(own)
    assert "already under way" in said(colleagues)
    assert link(either) in said(colleagues)
    assert 2 == len(either.vibecode.deletes(instance))


async def test_another_reason_is_another_request(work: Workspace):
    """Only what is literally the same, of the same person, is taken for a second Enter."""
    instance = work.vibecode.start_instance(steps=[WAITING])
    await work.command(f"{instance} looping")
    await work.told("is gone (verified")

    other = await work.command(f"{instance} still looping")
    await work.slack.wait_for(lambda: len(work.slack.channel_messages(work.channel)) == 2)

    assert "" == other.body
    assert 120_000 == REPEAT_WINDOW_MS


async def test_a_question_is_not_asked_twice(either: Workspace):
    """Enter again on a forced one points to the question that stands."""
    instance = either.vibecode.start_instance(steps=[WAITING])
    await either.command(f"{instance} force deadlock")
    await either.told("Force-terminate")

    again = await either.command(f"{instance} force deadlock")

    assert link(either) in said(again)
    assert [] == either.vibecode.deletes(instance)


async def test_a_redelivered_click_forces_once(either: Workspace):
    """The second one finds the question answered."""
    instance = either.vibecode.start_instance(steps=[WAITING])
    await either.command(f"{instance} force deadlock")
    await either.told("Force-terminate")
    first = await either.click(FORCE_TERMINATE)
    await either.told("is gone (verified")

    again = await either.slack.redeliver(first)
    await either.whispered("Already answered")

    assert 200 == again.status
    assert 1 == len(either.vibecode.deletes(instance))
