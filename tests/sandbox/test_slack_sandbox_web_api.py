"""The sandbox's Web API says no where Slack says no, with Slack's codes."""

import aiohttp
import pytest
from sandbox_api import refusal
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import SlackSandbox

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}


async def test_auth_test_tells_who_the_bot_is_and_its_scopes(slack, client):
    """The granted scopes are in a header, the time in another."""
    answer = await client.auth_test()

    assert (slack.bot_user, slack.team) == (answer["user_id"], answer["team_id"])
    assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")
    assert answer.headers["Date"]


@pytest.mark.parametrize(("token", "code"), [("", "not_authed"), ("xoxb-wrong", "invalid_auth")])
async def test_a_wrong_token_is_refused(slack, client, token, code):
    """No token and a wrong token are told apart."""
    assert code == await refusal(client.api_call("auth.test", headers={"Authorization": f"Bearer {token}"}))


async def test_a_token_in_the_form_counts(slack):
    """Tokens may come in the body, and stay out of the record of calls."""
    async with aiohttp.ClientSession() as session:
        await session.post(f"{slack.api_url}auth.test", data={"token": slack.bot_token, "a": "1"})

    assert ({"ok": True}, {"a": "1"}) == ({"ok": slack.calls[0].ok}, slack.calls[0].arguments)


async def test_an_ungranted_scope_is_named(slack, client):
    """The answer says what is needed and what was granted."""
    slack.bot_scopes = {"commands"}
    channel = slack.add_channel("ops")

    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=channel.id, text="hello")

    assert {"ok": False, "error": "missing_scope", "needed": "chat:write", "provided": "commands"} == (
        caught.value.response.data
    )


async def test_an_unknown_method_is_refused(client):
    """As Slack does."""
    assert "unknown_method" == await refusal(client.api_call("chat.shout"))


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"private": True, "bot_is_member": False}, "channel_not_found"),
        ({"dm": True, "bot_is_member": False}, "channel_not_found"),
        ({"bot_is_member": False}, "not_in_channel"),
        ({"archived": True}, "is_archived"),
    ],
)
async def test_where_the_bot_may_not_post(slack, client, settings, code):
    """Each kind of channel has its own refusal."""
    channel = slack.add_channel("ops", **settings)

    assert code == await refusal(client.chat_postMessage(channel=channel.id, text="hello"))
    assert [] == slack.channel_messages(channel)


async def test_public_channels_are_open_with_the_scope_for_it(slack, client):
    """chat:write.public replaces the invitation."""
    slack.bot_scopes |= {"chat:write.public"}
    channel = slack.add_channel("ops", bot_is_member=False)

    await client.chat_postMessage(channel=channel.id, text="hello")

    assert ["hello"] == [message.text for message in slack.channel_messages(channel)]


async def test_a_post_to_a_person_arrives_in_their_direct_messages(slack, client):
    """The direct channel opens by itself and is the one that conversations.open returns."""
    ann = slack.add_person("ann")

    answer = await client.chat_postMessage(channel=ann.id, text="psst")
    opened = await client.conversations_open(users=[ann.id])

    assert ["psst"] == [message.text for message in slack.direct_messages(ann)]
    assert answer["channel"] == opened["channel"]["id"] == slack.direct_channel(ann).id


async def test_invalid_blocks_are_refused_with_their_path(slack, client):
    """The details are where slack_sdk's users look for them."""
    channel = slack.add_channel("ops")
    long_text = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}

    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=channel.id, text="hello", blocks=[long_text])

    response = caught.value.response
    assert "invalid_blocks" == response["error"]
    assert ["[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"] == (
        response["response_metadata"]["messages"]
    )
    assert "invalid_blocks_format" == await refusal(
        client.api_call("chat.postMessage", json={"channel": channel.id, "blocks": "{"})
    )


async def test_a_message_needs_something_to_say(slack, client):
    """Neither text nor blocks is no_text; no channel is invalid_arguments."""
    channel = slack.add_channel("ops")

    assert "no_text" == await refusal(
        client.api_call("chat.postMessage", json={"channel": channel.id, "text": " "})
    )
    assert "invalid_arguments" == await refusal(client.api_call("chat.postMessage", json={"text": "a"}))


async def test_an_update_without_blocks_takes_them_away(slack, client):
    """Blocks alone keep the text; text alone removes the blocks."""
    channel = slack.add_channel("ops")
    ts = (await client.chat_postMessage(channel=channel.id, text="one", blocks=[SECTION]))["ts"]
    [message] = slack.channel_messages(channel)

    await client.api_call("chat.update", json={"channel": channel.id, "ts": ts, "blocks": [SECTION, SECTION]})
    after_blocks = (message.text, len(message.blocks))
    await client.chat_update(channel=channel.id, ts=ts, text="three")

    assert ("one", 2) == after_blocks
    assert ("three", []) == (message.text, message.blocks)
    assert [1, 2] == [len(version.blocks) for version in message.history]


