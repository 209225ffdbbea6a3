"""The page itself: what it lets in, who can use it and how, and what it shows of a modal."""

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from browser.screen import PHONE, Screen, open_screen
from playwright.async_api import Browser, expect
from workspace import Workspace

from sandbox.slack import SlackSandbox
from sandbox.vibecode import Step
from sandbox.web import open_page

# The browser and what it looks at live in one event loop.
pytestmark = pytest.mark.asyncio(loop_scope="session")

OPTIONS = ("Deal approval", "Deal import", "Lead routing")


class ScriptedBot:
    """A bot with a modal: it loads options, finds one thing wrong, and is content the second time."""

    def __init__(self) -> None:
        self.submitted: list[dict[str, Any]] = []

    async def receive(self, request: web.Request) -> web.Response:
        payload = json.loads(parse_qs(await request.text())["payload"][0])
        if payload["type"] == "block_suggestion":
            fitting = [name for name in OPTIONS if payload["value"].lower() in name.lower()]
            options = [{"text": {"type": "plain_text", "text": name}, "value": name} for name in fitting]
            return web.json_response({"options": options})
        values = payload["view"]["state"]["values"]
        self.submitted.append(values)
        if values["workflow"]["id"]["value"] == "nonsense":
            errors = {"workflow": "That is not a workflow ID."}
            return web.json_response({"response_action": "errors", "errors": errors})
        return web.Response()


@pytest.fixture(name="bot")
def _bot() -> ScriptedBot:
    return ScriptedBot()


