"""Speaks to the Vibecode API and turns every answer, or the lack of one, into our terms."""

import asyncio
import contextlib
import json
import logging
import math
import re
import socket
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib import metadata
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from bot.errors import (
    Definite,
    NoAnswer,
    NotRunning,
    NotSent,
    RateLimited,
    UpstreamFailed,
    VibecodeError,
)
from bot.metrics import VIBECODE_CALLS, timed
from bot.practice_ids import is_practice
from bot.vibecode_transport import AiohttpTransport
from bot.workflows import ApiKey, Instance, KeyFacts, Page

MAX_IN_FLIGHT = 50
"""Calls under way at once, and the connections that are kept for them."""

_MOST_BYTES = 8 * 1024 * 1024
_SHOWN_OF_KEY = (16, 4)  # Vibecode's own redaction: never keep more, even if more should be sent.
_CODE = re.compile(r"[A-Z][A-Z0-9_]{1,63}")
_HEADER_TEXT = re.compile(r"[\x21-\x7e]+")

# The first class that fits decides. What is not listed here may have been sent: look before repeating.
_FAILURES: tuple[tuple[type[Exception], type[VibecodeError], str], ...] = (
    (httpx.InvalidURL, Definite, "INVALID_ADDRESS"),
    (httpx.UnsupportedProtocol, Definite, "INVALID_ADDRESS"),
    (httpx.LocalProtocolError, Definite, "INVALID_REQUEST"),
    (httpx.ConnectTimeout, NotSent, "CONNECT_TIMEOUT"),
    (httpx.PoolTimeout, NotSent, "POOL_TIMEOUT"),
    (httpx.ProxyError, NotSent, "PROXY_FAILED"),
    (httpx.ConnectError, NotSent, "CONNECTION_FAILED"),
    (httpx.TimeoutException, NoAnswer, "TIMEOUT"),
    (TimeoutError, NoAnswer, "TIMEOUT"),
)
_CONNECT_CODES: tuple[tuple[type[OSError], str], ...] = (
    (ConnectionRefusedError, "CONNECTION_REFUSED"),
    (socket.gaierror, "ADDRESS_NOT_FOUND"),
    (ssl.SSLError, "TLS_FAILED"),
)


def open_client(
    base_url: str,
    *,
    timeout_seconds: float = 8,
    connect_seconds: float = 3,
    max_in_flight: int = MAX_IN_FLIGHT,
) -> httpx.AsyncClient:
    """Open the one pooled HTTP client that all calls share; the caller closes it."""
    # A reason is personal and part of the address, which httpx logs for every call.
    logging.getLogger("httpx").addFilter(_without_query)
    return httpx.AsyncClient(
        base_url=base_url,
        timeout=httpx.Timeout(timeout_seconds, connect=connect_seconds, pool=connect_seconds),
        transport=AiohttpTransport(base_url, max_connections=max_in_flight),
        headers={"User-Agent": f"haltbot/{_version()}", "Accept": "application/json"},
        # A cookie that came for one channel's key must not travel with another's.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
    )


