"""What another organisation's people see and do in a shared channel: nothing, unless its settings allow their team."""

import pytest
from workspace import Workspace, workspace

from bot.messages.termination import FORCE_TERMINATE, KEEP_RUNNING
from sandbox.slack import Message, Person
from sandbox.vibecode import Step

WAITING = Step(3600, locked=False)
PARTNERS = "T0PARTNER"


@pytest.fixture(name="partner")
def _partner(work: Workspace) -> Person:
    return work.slack.add_person("Paula", team=PARTNERS)


async def directly(work: Workspace, words: str, *, to: Person | None = None) -> Message:
    """Wait for a message to one person that says this."""

    def says() -> Message | None:
        messages = work.slack.direct_messages(to or work.requester)
        return next((message for message in messages if words in message.text), None)

    return await work.slack.wait_for(says)


def in_channel(work: Workspace) -> str:
    return str([(message.text, message.blocks) for message in work.slack.channel_messages(work.channel)])


async def test_in_a_shared_channel_everything_is_said_to_the_requester_alone(work: Workspace, partner):
    """The question, its buttons and the outcome; the partners see no message at all."""
    work.channel.shared_with = (PARTNERS,)
    instance = work.vibecode.start_instance(steps=[WAITING], document="DEAL_77")
    await work.command(f"{instance} force deadlocks")
    question = await directly(work, "DEAL_77")
    await work.slack.click(work.requester, question, FORCE_TERMINATE)
    await directly(work, "*Stopped:*")

    assert "[]" == in_channel(work)
    assert 1 == len(work.slack.direct_messages(work.requester))
    assert 1 == len(work.vibecode.deletes(instance))


async def test_the_fallback_ways_do_not_lead_back_into_the_channel(work: Workspace):
    """Where the direct message cannot be posted at once, it waits; the command's own way is for everyone."""
    work.channel.shared_with = (PARTNERS,)
    instance = work.vibecode.start_instance(steps=[WAITING])
    work.slack.fail("chat.postMessage", "internal_error", times=2)
    await work.command(f"{instance} loops")
    await directly(work, "*Stopped:*")

    assert "[]" == in_channel(work)
    assert not work.slack.calls_of("response_url")


async def test_a_partner_s_press_is_refused(work: Workspace, partner):
    """Whoever sees a message can press its buttons; the refusal is private and recorded."""
    instance = work.vibecode.start_instance()
    await work.command(f"{instance} force deadlocks")
    await work.told("*Force-terminate")
    work.channel.shared_with = (PARTNERS,)
    await work.click(FORCE_TERMINATE, by=partner)
    await work.click(KEEP_RUNNING, by=partner)
    await work.whispered("Nothing was", to=partner)
    await work.slack.wait_for(lambda: 2 == len(work.whispers(partner)))

    assert work.vibecode.is_running(instance)
    assert not work.vibecode.deletes()
    assert 2 == len([line for line in await work.audit() if line["event"] == "refused"])


async def test_a_partner_with_the_requester_s_id_is_still_a_partner(work: Workspace):
    """What counts is the person's own team, not the one that the message is in."""
    instance = work.vibecode.start_instance()
    await work.command(f"{instance} force deadlocks")
    message = await work.told("*Force-terminate")
    user = {"id": work.requester.id, "username": "rita", "team_id": PARTNERS}
    await work.slack.click(work.requester, message, FORCE_TERMINATE, extra={"user": user})
    await work.whispered("Nothing was")

    assert not work.vibecode.deletes()


async def test_a_partner_s_command_does_not_reach_haltbot(work: Workspace, partner):
    """Slack itself does not deliver it."""
    work.channel.shared_with = (PARTNERS,)
    delivery = await work.command(work.vibecode.start_instance(), by=partner)

    assert "not_a_valid_command" == delivery.error
    assert [] == await work.events()


async def test_an_allowed_team_sees_what_everyone_sees(work: Workspace):
    """The channel's settings name it."""
    await work.put_settings({"allowed_teams": [PARTNERS]})
    work.channel.shared_with = (PARTNERS,)
    instance = work.vibecode.start_instance(document="DEAL_77")
    await work.command(f"{instance} force deadlocks")

    assert "DEAL_77" in (await work.told("DEAL_77")).text


async def test_one_of_two_teams_is_not_enough(work: Workspace):
    """Everybody in the channel sees a message."""
    await work.put_settings({"allowed_teams": [PARTNERS]})
    work.channel.shared_with = (PARTNERS, "T0OTHERS")
    await work.command(work.vibecode.start_instance(steps=[WAITING]))
    await directly(work, "*Stopped:*")

    assert "[]" == in_channel(work)


async def test_a_question_for_a_second_person_shows_no_details(work: Workspace):
    """It has to stand where that person sees it, and so do the partners."""
    await work.put_settings({"second_person": "always", "approve": [work.colleague.id]})
    work.channel.shared_with = (PARTNERS,)
    instance = work.vibecode.start_instance(document="DEAL_77", steps=[WAITING])
    await work.command(f"{instance} force deadlocks")
    await work.told("is not shown here")

    assert "DEAL_77" not in in_channel(work)
    await work.click(FORCE_TERMINATE, by=work.colleague)
    await work.told("*Stopped:*")


