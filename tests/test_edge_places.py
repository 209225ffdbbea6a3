"""The command works wherever it can be typed, also where the bot is no member."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from workspace import Workspace, workspace

from bot.messages.termination import FORCE_TERMINATE, KEEP_RUNNING, TERMINATE_SOFTLY
from sandbox.slack import Channel, Message
from sandbox.vibecode import Step

WAITING = Step(3600, locked=False)
PLACES: dict[str, dict[str, Any]] = {
    "a public channel": {},
    "a private channel": {"private": True},
    "a direct conversation of two people": {"dm": True},
}


@pytest.fixture(name="place", params=sorted(PLACES))
def _place(either: Workspace, request: pytest.FixtureRequest) -> Channel:
    """A conversation without the bot."""
    return either.slack.add_channel("elsewhere", bot_is_member=False, **PLACES[request.param])


async def told_in(work: Workspace, channel: Channel, words: str) -> Message:
    def says() -> Message | None:
        return next((m for m in work.slack.channel_messages(channel) if words in m.text), None)

    return await work.slack.wait_for(says)


async def details(work: Workspace, name: str) -> list[dict[str, Any]]:
    return [event["detail"] for event in await work.audit() if event["event"] == name]


async def test_a_soft_one_works_where_the_bot_is_no_member(either: Workspace, place: Channel):
    """Everybody there reads the outcome; the small print says how to invite the bot; the audit says which way."""
    await either.set_key(either.key, channel=place)
    instance = either.vibecode.start_instance(steps=[WAITING])

    delivery = await either.command(f"{instance} looping", channel=place)
    message = await told_in(either, place, "is gone (verified")
    await either.slack.wait_for(lambda: either.slack.calls_of("response_url"))

    assert delivery.ok
    assert 1 == len(either.vibecode.deletes(instance))
    assert 1 == len(either.slack.channel_messages(place))
    assert place.dm or f"no member of <#{place.id}>" in message.text
    assert place.dm or "`/invite @haltbot`" in message.text
    assert not place.dm or "/invite" not in message.text


@pytest.mark.parametrize("choice", [FORCE_TERMINATE, TERMINATE_SOFTLY, KEEP_RUNNING])
async def test_a_question_is_replaced_by_its_outcome(either: Workspace, place: Channel, choice: str):
    """The question went by response_url: only the click's own one can replace it, and it does."""
    await either.set_key(either.key, channel=place)
    instance = either.vibecode.start_instance(steps=[WAITING])
    await either.command(f"{instance} force deadlock", channel=place)
    question = await told_in(either, place, "Force-terminate")

    await either.slack.click(either.requester, question, choice)
    await told_in(either, place, "Kept running" if choice == KEEP_RUNNING else "gone")

    (message,) = either.slack.channel_messages(place)
    assert question.ts == message.ts
    assert [] == [action for action in message.action_ids if action.startswith("termination_force")]
    assert (0 if choice == KEEP_RUNNING else 1) == len(either.vibecode.deletes(instance))


async def test_a_colleague_is_told_off_there_too(either: Workspace, place: Channel):
    """The private answer goes by the click's response_url."""
    await either.set_key(either.key, channel=place)
    instance = either.vibecode.start_instance(steps=[WAITING])
    await either.command(f"{instance} force deadlock", channel=place)
    question = await told_in(either, place, "Force-terminate")

    await either.slack.click(either.colleague, question, FORCE_TERMINATE)
    await either.whispered("can answer", to=either.colleague)

    assert [] == either.vibecode.deletes(instance)


async def test_a_channel_without_a_key_says_what_to_do(either: Workspace, place: Channel):
    """The refusal is in the acknowledgement, which needs no membership."""
    delivery = await either.command("69f0c2d5ade389.22457798", channel=place)

    assert f"haltbot key set --team {either.slack.team} --channel {place.id}" in delivery.json["text"]


