"""The connection to Slack comes and goes; no command is lost with it, and none is carried out twice."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient
from workspace import Workspace, workspace

from bot.slack import socket_mode
from bot.slack.socket_mode import FATAL, SocketIntake, SocketModeRefused
from bot.slack.web_api import open_session
from sandbox.slack import Channel, Delivery, Person, SlackSandbox
from sandbox.vibecode import Step

WAITING = Step(3600, locked=False)


@dataclass
class Line:
    """An intake alone, with a Slack before it and nothing behind it."""

    slack: SlackSandbox
    channel: Channel
    person: Person
    intake: SocketIntake = field(init=False)
    came: list[str] = field(default_factory=list)
    """The trigger ids that arrived."""
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    free: asyncio.Event = field(default_factory=asyncio.Event)
    """Requests are answered once it is set."""
    serving: asyncio.Task[None] | None = None

    def command(self, **extra: Any) -> asyncio.Task[Delivery]:
        return asyncio.create_task(self.slack.command(self.person, self.channel, "/x", "help", **extra))

    async def frame(self, text: str) -> None:
        await self.slack.socket_mode.links[-1].socket.send_str(text)

    async def dispatch(self, body: Mapping[str, Any]) -> BoltResponse:
        self.came.append(body["trigger_id"])
        self.arrived.set()
        await self.free.wait()
        return BoltResponse(status=200, body="done")


@pytest.fixture(name="line")
async def _line(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Line]:
    monkeypatch.setattr(socket_mode, "PING_SECONDS", 0.2)
    monkeypatch.setattr(socket_mode, "LONGEST_PAUSE_SECONDS", 0.05)
    async with SlackSandbox() as slack, open_session() as session:
        client = AsyncWebClient(base_url=slack.api_url, session=session, retry_handlers=[])
        line = Line(slack, slack.add_channel("ops"), slack.add_person("Rita"))
        line.intake = SocketIntake(client, session, slack.app_token, line.dispatch)
        line.free.set()
        line.serving = asyncio.create_task(line.intake.serve())
        await slack.wait_connected()
        yield line
        line.free.set()
        line.serving.cancel()
        await asyncio.gather(line.serving, return_exceptions=True)
        await line.intake.close()


@pytest.mark.parametrize("reason", ["warning", "refresh_requested", "too_many_websockets", "something_new"])
async def test_commands_go_on_through_every_kind_of_disconnect(line: Line, reason: Any):
    """The next connection is there before the former one goes, so none falls in between."""
    deliveries = [line.command() for _ in range(10)]
    await line.slack.socket_mode.disconnect(reason)
    deliveries += [line.command() for _ in range(10)]
    await line.slack.wait_connected(2)
    deliveries += [line.command() for _ in range(10)]

    answered = await asyncio.gather(*deliveries)

    assert {(200, None)} == {(delivery.status, delivery.error) for delivery in answered}
    assert 30 == len(set(line.came))
    assert await line.intake.is_connected()


async def test_twenty_disconnects_in_a_row_lose_nothing(line: Line):
    """However often Slack moves us."""
    answered = []
    for _ in range(20):
        await line.slack.disconnect()
        answered.append(await line.command())

    assert {200} == {delivery.status for delivery in answered}
    assert 20 == len(line.came)


async def test_a_dead_peer_is_noticed_and_its_command_comes_again(line: Line):
    """A connection that is open and silent would otherwise swallow commands for hours."""
    line.slack.go_silent()
    sent = line.command()

    delivery = await sent

    assert (200, "done") == (delivery.status, delivery.json["text"])
    assert 1 == len(line.came)


async def test_a_connection_that_is_cut_before_the_acknowledgement_brings_the_command_again(line: Line):
    """The same envelope comes twice; that the second one starts nothing is the database's part."""
    line.free.clear()
    sent = line.command()
    await line.arrived.wait()

    line.slack.socket_mode.cut_all()
    line.free.set()
    delivery = await sent

    assert 200 == delivery.status
    assert 2 == len(line.came)
    assert 1 == len(set(line.came))


async def test_what_comes_before_the_end_is_answered(line: Line):
    """SIGTERM must not turn a command into Slack's timeout, neither one that is recorded nor the next."""
    line.free.clear()
    sent = line.command()
    await line.arrived.wait()

    closing = asyncio.create_task(line.intake.close())
    line.arrived.clear()
    late = line.command(trigger_id="late")
    await line.arrived.wait()
    line.free.set()
    await closing

    assert [200, 200] == [(await command).status for command in (sent, late)]
    await line.slack.wait_for(lambda: line.slack.socket_mode.connections == 0)


async def test_it_ends_although_something_is_always_being_answered(
    line: Line, monkeypatch: pytest.MonkeyPatch
):
    """A flood of commands must not keep a process alive that was told to stop."""
    monkeypatch.setattr(socket_mode, "QUIET_SECONDS", 0.1)
    line.free.clear()
    sent = line.command()
    await line.arrived.wait()

    closing = asyncio.create_task(line.intake.close())
    await asyncio.sleep(0.2)
    late = line.command(trigger_id="late")
    await line.slack.wait_for(lambda: len(line.slack.socket_mode.unacked) == 2)
    line.free.set()
    await closing

    assert 200 == (await sent).status
    assert "late" not in line.came
    late.cancel()


@pytest.mark.parametrize("code", sorted(FATAL))
async def test_what_slack_refuses_for_good_ends_it(line: Line, code: str):
    """Nobody waits for what only a person can mend."""
    line.slack.fail("apps.connections.open", code)
    line.slack.socket_mode.cut_all()

    assert line.serving is not None
    with pytest.raises(SocketModeRefused, match=code):
        await asyncio.wait_for(line.serving, 2)


