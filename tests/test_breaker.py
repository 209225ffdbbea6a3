"""Too many terminations in a short time: everything needs a second person until somebody says otherwise."""

import asyncio
from functools import partial

from workspace import Workspace

from bot.messages.approvals import RESET_BREAKER
from bot.messages.termination import FORCE_TERMINATE, TERMINATE_SOFTLY
from sandbox.slack import Message
from sandbox.vibecode import Step

WAITING = Step(3600, locked=False)


async def limited(work: Workspace) -> None:
    await work.put_settings({"breaker_limit": 2, "breaker_minutes": 5, "approve": [work.colleague.id]})


def saying(work: Workspace, words: str) -> list[Message]:
    return [message for message in work.slack.channel_messages(work.channel) if words in message.text]


def _said(work: Workspace, words: str, times: int) -> bool:
    return len(saying(work, words)) == times


async def test_one_too_many_needs_a_second_person(either: Workspace):
    """Also a soft one, which asks for approval then; the channel is told once, with the limit."""
    await limited(either)
    instances = either.vibecode.start_many(3, steps=[WAITING])
    for number, instance in enumerate(instances[:2], start=1):
        await either.command(f"{instance} loops")
        await either.slack.wait_for(partial(_said, either, "is gone (verified", number))

    await either.command(f"{instances[2]} loops")
    (question,) = await either.slack.wait_for(lambda: saying(either, "Somebody has to approve"))
    (notice,) = saying(either, "this channel's limit of 2")
    waits = either.vibecode.is_running(instances[2])
    await either.slack.click(either.requester, question, TERMINATE_SOFTLY)
    await either.whispered("your own press")
    await either.slack.click(either.colleague, question, TERMINATE_SOFTLY)
    await either.slack.wait_for(lambda: len(saying(either, "is gone (verified")) == 3)

    assert waits
    assert [RESET_BREAKER] == notice.action_ids
    assert FORCE_TERMINATE not in question.action_ids
    assert {"status": "loops"} == either.vibecode.deletes(instances[2])[0].query


async def test_a_burst_lets_only_the_limit_through(work: Workspace):
    """Twenty at once: each is counted before it is let through, so no more than the limit are."""
    await limited(work)
    instances = work.vibecode.start_many(8, steps=[WAITING])

    await asyncio.gather(*(work.command(f"{instance} loops") for instance in instances))
    await work.slack.wait_for(
        lambda: len(saying(work, "Somebody has to approve")) + len(saying(work, "is gone (verified")) == 8
    )

    assert len(saying(work, "is gone (verified")) <= 2
    assert 1 == len(saying(work, "this channel's limit"))


async def test_approve_ends_it(work: Workspace):
    """Others are refused; after the reset it is counted anew, and the audit has all of it."""
    await limited(work)
    instances = work.vibecode.start_many(4, steps=[WAITING])
    for instance in instances[:3]:
        await work.command(f"{instance} loops")
    (notice,) = await work.slack.wait_for(lambda: saying(work, "this channel's limit"))

    await work.slack.click(work.requester, notice, RESET_BREAKER)
    await work.whispered("role *approve*")
    await work.slack.click(work.colleague, notice, RESET_BREAKER)
    await work.slack.wait_for(lambda: saying(work, "Back to normal"))
    await work.command(f"{instances[3]} loops")
    await work.vibecode.wait_for(lambda: not work.vibecode.is_running(instances[3]))
    await work.slack.click(work.colleague, notice, RESET_BREAKER)
    await work.whispered("not tripped any more", to=work.colleague)
    names = [event["event"] for event in await work.audit()]

    assert (1, 1, 4) == (
        names.count("breaker_tripped"),
        names.count("breaker_reset"),
        names.count("admitted"),
    )


async def test_refused_ones_are_not_counted(work: Workspace):
    """Whoever may not stop anything trips nothing."""
    await limited(work)
    guest = work.slack.add_person("Gus", guest=True)
    for instance in work.vibecode.start_many(4, steps=[WAITING]):
        await work.command(f"{instance} loops", by=guest)
    await work.slack.wait_for(lambda: len(work.whispers(guest)) == 4)

    assert "admitted" not in [event["event"] for event in await work.audit()]
