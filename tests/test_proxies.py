"""Which proxy is used on the way to Slack: the environment's, for all ways there, unless NO_PROXY says otherwise."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from processes import running_bot
from slack_bolt.response import BoltResponse
from voice import OUTCOME
from workspace import workspace

from bot.config.proxies import proxy_for
from bot.domain.errors import SlackUnavailable
from bot.slack.outbox import Outbox
from bot.slack.socket_mode import SocketIntake
from bot.slack.web_api import call, open_session, slack_client
from sandbox.vibecode import Step

API = "http://slack.example/api/"
NOBODY = "http://127.0.0.1:1"


class Proxy:
    """Answers what it is asked to pass on as Slack would; it opens no tunnel."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._serving: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        async with server:
            yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
            server.close()
        await asyncio.gather(*self._serving)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head.split("\r\n", 1)[0].removesuffix(" HTTP/1.1"))
        body = json.dumps({"ok": True, "url": "wss://wss.slack.example/link"})
        status = "403 Forbidden" if head.startswith("CONNECT") else "200 OK"
        headers = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close"
        writer.write(f"HTTP/1.1 {status}\r\n{headers}\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("environment", "chosen"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "http://proxy:3128"),
        ({"https_proxy": "http://proxy:3128"}, "http://proxy:3128"),
        ({"HTTPS_PROXY": "proxy:3128"}, "http://proxy:3128"),
        ({"ALL_PROXY": "http://proxy:3128"}, "http://proxy:3128"),
        ({"HTTPS_PROXY": "http://one:1", "ALL_PROXY": "http://two:2"}, "http://one:1"),
        ({"HTTP_PROXY": "http://proxy:3128"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "example.com"}, "http://proxy:3128"),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "slack.com"}, None),
        ({"ALL_PROXY": "http://proxy:3128", "no_proxy": "localhost,.slack.com"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "*"}, None),
    ],
)
async def test_the_address_and_no_proxy_decide(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], chosen: str | None
):
    """The variable of the address's scheme, or the one for all; the host must not be ruled out."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert chosen == proxy_for("https://slack.com/api/")


async def test_all_ways_to_slack_lead_through_the_proxy(monkeypatch: pytest.MonkeyPatch):
    """The Web API, the response URLs and the WebSocket, to whichever of Slack's hosts."""
    proxy = Proxy()
    async with proxy.running() as address:
        monkeypatch.setenv("HTTP_PROXY", address)
        async with open_session(API) as session:
            client = slack_client(session, API, "xoxb-1")
            await call(client, "auth.test")
            await Outbox(client, session).respond("http://hooks.slack.example/1", OUTCOME)

            with pytest.raises(SlackUnavailable):
                await SocketIntake(client, session, "xapp-1", _nothing_comes)._open()

    assert [
        "POST http://slack.example/api/auth.test",
        "POST http://hooks.slack.example/1",
        "POST http://slack.example/api/apps.connections.open",
        "CONNECT wss.slack.example:443",
    ] == proxy.asked


async def _nothing_comes(body: Mapping[str, Any]) -> BoltResponse:
    raise AssertionError(body)


async def test_a_client_uses_the_proxy_whosever_the_connections_are(monkeypatch: pytest.MonkeyPatch):
    """Commands that only call the Web API need not say twice where it is."""
    proxy = Proxy()
    async with proxy.running() as address:
        monkeypatch.setenv("ALL_PROXY", f"http://{address}")
        async with open_session() as session:
            await call(slack_client(session, API), "api.test")

    assert ["POST http://slack.example/api/api.test"] == proxy.asked


@pytest.mark.parametrize("mode", ["http", "socket"])
async def test_a_bot_beside_a_proxy_of_no_use_obeys_no_proxy(tmp_path: Path, mode: str):
    """Slack and Vibecode are reached directly where NO_PROXY names them, whatever proxies there are."""
    proxies = {"HTTP_PROXY": NOBODY, "HTTPS_PROXY": NOBODY, "ALL_PROXY": NOBODY, "NO_PROXY": "127.0.0.1"}
    async with workspace(tmp_path, mode=mode, start=False) as work, running_bot(work, **proxies):
        instance = work.vibecode.start_instance(steps=[Step(3600, locked=False)])
        await work.command(f"{instance} loops")
        await work.told("*Stopped:*")

    assert 1 == len(work.vibecode.deletes(instance))
