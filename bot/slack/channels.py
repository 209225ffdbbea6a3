"""Asks Slack who shares a channel, and remembers the answer for a minute."""

import logging
import time

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import SlackError
from bot.slack.web_api import NO_SUCH_METHOD, ask

log = logging.getLogger(__name__)

KNOWN_SECONDS = 60.0
UNKNOWN_SECONDS = 10.0
_MOST = 5000
SOMEBODY = "another organisation"
"""Stands for the teams that Slack does not name."""


class SlackChannels:
    """What ``conversations.info`` says; a channel that the bot may not see is not known."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._known: dict[str, tuple[float, frozenset[str] | None]] = {}

    async def teams(self, channel: str) -> frozenset[str] | None:
        until, teams = self._known.get(channel, (0.0, None))
        if time.monotonic() < until:
            return teams
        teams = await self._ask(channel)
        if len(self._known) >= _MOST:
            self._known.clear()
        keep = UNKNOWN_SECONDS if teams is None else KNOWN_SECONDS
        self._known[channel] = (time.monotonic() + keep, teams)
        return teams

    def forget(self, channel: str) -> None:
        self._known.pop(channel, None)

    async def _ask(self, channel: str) -> frozenset[str] | None:
        try:
            answer = await ask(self._client, "conversations.info", channel=channel)
        except SlackError as error:
            if error.code in NO_SUCH_METHOD:
                return frozenset()
            log.info("Who shares a channel is not known: %s", error.code)
            return None
        facts = answer.get("channel") or {}
        if not (facts.get("is_ext_shared") or facts.get("is_pending_ext_shared")):
            return frozenset()
        named = {*(facts.get("shared_team_ids") or ()), *(facts.get("connected_team_ids") or ())}
        return frozenset(map(str, named)) or frozenset({SOMEBODY})
