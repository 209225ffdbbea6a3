"""Receives Slack's requests over a WebSocket, for installations that cannot be reached from outside."""

import asyncio
import json
import logging
from http import HTTPStatus
from typing import Any

import aiohttp
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.edge import Dispatch
from bot.payloads import Malformed, check

log = logging.getLogger(__name__)

PING_SECONDS = 5
FATAL = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "missing_scope",
        "not_allowed_token_type",
        "link_disabled",
        "apps_connections_disabled",
        "forbidden_team",
    }
)
"""What no waiting mends: the process ends with a sentence that says what to fix."""


class SocketModeRefused(Exception):
    """Slack will not open a connection until somebody changes something; ``code`` is Slack's own."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class SocketIntake:
    """One connection; Slack spreads its requests over up to ten of them."""

    def __init__(self, web_client: AsyncWebClient, app_token: str, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._answering: set[asyncio.Task[Any]] = set()
        self._client = _Client(app_token=app_token, web_client=web_client, ping_interval=PING_SECONDS)
        self._client.socket_mode_request_listeners.append(self._receive)

    async def serve(self) -> None:
        """Connect, and stay connected. Raises SocketModeRefused for what cannot mend itself."""
        opening = asyncio.create_task(self._client.open_connection())
        try:
            raise SocketModeRefused(await self._client.refused)
        finally:
            opening.cancel()

    async def is_connected(self) -> bool:
        return await self._client.is_connected()

    async def close(self) -> None:
        """Receive nothing more; what was received is answered first, on the connection it came by."""
        while self._answering:
            await asyncio.wait(set(self._answering))
        await self._client.close()  # type: ignore[no-untyped-call]

    async def _receive(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
        try:
            body = check(request.payload)
        except Malformed as malformed:
            log.warning("Slack sent something over the socket that Haltbot does not know: %s", malformed)
            return
        answer = await self._dispatch(body)
        if answer.status != HTTPStatus.OK:
            log.warning("Bolt answered %s to a request over the socket.", answer.status)
            return
        await client.send_socket_mode_response(
            SocketModeResponse(envelope_id=request.envelope_id, payload=_payload(answer))
        )


class _Client(SocketModeClient):
    """Works round two faults of slack_sdk 3.47: see ``connect`` and ``issue_new_wss_url``."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.refused: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def open_connection(self) -> None:
        """Connect for the first time; Slack may be out of reach for now."""
        while not self.closed and self.current_session is None:
            try:
                await self.connect_to_new_endpoint()
            except (aiohttp.ClientError, TimeoutError, SlackApiError) as error:
                log.warning(
                    "Slack cannot be reached over Socket Mode (%s); trying again.", type(error).__name__
                )
                await asyncio.sleep(1)

    async def issue_new_wss_url(self) -> str:
        """Tell a fatal answer apart: slack_sdk logs it and asks again for ever."""
        try:
            return await super().issue_new_wss_url()
        except SlackApiError as error:
            code = error.response["error"]
            if code in FATAL and not self.refused.done():
                self.refused.set_result(code)
            raise

    async def connect(self) -> None:
        """Take a new address after a while: slack_sdk tries the same one, which expires, for ever."""
        while not self.closed:
            try:
                async with asyncio.timeout(3 * self.ping_interval):
                    await super().connect()  # type: ignore[no-untyped-call]
                    return
            except TimeoutError:
                self.wss_uri = await self.issue_new_wss_url()


def _payload(answer: BoltResponse) -> dict[str, Any] | None:
    if not answer.body:
        return None
    content_type = answer.headers.get("content-type", [""])[0]
    if not content_type.startswith("application/json"):
        return {"text": answer.body}
    payload: dict[str, Any] = json.loads(answer.body)
    return payload
