"""The HTTP door: nothing reaches Bolt that Slack did not sign, that is too large or that has no shape.

Slack Bolt 1.30 parses a form before it verifies it, drops commands whose body contains the word *payload*,
answers a broken header with a 500 and logs the whole body of a request with a bad signature. So the
signature is checked and the body is read here, and Bolt is given the parsed body, the way Socket Mode gives
it. Once ``tests/test_edge.py`` passes with Bolt's own adapter in this place, this file is no longer needed.
"""

import asyncio
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from slack_bolt.response import BoltResponse

from bot.slack.payloads import Malformed, check

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 256 * 1024
READ_SECONDS = 5.0
"""Slack sends a request at once; whoever dribbles one holds a connection for no longer than this."""
SHUTDOWN_SECONDS = 3.0
"""Whoever has begun a request may finish it; a command takes less."""
MAX_AGE_SECONDS = 300
"""Slack's own rule for the age of a signature."""
_MAX_FIELDS = 100
_TIMESTAMP_DIGITS = 12
_SIGNATURE_LENGTH = len("v0=") + 2 * hashlib.sha256().digest_size

Dispatch = Callable[[Mapping[str, Any]], Awaitable[BoltResponse]]
Checks = Callable[[], Awaitable[Mapping[str, bool]]]


def runner(
    *,
    signing_secret: str | None,
    dispatch: Dispatch,
    readiness: Checks,
    pages: Callable[[web.Application], None] | None = None,
) -> web.AppRunner:
    """Build the listener: Slack's requests where there is a signing secret, health and metrics always.

    ``pages`` adds those for people's browsers.
    """
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    if signing_secret is not None:
        app.router.add_post("/slack/events", _SlackRequests(signing_secret, dispatch).receive)
    app.router.add_get("/healthz", _alive)
    app.router.add_get("/readyz", _Ready(readiness).report)
    app.router.add_get("/metrics", _metrics)
    if pages is not None:
        pages(app)
    # Slack compresses nothing, and the signature is that of the bytes as they were sent.
    return web.AppRunner(
        app, access_log=None, auto_decompress=False, lingering_time=1.0, shutdown_timeout=SHUTDOWN_SECONDS
    )


class _SlackRequests:
    def __init__(self, signing_secret: str, dispatch: Dispatch) -> None:
        self._signing_secret = signing_secret.encode()
        self._dispatch = dispatch

    async def receive(self, request: web.Request) -> web.Response:
        signature = _Signature.of(request)
        if signature is None or not signature.is_fresh():
            return _unsigned(request)
        try:
            async with asyncio.timeout(READ_SECONDS):
                raw = await _read(request)
        except TimeoutError:
            return _refused(request, HTTPStatus.REQUEST_TIMEOUT, "The request did not arrive in time.")
        except web.HTTPRequestEntityTooLarge:
            return _refused(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is too large.")
        if not signature.fits(raw, self._signing_secret):
            return _unsigned(request)
        try:
            body = read_body(raw, request.headers.get("Content-Type", ""))
            if "ssl_check" in body:
                return web.Response()
            answer = await self._dispatch(check(body))
        except Malformed as malformed:
            log.warning("Refused a signed request that is not one of Slack's: %s", malformed)
            return web.Response(
                status=HTTPStatus.BAD_REQUEST, text="This is not a request that Haltbot knows."
            )
        return web.Response(
            status=answer.status,
            text=answer.body,
            headers={name: values[0] for name, values in answer.headers.items()},
        )


class _Signature:
    """What the headers claim: when the request was signed, and how."""

    def __init__(self, timestamp: str, signature: str) -> None:
        self._timestamp = timestamp
        self._signature = signature

    @classmethod
    def of(cls, request: web.Request) -> "_Signature | None":
        """Read the headers; None unless each is there once and has its shape."""
        timestamps = request.headers.getall("X-Slack-Request-Timestamp", [])
        signatures = request.headers.getall("X-Slack-Signature", [])
        if len(timestamps) != 1 or len(signatures) != 1:
            return None
        (timestamp,), (signature,) = timestamps, signatures
        is_number = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _TIMESTAMP_DIGITS
        if not is_number or not signature.isascii() or len(signature) != _SIGNATURE_LENGTH:
            return None
        return cls(timestamp, signature)

    def is_fresh(self) -> bool:
        return abs(time.time() - int(self._timestamp)) <= MAX_AGE_SECONDS

    def fits(self, raw: bytes, secret: bytes) -> bool:
        signed = hmac.new(secret, f"v0:{self._timestamp}:".encode() + raw, hashlib.sha256)
        return hmac.compare_digest(f"v0={signed.hexdigest()}", self._signature)


async def _read(request: web.Request) -> bytes:
    """Read the body. Raises HTTPRequestEntityTooLarge before what is too large has been read."""
    announced = request.content_length
    if announced is not None and announced > MAX_BODY_BYTES:
        raise web.HTTPRequestEntityTooLarge(MAX_BODY_BYTES, announced)
    return await request.read()


def _unsigned(request: web.Request) -> web.Response:
    return _refused(request, HTTPStatus.UNAUTHORIZED, "The signature is missing, too old or wrong.")


def _refused(request: web.Request, status: HTTPStatus, sentence: str) -> web.Response:
    # Nothing of the request is logged: it may hold anything, and anybody can send it.
    log.warning("Refused a request from %s: %s", request.remote, sentence)
    answer = web.Response(status=status, text=sentence)
    # What is left of its body is not read either.
    answer.force_close()
    return answer


def read_body(raw: bytes, content_type: str) -> dict[str, Any]:
    """Read a form, a form with a JSON payload, or JSON. Raises Malformed."""
    try:
        text = raw.decode("utf-8")
        if content_type.partition(";")[0].strip().lower() == "application/json":
            body = json.loads(text)
        else:
            body = dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS))
            if "payload" in body:
                body = json.loads(body["payload"])
    except (ValueError, RecursionError) as error:
        raise Malformed(type(error).__name__) from None
    if not isinstance(body, dict):
        raise Malformed("not an object")
    return body


class _Ready:
    def __init__(self, readiness: Checks) -> None:
        self._readiness = readiness

    async def report(self, request: web.Request) -> web.Response:
        checks = dict(await self._readiness())
        return web.json_response(checks, status=200 if all(checks.values()) else 503)


async def _alive(request: web.Request) -> web.Response:
    return web.json_response({"alive": True})


async def _metrics(request: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
