"""Socket Mode: the bot's WebSocket connections, the envelopes sent over them, and their acknowledgements."""

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import WSMsgType, web

from sandbox.slack.delivery import ACK_SECONDS, Delivery
from sandbox.slack.records import Json
from sandbox.slack.web_api import cut

DisconnectReason = Literal["warning", "refresh_requested", "link_disabled"]
MOST_CONNECTIONS = 10
TICKET_SECONDS = 30.0
SECONDS_AFTER_DISCONNECT = 10.0
SECONDS_BETWEEN_PINGS = 10.0
_WITH_ANSWER = frozenset({"slash_commands", "interactive"})


@dataclass(eq=False)
class Connection:
    socket: web.WebSocketResponse
    request: web.Request
    silent: bool = False
    leaving: bool = False

    def abort(self) -> None:
        if self.request.transport is not None:
            self.request.transport.abort()


@dataclass(eq=False)
class Envelope:
    """A payload under way: which connection it was sent over, and its acknowledgement to come."""

    frame: Json
    acked: asyncio.Future[Json | None]
    sent_over: Connection | None = None
    sent_at: list[float] = field(default_factory=list)


class SocketMode:
    """Answers /socket and carries deliveries over whichever connections there are, in turn."""

    def __init__(
        self,
        *,
        app_id: str,
        base_url: Callable[[], str],
        announce: Callable[[str, Json], None],
        ack_seconds: float = ACK_SECONDS,
    ) -> None:
        self._app_id = app_id
        self._base_url = base_url
        self._announce = announce
        self._ack_seconds = ack_seconds
        self.tickets: dict[str, float] = {}
        self.links: list[Connection] = []
        self.unacked: dict[str, Envelope] = {}
        self._refused_until = 0.0
        self._turn = 0
        self._timers: set[asyncio.TimerHandle] = set()
        self.down = False

    # --- connections

    @property
    def connections(self) -> int:
        """How many connections the bot has, as far as Slack can tell."""
        return len(self.links)

    @property
    def refusing(self) -> bool:
        return self.down or time.monotonic() < self._refused_until

    def open_url(self) -> str:
        ticket = secrets.token_urlsafe(16)
        self.tickets[ticket] = time.monotonic() + TICKET_SECONDS
        return f"{self._base_url().replace('http', 'ws', 1)}/socket?ticket={ticket}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.refusing:
            return cut(request)
        if self.tickets.pop(request.query.get("ticket", ""), 0.0) < time.monotonic():
            return web.Response(status=408, text="expired ticket")
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        connection = Connection(socket, request)
        if len(self.links) >= MOST_CONNECTIONS:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await socket.close()
            return socket
        self.links.append(connection)
        try:
            await self._serve(connection)
        finally:
            self._forget(connection)
            if left := self._next_connection():
                await self._catch_up(left)
        return socket

    async def _serve(self, connection: Connection) -> None:
        hello = {
            "type": "hello",
            "num_connections": len(self.links),
            "debug_info": {"host": "sandbox", "build_number": 1, "approximate_connection_time": 18060},
            "connection_info": {"app_id": self._app_id},
        }
        await connection.socket.send_json(hello)
        self._announce("socket_connected", {"connections": len(self.links)})
        pinging = asyncio.create_task(self._ping(connection))
        try:
            await self._catch_up(connection)
            await self._listen(connection)
        finally:
            pinging.cancel()

    async def _ping(self, connection: Connection) -> None:
        while not connection.silent:
            # The bot may have hung up; it is the reading side that then ends the connection.
            with contextlib.suppress(ConnectionError):
                await connection.socket.ping(b"Ping from the sandbox")
            await asyncio.sleep(SECONDS_BETWEEN_PINGS)

    async def _catch_up(self, connection: Connection) -> None:
        """Send again, with its envelope id, what was sent over a connection that is gone or silent."""
        for envelope in list(self.unacked.values()):
            over = envelope.sent_over
            if over is None or over.silent or over not in self.links:
                await self._send(envelope, connection)

    async def _listen(self, connection: Connection) -> None:
        async for message in connection.socket:
            if connection.silent:
                continue
            if message.type is WSMsgType.PING:
                await connection.socket.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                self._receive(message.data)

    def _forget(self, connection: Connection) -> None:
        if connection in self.links:
            self.links.remove(connection)
            self._announce("socket_closed", {"connections": len(self.links)})

    def _receive(self, text: str) -> None:
        try:
            frame = json.loads(text)
        except ValueError:
            return
        self._announce("socket_received", {"frame": frame})
        envelope = self.unacked.pop(str(frame.get("envelope_id", "")), None)
        if envelope is not None and not envelope.acked.done():
            envelope.acked.set_result(frame.get("payload"))

    # --- deliveries

    async def deliver(self, delivery: Delivery) -> None:
        started = time.monotonic()
        envelope = self._envelope(delivery)
        connection = self._next_connection()
        if connection is None and delivery.kind in _WITH_ANSWER:
            self.unacked.pop(envelope.frame["envelope_id"], None)
            delivery.error = "dispatch_failed"
            return
        try:
            async with asyncio.timeout(self._ack_seconds):
                if connection is not None:
                    await self._send(envelope, connection)
                payload = await asyncio.shield(envelope.acked)
            delivery.status, delivery.error = 200, None
            delivery.body = "" if payload is None else json.dumps(payload, ensure_ascii=False)
        except TimeoutError:
            delivery.error = "operation_timeout"
        delivery.ack_ms = (time.monotonic() - started) * 1000

    def _envelope(self, delivery: Delivery) -> Envelope:
        envelope_id = delivery.envelope_id or secrets.token_hex(16)
        delivery.envelope_id = envelope_id
        frame: Json = {
            "envelope_id": envelope_id,
            "type": delivery.kind,
            "accepts_response_payload": delivery.kind in _WITH_ANSWER,
            "payload": delivery.payload,
        }
        if delivery.kind == "events_api":
            frame |= {"retry_attempt": 0, "retry_reason": ""}
        envelope = Envelope(frame, asyncio.get_running_loop().create_future())
        self.unacked[envelope_id] = envelope
        return envelope

    def _next_connection(self) -> Connection | None:
        usable = [connection for connection in self.links if not connection.leaving]
        usable = usable or self.links
        if not usable or self.down:
            return None
        self._turn += 1
        return usable[self._turn % len(usable)]

    async def _send(self, envelope: Envelope, connection: Connection) -> None:
        envelope.sent_over = connection
        envelope.sent_at.append(time.monotonic())
        self._announce("socket_sent", {"frame": envelope.frame, "silent": connection.silent})
        if connection.silent:
            return
        try:
            await connection.socket.send_json(envelope.frame)
        except ConnectionError:
            envelope.sent_over = None

    # --- trouble

    async def disconnect(self, reason: DisconnectReason) -> None:
        """Tell each connection to go, and close it if it has not gone some seconds later."""
        frame = {"type": "disconnect", "reason": reason, "debug_info": {"host": "sandbox"}}
        self._announce("socket_sent", {"frame": frame})
        for connection in list(self.links):
            connection.leaving = True
            if not connection.silent:
                await connection.socket.send_json(frame)
            if reason == "link_disabled":
                connection.abort()
            else:
                handle = asyncio.get_running_loop().call_later(SECONDS_AFTER_DISCONNECT, connection.abort)
                self._timers.add(handle)

    def refuse_connections(self, seconds: float) -> None:
        self._refused_until = time.monotonic() + seconds

    def go_silent(self) -> None:
        for connection in self.links:
            connection.silent = True

    def cut_all(self) -> None:
        for connection in list(self.links):
            connection.abort()

    def close(self) -> None:
        for handle in self._timers:
            handle.cancel()
        self._timers.clear()
        self.cut_all()
        self.unacked.clear()
