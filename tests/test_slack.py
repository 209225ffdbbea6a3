"""The bot's voice: every way to say something, and each way to be refused."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from voice import OUTCOME, Voice, open_voice

from bot.domain.errors import SlackRefused, SlackUnavailable
from bot.domain.termination import MessageRef
from bot.messages.blocks import TEXT_LIMIT, private
from bot.slack.history import METADATA_TYPE
from bot.slack.messenger import PATIENCE
from bot.slack.web_api import call


@pytest.fixture(name="voice")
async def _voice() -> AsyncIterator[Voice]:
    async with open_voice() as voice:
        yield voice


async def test_a_message_is_posted_and_then_edited(voice: Voice):
    """One message, wherever it stands."""
    at = await voice.show(private("*Stopping* …"))
    again = await voice.show(at=at)

    assert ("channel", at) == (at.way, again)
    assert [OUTCOME.text] == voice.texts()


@pytest.mark.parametrize("code", ["not_in_channel", "channel_not_found", "is_archived", "restricted_action"])
async def test_a_channel_that_takes_nothing_is_answered_by_response_url(voice: Voice, code: str):
    """The small print says why it is there, and how to mend it."""
    voice.slack.fail("chat.postMessage", code)

    at = await voice.show(response_url=voice.response_url())

    (text,) = voice.texts()
    assert MessageRef(voice.channel.id, None, "response_url") == at
    assert text.startswith(OUTCOME.text)
    assert {
        "not_in_channel": "`/invite @haltbot`",
        "channel_not_found": "`/invite @haltbot`",
        "is_archived": "archived",
        "restricted_action": "restricted_action",
    }[code] in text


@pytest.mark.parametrize("trouble", ["expired_url", "used_url", "internal_error", "hang up", "no url"])
async def test_what_no_channel_and_no_response_url_takes_goes_to_the_person(voice: Voice, trouble: str):
    """The direct message is the last way, and says which channel it is about."""
    voice.channel.bot_is_member = False
    url = None if trouble == "no url" else voice.response_url()
    if trouble == "hang up":
        voice.slack.fail("response_url", "drop")
    elif trouble != "no url":
        voice.slack.fail("response_url", trouble, status=500 if trouble == "internal_error" else 404)

    at = await voice.show(response_url=url)

    (text,) = voice.direct()
    assert ("dm", []) == (at.way, voice.texts())
    assert f"no member of <#{voice.channel.id}>" in text
    assert at == await voice.show(private("anew"), at=at)
    assert ["anew"] == voice.direct()


async def test_a_person_who_cannot_be_reached_at_all_is_a_refusal(voice: Voice):
    """Then the termination records that nobody was told."""
    voice.slack.fail("chat.postMessage", "not_in_channel", times=1)
    voice.slack.fail("chat.postMessage", "user_disabled", times=1)

    with pytest.raises(SlackRefused, match="user_disabled"):
        await voice.show()


@pytest.mark.parametrize(
    "code", ["message_not_found", "is_archived", "edit_window_closed", "cant_update_message"]
)
async def test_a_message_that_cannot_be_edited_is_told_anew(voice: Voice, code: str):
    """Deleted, archived or too old: the outcome is not lost with it."""
    at = await voice.show(private("*Stopping* …"))
    voice.slack.fail("chat.update", code)

    again = await voice.show(at=at)

    assert at.ts != again.ts
    assert OUTCOME.text == voice.texts()[-1]


async def test_a_click_lets_a_message_be_edited_that_the_bot_could_not_post(voice: Voice):
    """It went by response_url, so only the response_url of a click on it can replace it."""
    voice.channel.bot_is_member = False
    at = await voice.show(private("*Force-terminate?*"), response_url=voice.response_url())
    (question,) = voice.slack.channel_messages(voice.channel)
    click_url = voice.slack.response_urls.issue(voice.person, voice.channel, original=question)

    again = await voice.show(at=at, click_url=click_url)

    assert at == again
    assert [OUTCOME.text] == voice.texts()
    assert [False, True] == [
        call.arguments["replace_original"] for call in voice.slack.calls_of("response_url")
    ]


async def test_a_message_that_was_deleted_is_posted_and_not_replaced(voice: Voice):
    """A click's response_url would bring it back as something that nobody can edit."""
    at = await voice.show(private("*Force-terminate?*"))
    (question,) = voice.slack.channel_messages(voice.channel)
    click_url = voice.slack.response_urls.issue(voice.person, voice.channel, original=question)
    voice.slack.workspace.delete(question)

    again = await voice.show(at=at, click_url=click_url)

    assert [] == voice.slack.calls_of("response_url")
    assert again.ts is not None


