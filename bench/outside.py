"""Slack and Vibecode as the contenders see them: the fewest answers that do, and who was told what, when."""

import asyncio
import json
import re
import time
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import aiohttp
from aiohttp import web
from loopback import Connection, listen

PAGE = 50
HANGING = "ffffff"
"""A DELETE of an instance whose id begins like this is not answered before ``let_go``."""
_WORKFLOW = re.compile(rb"[0-9a-f]{14}\.[0-9]{8}")


@dataclass
class Outside:
    """The stubs of one run. ``told`` holds when a message about an instance arrived."""

    slack_port: int = 0
    vibecode_port: int = 0
    told: dict[str, float] = field(default_factory=dict)
    deleted: dict[str, int] = field(default_factory=dict)
    """How often each instance was deleted: a command that is carried out twice must not win a race."""
    requests: int = 0
    running: list[str] = field(default_factory=list)
    """What every key lists as running."""
    _waiting: dict[str, asyncio.Future[None]] = field(default_factory=dict)
    _hanging: list[Connection] = field(default_factory=list)
    _socket: asyncio.Future[web.WebSocketResponse] | None = None
    _socket_port: int = 0
    _acks: dict[str, asyncio.Future[Any]] = field(default_factory=dict)
    _servers: list[asyncio.Server] = field(default_factory=list)
    _runner: web.AppRunner | None = None
    _posted: int = 0

    async def __aenter__(self) -> Self:
        slack, self.slack_port = await listen(self._slack)
        vibecode, self.vibecode_port = await listen(self._vibecode)
        self._servers = [slack, vibecode]
        app = web.Application()
        app.router.add_get("/socket", self._open_socket)
        self._socket = asyncio.get_running_loop().create_future()
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._socket_port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        for server in self._servers:
            server.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def expect(self, workflow_id: str) -> asyncio.Future[None]:
        """Return what is done once a message about this instance has arrived."""
        self._waiting[workflow_id] = told = asyncio.get_running_loop().create_future()
        return told

    def let_go(self) -> None:
        """Answer every call that hangs."""
        for connection in self._hanging:
            connection.answer_nothing()
        self._hanging.clear()

    @property
    def hanging(self) -> int:
        return len(self._hanging)

    async def connected(self) -> None:
        """Wait until a contender has connected over Socket Mode; only one does at a time."""
        assert self._socket is not None
        await asyncio.wait_for(asyncio.shield(self._socket), 20)

    async def send_envelope(self, envelope_id: str, payload: dict[str, str]) -> Any:
        """Send a command over Socket Mode; returns what it is answered with, None for nothing."""
        assert self._socket is not None
        self._acks[envelope_id] = acked = asyncio.get_running_loop().create_future()
        frame = {
            "type": "slash_commands",
            "envelope_id": envelope_id,
            "accepts_response_payload": True,
            "payload": payload,
        }
        await (await self._socket).send_str(json.dumps(frame))
        return await acked

    async def _open_socket(self, request: web.Request) -> web.WebSocketResponse:
        assert self._socket is not None
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json(
            {"type": "hello", "num_connections": 1, "connection_info": {"app_id": "A1"}, "debug_info": {}}
        )
        self._socket.set_result(socket)
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                answer = json.loads(message.data)
                acked = self._acks.pop(answer.get("envelope_id"), None)
                if acked is not None:
                    acked.set_result(answer.get("payload") or None)
        self._socket = asyncio.get_running_loop().create_future()
        return socket

    def _slack(self, connection: Connection, request_line: bytes, body: bytes) -> None:
        self.requests += 1
        method = request_line.split(b" ")[1].partition(b"?")[0].rpartition(b"/")[2]
        if method == b"chat.postMessage":
            self._posted += 1
            connection.answer(b'{"ok":true,"channel":"C1","ts":"%d.000100"}' % (1_700_000_000 + self._posted))
            self._tell(body)
        elif method == b"chat.update":
            connection.answer(b'{"ok":true,"channel":"C1","ts":"1700000000.000100"}')
            self._tell(body)
        elif method == b"apps.connections.open":
            url = f"ws://127.0.0.1:{self._socket_port}/socket"
            connection.answer(json.dumps({"ok": True, "url": url}).encode())
        elif method == b"users.info":
            connection.answer(
                b'{"ok":true,"user":{"id":"U1","team_id":"T1","name":"rita","deleted":false,"is_bot":false,'
                b'"is_admin":false,"is_owner":false,"is_restricted":false,"is_ultra_restricted":false}}'
            )
        else:
            connection.answer(
                b'{"ok":true,"url":"https://x.slack.com/","team":"T","team_id":"T1","user":"haltbot",'
                b'"user_id":"U0","bot_id":"B0","is_enterprise_install":false}'
            )

    def _tell(self, body: bytes) -> None:
        if found := _WORKFLOW.search(body):
            workflow_id = found[0].decode()
            self.told.setdefault(workflow_id, time.perf_counter())
            waiting = self._waiting.pop(workflow_id, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(None)

    def _vibecode(self, connection: Connection, request_line: bytes, body: bytes) -> None:
        del body
        self.requests += 1
        method, target, _ = request_line.decode().split(" ")
        if method == "GET":
            connection.answer(self._page(target))
            return
        workflow_id = urlsplit(target).path.rpartition("/")[2]
        self.deleted[workflow_id] = self.deleted.get(workflow_id, 0) + 1
        if workflow_id.startswith(HANGING):
            self._hanging.append(connection)
        else:
            connection.answer_nothing()

    def _page(self, target: str) -> bytes:
        rows = self.running
        offset = int(parse_qs(urlsplit(target).query).get("offset", ["0"])[0])
        data = [
            {
                "ID": row,
                "MODULE_ID": "crm",
                "ENTITY": "CCrmDocumentDeal",
                "DOCUMENT_ID": "DEAL_1",
                "TEMPLATE_ID": "12",
                "STARTED": "2026-10-01T08:00:00+00:00",
                "STARTED_BY": "1",
                "MODIFIED": "2026-10-01T08:00:00+00:00",
                "OWNED_UNTIL": None,
            }
            for row in rows[offset : offset + PAGE]
        ]
        return json.dumps({"success": True, "data": data, "meta": {"total": len(rows)}}).encode()
