"""What people do reaches the bot as Slack sends it, and its answers appear as Slack shows them."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

import aiohttp
import pytest
from aiohttp import web

from sandbox.slack import SlackSandbox

BUTTON = {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "action_id": "go", "value": "7"}
MENU = {
    "type": "static_select",
    "action_id": "pick",
    "options": [{"text": {"type": "plain_text", "text": "One"}, "value": "1"}],
}
BLOCKS = [{"type": "actions", "block_id": "row", "elements": [BUTTON, MENU]}]


class Clock:
    """A clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


class Bot:
    """An HTTP endpoint that keeps what it was sent and answers what it is told to."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.answer: dict[str, Any] = {"status": 200}
        self.delay = 0.0

    async def receive(self, request: web.Request) -> web.Response:
        self.requests.append(
            ({name.lower(): value for name, value in request.headers.items()}, await request.read())
        )
        await asyncio.sleep(self.delay)
        return web.Response(**self.answer)

    @property
    def form(self) -> dict[str, str]:
        fields = parse_qs(self.requests[-1][1].decode(), keep_blank_values=True)
        return {name: values[0] for name, values in fields.items()}

    @property
    def payload(self) -> Any:
        return json.loads(self.form["payload"])


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


@pytest.fixture(name="bot")
def _bot() -> Bot:
    return Bot()


@pytest.fixture(name="slack")
async def _slack(bot, clock) -> AsyncIterator[SlackSandbox]:
    app = web.Application()
    app.router.add_post("/slack/events", bot.receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with SlackSandbox(clock=clock, ack_seconds=0.3) as slack:
        slack.deliver_by_http(f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events")
        yield slack
    await runner.cleanup()


@pytest.fixture(name="ann")
def _ann(slack):
    return slack.add_person("ann")


@pytest.fixture(name="channel")
def _channel(slack):
    return slack.add_channel("ops")


@pytest.fixture(name="question")
def _question(slack, channel):
    return slack.workspace.post(
        channel, text="Go?", blocks=BLOCKS, user=slack.bot_user, via="chat.postMessage"
    )


async def _post(url, **body):
    async with aiohttp.ClientSession() as session, session.post(url, json=body) as response:
        return response.status, await response.text()


async def test_a_command_has_the_fields_of_slack(slack, bot, ann):
    """Names of private channels are not sent; extra fields override."""
    channel = slack.add_channel("secret", private=True)

    await slack.command(
        ann, channel, "/stop", " 12 payload ", trigger_id="1.2.a", extra={"team_domain": "payload"}
    )

    form = bot.form
    assert ("/stop", "12 payload", "1.2.a") == (form["command"], form["text"], form["trigger_id"])
    assert ("privategroup", channel.id) == (form["channel_name"], form["channel_id"])
    assert ("payload", "false", ann.id) == (
        form["team_domain"],
        form["is_enterprise_install"],
        form["user_id"],
    )
    assert form["response_url"].startswith(f"{slack.url}/response/")


async def test_requests_are_signed_at_the_real_time(slack, bot, ann, channel):
    """The signature is over the raw body, whatever the sandbox's own clock says."""
    await slack.command(ann, channel, "/stop", "12")

    headers, body = bot.requests[0]
    at = headers["x-slack-request-timestamp"]
    expected = hmac.new(
        slack.signing_secret.encode(), f"v0:{at}:".encode() + body, hashlib.sha256
    ).hexdigest()
    assert f"v0={expected}" == headers["x-slack-signature"]
    assert abs(time.time() - int(at)) < 5


async def test_a_redelivered_request_is_the_same_to_the_byte(slack, bot, ann, channel):
    """Body and signature are repeated; a repeated event says that it is one."""
    command = await slack.command(ann, channel, "/stop", "12")
    await slack.redeliver(command)
    event = await slack.event("tokens_revoked", tokens={"bot": ["U1"]})
    await slack.redeliver(event)

    first, second, third, fourth = bot.requests
    assert first == second
    assert third[1] == fourth[1]
    assert ("x-slack-retry-num" in third[0], fourth[0]["x-slack-retry-num"]) == (False, "1")
    assert "tokens_revoked" == json.loads(third[1])["event"]["type"]


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ({"body": b""}, ([], [])),
        ({"text": "words"}, (["words"], [])),
        ({"text": "{}"}, (["{}"], [])),
        ({"text": '{"text": "words"}', "content_type": "application/json"}, (["words"], [])),
        ({"text": '{"text": "words", "response_type": "in_channel"}'}, ([], ["/stop 12", "words"])),
        ({"text": '{"blocks": [{"type": "section"}]}'}, (["failed with the error"], [])),
    ],
)
async def test_the_acknowledgement_of_a_command_is_shown_by_slacks_rules(
    slack, bot, ann, channel, answer, shown
):
    """Private as a rule; in the channel only on request, and then with what the person typed."""
    ann = slack.add_person("ann")
    bot.answer = answer

    await slack.command(ann, channel, "/stop", "12")

    private = [message.text for message in slack.private_messages(ann)]
    assert [len(private), [message.text for message in slack.channel_messages(channel)]] == [
        len(shown[0]),
        shown[1],
    ]
    assert all(expected in actual for expected, actual in zip(shown[0], private, strict=True))


