"""Finds messages that were posted without our knowing where they stand."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.errors import SlackError
from bot.slack.outbox import Outbox

METADATA_TYPE = "haltbot_termination"
LOOK_SECONDS = 2.0
"""So long what was seen serves others who look for a message in the same channel."""
_DEPTH = 999
"""The most that Slack gives at once: a busy channel moves on while a message is looked for."""
_LATE_SECONDS = 1.0
"""So much later Slack may still carry out what we have given up on."""

Places = Mapping[str, list[str]]
"""Where the messages of each reference stand: their ``ts``, the newest first."""


@dataclass(frozen=True, slots=True)
class _Look:
    """One reading of a channel's history."""

    began: float
    places: asyncio.Task[Places]


class History:
    """Slack lets a channel's history be read 50 times a minute, so one look serves all who wait for one."""

    def __init__(self, outbox: Outbox, look_seconds: float = LOOK_SECONDS) -> None:
        self._outbox = outbox
        self._look_seconds = look_seconds
        self._looks: dict[str, _Look] = {}

    async def look(self, channel: str, since: float) -> Places:
        """Tell where messages stand that may have been posted before ``since`` (monotonic). Raises SlackError."""
        now = time.monotonic()
        fresh = now - self._look_seconds
        look = self._looks.get(channel)
        if look is None or look.began < max(since + _LATE_SECONDS, fresh):
            look = _Look(now, asyncio.create_task(self.read(channel)))
            self._looks = {name: each for name, each in self._looks.items() if each.began > fresh}
            self._looks[channel] = look
        try:
            return await asyncio.shield(look.places)
        except SlackError:
            self._looks.pop(channel, None)
            raise

    async def read(self, channel: str) -> Places:
        """Read it now. Raises SlackError."""
        places: dict[str, list[str]] = {}
        answer = await self._outbox.call(
            "conversations.history", channel=channel, limit=_DEPTH, include_all_metadata=True
        )
        for found in answer.get("messages") or []:
            metadata = found.get("metadata") or {}
            reference = (metadata.get("event_payload") or {}).get("reference")
            # Other apps have metadata of their own.
            if metadata.get("event_type") == METADATA_TYPE and isinstance(reference, str):
                places.setdefault(reference, []).append(str(found["ts"]))
        return places
