"""Modals and Home tabs are opened, stacked and replaced by Slack's rules."""

import pytest
from sandbox_api import refusal
from slack_sdk.errors import SlackApiError

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}
MODAL = {"type": "modal", "title": {"type": "plain_text", "text": "Title"}, "blocks": [SECTION]}


async def test_a_trigger_opens_one_view_within_three_seconds(slack, client, clock):
    """Unknown, spent and expired triggers are told apart."""
    ann, channel = slack.add_person("ann"), slack.add_channel("ops")
    triggers = [(await slack.command(ann, channel, "/x")).payload["trigger_id"] for _ in range(2)]

    await client.views_open(trigger_id=triggers[0], view=MODAL)

    assert ["Title"] == [view.title for view in slack.views(ann)]
    assert "exchanged_trigger_id" == await refusal(client.views_open(trigger_id=triggers[0], view=MODAL))
    assert "invalid_trigger_id" == await refusal(client.views_open(trigger_id="1.2.abc", view=MODAL))
    clock.now += 3.1
    assert "expired_trigger_id" == await refusal(client.views_open(trigger_id=triggers[1], view=MODAL))


async def test_views_are_stacked_three_high_and_updated_by_hash(slack, client):
    """A fourth view and an outdated hash are refused."""
    ann, channel = slack.add_person("ann"), slack.add_channel("ops")

    async def trigger():
        return (await slack.command(ann, channel, "/x")).payload["trigger_id"]

    opened = (await client.views_open(trigger_id=await trigger(), view=MODAL | {"external_id": "e"}))["view"]
    for _ in range(2):
        await client.views_push(trigger_id=await trigger(), view=MODAL)
    updated = await client.views_update(view_id=opened["id"], hash=opened["hash"], view=MODAL)

    assert "push_limit_reached" == await refusal(client.views_push(trigger_id=await trigger(), view=MODAL))
    assert updated["view"]["hash"] != opened["hash"]
    assert "hash_conflict" == await refusal(
        client.views_update(view_id=opened["id"], hash=opened["hash"], view=MODAL)
    )
    assert "not_found" == await refusal(client.views_update(view_id="V0", view=MODAL))
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


async def test_views_with_the_same_external_id_do_not_coexist(slack, client):
    """The second is refused; pushing needs something to push onto; a Home tab is replaced by hash."""
    ann, channel = slack.add_person("ann"), slack.add_channel("ops")
    home = {"type": "home", "blocks": [SECTION]}

    async def trigger():
        return (await slack.command(ann, channel, "/x")).payload["trigger_id"]

    assert "not_found" == await refusal(client.views_push(trigger_id=await trigger(), view=MODAL))
    named = MODAL | {"external_id": "mine"}
    await client.views_open(trigger_id=await trigger(), view=named)
    assert "duplicate_external_id" == await refusal(client.views_push(trigger_id=await trigger(), view=named))
    await client.views_update(external_id="mine", view=MODAL)
    published = (await client.views_publish(user_id=ann.id, view=home))["view"]
    await client.views_publish(user_id=ann.id, view=home, hash=published["hash"])
    assert "hash_conflict" == await refusal(
        client.views_publish(user_id=ann.id, view=home, hash=published["hash"])
    )
