"""Asks Slack who people are, seldom: answers are fresh for seconds, and count for an hour while Slack is silent."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import FactsUnavailable, SlackError, SlackRefused
from bot.domain.permissions import Person
from bot.domain.workspace import team_of
from bot.slack.web_api import NO_SUCH_METHOD, PatientCalls

log = logging.getLogger(__name__)
T = TypeVar("T")

FRESH_SECONDS = 15.0
"""So long two replicas may differ. Should so many groups be asked about that Slack sets limits, the last answers count."""
LAST_KNOWN_SECONDS = 3600.0
"""How long an answer counts while Slack gives no newer one."""
_MOST = 10_000
"""Answers that are remembered at a time."""
_FORBIDDEN = NO_SUCH_METHOD | {"missing_scope", "method_not_supported_for_channel_type"}
"""Slack does not let Haltbot ask this, now or later."""
_NOBODY = frozenset({"user_not_found", "user_not_visible", "users_not_found"})
_NO_GROUP = frozenset({"no_such_subteam", "subteam_not_found", "invalid_arguments"})


@dataclass(slots=True)
class _Answer:
    value: Any = None
    at: float | None = None
    """When it was given, by ``clock``; None: not yet."""
    flight: asyncio.Task[None] | None = field(default=None, repr=False)


class SlackDirectory:
    """Whoever asks for the same at the same time shares one call."""

    def __init__(self, client: AsyncWebClient, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._calls = PatientCalls(client, clock=clock)
        self._clock = clock
        self._answers: dict[tuple[str, ...], _Answer] = {}

    async def person(self, user: str, *, within_seconds: float) -> Person | None:
        """Describe somebody; None: Slack does not let Haltbot read people. Raises FactsUnavailable."""
        return cast(
            "Person | None",
            await self._asked(("person", user), lambda: self._ask_person(user), within_seconds),
        )

    async def members(self, place: str, group: str, *, within_seconds: float) -> frozenset[str] | None:
        """List a user group's members; None: it cannot be read. Raises FactsUnavailable."""
        return cast(
            "frozenset[str] | None",
            await self._asked(
                ("group", place, group), lambda: self._ask_members(place, group), within_seconds
            ),
        )

    def known_person(self, user: str) -> Person | None:
        """The same from memory, while it is fresh. Raises FactsUnavailable."""
        return cast("Person | None", self._remembered(("person", user), FRESH_SECONDS))

    def _remembered(self, key: tuple[str, ...], for_seconds: float = LAST_KNOWN_SECONDS) -> object:
        answer = self._answers.get(key)
        if answer is None or answer.at is None or self._clock() - answer.at > for_seconds:
            raise FactsUnavailable(key[0])
        return answer.value

    async def _asked(
        self,
        key: tuple[str, ...],
        ask: Callable[[], Awaitable[object]],
        within_seconds: float,
    ) -> object:
        answer = self._answers.get(key)
        if answer is None:
            answer = self._answers[key] = _Answer()
            self._forget_the_oldest()
        if answer.at is not None and self._clock() - answer.at < FRESH_SECONDS:
            return answer.value
        if answer.flight is None:
            answer.flight = asyncio.create_task(self._fetch(key, answer, ask))
        # Shielded by being waited for only: a later asker still gets what comes too late for this one.
        await asyncio.wait({answer.flight}, timeout=within_seconds)
        return self._remembered(key)

    async def _fetch(
        self, key: tuple[str, ...], answer: _Answer, ask: Callable[[], Awaitable[object]]
    ) -> None:
        try:
            value = await ask()
            answer.value, answer.at = value, self._clock()
        except SlackError as error:
            log.warning("Slack cannot tell about a %s: %s", key[0], error.code)
        except (AttributeError, LookupError, RuntimeError, TypeError):
            log.exception("Slack's answer about a %s was not understood.", key[0])
        finally:
            answer.flight = None

    async def _ask_person(self, user: str) -> Person | None:
        try:
            told = (await self._calls.ask("users.info", user=user)).get("user")
        except SlackRefused as refused:
            if refused.code in _FORBIDDEN:
                return None
            if refused.code in _NOBODY:
                return Person(deleted=True)
            raise
        if not isinstance(told, dict):
            return None
        return Person(
            admin=any(told.get(name) for name in ("is_admin", "is_owner", "is_primary_owner")),
            guest=any(told.get(name) for name in ("is_restricted", "is_ultra_restricted")),
            bot=bool(told.get("is_bot")) or user == "USLACKBOT",
            deleted=bool(told.get("deleted")),
            stranger=bool(told.get("is_stranger")),
        )

    async def _ask_members(self, place: str, group: str) -> frozenset[str] | None:
        # Slack wants to be told the workspace where the app is installed for a whole organisation.
        where = {"team_id": team} if (team := team_of(place)) else {}
        try:
            told = await self._calls.ask("usergroups.users.list", usergroup=group, **where)
        except SlackRefused as refused:
            if refused.code in _FORBIDDEN | _NO_GROUP:
                return None
            raise
        return frozenset(str(user) for user in told["users"])

    def _forget_the_oldest(self) -> None:
        while len(self._answers) > _MOST:
            self._answers.pop(next(iter(self._answers)))
