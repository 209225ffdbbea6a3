"""The bot's stories as a person in front of the page lives them."""

import re
import time

import pytest
from browser.screen import Screen
from playwright.async_api import expect
from workspace import Workspace

from bot.messages.error_catalog import EXPLANATIONS
from sandbox.vibecode import STATUSES, Step
from sandbox.web.cast import Cast

# The browser and what it looks at live in one event loop.
pytestmark = pytest.mark.asyncio(loop_scope="session")

WAITING = Step(86_400, locked=False)


async def test_a_soft_termination_is_two_clicks_and_a_reason(work: Workspace, screen: Screen):
    """The portal's button writes the command; Enter sends it; all three parts of the page show what became of it."""
    work.vibecode.start_instance(stuck=True, document="DEAL_1207", template="390")
    work.vibecode.start_instance(steps=[8.0] * 6, document="LEAD_977", template="208")
    instance = work.vibecode.start_instance(steps=[WAITING])

    await screen.portal.get_by_role("button", name=f"stops {instance}").click()
    await screen.page.keyboard.type("nightly import loops since 02:10")
    await expect(screen.page.get_by_text("ID [force] [reason]")).to_be_visible()
    await screen.page.keyboard.press("Enter")

    message = await screen.reads("is gone (verified")
    await expect(message).to_contain_text("nightly import loops since 02:10")
    await expect(screen.portal.get_by_text("stopped softly at")).to_be_visible()
    await expect(await screen.entry("DELETE")).to_contain_text("204")
    await expect(await screen.entry("/terminate-workflow")).to_contain_text(
        re.compile(r"ack [\d.]+ m?s of 3 s")
    )
    await screen.picture("soft")


async def test_a_forced_one_asks_and_the_message_changes_in_place(work: Workspace, screen: Screen):
    """Nothing is sent before the click; afterwards the same message tells the outcome."""
    instance = work.vibecode.start_instance(stuck=True, document="DEAL_1207", template="390")
    work.vibecode.start_instance(steps=[WAITING])

    await screen.portal.get_by_role("button", name=f"aborts {instance}").click()
    await screen.page.keyboard.type("deadlocks the CRM")
    await screen.page.keyboard.press("Enter")
    await screen.reads("Force-terminate workflow")
    await expect(screen.portal.get_by_text("its lock ran out")).to_be_visible()
    await screen.picture("question")
    before = work.vibecode.deletes()
    await screen.press("Force terminate")

    message = await screen.reads("is gone (verified")
    await expect(message).to_contain_text("(edited)")
    await expect(screen.log.get_by_role("article")).to_have_count(1)
    await expect(screen.portal.get_by_text("aborted by force at")).to_be_visible()
    assert before == []


async def test_somebody_else_is_told_that_it_is_not_theirs_to_answer(work: Workspace, screen: Screen):
    """The refusal is seen by the one who pressed, and by nobody else; the question stays."""
    instance = work.vibecode.start_instance(stuck=True)

    await screen.type(f"/terminate-workflow {instance} force")
    await screen.reads("Force-terminate workflow")
    await screen.act_as(work.colleague)
    await screen.press("Force terminate")

    refusal = await screen.reads("who asked for this, can answer")
    await expect(refusal).to_contain_text("Only visible to you")
    await screen.picture("wrong-person")
    await screen.act_as(work.requester)
    await screen.reads("Force-terminate workflow")
    await expect(screen.message("who asked for this")).to_have_count(0)
    assert work.vibecode.deletes() == []


async def test_a_double_click_stops_once(work: Workspace, screen: Screen):
    """The second click of an impatient hand changes nothing."""
    instance = work.vibecode.start_instance(stuck=True)

    await screen.type(f"/terminate-workflow {instance} force")
    await screen.log.get_by_role("button", name="Force terminate", exact=True).dblclick()

    await screen.reads("is gone (verified")
    assert len(work.vibecode.deletes(instance)) == 1


@pytest.mark.parametrize("patience", [{"haltbot_confirmation_seconds": 5}])
async def test_a_question_that_nobody_answers_expires(work: Workspace, screen: Screen):
    """The buttons go, and the message says that nothing was done."""
    instance = work.vibecode.start_instance(stuck=True)

    await screen.type(f"/terminate-workflow {instance} force")
    await screen.reads("Force-terminate workflow")

    message = await screen.reads("Expired")
    await expect(message).to_contain_text("nothing was done")
    await expect(message.get_by_role("button")).to_have_count(0)
    assert work.vibecode.deletes() == []


@pytest.mark.parametrize("patience", [{"haltbot_watch_seconds": 1}])
async def test_the_ladder_leads_from_a_soft_order_to_force(work: Workspace, screen: Screen):
    """Accepted and watched; still running; force is asked for in the same message, and ends it."""
    instance = work.vibecode.start_instance(steps=[3600.0], document="DEAL_6002", template="431")

    await screen.type(f"/terminate-workflow {instance} hangs in a web hook")
    await expect(screen.portal.get_by_text("ends after this step")).to_be_visible()
    message = await screen.reads(instance)
    await expect(message.get_by_role("button", name="Keep watching")).to_be_visible()
    await screen.picture("ladder")
    await screen.press("Force terminate…")
    await screen.press("Force terminate")

    await expect(message).to_contain_text("is gone (verified")
    await expect(screen.log.get_by_role("article")).to_have_count(1)
    await expect(screen.portal.get_by_text("aborted by force at")).to_be_visible()


