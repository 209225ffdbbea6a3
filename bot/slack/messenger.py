"""Speaks to Slack: shows and edits messages, on the best way that works."""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain.errors import SlackError, SlackRefused, SlackUnavailable
from bot.domain.notices import Notice
from bot.domain.termination import MessageRef
from bot.messages import notices
from bot.messages.blocks import annotated
from bot.messages.replies import posted_elsewhere
from bot.ports.core import Message
from bot.slack.web_api import TOKEN_REFUSED, PatientCalls, is_passing, seconds_to_wait

log = logging.getLogger(__name__)

METADATA_TYPE = "haltbot_termination"
PATIENCE = 3
"""So many tries are spent on a channel that answers with trouble before the message goes another way."""
_DELETING_TRIES = 5
_HISTORY_DEPTH = 999
"""The most that Slack gives at once: a busy channel moves on while a message is looked for."""
LOOK_SECONDS = 2.0
"""So long what was seen serves others who look for a message in the same channel."""
LATE_SECONDS = 1.0
_UNSHOWABLE = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long"})
_QUIET = {"unfurl_links": False, "unfurl_media": False}
_INERT = {"parse": "none", "link_names": False}


@dataclass(frozen=True, slots=True)
class _Look:
    """One reading of a channel's history: where the messages of each reference stand, the newest first."""

    began: float
    stands: asyncio.Task[Mapping[str, list[str]]]


