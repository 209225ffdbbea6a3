"""A list that is slow to read costs time, and nothing else: no stop is dropped, repeated or told falsely."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from workspace import Workspace, workspace

from bot.messages.termination import FORCE_TERMINATE
from sandbox.slack import Message
from sandbox.vibecode import Step

WAITING = Step(3600, locked=False)
LEASE_SECONDS = 2.0


@pytest.fixture(name="work")
async def _work(tmp_path: Path) -> AsyncIterator[Workspace]:
    """One answer takes most of a lease, so that two of them take more than one."""
    pace = {"lease_ms": int(LEASE_SECONDS * 1000), "recording_seconds": 0.5}
    async with workspace(tmp_path, pace=pace) as work:
        yield work


def messages_of(work: Workspace, instance: str, words: str) -> list[Message]:
    return [message for message in all_of(work) if instance in message.text and words in message.text]


async def all_told(work: Workspace, instances: list[str], words: str) -> str:
    """Wait until each one's message says this; returns all that the channel reads then."""
    await work.slack.wait_for(lambda: all(messages_of(work, instance, words) for instance in instances), 60)
    return "\n".join(message.text for message in all_of(work))


async def names(work: Workspace) -> set[str]:
    return {line["event"] for line in await work.audit()}


async def test_confirmed_forces_are_carried_out_once(work: Workspace):
    """They wait for each other's readings, and each is sent."""
    for _ in range(60):
        work.vibecode.start_instance(steps=[WAITING])
    instances = [work.vibecode.start_instance(steps=[WAITING]) for _ in range(3)]
    for instance in instances:
        await work.command(f"{instance} force deadlocks")
    await all_told(work, instances, "Started by")
    work.vibecode.latency = 0.8 * LEASE_SECONDS

    for instance in instances:
        (question,) = messages_of(work, instance, "Force-terminate")
        await work.slack.click(work.requester, question, FORCE_TERMINATE)
    told = await all_told(work, instances, "*Stopped:*")

    assert [1, 1, 1] == [len(work.vibecode.deletes(instance)) for instance in instances]
    assert "Recovered" not in told
    assert "recovered" not in await names(work)


@pytest.mark.parametrize(("rate", "forces"), [(1, 2), (5, 8)])
async def test_forces_of_a_slow_key_are_all_sent(tmp_path: Path, rate: int, forces: int):
    """Each look takes a turn of the key as each call does; what was looked up is called before the next look."""
    async with workspace(tmp_path, haltbot_vibecode_rate=rate) as work:
        work.vibecode.latency = 0.05
        instances = [work.vibecode.start_instance(steps=[WAITING]) for _ in range(forces)]
        for instance in instances:
            await work.command(f"{instance} force deadlocks")
        await all_told(work, instances, "Started by")
        for instance in instances:
            (question,) = messages_of(work, instance, "Force-terminate")
            await work.slack.click(work.requester, question, FORCE_TERMINATE)
        await work.vibecode.wait_for(lambda: len(work.vibecode.deletes()) == forces)

        assert [1] * forces == [len(work.vibecode.deletes(instance)) for instance in instances]


async def test_a_message_that_became_another_one_while_it_waited_stays_the_only_one(tmp_path: Path):
    """Somebody deletes the question while the force waits for its turn; what is posted in its place is kept."""
    async with workspace(tmp_path, haltbot_vibecode_rate=0.4) as work:
        instance = work.vibecode.start_instance(steps=[3600])
        await work.command(f"{instance} force deadlocks")
        await work.told("Started by")
        # The key's next turn is the look's, so that it is the call that has to wait.
        await asyncio.sleep(2.6)
        await work.click(FORCE_TERMINATE)
        work.slack.workspace.delete(work.message())
        await work.told("*Stopped")

    assert 2 == len(work.slack.calls_of("chat.postMessage"))


async def test_an_accepted_stop_is_not_sent_again(work: Workspace):
    """The look that follows waits behind another one's."""
    work.vibecode.latency = 0.8 * LEASE_SECONDS
    instances = [work.vibecode.start_instance(steps=[WAITING]) for _ in range(3)]
    for instance in instances:
        await work.command(f"{instance} loops")
    told = await all_told(work, instances, "*Stopped:*")

    assert [1, 1, 1] == [len(work.vibecode.deletes(instance)) for instance in instances]
    assert "Recovered" not in told
    assert "sent twice" not in told
    assert "recovered" not in await names(work)


async def test_watches_that_wait_for_each_other_keep_what_they_watch(work: Workspace):
    """Each reads its page in turn; waiting for the others is no crash."""
    instances = [work.vibecode.start_instance(steps=[Step(8), WAITING]) for _ in range(4)]
    for instance in instances:
        await work.command(f"{instance} loops")
    await all_told(work, instances, "*Accepted:*")
    work.vibecode.latency = 0.8 * LEASE_SECONDS
    told = await all_told(work, instances, "*Stopped:*")

    assert [1] * 4 == [len(work.vibecode.deletes(instance)) for instance in instances]
    assert "Recovered" not in told


async def test_a_question_is_looked_up_once_however_long_that_takes(work: Workspace):
    """Not once for each lease that would have ended meanwhile."""
    instance = work.vibecode.start_instance(steps=[WAITING])
    for _ in range(150):
        work.vibecode.start_instance(steps=[WAITING])
    work.vibecode.latency = 0.9 * LEASE_SECONDS
    await work.command(f"{instance} force deadlocks")
    await work.slack.wait_for(lambda: [m for m in all_of(work) if "Looking it up" not in m.text])
    await work.idle()

    assert [0, 45, 90] == [int(call.query.get("offset", 0)) for call in work.vibecode.calls]


def all_of(work: Workspace) -> list[Message]:
    return work.slack.channel_messages(work.channel)
