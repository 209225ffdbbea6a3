"""The HTTP door alone, with nothing behind it: what reaches it is kept, and what it answers is seen to the byte."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from slack_bolt.response import BoltResponse

from bot.slack import http
from sandbox.slack.delivery import signed_headers

SECRET = "0123456789abcdef0123456789abcdef"
FORM = "application/x-www-form-urlencoded"
ANSWER_SECONDS = 5


@dataclass
class Door:
    """An open door; ``passed`` is what got through it."""

    port: int = 0
    passed: list[dict[str, Any]] = field(default_factory=list)

    async def dispatch(self, body: Mapping[str, Any]) -> BoltResponse:
        self.passed.append(dict(body))
        return BoltResponse(status=200)

    async def post(
        self, body: bytes, *, content_type: str = FORM, headers: Mapping[str, str] | None = None
    ) -> int:
        """Send a body, signed unless other headers are given; returns the status of the answer."""
        given = signed_headers(SECRET, body) if headers is None else headers
        lines = [f"{name}: {value}".encode() for name, value in given.items()]
        return await self.send(body, f"Content-Type: {content_type}".encode(), *lines)

    async def send(self, body: bytes, *headers: bytes, length: int | None = None) -> int:
        """Send exactly these bytes; returns the status of the answer."""
        head = [b"POST /slack/events HTTP/1.1", b"Host: haltbot", *headers]
        head.append(b"Content-Length: %d" % (len(body) if length is None else length))
        return await self.exchange(b"\r\n".join(head) + b"\r\n\r\n" + body)

    async def exchange(self, request: bytes) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await reader.readline()
        finally:
            writer.close()
            # The door may have hung up on what it did not want to read.
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        return int(answer.split()[1])


@contextlib.asynccontextmanager
async def open_door() -> AsyncIterator[Door]:
    door = Door()
    runner = http.runner(signing_secret=SECRET, dispatch=door.dispatch, readiness=_ready)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        door.port = runner.addresses[0][1]
        yield door
    finally:
        await runner.cleanup()


async def _ready() -> Mapping[str, bool]:
    return {}
