"""Speaks to the Vibecode API and turns every answer, or the lack of one, into our terms."""

import asyncio
import contextlib
import logging
import random
import re
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib import metadata
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from bot.domain.api_key import ApiKey, KeyFacts
from bot.domain.errors import (
    Definite,
    NoAnswer,
    NotSent,
    UpstreamFailed,
    VibecodeError,
)
from bot.domain.instance import Page
from bot.domain.practice import is_practice
from bot.observability.metrics import VIBECODE_CALLS, timed
from bot.vibecode import answers
from bot.vibecode.answers import Answer
from bot.vibecode.transport import AiohttpTransport

MAX_IN_FLIGHT = 50
"""Calls under way at once, and the connections that are kept for them."""

_MOST_BYTES = 8 * 1024 * 1024
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
            # Whatever goes wrong elsewhere: what is made up never leaves this process.
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
        instances = tuple(found for row in rows if (found := answers.instance(row)) is not None)
        return Page(
            instances, total=answers.count(answers.part(body, "meta").get("total")), received=len(rows)
        )

    async def describe_key(self, key: ApiKey) -> KeyFacts:
        """Ask what this key is and may do."""
        answer = await self._call("GET", "/v1/me", {}, key)
        body = answer.json()
        data = body.get("data") if isinstance(body, dict) else None
        if not isinstance(data, dict):
            raise UpstreamFailed("INVALID_ANSWER", answer.status)
        scopes = data.get("scopes")
        return KeyFacts(
            kind=answers.text(data.get("type")),
            owner=answers.named(data.get("owner"), "id", "name"),
            portal=answers.named(data.get("portal"), "domain", "url", "id"),
            scopes=tuple(filter(None, map(answers.text, scopes))) if isinstance(scopes, list) else None,
            access_mode=answers.text(data.get("accessMode")),
            expires_at=answers.milliseconds(data.get("expiresAt")),
        )

    async def get_json(self, path: str, query: Mapping[str, str], key: ApiKey) -> Any:
        """Read whatever is at another address; None for what is no JSON."""
        return (await self._call("GET", path, query, key)).json()

    async def _call(self, method: str, path: str, query: Mapping[str, str], key: ApiKey) -> Answer:
        with timed(VIBECODE_CALLS, "vibecode.call", method=method):
            return await self._exchange(method, path, query, key)

    async def _exchange(self, method: str, path: str, query: Mapping[str, str], key: ApiKey) -> Answer:
        headers = _credentials(key)
        if query:
            # Half a surrogate pair, which UTF-8 cannot carry, becomes a question mark instead of a crash.
            path += "?" + urlencode(query, quote_via=quote, errors="replace")
        answer: Answer | None = None
        try:
            async with (
                self._turn(),
                asyncio.timeout(self._http.timeout.read),
                self._http.stream(method, path, headers=headers) as response,
            ):
                answer = Answer(response.status_code, response.headers)
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
            # Those who came together do not give up together: all of their next steps at once would delay others.
            patience = (self._http.timeout.pool or 0) * random.uniform(0.6, 1.0)  # noqa: S311 -- guards nothing
            async with asyncio.timeout(patience):
                await self._turns.acquire()
        except TimeoutError as error:
            raise NotSent("POOL_TIMEOUT") from error
        try:
            yield
        finally:
            self._turns.release()


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