async def test_a_link_that_is_disabled_ends_it(line: Line):
    """Somebody has switched Socket Mode off."""
    await line.slack.disconnect("link_disabled")

    assert line.serving is not None
    with pytest.raises(SocketModeRefused, match="link_disabled"):
        await asyncio.wait_for(line.serving, 2)
    assert not await line.intake.is_connected()


@pytest.mark.parametrize(
    ("code", "status"), [("internal_error", 500), ("drop", 200), ("something_new", 200), ("fatal_error", 200)]
)
async def test_what_passes_is_waited_for(line: Line, code: str, status: int):
    """Slack has trouble of its own now and then."""
    line.slack.fail("apps.connections.open", code, status=status, times=3)
    line.slack.socket_mode.cut_all()
    await line.slack.wait_for(lambda: line.slack.socket_mode.connections == 0)
    await line.slack.wait_connected()

    assert 200 == (await line.command()).status


async def test_a_rate_limit_is_honoured(line: Line):
    """apps.connections.open is allowed about once a minute."""
    calls_before = len(line.slack.calls_of("apps.connections.open"))
    line.slack.fail("apps.connections.open", "ratelimited", retry_after=1)
    line.slack.socket_mode.cut_all()
    await line.slack.wait_for(lambda: line.slack.socket_mode.connections == 0)
    began = time.monotonic()

    await line.slack.wait_connected()

    assert time.monotonic() - began > 0.8
    assert 2 == len(line.slack.calls_of("apps.connections.open")) - calls_before


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "[]",
        "null",
        "{}",
        '{"type": 1}',
        '{"envelope_id": 1, "payload": {}}',
        '{"envelope_id": "1"}',
        '{"envelope_id": "1", "payload": []}',
        '{"envelope_id": "1", "payload": {"type": "block_actions", "actions": []}}',
        '{"envelope_id": "1", "payload": {"command": "/x", "trigger_id": "\\ud800"}}',
        "[" * 50_000,
    ],
)
async def test_a_frame_without_shape_is_passed_over(line: Line, text: str):
    """The connection stays, and the next command is answered."""
    await line.frame(text)

    assert 200 == (await line.command()).status
    assert 1 == len(line.slack.calls_of("apps.connections.open"))


async def test_a_connection_that_never_says_hello_is_given_up(monkeypatch: pytest.MonkeyPatch):
    """A proxy may open connections that lead nowhere."""
    monkeypatch.setattr(socket_mode, "HELLO_SECONDS", 0.1)
    monkeypatch.setattr(socket_mode, "LONGEST_PAUSE_SECONDS", 0.05)
    opened: list[web.Request] = []
    third = asyncio.Event()

    async def accept(request: web.Request) -> web.WebSocketResponse:
        opened.append(request)
        if len(opened) == 3:
            third.set()
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            assert message.type is not WSMsgType.TEXT
        return socket

    async with serving(accept) as url, open_session() as session:
        client = AsyncWebClient(base_url=f"{url}/api/", session=session)
        intake = SocketIntake(client, session, "xapp-1", lambda _: pytest.fail("nothing was sent"))
        serving_it = asyncio.create_task(intake.serve())
        await asyncio.wait_for(third.wait(), 3)
        assert not await intake.is_connected()
        serving_it.cancel()
        await asyncio.gather(serving_it, return_exceptions=True)
        await intake.close()


@contextlib.asynccontextmanager
async def serving(socket: Callable[[web.Request], Any]) -> AsyncIterator[str]:
    """Serve a WebSocket, and a Web API that leads to it."""

    async def lead(request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "url": f"ws://{request.host}/socket"})

    app = web.Application()
    app.router.add_get("/socket", socket)
    app.router.add_post("/api/apps.connections.open", lead)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture(name="quick")
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_mode, "PING_SECONDS", 0.2)


async def test_seconds_without_slack_lose_and_double_nothing(tmp_path: Path):
    """What was acknowledged is done once; what could not be delivered, Slack says at once."""
    async with workspace(tmp_path, mode="socket") as work:
        instances = work.vibecode.start_many(3, steps=[WAITING])
        before = await work.command(f"{instances[0]} one")
        work.slack.refuse_connections(4)
        await work.slack.wait_for(lambda: work.slack.socket_mode.connections == 0)
        during = await work.command(f"{instances[1]} two")
        await work.slack.wait_connected(timeout=11)
        again = await work.command(f"{instances[1]} two")
        after = await work.command(f"{instances[2]} three")
        await work.slack.wait_for(lambda: gone(work) == 3)

        assert [True, False, True, True] == [delivery.ok for delivery in (before, during, again, after)]
        assert [1, 1, 1] == [len(work.vibecode.deletes(instance)) for instance in instances]


async def test_a_dead_peer_costs_no_command(tmp_path: Path, quick: None):
    """The whole story: the command is delivered again over a new connection, and carried out once."""
    async with workspace(tmp_path, mode="socket") as work:
        instance = work.vibecode.start_instance(steps=[WAITING])
        work.slack.go_silent()

        delivery = await work.command(f"{instance} looping")
        await work.told("is gone (verified")

        assert delivery.ok
        assert 1 == len(work.vibecode.deletes(instance))


def gone(work: Workspace) -> int:
    return sum("is gone (verified" in message.text for message in work.slack.channel_messages(work.channel))
