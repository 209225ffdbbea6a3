"""The sandbox's Web API says no where Slack says no, with Slack's codes."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import SlackSandbox

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}
MODAL = {"type": "modal", "title": {"type": "plain_text", "text": "Title"}, "blocks": [SECTION]}


class Clock:
    """A clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


@pytest.fixture(name="slack")
async def _slack(clock) -> AsyncIterator[SlackSandbox]:
    async with SlackSandbox(clock=clock) as slack:
        yield slack


@pytest.fixture(name="client")
async def _client(slack) -> AsyncIterator[AsyncWebClient]:
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(
            token=slack.bot_token, base_url=slack.api_url, session=session, retry_handlers=[]
        )


async def _refusal(call):
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response["error"]


async def test_auth_test_tells_who_the_bot_is_and_its_scopes(slack, client):
    """The granted scopes are in a header, the time in another."""
    answer = await client.auth_test()

    assert (slack.bot_user, slack.team) == (answer["user_id"], answer["team_id"])
    assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")
    assert answer.headers["Date"]


@pytest.mark.parametrize(("token", "code"), [("", "not_authed"), ("xoxb-wrong", "invalid_auth")])
async def test_a_wrong_token_is_refused(slack, client, token, code):
    """No token and a wrong token are told apart."""
    assert code == await _refusal(client.api_call("auth.test", headers={"Authorization": f"Bearer {token}"}))


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
    assert "unknown_method" == await _refusal(client.api_call("chat.shout"))


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

    assert code == await _refusal(client.chat_postMessage(channel=channel.id, text="hello"))
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
    assert "invalid_blocks_format" == await _refusal(
        client.api_call("chat.postMessage", json={"channel": channel.id, "blocks": "{"})
    )


