"""Slack's side of the Home tab: publishing it, and telling who is in a channel."""

import logging
import time
from collections.abc import Callable

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import Refused, SlackError
from bot.domain.overview import Overview
from bot.messages import home_tab
from bot.slack.web_api import ask, call

log = logging.getLogger(__name__)

FRESH_SECONDS = 60.0
MOST_PAGES = 5
_PAGE = 1000


class SlackHome:
    """Remembers the members of a channel for a minute; ``domain`` is the workspace's, for links to messages."""

    def __init__(self, client: AsyncWebClient, domain: Callable[[], str | None]) -> None:
        self._client = client
        self._domain = domain
        self._members: dict[str, tuple[float, frozenset[str]]] = {}

    async def draw(self, user: str, shown: Overview | Refused) -> None:
        """Show a person their Home tab, or why there is nothing on it. Raises SlackError."""
        view = home_tab.refused(shown) if isinstance(shown, Refused) else home_tab.home(shown, self._domain())
        await call(self._client, "views.publish", user_id=user, view=view)

    async def is_member(self, channel: str, user: str) -> bool:
        """Look it up; whoever is not known to be in the channel is not."""
        at, members = self._members.get(channel, (float("-inf"), frozenset[str]()))
        if time.monotonic() - at > FRESH_SECONDS:
            members = await self._read(channel)
            self._members[channel] = (time.monotonic(), members)
        return user in members

    async def _read(self, channel: str) -> frozenset[str]:
        found: set[str] = set()
        cursor = ""
        try:
            for _ in range(MOST_PAGES):
                page = {"channel": channel, "limit": _PAGE} | ({"cursor": cursor} if cursor else {})
                answer = await ask(self._client, "conversations.members", **page)
                found.update(answer.get("members") or [])
                cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
                if not cursor:
                    break
        except SlackError as error:
            log.info("Who is in a channel cannot be seen: %s", error.code)
        return frozenset(found)
