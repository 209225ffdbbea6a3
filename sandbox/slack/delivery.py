"""How a payload reaches the bot over HTTP, signed and within three seconds, and what became of it."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal, Protocol
from urllib.parse import urlencode

import aiohttp

from sandbox.slack.records import Json

DeliveryError = Literal["operation_timeout", "dispatch_failed", "not_a_valid_command"]
ACK_SECONDS = 3.0


@dataclass
class Delivery:
    """One thing that was told to the bot, and the bot's acknowledgement or the lack of it.

    ``kind`` is ``slash_commands``, ``interactive`` or ``events_api``, as in Socket Mode.
    """

    kind: str
    payload: Json
    status: int | None = None
    body: str = ""
    ack_ms: float = 0.0
    error: DeliveryError | None = None
    envelope_id: str | None = None
    request_body: bytes = b""
    request_headers: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.error is None

    @property
    def json(self) -> Json:
        """The acknowledgement's body; empty when there is none or it is no JSON object."""
        try:
            parsed = json.loads(self.body)
        except ValueError:
            return {}
        return parsed if isinstance(parsed, dict) else {}


class Carrier(Protocol):
    """One of the two ways to the bot."""

    async def deliver(self, delivery: Delivery) -> None:
        """Bring it to the bot and write down in it what came back."""


def signed_headers(secret: str, body: bytes, *, timestamp: int | None = None) -> dict[str, str]:
    """Slack's signature of a body.

    It is made at the real time, whatever the sandbox's clock says,
    since the bot's verifier has a clock of its own.
    """
    at = int(time.time()) if timestamp is None else timestamp
    digest = hmac.new(secret.encode(), f"v0:{at}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": str(at), "X-Slack-Signature": f"v0={digest}"}


def http_body(kind: str, payload: Mapping[str, object]) -> tuple[bytes, str]:
    """The body and content type in which this kind of payload travels."""
    if kind == "events_api":
        return json.dumps(payload).encode(), "application/json"
    fields = payload if kind == "slash_commands" else {"payload": json.dumps(payload)}
    return urlencode(fields).encode(), "application/x-www-form-urlencoded"


class HttpCarrier:
    """Signed POSTs to the bot's address."""

    def __init__(self, url: str, signing_secret: str, *, ack_seconds: float = ACK_SECONDS) -> None:
        self.url = url
        self._signing_secret = signing_secret
        self._ack_seconds = ack_seconds
        self._session: aiohttp.ClientSession | None = None

    async def deliver(self, delivery: Delivery) -> None:
        if not delivery.request_headers:
            body, content_type = http_body(delivery.kind, delivery.payload)
            delivery.request_body = body
            delivery.request_headers = {
                "Content-Type": content_type,
                "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
                **signed_headers(self._signing_secret, body),
            }
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._ack_seconds):
                delivery.status, delivery.body = await self._post(delivery)
            delivery.error = None if delivery.status == HTTPStatus.OK else "dispatch_failed"
        except TimeoutError:
            delivery.error = "operation_timeout"
        except aiohttp.ClientError:
            delivery.error = "dispatch_failed"
        delivery.ack_ms = (time.monotonic() - started) * 1000

    async def _post(self, delivery: Delivery) -> tuple[int, str]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # Slack itself never waits for a free connection, so the measured times must not either.
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=None),
            )
        async with self._session.post(
            self.url, data=delivery.request_body, headers=delivery.request_headers, allow_redirects=False
        ) as response:
            return response.status, await response.text(errors="replace")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