async def test_every_documented_error_is_explained(work: Workspace, screen: Screen):
    """Whatever Vibecode answers, the message says why and what to do next."""
    # Those after which Haltbot tries again come last: a key that is told to wait makes the others wait too.
    final = [code for code, status in STATUSES.items() if status < 429]
    passing = [code for code, status in STATUSES.items() if status >= 429]
    for code in (code for code in final + passing if code in EXPLANATIONS):
        if code == passing[0]:
            await screen.picture("errors")
        instance = work.vibecode.start_instance(steps=[WAITING])
        times = 3 if code in passing else 1
        work.vibecode.script(code, method="DELETE", instance=instance, times=times, retry_after=1)
        await screen.type(f"/terminate-workflow {instance}")
        why = re.sub(r"[*`]", "", EXPLANATIONS[code].why)
        await expect(screen.message(instance)).to_contain_text(re.compile(re.escape(why), re.IGNORECASE))


async def test_trouble_is_made_with_a_form(work: Workspace, screen: Screen):
    """A lost connection whose call was carried out all the same ends in the truth, and is seen coming."""
    instance = work.vibecode.start_instance(steps=[WAITING])

    tool = await screen.tool("Make Vibecode fail")
    await tool.get_by_label("What happens").select_option("drop")
    await tool.get_by_label("To which call").select_option("DELETE")
    await tool.get_by_label("carried out all the same").check()
    await tool.get_by_role("button", name="Let it fail").click()
    await expect(screen.portal.get_by_role("status")).to_contain_text("drop, 1 left")
    await screen.type(f"/terminate-workflow {instance}")

    await screen.reads("Stopped, as far as we can tell")
    await expect(await screen.entry("DELETE")).to_contain_text("connection cut")
    await expect(screen.portal.get_by_role("status")).to_be_empty()
    assert len(work.vibecode.deletes(instance)) == 1


async def test_what_slack_says_of_a_late_or_absent_bot(work: Workspace, screen: Screen):
    """Slack's own words appear, for the person who acted; the inspector shows the missed acknowledgement."""
    tool = await screen.tool("Make Slack fail")
    await tool.get_by_label("What happens").select_option("unreachable")
    await tool.get_by_role("button").click()
    await screen.type("/terminate-workflow help")
    await screen.reads('failed with the error "dispatch_failed"')

    await tool.get_by_label("What happens").select_option("late")
    await tool.get_by_role("button").click()
    await screen.type("/terminate-workflow help")
    notice = await screen.reads('failed with the error "operation_timeout"')

    await expect(notice).to_contain_text("Only visible to you")
    await expect(await screen.entry("operation_timeout")).to_contain_text(re.compile(r"ack 3\.\d s of 3 s"))
    await screen.picture("timeout")


async def test_an_invalid_block_is_shown_with_its_path(work: Workspace, screen: Screen):
    """A message that Slack refuses is not shown; in its place stands which block was wrong, and where."""
    tool = await screen.tool("Send blocks as Haltbot")
    await tool.get_by_label("Example").select_option("A message that Slack refuses")
    await tool.get_by_role("button", name="Send").click()

    note = screen.log.get_by_role("complementary", name="chat.postMessage refused")
    await expect(note).to_contain_text("invalid_blocks")
    await expect(note).to_contain_text("/blocks/0/text/text")


async def test_a_partner_has_no_command_and_a_guest_only_their_channels(
    work: Workspace, cast: Cast, screen: Screen
):
    """Who somebody is decides what they see: channels, and whether the command exists at all."""
    await screen.act_as(cast.partner)
    await screen.go("with-partners")
    await expect(screen.page.get_by_role("heading", level=1)).to_have_text("#with-partners")
    await screen.type("/terminate-workflow help")
    await screen.reads("is not a valid command")
    await expect(screen.page.get_by_role("button", name="ops", exact=True)).to_have_count(0)

    await screen.act_as(cast.guest)
    await expect(screen.page.get_by_role("button", name="night-shift")).to_have_count(0)


async def test_dates_are_the_readers_own(work: Workspace, cast: Cast, screen: Screen):
    """The same message shows each reader the moment in their zone and habit."""
    noon = int(time.time()) // 86_400 * 86_400 + 43_200
    text = f"due <!date^{noon}^{{date_num}} {{time}}|at noon>"
    work.slack.workspace.post(work.channel, text=text, blocks=[], user=work.slack.bot_user, via="test")

    await expect(await screen.reads("due")).to_contain_text("12:00 PM")
    await screen.act_as(cast.approver)
    await expect(await screen.reads("due")).to_contain_text(re.compile(r"1[34]:00"))