class SlackMessenger:
    """The bot's voice. Raises SlackUnavailable (the same may work later) and SlackRefused (it will not).

    ``token_refused`` is set to Slack's code once the token itself is refused; messages then wait.
    """

    def __init__(self, client: AsyncWebClient, session: aiohttp.ClientSession) -> None:
        self._calls = PatientCalls(client)
        self._session = session
        self._looks: dict[str, _Look] = {}
        self.token_refused: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def show(
        self,
        message: Message,
        *,
        channel: str,
        user: str,
        at: MessageRef | None,
        response_url: str | None,
        click_url: str | None,
        reference: str,
        maybe_posted_ms_ago: int | None,
        tries: int,
    ) -> MessageRef:
        """Edit the message where it stands, or post it: in the channel, by response_url, or directly."""
        if at is not None:
            if await self._edit(message, at, click_url, reference):
                return at
            # It is told anew; perhaps it was before, just now, and nobody heard that it had worked.
            maybe_posted_ms_ago = 0
        if maybe_posted_ms_ago is not None:
            since = time.monotonic() - maybe_posted_ms_ago / 1000
            if found := await self._edit_posted(message, channel, click_url, reference, since, besides=at):
                return found
        try:
            return await self._post(message, channel, reference, way="channel")
        except SlackRefused as refused:
            trouble: SlackError = refused
        except SlackUnavailable as later:
            if later.did_nothing or tries < PATIENCE or self.token_refused.done():
                raise
            try:
                found = await self._edit_posted(message, channel, click_url, reference, time.monotonic())
            except SlackUnavailable as unseen:
                # What became of the post is still not known, whatever the look for it came to.
                raise later from unseen
            if found is not None:
                return found
            trouble = later
        return await self._show_elsewhere(message, trouble, channel, user, response_url, reference)

    async def _show_elsewhere(
        self,
        message: Message,
        trouble: SlackError,
        channel: str,
        user: str,
        response_url: str | None,
        reference: str,
    ) -> MessageRef:
        """Tell it by response_url or directly, and why: ``trouble`` is the channel's. Raises SlackError."""
        log.info("Message of %s cannot be posted in its channel: %s", reference, trouble.code)
        elsewhere = annotated(message, posted_elsewhere(trouble.code, channel))
        if response_url is not None and await self._reached(
            response_url, elsewhere, reference, response_type="in_channel", replace_original=False
        ):
            return MessageRef(channel, None, "response_url")
        try:
            return await self._post(elsewhere, user, reference, way="dm")
        except SlackError as error:
            if isinstance(trouble, SlackUnavailable):
                # The channel may take it a moment later, and may have taken it already.
                raise trouble from error
            raise

    async def keep_only(self, at: MessageRef, reference: str) -> None:
        """Delete every other message of a termination; as far as Slack lets us, for two are better than none."""
        for _ in range(_DELETING_TRIES):
            try:
                stands = await self._read(at.channel)
                for ts in stands.get(reference, ()):
                    if ts != at.ts:
                        await self._call("chat.delete", channel=at.channel, ts=ts)
            except SlackUnavailable as later:
                await asyncio.sleep(later.retry_after or 1)
            except SlackRefused as refused:
                log.warning("A second message of %s could not be taken back: %s", reference, refused.code)
                return
            else:
                return

    async def whisper(self, message: Message, *, channel: str, user: str, response_url: str | None) -> None:
        """Tell one person privately: by response_url, as an ephemeral message, or directly."""
        if response_url is not None:
            try:
                return await self._respond(
                    response_url, message, response_type="ephemeral", replace_original=False
                )
            except SlackError as error:
                log.info("A private answer did not go by response_url: %s", error.code)
        try:
            await self._say("chat.postEphemeral", message, channel=channel, user=user)
        except SlackError as error:
            log.info("A private answer could not be shown in its channel: %s", error.code)
            await self._say("chat.postMessage", message, channel=user, **_QUIET)

    async def open_dialog(self, view: Mapping[str, Any], *, trigger: str) -> None:
        """Open a modal; the trigger lasts three seconds and opens one."""
        await self._call("views.open", trigger_id=trigger, view=view)

    async def tell(self, message: Message, to: str) -> None:
        """Write to a person directly, or to everyone in a channel, what belongs to no termination."""
        await self._say("chat.postMessage", message, channel=to, **_QUIET)

    async def notify(self, notice: Notice, to: str) -> None:
        """Tell a person or a channel what has happened; where that does not work, it is logged."""
        try:
            await self.tell(notices.message(notice), to)
        except SlackError as error:
            log.warning("%s could not be told of %s: %s", to, type(notice).__name__, error.code)

    async def _edit(self, message: Message, at: MessageRef, click_url: str | None, reference: str) -> bool:
        """Bring the message up to date where it stands; False if it must be told anew."""
        if at.ts is not None:
            try:
                await self._say("chat.update", message, channel=at.channel, ts=at.ts)
            except SlackRefused as refused:
                log.info("Message of %s cannot be edited: %s", reference, refused.code)
                if refused.code == "message_not_found":
                    return False
            else:
                return True
        # A message that went by response_url belongs to nobody but the click on it.
        return click_url is not None and await self._reached(
            click_url, message, reference, response_type="in_channel", replace_original=True
        )

    async def _edit_posted(
        self,
        message: Message,
        channel: str,
        click_url: str | None,
        reference: str,
        since: float,
        *,
        besides: MessageRef | None = None,
    ) -> MessageRef | None:
        """Bring up to date what may have been posted before ``since``, if it is there and another one."""
        found = await self._find(channel, reference, since)
        if found is None or (besides is not None and found.ts == besides.ts):
            return None
        return found if await self._edit(message, found, click_url, reference) else None

    async def _post(self, message: Message, channel: str, reference: str, *, way: str) -> MessageRef:
        metadata = {"event_type": METADATA_TYPE, "event_payload": {"reference": reference}}
        answer = await self._say("chat.postMessage", message, channel=channel, metadata=metadata, **_QUIET)
        return MessageRef(str(answer.get("channel") or channel), str(answer["ts"]), way)

    async def _find(self, channel: str, reference: str, since: float) -> MessageRef | None:
        """Look for what may have been posted before ``since``; one look serves all who wait for one.

        Trouble passes, however long it lasts; only what may never be read is given up. Raises SlackUnavailable.
        """
        try:
            stands = await self._look(channel, since)
        except SlackRefused as refused:
            log.info("Whether %s was posted already could not be read: %s", reference, refused.code)
            return None
        found = stands.get(reference)
        return MessageRef(channel, found[0], "channel") if found else None

    async def _look(self, channel: str, since: float) -> Mapping[str, list[str]]:
        """Tell where the channel's messages stand, by their references. Raises SlackError."""
        now = time.monotonic()
        look = self._looks.get(channel)
        # What we have given up on, Slack may still carry out a moment later.
        if look is None or look.began < max(since + LATE_SECONDS, now - LOOK_SECONDS):
            look = _Look(now, asyncio.create_task(self._read(channel)))
            self._looks = {
                name: each for name, each in self._looks.items() if each.began > now - LOOK_SECONDS
            }
            self._looks[channel] = look
        try:
            return await asyncio.shield(look.stands)
        except SlackError:
            self._looks.pop(channel, None)
            raise

    async def _read(self, channel: str) -> Mapping[str, list[str]]:
        stands: dict[str, list[str]] = {}
        answer = await self._call(
            "conversations.history", channel=channel, limit=_HISTORY_DEPTH, include_all_metadata=True
        )
        for found in answer.get("messages") or []:
            metadata = found.get("metadata") or {}
            reference = (metadata.get("event_payload") or {}).get("reference")
            # Other apps have metadata of their own.
            if metadata.get("event_type") == METADATA_TYPE and isinstance(reference, str):
                stands.setdefault(reference, []).append(str(found["ts"]))
        return stands

    async def _say(self, method: str, message: Message, **arguments: Any) -> AsyncSlackResponse:
        content = {"text": message.text, "blocks": message.blocks, **_INERT}
        try:
            return await self._call(method, **arguments, **content)
        except SlackRefused as refused:
            if refused.code not in _UNSHOWABLE or not message.blocks:
                raise
            # The text alone says everything; better a plain message than none.
            log.error("Slack refused the blocks of a message: %s", refused.code)  # noqa: TRY400 -- no fault of ours to trace
            return await self._call(method, **arguments, **content | {"blocks": ()})

    async def _reached(self, response_url: str, message: Message, reference: str, **how: Any) -> bool:
        try:
            await self._respond(response_url, message, **how)
        except SlackError as error:
            log.info("Message of %s did not go by response_url: %s", reference, error.code)
            return False
        return True

    async def _respond(self, response_url: str, message: Message, **how: Any) -> None:
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

    async def _call(self, method: str, **arguments: Any) -> AsyncSlackResponse:
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
