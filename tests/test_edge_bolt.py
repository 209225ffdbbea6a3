"""Bolt's faults cannot reach a command; once a test named ``test_bolt_still_…`` fails, its work-around can go."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import pytest
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient
from workspace import Workspace

from bot.domain.errors import Refused, SlackUnavailable
from bot.messages.termination import FORCE_TERMINATE, Cards
from bot.slack.bolt import Bolt, Identity
from bot.slack.messenger import SlackMessenger
from bot.slack.payloads import Malformed, check
from bot.slack.web_api import open_session
from handlers.responder import Responder
from sandbox.slack import SlackSandbox
from sandbox.slack.delivery import signed_headers

COMMAND = {"command": "/x", "team_id": "T1", "channel_id": "C1", "user_id": "U1", "trigger_id": "1"}
CLICK = {
    "type": "block_actions",
    "user": {"id": "U1"},
    "container": {"message_ts": "1.2", "channel_id": "C1"},
    "actions": [{"action_id": "x", "type": "button"}],
}
Listener = Callable[..., Awaitable[None]]


async def authorize(**_: Any) -> AuthorizeResult:
    return AuthorizeResult(enterprise_id=None, team_id=None, bot_token="xoxb-1")


def plain_bolt(listener: Listener, **settings: Any) -> AsyncApp:
    app = AsyncApp(signing_secret="s" * 32, authorize=authorize, **settings)
    app.command("/x")(listener)
    return app


async def post(app: AsyncApp, fields: Mapping[str, str], **headers: str) -> int:
    body = urlencode(fields)
    signed: dict[str, str | Sequence[str]] = dict(signed_headers("s" * 32, body.encode()) | headers)
    answer = await app.async_dispatch(AsyncBoltRequest(body=body, headers=signed))
    return answer.status


async def acknowledge(ack: Any) -> None:
    await ack()


async def acknowledge_and_fail(ack: Any) -> None:
    await ack()
    raise Refused("question_gone")


async def test_bolt_still_loses_a_form_with_the_word_payload():
    """Why the body is parsed in ``bot.slack.http``."""
    app = plain_bolt(acknowledge)

    assert 200 == await post(app, COMMAND)
    assert 404 == await post(app, COMMAND | {"text": "bad payload"})


async def test_bolt_still_takes_an_acknowledgement_back():
    """Why ``handlers.responder`` lets nothing out of a listener."""
    assert 200 == await post(plain_bolt(acknowledge), COMMAND)
    assert 500 == await post(plain_bolt(acknowledge_and_fail, process_before_response=True), COMMAND)


async def test_bolt_still_trips_over_a_broken_timestamp():
    """Why the signature is checked in ``bot.slack.http``."""
    assert 500 == await post(plain_bolt(acknowledge), COMMAND, **{"X-Slack-Request-Timestamp": "yesterday"})


async def test_bolt_still_logs_the_body_of_a_bad_signature(caplog: pytest.LogCaptureFixture):
    """Why its own verification is off."""
    caplog.set_level(logging.INFO)

    await post(plain_bolt(acknowledge), COMMAND | {"text": "a secret"}, **{"X-Slack-Signature": "v0=1"})

    assert "a+secret" in caplog.text


@pytest.fixture(name="slack")
async def _slack():
    async with SlackSandbox() as slack:
        yield slack


@pytest.fixture(name="client")
async def _client(slack: SlackSandbox):
    async with open_session() as session:
        yield AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, session=session)


@pytest.fixture(name="responder")
async def _responder(client: AsyncWebClient):
    assert client.session is not None
    responder = Responder(SlackMessenger(client, client.session, Cards("").termination))
    yield responder
    await responder.finish(within_seconds=5)


async def test_a_fault_after_the_acknowledgement_is_logged_with_where_it_was(
    responder: Responder, caplog: pytest.LogCaptureFixture
):
    """Nobody is there to be told, so the log has to tell all of it."""

    async def fail() -> None:
        raise ZeroDivisionError

    responder.later(fail())
    await responder.finish(within_seconds=5)

    (record,) = caplog.records
    assert "ERROR" == record.levelname
    assert record.exc_info is not None
    assert ZeroDivisionError is record.exc_info[0]


async def test_a_failure_right_after_the_acknowledgement_leaves_it_standing(
    client: AsyncWebClient, responder: Responder
):
    """A refusal is answered, a bug is apologised for with a reference; neither is a 404 or a 500."""

    @responder.command
    async def refuse(ack: Any, body: Any) -> None:
        await ack()
        raise Refused("question_gone")

    @responder.command
    async def break_down(ack: Any, body: Any) -> None:
        await ack()
        raise ZeroDivisionError

    def register(app: AsyncApp) -> None:
        app.command("/x")(refuse)
        app.command("/y")(break_down)

    bolt = Bolt(client, Identity(client), register)

    refused, broken = await bolt.dispatch(COMMAND), await bolt.dispatch(COMMAND | {"command": "/y"})

    assert (200, 200) == (refused.status, broken.status)
    assert "no longer known" in refused.body
    assert "our fault" in broken.body


async def test_a_failure_in_a_click_is_acknowledged_and_told(
    slack: SlackSandbox, client: AsyncWebClient, responder: Responder
):
    """The person who clicked reads privately what became of it."""

    @responder.button
    async def break_down(body: Any) -> None:
        raise ZeroDivisionError

    person, channel = slack.add_person("Rita"), slack.add_channel("ops")
    bolt = Bolt(client, Identity(client), lambda app: app.action("x")(break_down))

    answer = await bolt.dispatch(
        CLICK | {"user": {"id": person.id}, "container": {"message_ts": "1.2", "channel_id": channel.id}}
    )
    (told,) = await slack.wait_for(lambda: slack.private_messages(person))

    assert 200 == answer.status
    assert "our fault" in told.text


async def test_the_second_of_two_clicks_is_acknowledged(either: Workspace):
    """A refusal that comes right after the click is what Bolt would turn into a timeout."""
    instance = either.vibecode.start_instance()
    await either.command(f"{instance} force deadlock")
    question = (await either.told("Force-terminate")).snapshot()

    clicks = await asyncio.gather(
        *(either.slack.click(either.requester, question, FORCE_TERMINATE) for _ in range(2))
    )
    await either.whispered("Already answered")
    await either.vibecode.wait_for(lambda: either.vibecode.deletes(instance))
    await either.told("gone")

    assert [200, 200] == [click.status for click in clicks]
    assert 1 == len(either.vibecode.deletes(instance))


@pytest.mark.parametrize(
    "body",
    [
        {"type": "event_callback", "authorizations": [{"authorizations": 1}]},
        {"type": "event_callback", "event": {"user": 1}},
        {"type": "event_callback", "event": {"channel": 1}},
    ],
)
async def test_what_bolt_cannot_read_is_malformed(client: AsyncWebClient, body: dict[str, Any]):
    """Bolt looks deep into payloads and raises what Python raises."""
    with pytest.raises(Malformed):
        await Bolt(client, Identity(client), lambda _: None).dispatch(body)


@pytest.mark.parametrize("name", ["view", "event", "authorizations", "team", "user", "channel"])
@pytest.mark.parametrize("kind", ["view_submission", "event_callback", "block_suggestion"])
async def test_a_null_is_nothing(client: AsyncWebClient, kind: str, name: str):
    """Slack writes null for what is not there; Bolt would look into it."""
    answer = await Bolt(client, Identity(client), lambda _: None).dispatch(check({"type": kind, name: None}))

    assert 404 == answer.status


async def test_commands_are_taken_in_before_slack_says_who_we_are(
    slack: SlackSandbox, client: AsyncWebClient
):
    """Bolt itself would ask at each request, and refuse the command when it gets no answer."""
    slack.down = True
    identity = Identity(client)
    bolt = Bolt(client, identity, lambda app: app.command("/x")(acknowledge))

    answers = await asyncio.gather(*(bolt.dispatch(COMMAND) for _ in range(20)))

    assert {200} == {answer.status for answer in answers}
    assert [] == slack.calls_of("auth.test")
    with pytest.raises(SlackUnavailable):
        await identity.ask()


async def test_a_token_without_the_needed_scopes_is_refused(slack: SlackSandbox, client: AsyncWebClient):
    """At the start, not when the first outcome cannot be told."""
    slack.bot_scopes = {"commands"}

    assert "missing_scope: chat:write" == await Identity(client).keep_asking()