async def test_an_invitation_is_noticed_at_the_next_message(work: Workspace):
    """From then on the message stands in the channel and is edited there."""
    place = work.slack.add_channel("quiet", bot_is_member=False, private=True)
    await work.set_key(work.key, channel=place)
    instance = work.vibecode.start_instance(steps=[WAITING])
    work.vibecode.script("BITRIX_UNAVAILABLE", method="DELETE", retry_after=0.5)

    await work.command(f"{instance} looping", channel=place)
    await told_in(work, place, "Not yet")
    place.bot_is_member = True
    outcome = await told_in(work, place, "is gone (verified")

    assert "chat.postMessage" == outcome.via


async def test_trouble_costs_no_more_than_one_message_where_none_can_be_edited(work: Workspace):
    """Six failed tries must neither flood the channel nor use up the five uses of the response_url."""
    place = work.slack.add_channel("quiet", bot_is_member=False, private=True)
    await work.set_key(work.key, channel=place)
    instance = work.vibecode.start_instance(steps=[WAITING])
    work.vibecode.script("BITRIX_UNAVAILABLE", method="DELETE", retry_after=0.05, times=5)

    await work.command(f"{instance} looping", channel=place)
    await told_in(work, place, "is gone (verified")

    assert 2 == len(work.slack.channel_messages(place))
    assert 6 == len(work.vibecode.deletes(instance))


@pytest.mark.parametrize("loss", ["deleted", "archived"])
async def test_a_message_that_is_lost_meanwhile_is_told_anew(work: Workspace, loss: str):
    """Somebody deletes the question, or archives the channel, before the outcome is known."""
    instance = work.vibecode.start_instance(steps=[WAITING])
    work.vibecode.script("BITRIX_UNAVAILABLE", method="DELETE", retry_after=0.3)
    await work.command(f"{instance} looping")
    await work.told("Not yet")
    message = work.message()

    if loss == "deleted":
        work.slack.workspace.delete(message)
    else:
        work.channel.archived = True
    outcome = await told_in(work, work.channel, "is gone (verified")

    assert message.ts != outcome.ts
    assert 2 == len(work.vibecode.deletes(instance))
    assert loss == "deleted" or "archived" in outcome.text


async def test_which_way_an_outcome_went_is_recorded(work: Workspace):
    """By response_url, directly, or not at all: the audit knows."""
    place = work.slack.add_channel("quiet", bot_is_member=False, private=True)
    await work.set_key(work.key, channel=place)
    for ways in ([], ["response_url"], ["response_url", "dm"]):
        instance = work.vibecode.start_instance(steps=[WAITING])
        if "response_url" in ways:
            work.slack.fail("response_url", "expired_url", status=404)
        if "dm" in ways:
            work.slack.fail("chat.postMessage", "channel_not_found")
            work.slack.fail("chat.postMessage", "user_disabled")
        await work.command(f"{instance} looping", channel=place)
        await work.vibecode.wait_for(partial(work.vibecode.deletes, instance))
        await work.stop()
        await work.start()

    assert [{"way": "response_url"}, {"way": "dm"}] == await details(work, "told_elsewhere")
    assert [{"code": "user_disabled"}] == await details(work, "undelivered")
    assert 3 == len(work.vibecode.deletes())


@pytest.mark.parametrize(("mode", "code"), [("http", "internal_error"), ("socket", "drop_after")])
async def test_no_trouble_of_slacks_repeats_a_termination(tmp_path: Path, mode: str, code: str):
    """The outcome is tried again, each time on its own; the DELETE is not."""
    async with workspace(tmp_path, mode=mode) as work:
        work.slack.fail("chat.postMessage", code, status=500)
        instance = work.vibecode.start_instance(steps=[WAITING])

        await work.command(f"{instance} looping")
        await work.told("is gone (verified", within=20)

        assert 1 == len(work.vibecode.deletes(instance))
        assert 1 == len(work.slack.channel_messages(work.channel))
