"""A force shows what it would destroy, and destroys only that."""

import json

import pytest
from workspace import Workspace, workspace

from sandbox.vibecode import Step

WAITING = Step(3600, locked=False)
DAY_SECONDS = 86_400


async def ask(work: Workspace, **what) -> str:
    """Start an instance and ask for its forced termination; returns when the preview is filled in."""
    instance = work.vibecode.start_instance(**{"steps": [WAITING], **what})
    await work.command(f"{instance} force")
    await work.told("Started by")
    return instance


async def test_the_question_shows_what_would_be_stopped(work: Workspace):
    """Document, template, starter and the state of the step stand in the question."""
    await ask(work, template="713", document="DEAL_5141", started_by="7")

    text = work.message().text

    assert "Document: DEAL_5141" in text
    assert "Template: 713" in text
    assert "Started by: user 7" in text
    assert "Step: waiting, not executing" in text


async def test_the_question_appears_before_the_list_has_answered(tmp_path):
    """While Bitrix24 takes its time the question stands already, with the start that the ID tells."""
    async with workspace(tmp_path, vibecode_timeout_seconds=1) as work:
        instance = work.vibecode.start_instance()
        work.vibecode.script("hang", method="GET")

        await work.command(f"{instance} force")
        question = await work.told("Looking it up")

        assert "Started: " in question.text
        assert ["termination_force", "termination_soften", "termination_keep"] == question.action_ids


async def test_a_list_that_cannot_be_read_leaves_the_question_usable(work: Workspace):
    """The question says why nothing is known, and the click still works."""
    instance = work.vibecode.start_instance(steps=[WAITING])
    work.vibecode.script("SCOPE_DENIED", method="GET", times=2)
    await work.command(f"{instance} force")

    question = await work.told("could not be looked up")
    await work.click("termination_force")
    await work.told("is gone (verified")

    assert "SCOPE_DENIED" in question.text
    assert 1 == len(work.vibecode.deletes(instance))


async def test_a_document_links_to_the_portal_where_it_is_known(work: Workspace):
    """The channel's settings name the portal, and the document becomes a link."""
    await work.put_settings({"portal": "https://acme.bitrix24.com"})
    await ask(work, document="DEAL_5141")

    (fields,) = [block["fields"] for block in work.message().blocks if "fields" in block]

    assert "<https://acme.bitrix24.com/crm/deal/details/5141/|DEAL_5141>" in json.dumps(fields)


async def test_stuck_siblings_are_counted(work: Workspace):
    """Others of the same template or on the same document that are stuck are worth knowing about."""
    for number in range(3):
        work.vibecode.start_instance(template="713", document=f"DEAL_{number}", stuck=True)
    work.vibecode.start_instance(template="9", document="LEAD_1", stuck=True)

    await ask(work, template="713", document="DEAL_77", stuck=True)

    assert "3 more of template 713, or on the same document, are stuck." in work.message().text
    assert "stuck: its lock ran out" in work.message().text


async def test_what_finished_meanwhile_is_not_stopped(work: Workspace):
    """Gone at the click: nothing is sent, and the message says so."""
    instance = await ask(work)
    work.vibecode.finish(instance)

    await work.click("termination_force")
    await work.told("Already finished")

    assert [] == work.vibecode.deletes(instance)


async def test_what_changed_meanwhile_is_asked_anew(work: Workspace):
    """Another template under the same ID: the difference is shown, and the old buttons decide nothing."""
    instance = await ask(work, template="713")
    first = work.message().snapshot()
    work.vibecode.instances[instance].template = "900"

    await work.click("termination_force")
    second = await work.told("It is not as you saw it")
    await work.told("Template: 900")
    await work.slack.click(work.requester, first, "termination_force")
    late = await work.whispered("earlier version of the question")
    await work.click("termination_force")
    await work.told("is gone (verified")

    assert "Its template changed from 713 to 900" in second.text
    assert "Nothing was done" in late
    assert 1 == len(work.vibecode.deletes(instance))