async def test_updates_that_slack_refuses(slack, client, clock):
    """Too long, unknown, somebody else's, ephemeral, too late."""
    ann, channel = slack.add_person("ann"), slack.add_channel("ops")
    ts = (await client.chat_postMessage(channel=channel.id, text="one"))["ts"]
    private = (await client.chat_postEphemeral(channel=channel.id, user=ann.id, text="psst"))["message_ts"]
    foreign = slack.workspace.post(channel, text="mine", blocks=[], user=ann.id, via="typed")

    async def update(ts, text="two"):
        return await refusal(client.chat_update(channel=channel.id, ts=ts, text=text))

    assert "msg_too_long" == await update(ts, "x" * 4001)
    assert "message_not_found" == await update("1.000001")
    assert "message_not_found" == await update(private)
    assert "cant_update_message" == await update(foreign.ts)
    slack.installation.edit_window_seconds = 60
    clock.now += 61
    assert "edit_window_closed" == await update(ts)


async def test_an_ephemeral_message_is_for_members(slack, client):
    """Only the person sees it, and only in a channel that they are in."""
    ann, ben = slack.add_person("ann"), slack.add_person("ben")
    channel = slack.add_channel("ops", members=[ann])

    await client.chat_postEphemeral(channel=channel.id, user=ann.id, text="psst")

    assert ["psst"] == [message.text for message in slack.private_messages(ann)]
    assert ([], []) == (slack.private_messages(ben), slack.channel_messages(channel))
    assert "user_not_in_channel" == await refusal(
        client.chat_postEphemeral(channel=channel.id, user=ben.id, text="psst")
    )


async def test_messages_can_be_deleted_and_linked_to(slack, client):
    """A deleted message is gone for every method."""
    channel = slack.add_channel("ops")
    ts = (await client.chat_postMessage(channel=channel.id, text="one"))["ts"]

    link = (await client.chat_getPermalink(channel=channel.id, message_ts=ts))["permalink"]
    await client.chat_delete(channel=channel.id, ts=ts)

    assert link.endswith(f"/archives/{channel.id}/p{ts.replace('.', '')}")
    assert [] == slack.channel_messages(channel)
    assert "message_not_found" == await refusal(client.chat_getPermalink(channel=channel.id, message_ts=ts))


async def test_rate_limits_are_per_channel_for_posts(clock):
    """A burst is tolerated; then Slack asks to wait a second, in that channel only."""
    async with SlackSandbox(clock=clock, rate_limits=True) as slack, aiohttp.ClientSession() as session:
        client = AsyncWebClient(
            token=slack.bot_token, base_url=slack.api_url, session=session, retry_handlers=[]
        )
        busy, quiet = slack.add_channel("busy"), slack.add_channel("quiet")
        for _ in range(4):
            await client.chat_postMessage(channel=busy.id, text="a")

        with pytest.raises(SlackApiError) as caught:
            await client.chat_postMessage(channel=busy.id, text="a")
        await client.chat_postMessage(channel=quiet.id, text="a")
        clock.now += 1
        await client.chat_postMessage(channel=busy.id, text="a")

        response = caught.value.response
        assert (429, "ratelimited", "1") == (
            response.status_code,
            response["error"],
            response.headers["Retry-After"],
        )


async def test_malformed_calls_are_refused(slack, client):
    """Bodies and arguments that Slack cannot read have codes of their own."""
    channel = slack.add_channel("ops")
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {slack.bot_token}"}) as session:

        async def error(method, **request):
            async with session.post(f"{slack.api_url}{method}", **request) as response:
                return (await response.json())["error"]

        as_json = {"headers": {"Content-Type": "application/json"}}
        assert "invalid_json" == await error("auth.test", data="{", **as_json)
        assert "json_not_object" == await error("auth.test", data="[]", **as_json)
        assert "invalid_arguments" == await error("views.publish", data={"view": "{", "user_id": "U1"})
        assert "invalid_blocks_format" == await error(
            "chat.postMessage", json={"channel": channel.id, "blocks": 5}
        )
        assert "invalid_arguments" == await error(
            "conversations.history", data={"channel": channel.id, "limit": "x"}
        )
        assert "invalid_metadata_format" == await error(
            "chat.postMessage", data={"channel": channel.id, "text": "a", "metadata": "{"}
        )
        assert "invalid_arguments" == await error(
            "views.publish", data={"user_id": "U1", "view": '{"type": "home", "blocks": [{}]}'}
        )


async def test_threads_and_channels_that_are_archived(slack, client):
    """Replies are not in the channel's history; an archived channel's messages stay as they are."""
    channel = slack.add_channel("ops")
    ts = (await client.chat_postMessage(channel=channel.id, text="one", unfurl_links=False))["ts"]
    await client.chat_postMessage(channel=channel.id, text="reply", thread_ts=ts)

    history = await client.conversations_history(channel=channel.id)
    channel.archived = True

    assert ["one"] == [message["text"] for message in history["messages"]]
    assert [False, None] == [message.unfurl_links for message in slack.channel_messages(channel)]
    assert [None, ts] == [message.thread_ts for message in slack.channel_messages(channel)]
    assert "is_archived" == await refusal(client.chat_update(channel=channel.id, ts=ts, text="two"))
    channel.archived, channel.bot_is_member = False, False
    assert "not_in_channel" == await refusal(client.conversations_history(channel=channel.id))
