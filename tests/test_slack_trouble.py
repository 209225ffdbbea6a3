"""Proxies, rate limits, hanging calls: what is not Slack's own answer is taken for trouble that passes."""

import time
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient
from voice import OUTCOME, Voice, answering, open_voice

from bot.domain.errors import SlackUnavailable
from bot.slack.outbox import Outbox
from bot.slack.web_api import LONGEST_WAIT_SECONDS, call, open_session


@pytest.fixture(name="voice")
async def _voice() -> AsyncIterator[Voice]:
    async with open_voice() as voice:
        yield voice


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (200, "text/plain", b"all is well"),
        (200, "text/html", b"<html>a proxy</html>"),
        (200, "application/json", b"{"),
        (200, "application/json", b"\xff\xfe\xff"),
        (200, "application/json", b"[]"),
        (200, "application/json", b"{}"),
        (502, "text/html", b"<html>bad gateway</html>"),
        (503, "text/plain", b"busy"),
        (502, "application/json", b"oops"),
        (429, "application/json", b'{"ok": false, "error": "ratelimited"}'),
    ],
)
async def test_an_answer_that_is_not_slacks_may_be_better_later(status: int, content_type: str, body: bytes):
    """Proxies answer in their own way; nothing of it leaves as another kind of error."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body, content_type=content_type)

    async with answering(answer) as url, open_session() as session:
        with pytest.raises(SlackUnavailable):
            await call(AsyncWebClient(token="x", base_url=url, session=session), "chat.postMessage")


@pytest.mark.parametrize("value", ["nan", "inf", "-5", "soon", "9" * 400])
async def test_a_senseless_time_to_wait_is_bounded(voice: Voice, value: str):
    """Whatever stands in Retry-After, the wait is a number between nothing and an hour."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": value})

    async with answering(answer) as url:
        with pytest.raises(SlackUnavailable) as error:
            await voice.messenger.respond(url, OUTCOME)

    assert 0 <= (error.value.retry_after or 0) <= LONGEST_WAIT_SECONDS


async def test_all_calls_share_one_pool_of_connections():
    """slack_sdk opens a connection for each call when it is given no session."""
    connections = set()

    async def answer(request: web.Request) -> web.Response:
        connections.add(request.transport)
        return web.json_response({"ok": True, "ts": "1.2", "channel": "C1"})

    async with answering(answer) as url, open_session() as session:
        messenger = Outbox(AsyncWebClient(token="x", base_url=url, session=session), session)
        for _ in range(5):
            await messenger.whisper(OUTCOME, channel="C1", user="U1", response_url=f"{url}response")
            await messenger.whisper(OUTCOME, channel="C1", user="U1", response_url=None)

    assert 1 == len(connections)


async def test_a_slack_that_hangs_is_given_up(voice: Voice, monkeypatch: pytest.MonkeyPatch):
    """A call that is never answered ends as trouble that may be over later."""
    monkeypatch.setattr("bot.slack.web_api.TIMEOUT_SECONDS", 0.1)
    voice.slack.fail("chat.postMessage", "hang")
    began = time.monotonic()

    async with open_session() as session:
        client = AsyncWebClient(token=voice.slack.bot_token, base_url=voice.slack.api_url, session=session)
        with pytest.raises(SlackUnavailable):
            await call(client, "chat.postMessage", channel=voice.channel.id, text="x")

    assert time.monotonic() - began < 1