class VibecodeClient:
    """Makes single calls and never repeats one: whether to repeat is known to the caller alone.

    A call waits for its turn no longer than the HTTP client's pool timeout and then ends within its read
    timeout, however slowly the answer trickles in. Every method raises VibecodeError.
    """

    def __init__(self, http: httpx.AsyncClient, *, max_in_flight: int = MAX_IN_FLIGHT) -> None:
        self._http = http
        self._turns = asyncio.Semaphore(max_in_flight)

    async def terminate(self, key: ApiKey, workflow_id: str, *, force: bool, reason: str) -> None:
        """Stop one instance; any 2xx means that it was accepted, whatever the body says."""
        if is_practice(workflow_id):
            # Whatever went wrong before: what is made up never leaves this process.
            raise Definite("PRACTICE_INSTANCE")
        query = ({"force": "true"} if force else {}) | ({"status": reason} if reason else {})
        await self._call("DELETE", f"/v1/workflows/{_segment(workflow_id)}", query, key)

    async def running(
        self, key: ApiKey, *, template_id: str | None = None, started_by: str | None = None, offset: int = 0
    ) -> Page:
        """Read one page of the running instances, last modified first."""
        wanted = {
            "templateId": template_id,
            "startedBy": started_by,
            "offset": str(offset) if offset else None,
        }
        query = {name: value for name, value in wanted.items() if value is not None}
        answer = await self._call("GET", "/v1/workflows", query, key)
        body = answer.json()
        rows = body.get("data") if isinstance(body, dict) else None
        if not isinstance(rows, list):
            raise UpstreamFailed("INVALID_ANSWER", answer.status)
        instances = tuple(found for row in rows if (found := _instance(row)) is not None)
        return Page(instances, total=_count(_part(body, "meta").get("total")), received=len(rows))

    async def describe_key(self, key: ApiKey) -> KeyFacts:
        """Ask what this key is and may do."""
        answer = await self._call("GET", "/v1/me", {}, key)
        body = answer.json()
        data = body.get("data") if isinstance(body, dict) else None
        if not isinstance(data, dict):
            raise UpstreamFailed("INVALID_ANSWER", answer.status)
        prefix, suffix = _text(data.get("keyPrefix")), _text(data.get("keySuffix"))
        scopes = data.get("scopes")
        return KeyFacts(
            kind=_text(data.get("type")),
            prefix=prefix[: _SHOWN_OF_KEY[0]] if prefix else None,
            suffix=suffix[-_SHOWN_OF_KEY[1] :] if suffix else None,
            owner=_named(data.get("owner"), "id", "name"),
            portal=_named(data.get("portal"), "domain", "url", "id"),
            scopes=tuple(filter(None, map(_text, scopes))) if isinstance(scopes, list) else None,
            access_mode=_text(data.get("accessMode")),
            expires_at=_milliseconds(data.get("expiresAt")),
        )

    async def get_json(self, path: str, query: Mapping[str, str], key: ApiKey) -> Any:
        """Read whatever is at another address; None for what is no JSON."""
        return (await self._call("GET", path, query, key)).json()

    async def _call(self, method: str, path: str, query: Mapping[str, str], key: ApiKey) -> "_Answer":
        with timed(VIBECODE_CALLS, "vibecode.call", method=method):
            return await self._exchange(method, path, query, key)

    async def _exchange(self, method: str, path: str, query: Mapping[str, str], key: ApiKey) -> "_Answer":
        headers = _credentials(key)
        if query:
            # Half a surrogate pair, which UTF-8 cannot carry, becomes a question mark instead of a crash.
            path += "?" + urlencode(query, quote_via=quote, errors="replace")
        answer: _Answer | None = None
        try:
            async with (
                self._turn(),
                asyncio.timeout(self._http.timeout.read),
                self._http.stream(method, path, headers=headers) as response,
            ):
                answer = _Answer(response.status_code, response.headers)
                async for chunk in response.aiter_bytes():
                    answer.body += chunk
                    if len(answer.body) > _MOST_BYTES:
                        break
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            # Once the status is there it says what happened, even if the body was cut short.
            if answer is None:
                raise _failure(error) from error
        if not httpx.codes.is_success(answer.status):
            raise answer.error()
        return answer

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._http.timeout.pool):
                await self._turns.acquire()
        except TimeoutError as error:
            raise NotSent("POOL_TIMEOUT") from error
        try:
            yield
        finally:
            self._turns.release()


