"""The sandbox is Slack enough for a real Bolt app in its production mode, over HTTP and over Socket Mode."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import Person, SlackSandbox

QUESTION = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "Really?"}},
    {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "text": {"type": "plain_text", "text": "Stop"},
                "action_id": "stop",
                "value": "7",
                "style": "danger",
            },
            {"type": "button", "text": {"type": "plain_text", "text": "Settings"}, "action_id": "settings"},
        ],
    },
]
MODAL = {
    "type": "modal",
    "callback_id": "reason",
    "title": {"type": "plain_text", "text": "Reason"},
    "submit": {"type": "plain_text", "text": "Save"},
    "blocks": [
        {
            "type": "input",
            "block_id": "why",
            "label": {"type": "plain_text", "text": "Why"},
            "element": {"type": "plain_text_input", "action_id": "text"},
        },
        {
            "type": "section",
            "text": {"type": "mrkdwn", "text": "Which one?"},
            "accessory": {"type": "external_select", "action_id": "which", "min_query_length": 0},
        },
    ],
}


def _listeners(app: AsyncApp) -> None:
    @app.command("/ask")
    async def ask(ack, client, command):
        await ack()
        await client.chat_postMessage(channel=command["channel_id"], text=command["text"], blocks=QUESTION)

    @app.command("/private")
    async def private(ack):
        await ack("Between us.")

    @app.command("/late")
    async def late(ack, respond):
        await ack()
        answer = await respond("A word later.", response_type="in_channel")
        assert answer.status_code == 200

    @app.action("stop")
    async def stop(ack, client, body, respond):
        await ack()
        message = body["message"]
        await client.chat_update(
            channel=body["channel"]["id"], ts=message["ts"], text=body["actions"][0]["value"]
        )
        await respond("You stopped it.", replace_original=False)

    @app.action("settings")
    async def settings(ack, client, body):
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=MODAL)

    @app.options("which")
    async def which(ack, body):
        await ack(options=[{"text": {"type": "plain_text", "text": body["value"]}, "value": "1"}])

    @app.view("reason")
    async def reason(ack, view):
        if view["state"]["values"]["why"]["text"]["value"] == "no":
            await ack(response_action="errors", errors={"why": "Say more."})
        else:
            await ack()

    @app.event("app_home_opened")
    async def home(client, event):
        blocks = [{"type": "header", "text": {"type": "plain_text", "text": "Home"}}]
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})


@asynccontextmanager
async def _bot_over_http(slack: SlackSandbox) -> AsyncIterator[None]:
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, session=session)
        app = AsyncApp(client=client, signing_secret=slack.signing_secret)
        _listeners(app)

        async def receive(request: web.Request) -> web.Response:
            return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

        server = web.Application()
        server.router.add_post("/slack/events", receive)
        runner = web.AppRunner(server, access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        slack.deliver_by_http(f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events")
        try:
            yield
        finally:
            await runner.cleanup()


@asynccontextmanager
async def _bot_over_socket_mode(slack: SlackSandbox, *, ping_interval: float = 10) -> AsyncIterator[None]:
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, session=session)
        app = AsyncApp(client=client)
        _listeners(app)
        handler = AsyncSocketModeHandler(app, slack.app_token, web_client=client, ping_interval=ping_interval)
        async with asyncio.timeout(10):
            await handler.connect_async()
        await slack.wait_connected()
        try:
            yield
        finally:
            await handler.close_async()


DELIVERIES = {"http": _bot_over_http, "socket": _bot_over_socket_mode}


@pytest.fixture(name="slack", params=sorted(DELIVERIES))
async def _slack(request: pytest.FixtureRequest) -> AsyncIterator[SlackSandbox]:
    async with SlackSandbox(ack_seconds=0.6) as slack, DELIVERIES[request.param](slack):
        yield slack


@pytest.fixture(name="ann")
def _ann(slack: SlackSandbox) -> Person:
    return slack.add_person("ann")


async def test_a_command_is_acknowledged_and_answered_in_the_channel(slack, ann):
    """An empty acknowledgement shows nothing; the bot's message appears with its buttons."""
    channel = slack.add_channel("ops")

    delivery = await slack.command(ann, channel, "/ask", "12")
    message = await slack.wait_for(lambda: slack.channel_messages(channel)[0])

    assert (200, None, "") == (delivery.status, delivery.error, delivery.body)
    assert ("12", ["stop", "settings"]) == (message.text, message.action_ids)
    assert "chat.postMessage" == message.via
    assert [] == slack.private_messages(ann)


