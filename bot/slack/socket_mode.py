"""Receives Slack's requests over WebSockets, for installations that cannot be reached from outside.

slack_sdk 3.47's own client closes a connection before it has the next one, tries an address for ever that has
expired, asks for ever where Slack refuses for good, and logs every frame. So the connections are kept here.
"""

import asyncio
import contextlib
import json
import logging
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import aiohttp
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.backoff import growing
from bot.domain.errors import SlackError, SlackRefused
from bot.slack.http import Dispatch
from bot.slack.payloads import Malformed, check
from bot.slack.web_api import TOKEN_REFUSED, mapped_errors

log = logging.getLogger(__name__)

PING_SECONDS = 5.0
"""A peer that does not answer a ping within half of this is dead."""
HELLO_SECONDS = 5.0
LEAVING_SECONDS = 30.0
"""How long a connection is still read that Slack has announced to close."""
QUIET_SECONDS = 1.0
"""How long a stopping process goes on answering while it waits for a moment without requests."""
STEADY_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 5.0
FATAL = TOKEN_REFUSED | {"missing_scope", "link_disabled", "apps_connections_disabled", "forbidden_team"}
"""What no waiting mends: the process ends with a sentence that says what to fix."""


class SocketModeRefused(Exception):
    """Slack will not open a connection until somebody changes something; ``code`` is Slack's own."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(eq=False, slots=True)
class _Link:
    """A connection; it is ``leaving`` once the next one is wanted."""

    socket: aiohttp.ClientWebSocketResponse
    greeted: bool = False
    leaving: asyncio.Event = field(default_factory=asyncio.Event)
    reading: asyncio.Task[None] | None = None


class SocketIntake:
    """Keeps a connection; while Slack moves us to the next one, both are read, so nothing falls in between."""

    def __init__(
        self, client: AsyncWebClient, session: aiohttp.ClientSession, app_token: str, dispatch: Dispatch
    ) -> None:
        self._client = client
        self._session = session
        self._app_token = app_token
        self._dispatch = dispatch
        self._links: set[_Link] = set()
        self._answering: set[asyncio.Task[None]] = set()
        self._closing = False

    async def serve(self) -> None:
        """Connect, and stay connected. Raises SocketModeRefused for what cannot mend itself."""
        failures = 0
        while True:
            began = time.monotonic()
            asked_to_wait: float | None = None
            try:
                link = await self._open()
                await link.leaving.wait()
            except SlackError as error:
                if isinstance(error, SlackRefused) and error.code in FATAL:
                    raise SocketModeRefused(error.code) from error
                asked_to_wait = error.retry_after
                log.warning("Slack cannot be reached over Socket Mode (%s); trying again.", error.code)
            failures = 0 if time.monotonic() - began > STEADY_SECONDS else failures + 1
            await asyncio.sleep(_pause(failures) if asked_to_wait is None else asked_to_wait)

    async def is_connected(self) -> bool:
        return any(link.greeted and not link.leaving.is_set() for link in self._links)

    async def close(self) -> None:
        """Go on answering until a quiet moment, then receive nothing more.

        Slack cannot be asked to send nothing while we still read, so what it sends into the closing connection is
        not acknowledged; it sends that again over another one.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(QUIET_SECONDS):
                await self._quiet()
        self._closing = True
        await self._quiet()
        reading = [link.reading for link in self._links if link.reading is not None]
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)

    async def _quiet(self) -> None:
        while self._answering:
            await asyncio.wait(set(self._answering))

    async def _open(self) -> _Link:
        """Raises SlackError."""
        with mapped_errors():
            answer = await self._client.apps_connections_open(app_token=self._app_token)
            socket = await self._session.ws_connect(str(answer["url"]), heartbeat=PING_SECONDS)
        link = _Link(socket)
        self._links.add(link)
        link.reading = asyncio.create_task(self._read(link))
        return link

    async def _read(self, link: _Link) -> None:
        try:
            async with asyncio.timeout(HELLO_SECONDS) as limit:
                async for message in link.socket:
                    if message.type is aiohttp.WSMsgType.TEXT:
                        self._take(link, message.data, limit)
        except TimeoutError:
            log.info("A connection to Slack ran out of time.")
        finally:
            link.leaving.set()
            self._links.discard(link)
            await link.socket.close()

    def _take(self, link: _Link, text: str, limit: asyncio.Timeout) -> None:
        match _frame(text):
            case {"type": "hello"}:
                link.greeted = True
                limit.reschedule(None)
                log.info("Connected to Slack over Socket Mode.")
            case {"type": "disconnect", **rest}:
                log.info("Slack moves us to another connection: %s", rest.get("reason"))
                limit.reschedule(asyncio.get_running_loop().time() + LEAVING_SECONDS)
                link.leaving.set()
            case {"envelope_id": str(envelope_id), "payload": payload} if not self._closing:
                task = asyncio.create_task(self._answer(link, envelope_id, payload))
                self._answering.add(task)
                task.add_done_callback(self._answered)

    async def _answer(self, link: _Link, envelope_id: str, payload: object) -> None:
        try:
            answer = await self._dispatch(check(payload))
        except Malformed as malformed:
            log.warning("Slack sent something over the socket that Haltbot does not know: %s", malformed)
            return
        if answer.status != HTTPStatus.OK:
            log.warning("Bolt answered %s to a request over the socket.", answer.status)
            return
        acknowledgement: dict[str, Any] = {"envelope_id": envelope_id}
        if answer.body:
            acknowledgement["payload"] = _payload(answer)
        try:
            await link.socket.send_json(acknowledgement)
        except (aiohttp.ClientError, ConnectionError):
            # It is recorded; Slack delivers it again, and then it is a duplicate.
            log.info("A connection to Slack was lost before its acknowledgement.")

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._answering.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("A request over the socket met a fault in Haltbot.", exc_info=error)


def _frame(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        log.warning("Slack sent something over the socket that is not JSON.")
        return None


def _payload(answer: BoltResponse) -> object:
    content_type = answer.headers.get("content-type", [""])[0]
    return json.loads(answer.body) if content_type.startswith("application/json") else {"text": answer.body}


def _pause(failures: int) -> float:
    """Nothing after a connection that lasted; else growing waits, jittered for the sake of all the others."""
    if failures == 0:
        return 0.0
    return growing(failures, first=0.5, longest=LONGEST_PAUSE_SECONDS)
