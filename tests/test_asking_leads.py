"""A refusal with a way forward: whoever lacks a role asks those who may approve."""

from dataclasses import dataclass
from typing import Any

import pytest
from workspace import Workspace

from bot.messages.approvals import ASK
from bot.messages.termination import FORCE_TERMINATE, KEEP_RUNNING, TERMINATE_SOFTLY
from sandbox.slack import Message, Person
from sandbox.vibecode import Step

WAITING = Step(3600, locked=False)


@dataclass
class Refusal:
    instance: str
    message: Message


async def refused(work: Workspace, order: str = "force deadlock", **settings) -> Refusal:
    """Let the requester be refused; the colleague is one of the leads."""
    leads = work.slack.add_user_group("ops-leads", [work.colleague])
    await work.put_settings({"force": [leads.id], "soft": [leads.id], "approve": [leads.id]} | settings)
    instance = work.vibecode.start_instance(steps=[WAITING])
    await work.command(f"{instance} {order}")
    await work.whispered("you need the role")
    return Refusal(instance, private(work, work.requester)[-1])


def private(work: Workspace, person: Person) -> list[Message]:
    return work.slack.private_messages(person)


@pytest.mark.parametrize(
    ("order", "press", "query"),
    [
        ("force deadlock", FORCE_TERMINATE, {"force": "true", "status": "deadlock"}),
        ("deadlock", TERMINATE_SOFTLY, {"status": "deadlock"}),
    ],
)
async def test_a_refused_command_is_approved(
    either: Workspace, order: str, press: str, query: dict[str, Any]
):
    """It carries its arguments, is asked by the first person and approved by the second."""
    refusal = await refused(either, order)
    before = either.slack.channel_messages(either.channel)

    await either.slack.click(either.requester, refusal.message, ASK)
    question = await either.told("lacks the role for this and asks")
    await either.whispered("the question stands")
    await either.slack.click(either.requester, question, press)
    await either.whispered("your own press")
    await either.slack.click(either.colleague, question, press)
    message = await either.told("is gone (verified")

    assert [] == before
    assert "<!subteam^" in question.text
    assert [query] == [call.query for call in either.vibecode.deletes(refusal.instance)]
    assert f"Asked by <@{either.requester.id}> · approved by <@{either.colleague.id}>" in message.text


async def test_asking_twice_is_asked_once(work: Workspace):
    """The second press points to the question."""
    refusal = await refused(work)

    await work.slack.click(work.requester, refusal.message, ASK)
    await work.told("lacks the role")
    await work.slack.click(work.requester, refusal.message, ASK)
    await work.whispered("No second one was started")


async def test_the_leads_may_decline(work: Workspace):
    """Nothing is sent."""
    refusal = await refused(work)
    await work.slack.click(work.requester, refusal.message, ASK)
    question = await work.told("lacks the role")

    await work.slack.click(work.colleague, question, KEEP_RUNNING)
    await work.told("Kept running")

    assert work.vibecode.is_running(refusal.instance)


async def test_where_nobody_may_approve_nobody_is_asked(work: Workspace):
    """The refusal has no button then."""
    refusal = await refused(work, approve=["nobody"])

    assert [] == refusal.message.action_ids


async def test_somebody_else_s_refusal_is_not_asked_about(work: Workspace):
    """The reference of a refusal is of use to its own person alone."""
    refusal = await refused(work)
    (ask,) = refusal.message.elements
    other = work.slack.add_person("Otto")
    await work.command("status", by=other)

    await work.slack.click(
        other,
        work.slack.workspace.post(
            work.channel,
            text="x",
            blocks=[{"type": "actions", "elements": [ask]}],
            user=work.slack.bot_user,
            via="api",
        ),
        ASK,
    )
    await work.whispered("can answer", to=other)

    assert [] == work.vibecode.deletes()
    assert (other.id, "refused:not_the_requester") in [
        (line["user"], line["outcome"]) for line in await work.audit()
    ]


async def test_a_refusal_is_told_after_slacks_outage(work: Workspace):
    """Every way to tell it fails at first; it comes with its button all the same, and only to its person."""
    leads = work.slack.add_user_group("ops-leads", [work.colleague])
    await work.put_settings({"soft": [leads.id], "approve": [leads.id]})
    for method in ("response_url", "chat.postEphemeral", "chat.postMessage"):
        work.slack.fail(method, "internal_error", times=2, status=500)
    instance = work.vibecode.start_instance(steps=[WAITING])

    await work.command(f"{instance} looping")
    await work.whispered("you need the role")

    (message,) = private(work, work.requester)
    assert [ASK] == message.action_ids
    assert [] == work.slack.channel_messages(work.channel)
    assert 1 == (await work.events()).count("refused")


async def test_a_refusal_that_nobody_can_be_told_is_in_the_audit(work: Workspace):
    """Slack says for good that there is no way; whoever asks later finds that it was not delivered."""
    await work.put_settings({"soft": ["nobody"]})
    work.slack.fail("response_url", "expired_url", times=9, status=404)
    work.slack.fail("chat.postEphemeral", "user_not_in_channel", times=9)
    work.slack.fail("chat.postMessage", "user_disabled", times=9)

    await work.command(f"{work.vibecode.start_instance(steps=[WAITING])} looping")

    await work.slack.wait_for(lambda: work.slack.calls_of("chat.postEphemeral"))
    # What is under way ends first.
    await work.stop()

    assert "undelivered" == (await work.audit())[-1]["event"]


async def test_a_refusal_that_is_still_to_be_told_is_in_nobodys_way(work: Workspace):
    """Whoever may stop the same instance stops it meanwhile; the status speaks of that one alone."""
    leads = work.slack.add_user_group("ops-leads", [work.colleague])
    await work.put_settings({"soft": [leads.id]})
    for method in ("response_url", "chat.postEphemeral", "chat.postMessage"):
        work.slack.fail(method, "internal_error", status=500)
    instance = work.vibecode.start_instance(steps=[Step(3600, locked=False)])
    await work.command(f"{instance} looping")
    await work.slack.wait_for(lambda: not work.slack.planned_failures)
    await work.command("status")
    status = await work.whispered("Nothing is under way in this channel")

    await work.command(f"{instance} looping", by=work.colleague)

    await work.told("is gone (verified")
    assert instance not in status
    assert 1 == len(work.vibecode.deletes(instance))
