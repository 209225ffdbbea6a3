"""Speaks to Slack: shows and edits messages, on the best way that works."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain import MessageRef
from bot.errors import SlackError, SlackRefused, SlackUnavailable
from bot.ports import Message

log = logging.getLogger(__name__)

METADATA_TYPE = "haltbot_termination"
TIMEOUT_SECONDS = 5
_HISTORY_DEPTH = 50
_BUSY = frozenset(
    {
        "ratelimited",
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "request_timeout",
        "team_added_to_org",
    }
)
_INERT = {"parse": "none", "link_names": False, "unfurl_links": False, "unfurl_media": False}


def open_session() -> aiohttp.ClientSession:
    """Open the one pool of connections to Slack; without it slack_sdk opens a connection for each call."""
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS))


class SlackMessenger:
    """The bot's voice. Raises SlackUnavailable (the same may work later) and SlackRefused (it will not)."""

    def __init__(self, client: AsyncWebClient, session: aiohttp.ClientSession) -> None:
        self._client = client
        self._session = session

    async def show(
        self,
        message: Message,
        *,
        channel: str,
        user: str,
        at: MessageRef | None,
        response_url: str | None,
        reference: str,
        maybe_posted: bool,
    ) -> MessageRef:
        """Edit the message where it stands, or post it: in the channel, by response_url, or directly."""
        if at is None and maybe_posted:
            at = await self._find(channel, reference)
        if at is not None and at.ts is not None:
            try:
                await self._update(message, at.channel, at.ts)
            except SlackRefused as refused:
                log.warning("Message of %s cannot be edited (%s); telling it anew.", reference, refused.code)
            else:
                return at
        return await self._post_somehow(message, channel, user, response_url, reference)

    async def whisper(self, message: Message, *, channel: str, user: str, response_url: str | None) -> None:
        """Tell one person privately: by response_url, as an ephemeral message, or directly."""
        if response_url is not None:
            try:
                return await self._respond(response_url, message, response_type="ephemeral")
            except SlackError as error:
                log.info("A private answer did not go by response_url: %s", error.code)
        try:
            await self._call("chat.postEphemeral", channel=channel, user=user, **_content(message))
        except SlackRefused:
            await self._call("chat.postMessage", channel=user, **_content(message))

    async def _post_somehow(
        self, message: Message, channel: str, user: str, response_url: str | None, reference: str
    ) -> MessageRef:
        try:
            return await self._post(message, channel, reference, way="channel")
        except SlackRefused as refused:
            log.info("Message of %s cannot be posted in its channel: %s", reference, refused.code)
        if response_url is not None:
            try:
                await self._respond(response_url, message, response_type="in_channel")
            except SlackError as refused:
                log.info("Message of %s did not go by response_url: %s", reference, refused.code)
            else:
                return MessageRef(channel, None, "response_url")
        return await self._post(message, user, reference, way="dm")

    async def _post(self, message: Message, channel: str, reference: str, *, way: str) -> MessageRef:
        metadata = {"event_type": METADATA_TYPE, "event_payload": {"reference": reference}}
        try:
            answer = await self._call(
                "chat.postMessage", channel=channel, metadata=metadata, **_content(message)
            )
        except SlackRefused as refused:
            if refused.code not in {"invalid_blocks", "invalid_blocks_format", "msg_too_long"}:
                raise
            # The text alone says everything; better a plain message than none.
            log.exception("Slack refused the blocks of %s.", reference)
            answer = await self._call(
                "chat.postMessage", channel=channel, metadata=metadata, **_content(Message(message.text))
            )
        return MessageRef(str(answer.get("channel") or channel), str(answer["ts"]), way)

    async def _update(self, message: Message, channel: str, ts: str) -> None:
        inert = {name: value for name, value in _INERT.items() if not name.startswith("unfurl")}
        await self._call(
            "chat.update", channel=channel, ts=ts, text=message.text, blocks=message.blocks, **inert
        )

    async def _find(self, channel: str, reference: str) -> MessageRef | None:
        try:
            answer = await self._call(
                "conversations.history", channel=channel, limit=_HISTORY_DEPTH, include_all_metadata=True
            )
        except SlackRefused as refused:
            log.info("Whether %s was posted already could not be read: %s", reference, refused.code)
            return None
        for found in answer.get("messages") or []:
            payload = (found.get("metadata") or {}).get("event_payload") or {}
            if payload.get("reference") == reference:
                return MessageRef(channel, str(found["ts"]), "channel")
        return None

    async def _respond(self, response_url: str, message: Message, *, response_type: str) -> None:
        body = {
            "text": message.text,
            "blocks": message.blocks,
            "response_type": response_type,
            "replace_original": False,
        } | _INERT
        try:
            async with self._session.post(response_url, json=body) as answer:
                if _is_passing(answer.status):
                    raise SlackUnavailable(f"http_{answer.status}", retry_after=_seconds(answer.headers))
                if not answer.ok:
                    raise SlackRefused(f"response_url_{answer.status}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise SlackUnavailable("connection") from error

    async def _call(self, method: str, **arguments: Any) -> AsyncSlackResponse:
        return await call(self._client, method, **arguments)


async def call(client: AsyncWebClient, method: str, **arguments: Any) -> AsyncSlackResponse:
    """Call a method of the Web API. Raises SlackError."""
    try:
        return await client.api_call(method, json=arguments)
    except SlackApiError as error:
        raise _error(error) from error
    except (aiohttp.ClientError, TimeoutError, SlackRequestError) as error:
        raise SlackUnavailable("connection") from error


def _error(error: SlackApiError) -> SlackError:
    response = error.response
    status = getattr(response, "status_code", None) or 200
    data = getattr(response, "data", response)
    code = str(data.get("error") or f"http_{status}") if isinstance(data, Mapping) else f"http_{status}"
    if _is_passing(status) or code in _BUSY:
        return SlackUnavailable(code, retry_after=_seconds(getattr(response, "headers", {})))
    return SlackRefused(code)


def _is_passing(status: int) -> bool:
    return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _content(message: Message) -> dict[str, Any]:
    content: dict[str, Any] = {"text": message.text, **_INERT}
    return content | {"blocks": message.blocks} if message.blocks else content


def _seconds(headers: Mapping[str, str]) -> float | None:
    value = next((text for name, text in headers.items() if name.lower() == "retry-after"), None)
    try:
        return float(value) if value is not None else None
    except ValueError:
        return None
