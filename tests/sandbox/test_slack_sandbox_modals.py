"""Modals in the sandbox: what a submission carries, and what the bot's answer does to the open views."""

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from sandbox.slack import SlackSandbox


class Bot:
    """An HTTP endpoint that keeps the payloads it was sent and answers what it is told to."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.answer: dict[str, Any] = {"status": 200}

    async def receive(self, request: web.Request) -> web.Response:
        self.requests.append(json.loads(parse_qs(await request.text())["payload"][0]))
        return web.Response(**self.answer)

    @property
    def payload(self) -> dict[str, Any]:
        return self.requests[-1]


@pytest.fixture(name="bot")
def _bot() -> Bot:
    return Bot()


@pytest.fixture(name="slack")
async def _slack(bot) -> AsyncIterator[SlackSandbox]:
    app = web.Application()
    app.router.add_post("/slack/events", bot.receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with SlackSandbox() as slack:
        slack.deliver_by_http(f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events")
        yield slack
    await runner.cleanup()


@pytest.fixture(name="ann")
def _ann(slack):
    return slack.add_person("ann", id="U0ANN")


@pytest.fixture(name="channel")
def _channel(slack):
    return slack.add_channel("ops")


async def test_a_closed_modal_is_told_on_request(slack, bot, ann):
    """Without notify_on_close the bot hears nothing."""
    content = {"type": "modal", "title": {"type": "plain_text", "text": "T"}, "blocks": []}
    quiet = slack.workspace.new_view(ann.id, content)
    loud = slack.workspace.new_view(ann.id, content | {"notify_on_close": True})
    slack.workspace.modals[ann.id] = [quiet, loud]

    told = await slack.close(ann, loud)
    untold = await slack.close(ann, quiet)

    assert (True, None, []) == (told.ok, untold, slack.views(ann))
    assert ("view_closed", 1) == (bot.payload["type"], len(bot.requests))


def _form(*inputs):
    return {
        "type": "modal",
        "callback_id": "form",
        "title": {"type": "plain_text", "text": "Form"},
        "submit": {"type": "plain_text", "text": "Send"},
        "blocks": [
            {"type": "input", "block_id": element["action_id"], "label": {"type": "plain_text", "text": "L"}}
            | {"element": element, "optional": optional}
            for element, optional in inputs
        ],
    }


@pytest.fixture(name="form")
def _form_view(slack, ann, channel):
    options = [{"text": {"type": "plain_text", "text": "A"}, "value": "a"}]
    content = _form(
        ({"type": "plain_text_input", "action_id": "why", "max_length": 5}, False),
        ({"type": "checkboxes", "action_id": "boxes", "options": options}, True),
        ({"type": "multi_users_select", "action_id": "who"}, True),
        ({"type": "conversations_select", "action_id": "where", "response_url_enabled": True}, True),
    )
    view = slack.workspace.new_view(ann.id, content)
    slack.workspace.modals[ann.id] = [view]
    return view


async def test_a_submission_carries_what_was_entered(slack, bot, ann, channel, form):
    """Each kind of input has its own form; a chosen conversation brings its response address."""
    await slack.submit(ann, form, {"why": "so", "boxes": ["a"], "who": [ann.id], "where": channel.id})

    payload = bot.payload
    values = payload["view"]["state"]["values"]
    assert ("so", "a") == (
        values["why"]["why"]["value"],
        values["boxes"]["boxes"]["selected_options"][0]["value"],
    )
    assert ([ann.id], channel.id) == (
        values["who"]["who"]["selected_users"],
        payload["response_urls"][0]["channel_id"],
    )
    assert [] == slack.views(ann)


async def test_the_client_refuses_incomplete_submissions(slack, bot, ann, form):
    """What a person could not send is not sent."""
    with pytest.raises(ValueError, match="must be filled in"):
        await slack.submit(ann, form, {})
    with pytest.raises(ValueError, match="0 to 5 characters"):
        await slack.submit(ann, form, {"why": "too long"})
    with pytest.raises(LookupError, match="no inputs"):
        await slack.submit(ann, form, {"why": "so", "other": "x"})

    assert [] == bot.requests


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize(
    ("answer", "titles", "notice"),
    [
        ({"response_action": "clear"}, [], None),
        ({"response_action": "push", "view": _form() | {"submit": None}}, ["form", "form"], None),
        ({"response_action": "update", "view": _form() | {"callback_id": "new"}}, ["new"], None),
        ({"response_action": "update", "view": {"type": "modal"}}, ["form"], "invalid_arguments"),
        ({"response_action": "errors", "errors": {"none": "x"}}, ["form"], "invalid_errors"),
    ],
)
async def test_a_submission_is_answered_by_what_happens_to_the_views(
    slack, bot, ann, form, answer, titles, notice
):
    """Clear, push, update; what Slack would not understand leaves the view open with a notice."""
    [form] = slack.views("U0ANN")
    bot.answer = {"text": json.dumps(answer), "content_type": "application/json"}

    await slack.submit("U0ANN", form, {"why": "so"})

    assert titles == [view.callback_id for view in slack.views("U0ANN")]
    assert (notice or "") in (form.notice or "")


async def test_a_failed_submission_keeps_the_modal(slack, bot, ann, form):
    """The person can try again with what was typed."""
    bot.answer = {"status": 500}

    await slack.submit(ann, form, {"why": "so"})

    assert [form] == slack.views(ann)
    assert "trouble connecting" in form.notice


async def test_a_click_in_a_view_tells_the_view(slack, bot, ann):
    """It has no message, channel or response address; a Home tab is told when it is opened again."""
    button = {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "action_id": "go"}
    users = {"type": "users_select", "action_id": "who"}
    home = slack.workspace.new_view(
        ann.id, {"type": "home", "blocks": [{"type": "actions", "elements": [button, users]}]}
    )
    slack.workspace.homes[ann.id] = home

    await slack.click(ann, home, "go")
    pressed = bot.payload
    await slack.click(ann, home, "who", ann.id)

    assert (home.id, "view") == (pressed["view"]["id"], pressed["container"]["type"])
    assert set() == pressed.keys() & {"message", "channel", "response_url"}
    assert ann.id == bot.payload["actions"][0]["selected_user"]


async def test_suggested_options_beyond_the_limits_are_not_shown(slack, bot, ann):
    """The menu then fails as a whole."""
    menu = {"type": "external_select", "action_id": "which"}
    view = slack.workspace.new_view(
        ann.id, _form((menu, True)) | {"private_metadata": "m", "blocks": _form((menu, True))["blocks"]}
    )
    bot.answer = {"text": json.dumps({"options": [{}]}), "content_type": "application/json"}

    refused = await slack.suggest(ann, view, "which", "a")
    slack.workspace.modals[ann.id] = [view]
    await slack.submit(ann, view, {"which": "7"})

    assert ("dispatch_failed", "m") == (refused.error, view.private_metadata)
    assert "7" == bot.payload["view"]["state"]["values"]["which"]["which"]["selected_option"]["value"]
