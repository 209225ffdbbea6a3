"""The sandbox's Web API tells about its channels, people and messages as Slack does."""

from sandbox_api import refusal


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
    assert "invalid_ts_oldest" == await refusal(
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
    assert "missing_scope" == await refusal(client.conversations_info(channel=private.id))


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
    assert "user_not_found" == await refusal(client.users_info(user="U0"))
    assert "no_such_subteam" == await refusal(client.usergroups_users_list(usergroup="S0"))


async def test_the_bot_can_look_itself_up(slack, client):
    """bots.info knows this bot alone."""
    bot = (await client.bots_info(bot=slack.installation.bot_id))["bot"]

    assert (slack.bot_user, slack.installation.app_id) == (bot["user_id"], bot["app_id"])
    assert "bot_not_found" == await refusal(client.bots_info(bot="B0"))


async def test_lists_leave_out_what_is_disabled(slack, client):
    """Disabled groups, and members, come on request."""
    ann = slack.add_person("ann")
    old = slack.add_user_group("old", [])
    slack.add_user_group("oncall", [ann])
    old.disabled = True
    channel = slack.add_channel("ops")

    active = (await client.usergroups_list(include_users=True))["usergroups"]
    everything = (await client.usergroups_list(include_disabled=True))["usergroups"]
    info = (await client.conversations_info(channel=channel.id, include_num_members=True))["channel"]

    assert [("oncall", [ann.id])] == [(group["handle"], group["users"]) for group in active]
    assert ["old", "oncall"] == [group["handle"] for group in everything]
    assert 2 == info["num_members"]


async def test_direct_channels_are_opened_one_by_one(slack, client):
    """Group conversations are not part of the sandbox."""
    ann, ben = slack.add_person("ann"), slack.add_person("ben")
    channel = slack.add_channel("ops")

    assert channel.id == (await client.conversations_open(channel=channel.id))["channel"]["id"]
    assert "too_many_users" == await refusal(client.conversations_open(users=[ann.id, ben.id]))