@dataclass(slots=True)
class _Answer:
    status: int
    headers: httpx.Headers
    body: bytearray = field(default_factory=bytearray)

    def json(self) -> Any:
        """Read the body; None stands for empty, HTML, truncated, not UTF-8 or absurdly nested."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def error(self) -> VibecodeError:
        told = _part(self.json(), "error")
        code = told.get("code")
        if not isinstance(code, str) or not _CODE.fullmatch(code):
            code = f"HTTP_{self.status}"
        return _class_of(self.status, code)(code, self.status, retry_after=self._retry_after(told))

    def _retry_after(self, told: Mapping[str, Any]) -> float | None:
        seconds = _seconds(told.get("retryAfter"))
        header = self.headers.get("Retry-After")
        if seconds is not None or header is None:
            return seconds
        if (seconds := _seconds(header)) is not None:
            return seconds
        if (until := _date(header)) is None:
            return None
        # Both dates come from the server's clock, so a wrong clock of ours does not matter.
        since = _date(self.headers.get("Date", ""))
        return max(0.0, until - (time.time() if since is None else since))


def _class_of(status: int, code: str) -> type[VibecodeError]:
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return RateLimited
    if status == httpx.codes.NOT_FOUND and code == "ENTITY_NOT_FOUND":
        return NotRunning
    return UpstreamFailed if httpx.codes.is_server_error(status) else Definite


def _failure(error: Exception) -> VibecodeError:
    for kind, ours, code in _FAILURES:
        if isinstance(error, kind):
            return ours(_connect_code(error) or code if kind is httpx.ConnectError else code)
    return NoAnswer("CONNECTION_LOST")


def _connect_code(error: BaseException | None) -> str | None:
    """Find the operating system's reason, which lies some causes below httpx's error."""
    while error is not None:
        if isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        for kind, code in _CONNECT_CODES:
            if isinstance(error, kind):
                return code
        error = error.__cause__ or error.__context__
    return None


def _credentials(key: ApiKey) -> dict[str, str]:
    # The HTTP library repeats a header that it cannot send in its error, so such a key must not get there.
    if not _HEADER_TEXT.fullmatch(key.value):
        raise Definite("INVALID_API_KEY")
    if key.session is None:
        return {"X-Api-Key": key.value}
    if not _HEADER_TEXT.fullmatch(key.session):
        raise Definite("INVALID_SESSION")
    return {"X-Api-Key": key.value, "Authorization": f"Bearer {key.session}"}


def _segment(workflow_id: str) -> str:
    # Dots alone mean "this" or "the parent" folder even when they are quoted.
    if not workflow_id.strip("."):
        raise Definite("INVALID_WORKFLOW_ID")
    return quote(workflow_id, safe="", errors="replace")


def _instance(row: object) -> Instance | None:
    if not isinstance(row, dict) or (found := _text(row.get("ID"))) is None:
        return None
    return Instance(
        id=found,
        template_id=_text(row.get("TEMPLATE_ID")),
        document_id=_text(row.get("DOCUMENT_ID")),
        entity=_text(row.get("ENTITY")),
        started_at=_milliseconds(row.get("STARTED")),
        started_by=_text(row.get("STARTED_BY")),
        modified_at=_milliseconds(row.get("MODIFIED")),
        locked_until=_milliseconds(row.get("OWNED_UNTIL")),
    )


def _part(body: object, name: str) -> dict[str, Any]:
    part = body.get(name) if isinstance(body, dict) else None
    return part if isinstance(part, dict) else {}


def _text(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None


def _named(value: object, *names: str) -> str | None:
    """Read a text, or the first of these fields where an object came instead."""
    if not isinstance(value, dict):
        return _text(value)
    return next((text for name in names if (text := _text(value.get(name))) is not None), None)


def _count(value: object) -> int | None:
    text = _text(value)
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,18}", text) else None


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _milliseconds(value: object) -> int | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        # A time without a zone is taken as UTC: an hour's error in a display beats no time at all.
        return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _date(value: str) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        return None


def _without_query(record: logging.LogRecord) -> bool:
    if isinstance(record.args, tuple):
        record.args = tuple(
            part.copy_with(query=None) if isinstance(part, httpx.URL) else part for part in record.args
        )
    return True


def _version() -> str:
    try:
        return metadata.version("haltbot")
    except metadata.PackageNotFoundError:
        return "0"