@pytest.mark.parametrize("trouble", ["RATE_LIMITED", "drop"])
async def test_what_changed_before_a_force_is_repeated_is_asked_anew(work: Workspace, trouble: str):
    """The confirmation is for what was shown, however many tries it takes."""
    instance = await ask(work, template="713")
    work.vibecode.script(trouble, method="DELETE", retry_after=1)
    await work.click("termination_force")
    await work.vibecode.wait_for(lambda: work.vibecode.deletes(instance))
    work.vibecode.instances[instance].template = "900"

    await work.told("Its template changed from 713 to 900")

    assert [False] == [call.executed for call in work.vibecode.deletes(instance)]


async def test_the_record_is_kept_before_it_is_destroyed(work: Workspace):
    """The audit holds the instance as it was, written before the call."""
    instance = await ask(work, template="713", document="DEAL_5141")

    await work.click("termination_force")
    await work.told("is gone (verified")
    audit = await work.audit()

    names = [event["event"] for event in audit]
    (snapshot,) = [event for event in audit if event["event"] == "snapshot"]
    assert names.index("snapshot") < names.index("attempted")
    assert "DEAL_5141" == snapshot["detail"]["instance"]["document_id"]
    assert instance == snapshot["detail"]["instance"]["id"]


async def test_a_click_that_overtakes_the_preview_wins(work: Workspace):
    """Whoever clicks while the list is still being read is not asked twice, and the outcome stays."""
    instance = work.vibecode.start_instance(steps=[WAITING])
    work.vibecode.script("BITRIX_UNAVAILABLE", method="GET", after=0.3)

    await work.command(f"{instance} force")
    await work.told("Looking it up")
    await work.click("termination_force")
    await work.told("is gone (verified")
    await work.idle()

    assert "is gone (verified" in work.message().text
    assert 1 == len(work.vibecode.deletes(instance))


@pytest.mark.parametrize("typed", ["show {}", "show `{}`", "show “{}”", "show  <{}>"])
async def test_show_tells_privately_what_an_instance_is(work: Workspace, typed: str):
    """Looking stops nothing and says nothing in the channel; an ID is often pasted with what stood round it."""
    instance = work.vibecode.start_instance(template="713", document="DEAL_5141")

    await work.command(typed.format(instance))
    told = await work.whispered("is running")

    assert "Document: DEAL_5141" in told
    assert [] == work.slack.channel_messages(work.channel)
    assert [] == work.vibecode.deletes()


async def test_show_says_when_it_is_not_running(work: Workspace):
    """An ID that is not in the whole list is not running."""
    await work.command("show 69f0c2d5ade389.22457798")

    await work.whispered("is not running")


async def test_show_says_why_the_list_cannot_be_read(work: Workspace):
    """A trouble with the key is told as itself."""
    work.vibecode.script("INVALID_API_KEY", method="GET")

    await work.command("show 69f0c2d5ade389.22457798")

    await work.whispered("INVALID_API_KEY")


async def test_show_says_that_a_key_is_missing(work: Workspace):
    """And how one is set; nothing is anybody's fault."""
    await work.remove_key()

    await work.command("show 69f0c2d5ade389.22457798")

    assert "`/terminate-workflow key`" in await work.whispered("has no Vibecode API key yet")


async def test_show_says_that_a_key_cannot_be_opened(work: Workspace):
    """One that was sealed for another channel is no key here."""
    elsewhere = work.slack.add_channel("elsewhere", members=[work.requester])
    await work.copy_sealed_key(work.channel, elsewhere)

    await work.command("show 69f0c2d5ade389.22457798", channel=elsewhere)

    assert "HALTBOT_ENCRYPTION_KEYS" in await work.whispered("KEY_UNDECRYPTABLE")


async def test_show_needs_an_id(work: Workspace):
    """What is no ID is said to be none."""
    await work.command("show me")

    await work.whispered("is not a workflow ID")
