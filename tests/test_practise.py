"""A game day: made-up workflows are stopped in a real channel, and nothing of it leaves for Vibecode."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import pytest
from processes import haltbot, variables
from workspace import Workspace

from bot.domain.api_key import ApiKey
from bot.domain.errors import Definite
from bot.domain.practice import Scene
from bot.messages.termination import FORCE_TERMINATE
from bot.operations.practice import make_instance
from bot.store.opening import open_store
from bot.vibecode.client import VibecodeClient, open_client
from sandbox.slack import Message

BANNER = "PRACTICE:"


async def made_up(work: Workspace, scene: Scene) -> str:
    store = await open_store(work.settings.database_url, owner="test", shared=True)
    try:
        return await make_instance(
            store, scene, team=work.slack.team, channel=work.channel.id, by="shell:test"
        )
    finally:
        await store.close()


async def told(work: Workspace, words: str) -> Message:
    message = await work.told(words)
    assert BANNER in message.text
    assert BANNER in str(message.blocks[0])
    return message


async def test_a_soft_one_is_gone_at_once(work: Workspace):
    """The whole flow, bannered; Vibecode is never asked anything."""
    instance = await made_up(work, Scene.WAITS)
    await work.command(f"{instance} game day")
    await told(work, "is gone (verified")

    assert [] == work.vibecode.calls
    assert ["requested", "attempted", "outcome"] == await work.events()


async def test_a_stuck_one_goes_by_force_after_its_question(work: Workspace):
    """The question shows it as stuck; the click ends it."""
    instance = await made_up(work, Scene.STUCK)
    await work.command(f"{instance} force game day")
    question = await told(work, "Started by: the system")
    await work.click(FORCE_TERMINATE)
    await told(work, "is gone (verified")

    assert "stuck" in question.text
    assert [] == work.vibecode.calls


async def test_a_busy_one_is_watched(work: Workspace):
    """Accepted, and still in the list while its step runs."""
    instance = await made_up(work, Scene.BUSY)
    await work.command(f"{instance} game day")
    await told(work, "*Accepted:*")

    assert [] == work.vibecode.calls


async def test_the_watch_sees_a_busy_one_go(work: Workspace, monkeypatch: pytest.MonkeyPatch):
    """It reads the pool's list as it would read Vibecode's."""
    monkeypatch.setattr("bot.operations.practice.STEP_MS", 1500)
    instance = await made_up(work, Scene.BUSY)
    await work.command(f"{instance} game day")
    await told(work, "*Accepted:*")
    await told(work, "is gone after")

    assert [] == work.vibecode.calls


async def test_two_at_once_are_told_apart(work: Workspace):
    """Each key opens one instance alone, so a reading for one says nothing of the other."""
    stuck, denied = await made_up(work, Scene.STUCK), await made_up(work, Scene.DENIED)
    await asyncio.gather(*(work.command(f"show {instance}") for instance in (stuck, denied, f"{stuck}0")))

    await work.slack.wait_for(lambda: len(work.whispers()) == 3)
    assert {(stuck, True), (denied, True), (f"{stuck}0", False)} == {
        (name, f"Workflow `{name}` is running" in text)
        for text in work.whispers()
        for name in re.findall(r"Workflow `(practice-\w+-\w+)`", text)
    }


async def test_a_refusal_says_why(work: Workspace):
    """The words are those of the real code."""
    instance = await made_up(work, Scene.DENIED)
    await work.command(f"{instance} game day")
    message = await told(work, "*Not stopped:*")

    assert "BITRIX_ACCESS_DENIED" in message.text


async def test_what_was_never_made_up_is_not_running(work: Workspace):
    """An invented identifier of the practice pool stays in practice."""
    await work.command("practice-stuck-abc9 typo")
    await told(work, "*Nothing to stop:*")

    assert [] == work.vibecode.calls


async def test_show_is_bannered_as_well(work: Workspace):
    """The private answer says that it is made up."""
    instance = await made_up(work, Scene.STUCK)
    await work.command(f"show {instance}")

    assert BANNER in await work.whispered("is running")
    assert [] == work.vibecode.calls


@pytest.mark.parametrize("workflow_id", ["practice-stuck-abc9", "PRACTICE-waits-1", "Practice-x9"])
async def test_the_real_client_refuses_what_is_made_up(workflow_id):
    """Whatever goes wrong before: no request is made."""
    async with open_client("http://127.0.0.1:9") as http:
        with pytest.raises(Definite, match="PRACTICE_INSTANCE"):
            await VibecodeClient(http).terminate(
                ApiKey("vibe_api_0123456789"), workflow_id, force=True, reason=""
            )


async def test_the_command_line_makes_them_up_and_tells_the_channel(work: Workspace):
    """The sheet in the channel says what to type; typing it works."""
    finished = await practise(work, work.channel.id, "--scene", "waits", "--scene", "denied")
    (sheet,) = work.slack.channel_messages(work.channel)
    waits, denied = re.findall(r"practice-\w+-\w+", sheet.text)[:2]
    await work.command(f"{waits} game day")
    await work.slack.wait_for(lambda: len(work.slack.channel_messages(work.channel)) == 2)

    assert 0 == finished.code
    assert sheet.text.strip() == finished.out.strip()
    assert BANNER in sheet.text
    assert ("waits", "denied") == (waits.split("-")[1], denied.split("-")[1])
    assert [] == work.vibecode.calls


async def test_a_channel_without_a_key_is_told_first(work: Workspace):
    """The command would be refused there, so nothing is made up."""
    other = work.slack.add_channel("other")
    finished = await practise(work, other.id)

    assert 1 == finished.code
    assert "haltbot key set" in finished.out
    assert [] == work.slack.channel_messages(other)


async def test_a_channel_that_slack_does_not_open_still_has_its_sheet(work: Workspace):
    """Whoever runs it is told to tell the people."""
    work.slack.fail("chat.postMessage", "not_in_channel")
    finished = await practise(work, work.channel.id)

    assert 1 == finished.code
    assert "(not_in_channel)" in finished.out
    assert "practice-stuck-" in finished.out


async def practise(work: Workspace, channel: str, *more: str) -> Any:
    environment: Mapping[str, str] = variables(work.settings)
    return await haltbot(
        "practise", "--team", work.slack.team, "--channel", channel, *more, environment=environment
    )
