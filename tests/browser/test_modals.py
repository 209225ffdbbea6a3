"""The product's own modals, as a person in front of the page fills them in."""

import re

import pytest
from browser.screen import Screen
from playwright.async_api import expect
from workspace import Workspace

# The browser and what it looks at live in one event loop.
pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_last_four_are_typed_before_a_force(work: Workspace, screen: Screen):
    """What does not fit is said at its field and stops nothing; Enter sends what does."""
    await work.put_settings({"type_last_four": True})
    instance = work.vibecode.start_instance(stuck=True, document="DEAL_1207", template="390")
    await screen.type(f"/terminate-workflow {instance} force deadlocks the CRM")
    await screen.reads("Force-terminate workflow")
    await screen.press("Force terminate")
    dialog = screen.page.get_by_role("dialog", name="Force terminate")
    typed = dialog.get_by_label("The last four characters of the ID")
    await typed.fill("none")
    await dialog.get_by_role("button", name="Force terminate").click()

    await expect(typed).to_have_accessible_description(re.compile("last four"))
    await expect(typed).to_be_focused()
    assert await screen.faults() == []
    assert work.vibecode.deletes() == []
    await typed.fill(instance[-4:])
    await screen.page.keyboard.press("Enter")

    await expect(dialog).to_have_count(0)
    await screen.reads("is gone (verified")
    (call,) = work.vibecode.deletes(instance)
    assert call.query == {"force": "true", "status": "deadlocks the CRM"}


async def test_a_modal_that_is_closed_keeps_the_workflow_running(work: Workspace, screen: Screen):
    """The question still stands, and its other button answers it."""
    await work.put_settings({"type_last_four": True})
    instance = work.vibecode.start_instance(stuck=True)
    await screen.type(f"/terminate-workflow {instance} force")
    await screen.reads("Force-terminate workflow")
    await screen.press("Force terminate")
    dialog = screen.page.get_by_role("dialog", name="Force terminate")
    await dialog.get_by_role("button", name="Keep running").click()
    await expect(dialog).to_have_count(0)
    await screen.press("Keep running")

    await screen.reads("Kept running")
    assert work.vibecode.is_running(instance)


async def test_an_admin_changes_the_channel_s_settings(work: Workspace, screen: Screen):
    """A mistake is shown where it was made; what is changed then counts for the next command."""
    admin = work.slack.add_person("Wilma", admin=True)
    await screen.page.reload()
    await screen.act_as(admin)
    await screen.type("/terminate-workflow config")
    dialog = screen.page.get_by_role("dialog", name="Haltbot's settings")
    portal = dialog.get_by_label("The portal's address")
    await portal.fill("http://acme")
    await dialog.get_by_label("A force needs a reason").check()
    await dialog.get_by_role("button", name="Change").click()

    await expect(portal).to_be_focused()
    assert await screen.faults() == []
    await portal.fill("https://acme.bitrix24.com")
    await dialog.get_by_role("button", name="Change").click()

    await expect(dialog).to_have_count(0)
    await screen.reads("Changed:")
    instance = work.vibecode.start_instance(stuck=True)
    await screen.type(f"/terminate-workflow {instance} force")
    await screen.reads("a force needs a reason")
    assert work.vibecode.deletes() == []