async def test_a_late_acknowledgement_is_a_timeout(slack, bot, ann, channel):
    """Slack gives up, says so to the person alone, and ignores the late answer."""
    bot.delay, bot.answer = 0.4, {"text": "late"}

    delivery = await slack.command(ann, channel, "/stop", "12")

    assert ("operation_timeout", None) == (delivery.error, delivery.status)
    assert delivery.ack_ms >= 300
    assert ['/stop failed with the error "operation_timeout"'] == [
        message.text for message in slack.private_messages(ann)
    ]


async def test_a_failed_delivery_is_told(slack, bot, ann, channel, question):
    """Any other status, and no answer at all, is dispatch_failed."""
    bot.answer = {"status": 404}
    refused = await slack.command(ann, channel, "/stop", "12")
    clicked = await slack.click(ann, question, "go")
    slack.deliver_by_http("http://127.0.0.1:9/nobody")
    unreachable = await slack.command(ann, channel, "/stop", "12")

    assert ("dispatch_failed", 404) == (refused.error, refused.status)
    assert ("dispatch_failed", None) == (unreachable.error, unreachable.status)
    assert "dispatch_failed" == clicked.error
    assert "This app responded with an error." == slack.private_messages(ann)[1].text


async def test_partners_cannot_run_commands_but_can_click(slack, bot, channel, question):
    """Commands belong to the installing workspace; buttons to whoever sees them."""
    sue = slack.add_person("sue", team="T0PARTNER")

    delivery = await slack.command(sue, channel, "/stop", "12")
    await slack.click(sue, question, "go")

    assert ("not_a_valid_command", 1) == (delivery.error, len(bot.requests))
    assert ["/stop is not a valid command."] == [message.text for message in slack.private_messages(sue)]
    assert (slack.team, "T0PARTNER") == (bot.payload["team"]["id"], bot.payload["user"]["team_id"])


async def test_a_click_carries_the_message_and_the_button(slack, bot, ann, channel, question):
    """The payload says where, what and by whom."""
    await slack.click(ann, question, "go", extra={"team": None})

    payload = bot.payload
    [action] = payload["actions"]
    assert ("block_actions", None, ann.id) == (payload["type"], payload["team"], payload["user"]["id"])
    assert ("go", "7", "row", "button") == tuple(
        action[name] for name in ("action_id", "value", "block_id", "type")
    )
    assert (question.ts, False) == (payload["container"]["message_ts"], payload["container"]["is_ephemeral"])
    assert (question.ts, question.blocks) == (payload["message"]["ts"], payload["message"]["blocks"])


async def test_a_choice_must_be_offered(slack, bot, ann, question):
    """A menu sends the whole option; what is not there cannot be pressed."""
    await slack.click(ann, question, "pick", "1")

    assert "One" == bot.payload["actions"][0]["selected_option"]["text"]["text"]
    with pytest.raises(LookupError, match="not offered"):
        await slack.click(ann, question, "pick", "2")
    with pytest.raises(LookupError, match="only"):
        await slack.click(ann, question, "gone")


async def test_a_screen_that_is_behind_still_has_its_buttons(slack, bot, ann, question):
    """A snapshot taken before an edit can be clicked after it."""
    before = question.snapshot()
    slack.workspace.edit(question, text="Done", blocks=None)

    delivery = await slack.click(ann, before, "go")

    assert delivery.ok
    assert [] == question.action_ids


async def test_a_private_message_is_clicked_by_its_reader_only(slack, bot, ann, channel):
    """Its payload does not repeat the message, and its response address edits it."""
    ben = slack.add_person("ben")
    message = slack.workspace.post(
        channel, text="Go?", blocks=BLOCKS, user=slack.bot_user, via="ack", visible_to=ann.id
    )

    delivery = await slack.click(ann, message, "go")
    with pytest.raises(ValueError, match="does not see"):
        await slack.click(ben, message, "go")
    await _post(delivery.payload["response_url"], text="Gone", replace_original=True)

    assert (True, False) == (bot.payload["container"]["is_ephemeral"], "message" in bot.payload)
    assert ["Gone"] == [shown.text for shown in slack.private_messages(ann)]


async def test_a_response_url_works_five_times(slack, ann, channel):
    """Only what was shown counts as a use."""
    url = (await slack.command(ann, channel, "/stop", "12")).payload["response_url"]

    invalid = await _post(url, blocks=[{"type": "section"}])
    accepted = [await _post(url, text=str(number)) for number in range(5)]

    assert (400, "invalid_blocks") == (invalid[0], json.loads(invalid[1])["error"])
    assert [(200, "ok")] * 5 == accepted
    assert (404, '{"ok": false, "error": "used_url"}') == await _post(url, text="6")
    assert 5 == len(slack.private_messages(ann))


async def test_a_response_url_works_thirty_minutes(slack, ann, channel, clock):
    """Then it has expired."""
    url = (await slack.command(ann, channel, "/stop", "12")).payload["response_url"]

    clock.now += 1801

    assert (404, '{"ok": false, "error": "expired_url"}') == await _post(url, text="late")


async def test_a_response_url_of_a_click_knows_its_message(slack, ann, channel, question):
    """It answers privately, in the channel, in place, or takes the message away."""
    url = (await slack.click(ann, question, "go")).payload["response_url"]

    await _post(url, text="private")
    await _post(url, text="public", response_type="in_channel")
    await _post(url, text="replaced", replace_original=True)
    texts = [message.text for message in slack.channel_messages(channel)]
    await _post(url, delete_original=True)

    assert ["private"] == [message.text for message in slack.private_messages(ann)]
    assert ["replaced", "public"] == texts
    assert ["public"] == [message.text for message in slack.channel_messages(channel)]