async def test_a_message_needs_something_to_say(slack, client):
    """Neither text nor blocks is no_text; no channel is invalid_arguments."""
    channel = slack.add_channel("ops")

    assert "no_text" == await _refusal(
        client.api_call("chat.postMessage", json={"channel": channel.id, "text": " "})
    )
    assert "invalid_arguments" == await _refusal(client.api_call("chat.postMessage", json={"text": "a"}))


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
        return await _refusal(client.chat_update(channel=channel.id, ts=ts, text=text))

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
    assert "user_not_in_channel" == await _refusal(
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
    assert "message_not_found" == await _refusal(client.chat_getPermalink(channel=channel.id, message_ts=ts))


async def test_history_is_newest_first_and_paged(slack, client):
    """Metadata is only shown on request; private messages never."""
    ann, channel = slack.add_person("ann"), slack.add_channel("ops")
    metadata = {"event_type": "asked", "event_payload": {"id": "7"}}
    sent = [
        (await client.chat_postMessage(channel=channel.id, text=str(number), metadata=metadata))["ts"]
        for number in range(3)
    ]
    await client.chat_postEphemeral(channel=channel.id, user=ann.id, text="psst")

    first = await client.conversations_history(channel=channel.id, limit=2, include_all_metadata=True)
    cursor = first["response_metadata"]["next_cursor"]
    second = await client.conversations_history(channel=channel.id, limit=2, cursor=cursor)
    newer = await client.conversations_history(channel=channel.id, oldest=sent[1])

    assert (["2", "1"], True) == ([message["text"] for message in first["messages"]], first["has_more"])
    assert metadata == first["messages"][0]["metadata"]
    assert (["0"], False) == ([message["text"] for message in second["messages"]], second["has_more"])
    assert "metadata" not in second["messages"][0]
    assert ["2"] == [message["text"] for message in newer["messages"]]
    assert "invalid_ts_oldest" == await _refusal(
        client.conversations_history(channel=channel.id, oldest="yesterday")
    )


async def test_channels_tell_whether_others_can_read_them(slack, client):
    """Shared, private and direct conversations are recognisable, within the bot's scopes."""
    ann = slack.add_person("ann")
    shared = slack.add_channel("partners", shared_with=["T0PARTNER"])
    private = slack.add_channel("secret", private=True)

    shown = (await client.conversations_info(channel=shared.id, include_locale=True))["channel"]
    hidden = (await client.conversations_info(channel=private.id))["channel"]
    direct = (await client.conversations_info(channel=slack.direct_channel(ann).id))["channel"]

    assert (True, "en-US") == (shown["is_ext_shared"], shown["locale"])
    assert (True, False) == (hidden["is_private"], hidden["is_ext_shared"])
    assert (True, ann.id) == (direct["is_im"], direct["user"])
    slack.bot_scopes -= {"groups:read"}
    assert "missing_scope" == await _refusal(client.conversations_info(channel=private.id))


async def test_members_include_partners_and_the_bot(slack, client):
    """Everyone who may be in a channel is in it, unless it has a list of its own."""
    ann, sue = slack.add_person("ann"), slack.add_person("sue", team="T0PARTNER")
    shared = slack.add_channel("partners", shared_with=["T0PARTNER"])
    own = slack.add_channel("ops", members=[ann])

    assert [ann.id, sue.id, slack.bot_user] == (await client.conversations_members(channel=shared.id))[
        "members"
    ]
    assert [ann.id, slack.bot_user] == (await client.conversations_members(channel=own.id))["members"]


async def test_people_and_their_groups(slack, client):
    """Guests, admins, strangers, time zones and user groups are told as Slack tells them."""
    ann = slack.add_person("ann", admin=True, tz="Europe/Berlin", locale="de-DE")
    sue = slack.add_person("sue", team="T0PARTNER", guest=True)
    group = slack.add_user_group("oncall", [ann, sue.id])

    admin = (await client.users_info(user=ann.id, include_locale=True))["user"]
    stranger = (await client.users_info(user=sue.id, include_locale=True))["user"]

    assert (True, "de-DE", "Europe/Berlin") == (admin["is_admin"], admin["locale"], admin["tz"])
    assert (True, True, False) == (stranger["is_stranger"], stranger["is_restricted"], "locale" in stranger)
    assert [group.id] == [shown["id"] for shown in (await client.usergroups_list())["usergroups"]]
    assert [ann.id, sue.id] == (await client.usergroups_users_list(usergroup=group.id))["users"]
    assert "user_not_found" == await _refusal(client.users_info(user="U0"))
    assert "no_such_subteam" == await _refusal(client.usergroups_users_list(usergroup="S0"))


async def test_a_trigger_opens_one_view_within_three_seconds(slack, client, clock):
    """Unknown, spent and expired triggers are told apart."""
    ann, channel = slack.add_person("ann"), slack.add_channel("ops")
    triggers = [(await slack.command(ann, channel, "/x")).payload["trigger_id"] for _ in range(2)]

    await client.views_open(trigger_id=triggers[0], view=MODAL)

    assert ["Title"] == [view.title for view in slack.views(ann)]
    assert "exchanged_trigger_id" == await _refusal(client.views_open(trigger_id=triggers[0], view=MODAL))
    assert "invalid_trigger_id" == await _refusal(client.views_open(trigger_id="1.2.abc", view=MODAL))
    clock.now += 3.1
    assert "expired_trigger_id" == await _refusal(client.views_open(trigger_id=triggers[1], view=MODAL))


async def test_views_are_stacked_three_high_and_updated_by_hash(slack, client):
    """A fourth view and an outdated hash are refused."""
    ann, channel = slack.add_person("ann"), slack.add_channel("ops")

    async def trigger():
        return (await slack.command(ann, channel, "/x")).payload["trigger_id"]

    opened = (await client.views_open(trigger_id=await trigger(), view=MODAL | {"external_id": "e"}))["view"]
    for _ in range(2):
        await client.views_push(trigger_id=await trigger(), view=MODAL)
    updated = await client.views_update(view_id=opened["id"], hash=opened["hash"], view=MODAL)

    assert "push_limit_reached" == await _refusal(client.views_push(trigger_id=await trigger(), view=MODAL))
    assert updated["view"]["hash"] != opened["hash"]
    assert "hash_conflict" == await _refusal(
        client.views_update(view_id=opened["id"], hash=opened["hash"], view=MODAL)
    )
    assert "not_found" == await _refusal(client.views_update(view_id="V0", view=MODAL))
    assert 3 == len(slack.views(ann))


async def test_a_home_tab_is_no_modal(slack, client):
    """views.publish takes home views only; its faults have paths."""
    ann = slack.add_person("ann")

    with pytest.raises(SlackApiError) as caught:
        await client.views_publish(user_id=ann.id, view=MODAL)

    assert "invalid_arguments" == caught.value.response["error"]
    assert "[json-pointer:/view/type]" in caught.value.response["response_metadata"]["messages"][0]
    await client.views_publish(user_id=ann.id, view={"type": "home", "blocks": [SECTION]})
    assert "section" == slack.home(ann).blocks[0]["type"]


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