async def test_a_click_that_is_too_old_is_followed_by_a_new_message(voice: Voice):
    """Five uses or thirty minutes later the outcome comes by another way."""
    voice.channel.bot_is_member = False
    at = await voice.show(private("*Force-terminate?*"), response_url=voice.response_url())
    voice.slack.fail("response_url", "expired_url", status=404)

    again = await voice.show(at=at, click_url=voice.response_url(), response_url=voice.response_url())

    assert "response_url" == again.way
    assert OUTCOME.text in voice.texts()[-1]


@pytest.mark.parametrize("code", ["invalid_blocks", "msg_too_long", "msg_blocks_too_long"])
async def test_without_its_blocks_a_message_still_says_everything(voice: Voice, code: str):
    """Better a plain message than none, posted or edited."""
    voice.slack.fail("chat.postMessage", code)
    at = await voice.show()
    voice.slack.fail("chat.update", code)
    await voice.show(private("*Gone.*"), at=at)

    (message,) = voice.slack.channel_messages(voice.channel)
    assert ("*Gone.*", []) == (message.text, message.blocks)


@pytest.mark.parametrize("code", ["internal_error", "fatal_error", "service_unavailable", "drop"])
async def test_trouble_is_worth_another_try_in_the_channel(voice: Voice, code: str):
    """Posting at once by another way could say everything twice; only lasting trouble is worth that."""
    voice.slack.fail("chat.postMessage", code, times=2, status=503)

    with pytest.raises(SlackUnavailable):
        await voice.show(response_url=voice.response_url())
    at = await voice.show(tries=PATIENCE, response_url=voice.response_url())

    assert "response_url" == at.way


async def test_the_end_of_the_patience_says_nothing_twice(voice: Voice):
    """What was posted although the connection broke is found before another way is taken."""
    voice.slack.fail("chat.postMessage", "drop_after")

    at = await voice.show(tries=PATIENCE, response_url=voice.response_url())

    assert "channel" == at.way
    assert [OUTCOME.text] == voice.texts()


async def test_a_person_who_cannot_be_reached_does_not_end_what_the_channel_may_take_later(voice: Voice):
    """The channel's trouble passes; that the person has no direct messages does not."""
    voice.slack.fail("chat.postMessage", "internal_error", status=500)
    voice.slack.fail("chat.postMessage", "user_disabled")

    with pytest.raises(SlackUnavailable):
        await voice.show(tries=PATIENCE)


async def test_a_message_that_may_have_been_posted_is_looked_for(voice: Voice):
    """The connection broke after Slack had posted it."""
    voice.slack.fail("chat.postMessage", "drop_after")
    with pytest.raises(SlackUnavailable):
        await voice.show(private("*Stopping* …"))

    at = await voice.show(maybe_posted_ms_ago=0)

    assert [OUTCOME.text] == voice.texts()
    assert "channel" == at.way


async def test_one_look_serves_all_who_wait(voice: Voice):
    """After an outage many may have been posted; Slack lets its history be read 50 times a minute."""
    posted = [f"posted {number}" for number in range(3)]
    for reference in posted:
        voice.slack.fail("chat.postMessage", "drop_after")
        with pytest.raises(SlackUnavailable):
            await voice.show(private("*Stopping* …"), reference=reference)

    waiting = [*posted, *(f"not posted {number}" for number in range(3))]
    await asyncio.gather(*(voice.show(reference=name, maybe_posted_ms_ago=30_000) for name in waiting[::2]))
    await asyncio.gather(*(voice.show(reference=name, maybe_posted_ms_ago=30_000) for name in waiting[1::2]))

    assert [OUTCOME.text] * 6 == voice.texts()
    assert 1 == len(voice.slack.calls_of("conversations.history"))


async def test_a_look_says_nothing_about_what_was_posted_later(voice: Voice):
    """Another try may have posted it meanwhile, here or in another process, or Slack has just carried one out."""
    await voice.show(reference="before", maybe_posted_ms_ago=0)
    voice.slack.fail("chat.postMessage", "drop_after")
    with pytest.raises(SlackUnavailable):
        await voice.show(private("*Stopping* …"))

    await voice.show(maybe_posted_ms_ago=500)

    assert [OUTCOME.text] * 2 == voice.texts()
    assert 2 == len(voice.slack.calls_of("conversations.history"))


