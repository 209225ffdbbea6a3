"""Renders what the core has to say, and brings it to Slack on the best way that works."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import Refused, SlackError, SlackRefused, SlackUnavailable
from bot.domain.termination import MessageRef, Phase, Termination
from bot.messages.approvals import refusal_with_request
from bot.messages.blocks import annotated
from bot.messages.replies import posted_elsewhere
from bot.ports.messenger import Message, Showing
from bot.slack.history import LOOK_SECONDS, METADATA_TYPE, History
from bot.slack.outbox import Outbox

log = logging.getLogger(__name__)

PATIENCE = 3
"""So many tries are spent on a channel that answers with trouble before the message goes another way."""
_DELETING_TRIES = 5

Render = Callable[[Termination, Phase, int], Message]
"""Makes the one message of a termination, as it has to look in this phase at this time, in ms."""


class SlackMessenger(Outbox):
    """The bot's voice. Raises SlackUnavailable (the same may work later) and SlackRefused (it will not)."""

    def __init__(
        self,
        client: AsyncWebClient,
        session: aiohttp.ClientSession,
        render: Render,
        *,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        super().__init__(client, session)
        self._render = render
        self._history = History(self, look_seconds)

    async def show(self, showing: Showing) -> MessageRef:
        """Edit the message where it stands, or post it: in the channel, by response_url, or directly."""
        message = self._render(showing.termination, showing.phase, showing.now)
        reference, posting = showing.termination.id, showing.termination.posting
        channel = _channel(showing)
        at = posting.message
        maybe_posted_ms_ago = showing.now - posting.maybe_shown_at if posting.maybe_shown else None
        if at is not None:
            if await self._edit(message, at, showing.click_url, reference):
                return at
            # It is told anew; perhaps it was before, just now, and nobody heard that it had worked.
            maybe_posted_ms_ago = 0
        if maybe_posted_ms_ago is not None:
            since = time.monotonic() - maybe_posted_ms_ago / 1000
            if found := await self._edit_posted(message, showing, since, besides=at):
                return found
        try:
            return await self._post(message, channel, reference, way="channel")
        except SlackRefused as refused:
            trouble: SlackError = refused
        except SlackUnavailable as later:
            if later.did_nothing or posting.telling_tries < PATIENCE or self.token_refused.done():
                raise
            try:
                found = await self._edit_posted(message, showing, time.monotonic())
            except SlackUnavailable as unseen:
                # What became of the post is still not known, whatever the look for it came to.
                raise later from unseen
            if found is not None:
                return found
            trouble = later
        return await self._show_elsewhere(message, trouble, showing)

    async def refuse(self, refused: Refused, termination: Termination, *, response_url: str | None) -> None:
        """Tell the requester alone why a termination is refused."""
        asked = termination.request
        message = refusal_with_request(refused, termination)
        await self.whisper(message, channel=asked.channel, user=asked.user, response_url=response_url)

    async def keep_only(self, at: MessageRef, reference: str) -> None:
        """Delete every other message of a termination; as far as Slack lets us, for two are better than none."""
        for _ in range(_DELETING_TRIES):
            try:
                places = await self._history.read(at.channel)
                for ts in places.get(reference, ()):
                    if ts != at.ts:
                        await self.call("chat.delete", channel=at.channel, ts=ts)
            except SlackUnavailable as later:
                await asyncio.sleep(later.retry_after or 1)
            except SlackRefused as refused:
                log.warning("A second message of %s could not be taken back: %s", reference, refused.code)
                return
            else:
                return

    async def _show_elsewhere(self, message: Message, trouble: SlackError, showing: Showing) -> MessageRef:
        """Tell it by response_url or directly, and why: ``trouble`` is the channel's. Raises SlackError."""
        reference, channel = showing.termination.id, _channel(showing)
        log.info("Message of %s cannot be posted in its channel: %s", reference, trouble.code)
        elsewhere = annotated(message, posted_elsewhere(trouble.code, channel))
        if showing.response_url is not None and await self._reached(
            showing.response_url, elsewhere, reference, response_type="in_channel", replace_original=False
        ):
            return MessageRef(channel, None, "response_url")
        try:
            return await self._post(elsewhere, showing.termination.request.user, reference, way="dm")
        except SlackError as error:
            if isinstance(trouble, SlackUnavailable):
                # The channel may take it a moment later, and may have taken it already.
                raise trouble from error
            raise

    async def _edit(self, message: Message, at: MessageRef, click_url: str | None, reference: str) -> bool:
        """Bring the message up to date where it stands; False if it must be told anew."""
        if at.ts is not None:
            try:
                await self.say("chat.update", message, channel=at.channel, ts=at.ts)
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
        self, message: Message, showing: Showing, since: float, *, besides: MessageRef | None = None
    ) -> MessageRef | None:
        """Bring up to date what may have been posted before ``since``, if it is there and another one.

        Trouble with the look passes, however long it lasts; only what may never be read is given up.
        Raises SlackUnavailable.
        """
        reference, channel = showing.termination.id, _channel(showing)
        try:
            places = await self._history.look(channel, since)
        except SlackRefused as refused:
            log.info("Whether %s was posted already could not be read: %s", reference, refused.code)
            return None
        ts = next(iter(places.get(reference, ())), None)
        if ts is None or (besides is not None and ts == besides.ts):
            return None
        found = MessageRef(channel, ts, "channel")
        return found if await self._edit(message, found, showing.click_url, reference) else None

    async def _post(self, message: Message, channel: str, reference: str, *, way: str) -> MessageRef:
        metadata = {"event_type": METADATA_TYPE, "event_payload": {"reference": reference}}
        answer = await self.post(message, channel, metadata=metadata)
        return MessageRef(str(answer.get("channel") or channel), str(answer["ts"]), way)

    async def _reached(self, response_url: str, message: Message, reference: str, **how: Any) -> bool:
        try:
            await self.respond(response_url, message, **how)
        except SlackError as error:
            log.info("Message of %s did not go by response_url: %s", reference, error.code)
            return False
        return True


def _channel(showing: Showing) -> str:
    """Where it is posted: a person's id is the conversation with them."""
    request = showing.termination.request
    return request.user if showing.alone else request.channel
