"""The HTTP door: nothing reaches Bolt that Slack did not sign, that is too large or that has no shape.

Slack Bolt 1.30 parses a form before it verifies it, drops commands whose body contains the word *payload*,
answers a broken header with a 500 and logs the whole body of a request with a bad signature. So the
signature is checked and the body is read here, and Bolt is given the parsed body, the way Socket Mode gives
it. Once Bolt does these things right, ``tests/edge`` still passes with Bolt's own adapter in this place.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from slack_bolt.response import BoltResponse
from slack_sdk.signature import SignatureVerifier

from bot.payloads import Malformed, check

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 256 * 1024
_MAX_FIELDS = 100

Dispatch = Callable[[Mapping[str, Any]], Awaitable[BoltResponse]]
Checks = Callable[[], Awaitable[Mapping[str, bool]]]


def application(*, signing_secret: str | None, dispatch: Dispatch, readiness: Checks) -> web.Application:
    """Build the listener: Slack's requests where there is a signing secret, health and metrics always."""
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    if signing_secret is not None:
        app.router.add_post(
            "/slack/events", _SlackRequests(SignatureVerifier(signing_secret), dispatch).receive
        )
    app.router.add_get("/healthz", _alive)
    app.router.add_get("/readyz", _Ready(readiness).report)
    app.router.add_get("/metrics", _metrics)
    return app


class _SlackRequests:
    def __init__(self, verifier: SignatureVerifier, dispatch: Dispatch) -> None:
        self._verifier = verifier
        self._dispatch = dispatch

    async def receive(self, request: web.Request) -> web.Response:
        raw = await request.read()
        if not self._is_signed(request, raw):
            # Nothing of the body: it may hold anything, and anybody can send it.
            log.warning("Refused a request with a missing, old or wrong signature from %s.", request.remote)
            return web.Response(status=401, text="The signature is missing, too old or wrong.")
        try:
            body = read_body(raw, request.content_type)
            if "ssl_check" in body:
                return web.Response()
            check(body)
        except Malformed as malformed:
            log.warning("Refused a signed request that is not one of Slack's: %s", malformed)
            return web.Response(status=400, text="This is not a request that Haltbot knows.")
        answer = await self._dispatch(body)
        return web.Response(
            status=answer.status,
            text=answer.body,
            headers={name: values[0] for name, values in answer.headers.items()},
        )

    def _is_signed(self, request: web.Request, raw: bytes) -> bool:
        timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not (timestamp.isascii() and timestamp.isdigit() and signature.isascii()):
            return False
        # Slack's own verifier: compares in constant time, refuses what is older than 5 minutes.
        return self._verifier.is_valid(raw, timestamp, signature)


def read_body(raw: bytes, content_type: str) -> dict[str, Any]:
    """Read a form, a form with a JSON payload, or JSON. Raises Malformed."""
    try:
        text = raw.decode("utf-8")
        if content_type == "application/json":
            body = json.loads(text)
        else:
            body = dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS))
            if "payload" in body:
                body = json.loads(body["payload"])
        # Half a character, or a NUL, is text that no database stores and no person types.
        whole = json.dumps(body, ensure_ascii=False)
        whole.encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise Malformed(type(error).__name__) from None
    if not isinstance(body, dict) or "\\u0000" in whole:
        raise Malformed("not an object of text")
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