async def test_an_old_look_is_made_anew():
    """Whatever the clocks say about when something may have been posted."""
    async with open_voice(look_seconds=0.0) as voice:
        await voice.show(reference="before", maybe_posted_ms_ago=30_000)
        await voice.show(maybe_posted_ms_ago=30_000)

        assert 2 == len(voice.slack.calls_of("conversations.history"))


async def test_a_look_that_failed_serves_nobody(voice: Voice):
    """The next one asks again."""
    voice.slack.fail("conversations.history", "internal_error", status=500)
    with pytest.raises(SlackUnavailable):
        await voice.show(maybe_posted_ms_ago=30_000)

    await voice.show(maybe_posted_ms_ago=30_000)

    assert [OUTCOME.text] == voice.texts()


async def test_what_other_apps_write_into_a_channel_is_passed_over(voice: Voice):
    """Their metadata may look like ours, and hold anything."""
    for metadata in (
        {"event_type": "another", "event_payload": {"reference": "abc"}},
        {"event_type": METADATA_TYPE, "event_payload": {"reference": {"a": 1}}},
        {"event_type": METADATA_TYPE, "event_payload": {"reference": ["abc"]}},
    ):
        await call(
            voice.client,
            "chat.postMessage",
            channel=voice.channel.id,
            text="another app's",
            metadata=metadata,
        )

    await voice.show(maybe_posted_ms_ago=30_000)

    assert ["another app's"] * 3 + [OUTCOME.text] == voice.texts()


async def test_what_may_not_be_looked_for_is_posted(voice: Voice):
    """Without the optional scope two messages are possible, and none is impossible."""
    voice.slack.bot_scopes -= {"channels:history"}

    await voice.show(maybe_posted_ms_ago=0)

    assert [OUTCOME.text] == voice.texts()


async def test_a_rate_limit_holds_the_method_back_for_everybody(voice: Voice):
    """Slack is not asked again before the time that it has named, by whichever termination."""
    voice.slack.fail("chat.postMessage", "ratelimited", retry_after=1)

    with pytest.raises(SlackUnavailable) as first:
        await voice.show()
    with pytest.raises(SlackUnavailable) as second:
        await voice.show(reference="another")

    assert first.value.retry_after == 1
    assert 0 < (second.value.retry_after or 0) <= 1
    assert 1 == len(voice.slack.calls_of("chat.postMessage"))
    await asyncio.sleep(second.value.retry_after or 0)
    await voice.show()
    assert [OUTCOME.text] == voice.texts()


@pytest.mark.parametrize("code", ["invalid_auth", "token_revoked", "account_inactive", "missing_scope"])
async def test_a_refused_token_is_reported_and_the_message_waits(voice: Voice, code: str):
    """No other way would work either; it is told once somebody has put the token right."""
    voice.slack.fail("chat.postMessage", code)

    with pytest.raises(SlackUnavailable):
        await voice.show(response_url=voice.response_url(), tries=PATIENCE)

    assert code == await voice.messenger.token_refused
    assert [] == voice.texts() + voice.direct()


async def test_a_private_answer_takes_the_first_way_that_works(voice: Voice):
    """By response_url, as an ephemeral message, directly."""
    await voice.messenger.whisper(
        private("one"), channel=voice.channel.id, user=voice.person.id, response_url=voice.response_url()
    )
    voice.slack.fail("response_url", "expired_url", status=404)
    await voice.messenger.whisper(
        private("two"), channel=voice.channel.id, user=voice.person.id, response_url=voice.response_url()
    )
    voice.slack.fail("chat.postEphemeral", "internal_error", status=500)
    await voice.messenger.whisper(
        private("three"), channel=voice.channel.id, user=voice.person.id, response_url=None
    )

    assert ["one", "two"] == [message.text for message in voice.slack.private_messages(voice.person)]
    assert ["three"] == voice.direct()


async def test_the_small_print_of_a_long_message_fits(voice: Voice):
    """Slack refuses to edit what is longer than 4,000 characters."""
    voice.channel.bot_is_member = False
    await voice.show(private("x" * TEXT_LIMIT), response_url=voice.response_url())

    (text,) = voice.texts()
    assert len(text) <= TEXT_LIMIT
    assert "/invite" in text


async def test_a_direct_conversation_is_not_told_to_invite(voice: Voice):
    """Nobody can be invited into a conversation of two."""
    channel = voice.slack.add_channel("", dm=True, bot_is_member=False)
    url = voice.slack.response_urls.issue(voice.person, channel)

    await voice.show(channel=channel.id, response_url=url)

    (message,) = voice.slack.channel_messages(channel)
    assert "/invite" not in message.text
    assert "direct conversation" in message.text