async def test_a_text_in_the_acknowledgement_is_private(slack, ann):
    """The person alone sees an answer that came with the acknowledgement."""
    channel = slack.add_channel("ops")

    await slack.command(ann, channel, "/private")

    assert ["Between us."] == [message.text for message in slack.private_messages(ann)]
    assert [] == slack.channel_messages(channel)


async def test_a_response_url_reaches_channels_without_the_bot(slack, ann):
    """An in-channel answer through the response address needs no membership."""
    channel = slack.add_channel("secret", private=True, bot_is_member=False)

    await slack.command(ann, channel, "/late")
    message = await slack.wait_for(lambda: slack.channel_messages(channel)[0])

    assert ("A word later.", "response_url") == (message.text, message.via)


async def test_a_click_edits_the_message_in_place(slack, ann):
    """The message keeps its place and its former version; the clicker gets a private word."""
    channel = slack.add_channel("ops")
    await slack.command(ann, channel, "/ask", "12")
    message = await slack.wait_for(lambda: slack.channel_messages(channel)[0])

    delivery = await slack.click(ann, message, "stop")
    await slack.wait_for(lambda: slack.private_messages(ann))

    assert delivery.ok
    assert [("7", [])] == [(shown.text, shown.blocks) for shown in slack.channel_messages(channel)]
    assert "12" == message.history[0].text
    assert "You stopped it." == slack.private_messages(ann)[0].text


async def test_a_modal_is_opened_refused_and_accepted(slack, ann):
    """Errors keep the modal open beside what they are about; an accepted submission closes it."""
    channel = slack.add_channel("ops")
    await slack.command(ann, channel, "/ask", "12")
    message = await slack.wait_for(lambda: slack.channel_messages(channel)[0])
    await slack.click(ann, message, "settings")
    view = await slack.wait_for(lambda: slack.views(ann)[-1])

    suggested = await slack.suggest(ann, view, "which", "abc")
    await slack.submit(ann, view, {"text": "no"})
    errors = view.errors
    await slack.submit(ann, view, {"why": "a long story"})

    assert "abc" == suggested.json["options"][0]["text"]["text"]
    assert {"why": "Say more."} == errors
    assert [] == slack.views(ann)


async def test_the_home_tab_is_published(slack, ann):
    """Opening the Home tab tells the bot, which fills it."""
    await slack.open_home(ann)
    home = await slack.wait_for(lambda: slack.home(ann))

    assert "header" == home.blocks[0]["type"]


async def test_an_unanswered_command_is_shown_as_failed(slack, ann):
    """A command that no listener takes ends as Slack words it, privately."""
    channel = slack.add_channel("ops")

    delivery = await slack.command(ann, channel, "/private", extra={"command": "/unknown"})

    assert delivery.error in {"dispatch_failed", "operation_timeout"}
    assert delivery.error in slack.private_messages(ann)[0].text


@pytest.mark.parametrize("trouble", ["warning", "refresh_requested", "silence", "refusal"])
async def test_bolt_comes_back_after_a_lost_connection(trouble):
    """Its own client finds its way back, and the next command is answered."""
    async with SlackSandbox() as slack, _bot_over_socket_mode(slack, ping_interval=0.1):
        ann, channel = slack.add_person("ann"), slack.add_channel("ops")
        opened = len(slack.calls_of("apps.connections.open"))

        if trouble == "silence":
            slack.go_silent()
        elif trouble == "refusal":
            slack.refuse_connections(0.2)
        else:
            await slack.disconnect(trouble)
        await slack.wait_for(lambda: len(slack.calls_of("apps.connections.open")) > opened)
        await slack.wait_connected()
        delivery = await slack.command(ann, channel, "/private")

        assert delivery.ok