async def test_a_channel_that_becomes_shared_turns_private(tmp_path):
    """Its configurers are told, once; what stands in it already loses its details."""
    async with workspace(tmp_path, start=False) as work:
        boss = work.slack.add_person("Olga")
        work.settings = work.settings.model_copy(update={"haltbot_owners": boss.id})
        await work.start()
        first, second = work.vibecode.start_many(2, document="DEAL_77", steps=[WAITING])
        await work.command(f"{first} force deadlocks")
        await work.told("DEAL_77")

        work.channel.shared_with = (PARTNERS,)
        for _ in range(2):
            shared = await work.slack.event(
                "channel_shared", channel=work.channel.id, connected_team_id=PARTNERS
            )
            assert shared.ok
        told = await directly(work, "is shared with another organisation", to=boss)
        await work.command(f"{second} loops")
        await directly(work, "*Stopped:*")
        await work.click(FORCE_TERMINATE)
        message = await work.told("*Stopped:*")

        assert f"<#{work.channel.id}>" in told.text
        assert PARTNERS in told.text
        assert 1 == len(work.slack.direct_messages(boss))
        assert "DEAL_77" not in message.text + str(message.blocks)


async def test_the_event_counts_even_while_slack_says_nothing_else(work: Workspace):
    """What was told once is on disk; a restart and a Slack that cannot say forget nothing."""
    await work.slack.event("channel_shared", channel=work.channel.id, connected_team_id=PARTNERS)
    await work.stop()
    work.slack.bot_scopes -= {"channels:read", "groups:read"}
    await work.start()
    await work.command(work.vibecode.start_instance(steps=[WAITING]))
    await directly(work, "*Stopped:*")

    assert "[]" == in_channel(work)


async def test_a_channel_that_is_shared_no_more_is_as_before(work: Workspace):
    """The event takes back what the other one said."""
    await work.slack.event("channel_shared", channel=work.channel.id, connected_team_id=PARTNERS)
    await work.slack.event("channel_unshared", channel=work.channel.id, previously_connected_team_id=PARTNERS)
    await work.command(work.vibecode.start_instance(steps=[WAITING]))
    await work.told("*Stopped:*")

    names = [line["event"] for line in await work.audit() if line["event"].startswith("channel_")]
    assert ["channel_shared", "channel_unshared"] == names


async def test_where_slack_does_not_say_who_reads_no_details_are_shown(work: Workspace):
    """The question stands in its channel all the same, and `show` tells privately."""
    work.slack.bot_scopes -= {"channels:read", "groups:read"}
    instance = work.vibecode.start_instance(document="DEAL_77")
    await work.command(f"{instance} force deadlocks")
    question = await work.told("is not shown here")
    await work.command(f"show {instance}")
    await work.whispered("DEAL_77")

    assert FORCE_TERMINATE in question.action_ids
    assert "DEAL_77" not in in_channel(work)


async def test_a_channel_s_new_id_keeps_its_key_and_settings(work: Workspace):
    """Sealed anew for it; what is under way goes on; the old id has nothing left."""
    await work.put_settings({"portal": "https://acme.bitrix24.com"})
    waiting, instance = work.vibecode.start_many(2, document="DEAL_77", steps=[WAITING])
    await work.command(f"{waiting} force deadlocks")
    await work.told("DEAL_77")
    question = work.message()
    old, new = work.channel, work.slack.add_channel("ops", private=True)
    _rename(work, question, new.id)

    changed = await work.slack.event("channel_id_changed", old_channel_id=old.id, new_channel_id=new.id)
    again = await work.slack.event("channel_id_changed", old_channel_id=old.id, new_channel_id=new.id)
    refused = await work.command(f"{instance} loops", channel=old)
    work.channel = new
    await work.slack.click(work.requester, question, FORCE_TERMINATE)
    await work.slack.wait_for(lambda: "*Stopped:*" in question.text)
    await work.command(f"{instance} loops")
    await work.slack.wait_for(
        lambda: any(instance in m.text and "*Stopped:*" in m.text for m in work.slack.channel_messages(new))
    )

    assert changed.ok
    assert again.ok
    assert "has no Vibecode API key" in refused.json["text"]
    assert 1 == len([line for line in await work.audit() if line["event"] == "channel_moved"])
    assert 1 == len(work.vibecode.deletes(waiting))


async def test_a_copy_of_the_channel_in_another_organisation_inherits_nothing(work: Workspace):
    """The same channel id, another workspace: no key, no settings."""
    extra = {"team_id": PARTNERS, "enterprise_id": "E0PARTNER"}
    delivery = await work.command(work.vibecode.start_instance(), extra=extra)

    assert f"--team E0PARTNER/{PARTNERS}" in delivery.json["text"]
    assert not work.vibecode.calls


def _rename(work: Workspace, message: Message, channel: str) -> None:
    """Give a message the new id of its channel, as Slack does with all of them."""
    places = work.slack.workspace._by_place
    places[channel, message.ts] = found = places.pop((message.channel, message.ts))
    found.channel = message.channel = channel