@pytest_asyncio.fixture(name="scripted", loop_scope="session")
async def _scripted(work: Workspace, bot: ScriptedBot) -> AsyncIterator[SlackSandbox]:
    """The workspace's Slack, which from now on speaks to a bot that has modals."""
    app = web.Application()
    app.router.add_post("/slack/events", bot.receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    work.slack.deliver_by_http(f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events")
    yield work.slack
    await runner.cleanup()


async def test_a_modal_is_filled_in_by_keyboard(scripted: SlackSandbox, bot: ScriptedBot, screen: Screen):
    """Options load while typing, what is wrong is said at its field, and what was typed is kept."""
    tool = await screen.tool("Send blocks as Haltbot")
    await tool.get_by_label("Example").select_option("A modal")
    await tool.get_by_role("button", name="Send").click()
    dialog = screen.page.get_by_role("dialog", name="Stop a workflow")
    await dialog.get_by_label("Workflow", exact=True).fill("nonsense")
    await dialog.get_by_role("combobox", name="Template").press_sequentially("deal")
    await expect(dialog.get_by_role("option")).to_have_text(["Deal approval", "Deal import"])
    await screen.page.keyboard.press("ArrowDown")
    await screen.page.keyboard.press("Enter")
    await dialog.get_by_label("By force").check()
    await dialog.get_by_role("button", name="Stop it").click()

    wrong = dialog.get_by_label("Workflow", exact=True)
    await expect(wrong).to_have_accessible_description(
        "That is not a workflow ID. Its ID, from the portal's list"
    )
    await expect(wrong).to_be_focused()
    await expect(dialog.get_by_role("combobox", name="Template")).to_have_value("Deal import")
    assert await screen.faults() == []
    await screen.picture("modal")
    await screen.page.keyboard.press("Control+A")
    await screen.page.keyboard.type("69f0c2d5ade389.22457798")
    await screen.page.keyboard.press("Enter")

    await expect(dialog).to_have_count(0)
    first, second = bot.submitted
    assert first["template"]["template"]["selected_option"]["value"] == "Deal import"
    assert second["workflow"]["id"]["value"] == "69f0c2d5ade389.22457798"
    assert second["how"]["how"]["selected_option"]["value"] == "force"


async def test_a_modal_of_a_bot_that_fails_stays_open_with_what_was_typed(work: Workspace, screen: Screen):
    """Slack's own words appear in the modal; Escape closes it."""
    tool = await screen.tool("Send blocks as Haltbot")
    await tool.get_by_label("Example").select_option("A modal")
    await tool.get_by_role("button", name="Send").click()
    dialog = screen.page.get_by_role("dialog", name="Stop a workflow")
    await dialog.get_by_label("Workflow", exact=True).fill("kept")
    await dialog.get_by_role("button", name="Stop it").click()

    await expect(dialog.get_by_role("alert")).to_have_text("We had some trouble connecting. Try again?")
    await expect(dialog.get_by_label("Workflow", exact=True)).to_have_value("kept")
    await screen.page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    assert work.slack.views(work.requester) == []


async def test_a_button_that_asks_first_is_only_pressed_after_yes(work: Workspace, screen: Screen):
    """No sends nothing; every element of a message can be reached, and none is a fault to axe."""
    tool = await screen.tool("Send blocks as Haltbot")
    await tool.get_by_role("button", name="Send").click()
    await screen.reads("Nightly report")
    assert await screen.faults() == []
    await screen.press("Stop")
    question = screen.page.get_by_role("dialog", name="Are you sure?")
    await expect(question).to_contain_text("This cannot be undone.")
    await question.get_by_role("button", name="No").click()
    await expect(question).to_have_count(0)
    before = len(work.slack.deliveries)
    await screen.press("Stop")
    await question.get_by_role("button", name="Yes, stop it").click()

    await work.slack.wait_for(lambda: len(work.slack.deliveries) == before + 1)
    assert work.slack.deliveries[-1].payload["actions"][0]["action_id"] == "stop"


async def test_the_home_tab_is_what_the_bot_published(work: Workspace, screen: Screen):
    """A place of its own, empty until somebody publishes it as the bot."""
    # The bot itself would publish its own once the tab is opened.
    await work.stop()
    tool = await screen.tool("Send blocks as Haltbot")
    await tool.get_by_label("Example").select_option("A Home tab")
    await tool.get_by_role("button", name="Send").click()
    await screen.go("Haltbot · Home")

    await expect(screen.log.get_by_role("heading", name="Your night so far")).to_be_visible()


async def test_what_people_type_is_shown_and_never_run(work: Workspace, screen: Screen):
    """Markup is text, in a message as in a reason."""
    nasty = "<img src=x onerror=alert(1)> <script>alert(2)</script> *bold* & <b>"
    instance = work.vibecode.start_instance(steps=[Step(3600, locked=False)])

    await screen.type(nasty)
    await screen.type(f"/terminate-workflow {instance} {nasty}")

    await expect(screen.message("onerror").first).to_contain_text("<img src=x onerror=alert(1)>")
    await expect(await screen.reads("is gone (verified")).to_contain_text(
        "<script>alert(2)</script> *bold* & <b>"
    )
    await expect(screen.log.locator("img, script")).to_have_count(0)


async def test_focus_stays_while_the_page_changes(work: Workspace, screen: Screen):
    """Steps move and messages come; whoever is on a button stays on it, and a half-typed text stays too."""
    instance = work.vibecode.start_instance(steps=[1.0] * 50)
    await screen.type(f"/terminate-workflow {instance} force")
    await screen.composer.fill("half a sentence")
    button = screen.log.get_by_role("button", name="Keep running")
    await button.focus()

    work.slack.workspace.post(work.channel, text="look here", blocks=[], user=work.colleague.id, via="test")
    await screen.reads("look here")
    await expect(screen.portal.get_by_text("Step 3 of 50")).to_be_visible()
    await expect(button).to_be_focused()
    await expect(screen.composer).to_have_value("half a sentence")
    await screen.page.keyboard.press("Enter")
    await screen.reads("Kept running")


async def test_the_command_completes_with_tab(work: Workspace, screen: Screen):
    """A slash shows the command with the manifest's hint."""
    await screen.composer.press_sequentially("/ter")
    await expect(screen.page.get_by_text("Stop a running Bitrix24 workflow")).to_be_visible()
    await screen.page.keyboard.press("Tab")

    await expect(screen.composer).to_have_value("/terminate-workflow ")
    await screen.type("/nonsense")
    await screen.reads("/nonsense is not a valid command")


async def test_the_inspector_masks_secrets(work: Workspace, screen: Screen):
    """A request can be opened and read; tokens and keys in it cannot."""
    await screen.type(f"/terminate-workflow {work.key}")
    await screen.reads("That text contains an API key")
    entry = await screen.entry("/terminate-workflow")
    await entry.locator("summary").click()
    request = entry.get_by_label("Request")
    await expect(request).to_contain_text('"token": "…"')

    text = await screen.page.locator("body").inner_text()
    assert work.key not in text
    assert work.slack.bot_token not in text


async def test_trouble_can_be_called_off(work: Workspace, screen: Screen):
    """One button forgets all that was planned."""
    work.vibecode.down = True
    work.slack.fail("chat.postMessage", "ratelimited", times=2)
    status = screen.portal.get_by_role("status")
    await expect(status).to_contain_text("chat.postMessage: ratelimited, 2 left")
    await status.get_by_role("button").click()

    await expect(status).to_be_empty()
    assert not work.vibecode.down


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_axe_finds_nothing_wrong(browser: Browser, work: Workspace, url: str, dark: bool):
    """With a question, a private answer, running workflows and an open form: contrast, names, roles."""
    work.vibecode.start_instance(steps=[Step(3600, locked=False)])
    instance = work.vibecode.start_instance(stuck=True)
    work.slack.fail("chat.update", "ratelimited", times=9)
    async with open_screen(browser, url, dark=dark) as screen:
        await screen.type("/terminate-workflow help")
        await screen.type(f"/terminate-workflow {instance} force it hangs")
        await screen.reads("Force-terminate workflow")
        await (await screen.entry("/terminate-workflow")).locator("summary").click()
        await expect(screen.inspector.get_by_label("Request").first).to_be_visible()
        await screen.tool("Make Vibecode fail")

        assert await screen.faults() == []
        if dark:
            await screen.picture("dark")


async def test_it_fits_a_phone(browser: Browser, work: Workspace, url: str):
    """Three tabs, a menu, nothing that runs off the side; a stop takes a thumb."""
    instance = work.vibecode.start_instance(stuck=True, document="DEAL_1207")
    async with open_screen(browser, url, size=PHONE) as screen:
        await screen.page.get_by_role("button", name="Portal", exact=True).click()
        await screen.portal.get_by_role("button", name=f"aborts {instance}").click()
        await screen.page.get_by_role("button", name="Send", exact=True).click()
        await screen.reads("Force-terminate workflow")
        await expect(screen.log.get_by_role("button", name="Force terminate")).to_be_in_viewport()
        await screen.picture("phone")
        assert await screen.faults() == []
        await screen.page.get_by_role("button", name="Menu").click()
        await screen.act_as(work.colleague)
        await screen.reads("Force-terminate workflow")

        wide = await screen.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= PHONE[0]


async def test_a_reload_stays_where_it_was(work: Workspace, screen: Screen):
    """The address says who and where."""
    await screen.act_as(work.colleague)
    await screen.go("with-partners")
    await expect(screen.page.get_by_role("heading", level=1)).to_have_text("#with-partners")
    await screen.page.reload()

    await expect(screen.page.get_by_role("heading", level=1)).to_have_text("#with-partners")
    await expect(screen.page.locator("[data-region=reader]")).to_have_text("Carl")


async def test_other_pages_cannot_use_it(url: str):
    """A name that was made to point here, a form from elsewhere and a stranger's script are refused."""
    async with aiohttp.ClientSession() as session:
        async with session.get(url, headers={"Host": "evil.example"}) as rebound:
            assert rebound.status == 403
        async with session.post(f"{url}do/calm", data='{"person": "U"}') as form:
            assert form.status == 415
        async with session.get(url) as page:
            assert page.headers["Content-Security-Policy"].startswith("default-src 'self'")
        async with session.post(f"{url}do/nonsense", json={}) as nonsense:
            assert nonsense.status == 422
        async with session.get(f"{url}traffic/99") as gone:
            assert gone.status == 404


async def test_the_bots_own_health_is_one_link_away(url: str):
    """The page leads to the address where the bot's health and metrics are."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}bot/metrics") as metrics:
        assert metrics.status == 200
        assert "# HELP" in await metrics.text()


async def test_without_the_bots_address_there_is_nothing_to_lead_to(work: Workspace):
    """A sandbox whose bot runs elsewhere has no such links' target."""
    async with (
        open_page(work) as url,
        aiohttp.ClientSession() as session,
        session.get(f"{url}bot/readyz") as unknown,
    ):
        assert unknown.status == 404
