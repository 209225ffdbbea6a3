"""The Home tab: what is under way and what waits for me, and nothing that my channels would not show me."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from workspace import Workspace, workspace

from bot.domain.findings import Place
from bot.domain.overview import Overview
from bot.messages.home_tab import home
from bot.messages.termination import FORCE_TERMINATE
from sandbox.slack import Channel, Person
from sandbox.vibecode import Step

WAITS = Step(3600, locked=False)


@pytest.fixture(name="secret")
async def _secret(tmp_path: Path) -> AsyncIterator[tuple[Workspace, Channel]]:
    """A workspace with a private channel in which only Rita is, and her key is set there."""
    async with workspace(tmp_path) as work:
        private = work.slack.add_channel("mergers", private=True, members=[work.requester])
        await work.set_key(work.key, channel=private)
        yield work, private


async def opened(work: Workspace, person: Person, words: str = "") -> str:
    """Open the Home tab and wait until it says this; everything that is on it."""
    shown = len(work.slack.calls_of("views.publish"))
    delivery = await work.slack.open_home(person)
    assert delivery.ok

    def drawn() -> str | None:
        view = work.slack.home(person)
        text = _texts(view.content["blocks"]) if view else ""
        return text if len(work.slack.calls_of("views.publish")) > shown and words in text else None

    return await work.slack.wait_for(drawn)


def _texts(value: Any) -> str:
    if isinstance(value, dict):
        return "\n".join(filter(None, map(_texts, value.values())))
    if isinstance(value, list | tuple):
        return "\n".join(filter(None, map(_texts, value)))
    return value if isinstance(value, str) else ""


def part(text: str, title: str) -> str:
    """The lines below a title."""
    titles = ["Waiting for your answer", "Under way", "In the last day", "Channels that you look after"]
    behind = text.partition(title)[2]
    return min((behind.partition(other)[0] for other in titles), key=len)


async def test_it_is_drawn_when_it_is_opened(either: Workspace):
    """Over both ways in; an empty one says what is not there."""
    text = await opened(either, either.colleague)

    assert "Nothing waits for you." in text
    assert "Nothing is under way." in text
    assert "/terminate-workflow help" in text


async def test_what_waits_for_me_is_first(work: Workspace):
    """With where it stands, for me; a colleague sees it as under way."""
    instance = work.vibecode.start_instance(steps=[WAITS])
    await work.command(f"{instance} force loops")
    await work.told("Started by")
    mine, theirs = await opened(work, work.requester), await opened(work, work.colleague)

    assert instance in part(mine, "Waiting for your answer")
    assert f"<#{work.channel.id}>" in part(mine, "Waiting for your answer")
    assert "|message>" in part(mine, "Waiting for your answer")
    assert instance not in part(theirs, "Waiting for your answer")
    assert instance in part(theirs, "Under way")


async def test_what_ended_is_told_for_a_day(work: Workspace):
    """The outcome as the message tells it."""
    instance = work.vibecode.start_instance(steps=[WAITS])
    await work.command(f"{instance} force loops")
    await work.told("Started by")
    await work.click(FORCE_TERMINATE)
    await work.told("is gone (verified")
    await work.stop()
    await work.start()
    text = await opened(work, work.colleague)

    assert instance in part(text, "In the last day")
    assert "*Stopped:*" in part(text, "In the last day")
    assert instance not in part(text, "Under way")


async def test_a_private_channel_is_nothing_to_those_outside(secret: tuple[Workspace, Channel]):
    """Neither its name, nor its id, nor what runs there."""
    work, private = secret
    instance = work.vibecode.start_instance(steps=[WAITS])
    await work.command(f"{instance} force hush", channel=private)
    await work.slack.wait_for(lambda: work.slack.channel_messages(private))
    inside, outside = await opened(work, work.requester), await opened(work, work.colleague)

    assert instance in inside
    assert not any(word in outside for word in (instance, private.id, "mergers", "hush"))


async def test_no_name_of_a_channel_is_written(secret: tuple[Workspace, Channel]):
    """Channels are mentions: Slack itself decides for each reader what they are called."""
    work, private = secret
    text = await opened(work, work.requester)

    assert f"<#{private.id}>" in text
    assert not any(word in text for word in ("mergers", "#ops"))


@pytest.mark.parametrize("error", ["missing_scope", "internal_error", "channel_not_found"])
async def test_where_slack_does_not_say_who_is_in_it_nobody_is(work: Workspace, error: str):
    """Only what one asked for oneself is left."""
    work.slack.fail("conversations.members", error, times=9)
    instance = work.vibecode.start_instance(steps=[WAITS])
    await work.command(f"{instance} force loops")
    await work.told("Started by")

    assert instance in await opened(work, work.requester)
    assert instance not in await opened(work, work.colleague)


async def test_configurers_see_how_their_channels_are(work: Workspace):
    """Whoever set the key sees that it may only read; others do not see the part at all."""
    await work.set_key(work.vibecode.add_key("vibe_api_0123456789abcdef0123", access_mode="READONLY"))
    theirs, others = await opened(work, work.requester), await opened(work, work.colleague)

    assert "may only read" in part(theirs, "Channels that you look after")
    assert f"<#{work.channel.id}>" in part(theirs, "Channels that you look after")
    assert "Channels that you look after" not in others


async def test_a_channel_without_trouble_is_said_to_be_ready(work: Workspace):
    """And is examined once for everybody who looks within ten minutes."""
    text = await opened(work, work.requester)
    asked = len(work.slack.calls_of("conversations.info"))
    await opened(work, work.requester)

    assert "Everything is ready." in part(text, "Channels that you look after")
    assert asked == len(work.slack.calls_of("conversations.info"))


async def test_the_tab_with_the_messages_draws_nothing(work: Workspace):
    """Slack sends the same event for it."""
    delivery = await work.slack.event("app_home_opened", user=work.requester.id, channel="D1", tab="messages")

    # What is drawn afterwards shows that this one had its time.
    await opened(work, work.requester)

    assert delivery.ok
    assert 1 == len(work.slack.calls_of("views.publish"))


async def test_trouble_while_drawing_costs_no_acknowledgement(work: Workspace):
    """Slack refuses the view; the event is acknowledged, and the next time it works."""
    work.slack.fail("views.publish", "internal_error")
    delivery = await work.slack.open_home(work.requester)
    await work.slack.wait_for(lambda: work.slack.calls_of("views.publish"))

    assert delivery.ok
    assert await opened(work, work.requester)


def test_it_fits_slack_s_limits_with_much_to_show():
    """Many channels in much trouble: at most 100 blocks, at most 3,000 characters each."""
    findings = [
        Place("T1", f"C{number}").fail(f"check{line}", "channel_scope_missing", code="x" * 800)
        for number in range(120)
        for line in range(5)
    ]
    view = home(Overview(to_confirm=[], under_way=[], recent=[], channels=findings, at=0), None)

    assert len(view["blocks"]) <= 100
    assert all(len(block.get("text", {}).get("text", "")) <= 3000 for block in view["blocks"])
