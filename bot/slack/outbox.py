"""Sends messages to Slack: by the Web API, by response_url, or privately to one person."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain.errors import SlackError, SlackRefused, SlackUnavailable
from bot.domain.notices import Notice
from bot.messages import notices
from bot.ports.messenger import Message
from bot.slack.web_api import TOKEN_REFUSED, PatientCalls, is_passing, seconds_to_wait

log = logging.getLogger(__name__)

_UNSHOWABLE = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long"})
_QUIET = {"unfurl_links": False, "unfurl_media": False}
_INERT = {"parse": "none", "link_names": False}


class Outbox:
    """Raises SlackUnavailable (the same may work later) and SlackRefused (it will not).

    ``token_refused`` is set to Slack's code once the token itself is refused; messages then wait.
    """

    def __init__(self, client: AsyncWebClient, session: aiohttp.ClientSession) -> None:
        self._calls = PatientCalls(client)
        self._session = session
        self.token_refused: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def whisper(self, message: Message, *, channel: str, user: str, response_url: str | None) -> None:
        """Tell one person privately: by response_url, as an ephemeral message, or directly."""
        if response_url is not None:
            try:
                return await self.respond(
                    response_url, message, response_type="ephemeral", replace_original=False
                )
            except SlackError as error:
                log.info("A private answer did not go by response_url: %s", error.code)
        try:
            await self.say("chat.postEphemeral", message, channel=channel, user=user)
        except SlackError as error:
            log.info("A private answer could not be shown in its channel: %s", error.code)
            await self.post(message, user)

    async def tell(self, message: Message, to: str) -> None:
        """Write to a person directly, or to everyone in a channel, what belongs to no termination."""
        await self.post(message, to)

    async def notify(self, notice: Notice, to: str) -> None:
        """Tell a person or a channel what has happened; where that does not work, it is logged."""
        try:
            await self.tell(notices.message(notice), to)
        except SlackError as error:
            log.warning("%s could not be told of %s: %s", to, type(notice).__name__, error.code)

    async def open_dialog(self, view: Mapping[str, Any], *, trigger: str) -> None:
        """Open a modal; the trigger lasts three seconds and opens one."""
        await self.call("views.open", trigger_id=trigger, view=view)

    async def post(self, message: Message, channel: str, **arguments: Any) -> AsyncSlackResponse:
        return await self.say("chat.postMessage", message, channel=channel, **arguments, **_QUIET)

    async def say(self, method: str, message: Message, **arguments: Any) -> AsyncSlackResponse:
        content = {"text": message.text, "blocks": message.blocks, **_INERT}
        try:
            return await self.call(method, **arguments, **content)
        except SlackRefused as refused:
            if refused.code not in _UNSHOWABLE or not message.blocks:
                raise
            # The text alone says everything; better a plain message than none.
            log.error("Slack refused the blocks of a message: %s", refused.code)  # noqa: TRY400 -- no fault of ours to trace
            return await self.call(method, **arguments, **content | {"blocks": ()})

    async def respond(self, response_url: str, message: Message, **how: Any) -> None:
        body = {"text": message.text, "blocks": message.blocks, **how, **_INERT, **_QUIET}
        try:
            async with self._session.post(response_url, json=body) as answer:
                if is_passing(answer.status):
                    raise SlackUnavailable(
                        f"http_{answer.status}", retry_after=seconds_to_wait(answer.headers)
                    )
                if not answer.ok:
                    raise SlackRefused(f"response_url_{answer.status}")
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise SlackUnavailable("connection") from error

    async def call(self, method: str, **arguments: Any) -> AsyncSlackResponse:
        try:
            return await self._calls.call(method, **arguments)
        except SlackRefused as refused:
            if refused.code not in TOKEN_REFUSED and (method, refused.code) != (
                "chat.postMessage",
                "missing_scope",
            ):
                raise
            if not self.token_refused.done():
                self.token_refused.set_result(refused.code)
            raise SlackUnavailable(refused.code) from refused
