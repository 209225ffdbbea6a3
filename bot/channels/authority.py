"""Finds out what somebody may in a channel: brings the channel's settings and Slack's facts before the rules."""

import asyncio
from collections.abc import Collection, Mapping

from bot.channels.refusals import refusals_recorded
from bot.domain.channel_settings import ChannelSettings, Role, SecondPerson
from bot.domain.errors import FactsUnavailable, Refused
from bot.domain.permissions import (
    TAKES,
    Actor,
    Facts,
    Person,
    Standing,
    Verdict,
    approval_needed,
    groups_that_matter,
    understood,
    verdict,
)
from bot.domain.termination import Approval, Termination
from bot.ports.directory import Directory
from bot.ports.store import Store

CLICK_SECONDS = 0.8
"""A click waits so long for Slack; Slack waits for the click 3 s."""
WORK_SECONDS = 10.0
"""Nobody waits for the worker."""


class Authority:
    """``owners`` may configure every channel: the way in on the first day."""

    def __init__(self, store: Store, directory: Directory, owners: Collection[str] = ()) -> None:
        self._store = store
        self._directory = directory
        self._owners = frozenset(owners)

    async def settings(self, place: str, channel: str) -> ChannelSettings:
        """Read a channel's settings. Raises Refused where they cannot be understood."""
        return understood(await self._store.settings(place, channel))

    def facts_by_heart(self, actor: Actor) -> Facts | None:
        """Tell what is remembered of somebody, without their user groups; None: nothing that is still fresh."""
        try:
            return self._facts(actor, self._directory.known_person(actor.user), {})
        except FactsUnavailable:
            return None

    async def verdict(
        self, actor: Actor, settings: ChannelSettings, role: Role | Standing, *, within_seconds: float
    ) -> Verdict:
        """Tell whether somebody has a role. Raises FactsUnavailable."""
        groups = groups_that_matter(role, settings, actor.user)
        asking = (
            self._directory.members(actor.place, group, within_seconds=within_seconds) for group in groups
        )
        person, members = await asyncio.gather(
            self._directory.person(actor.user, within_seconds=within_seconds), asyncio.gather(*asking)
        )
        return verdict(role, settings, self._facts(actor, person, dict(zip(groups, members, strict=True))))

    def _facts(
        self, actor: Actor, person: Person | None, groups: Mapping[str, frozenset[str] | None]
    ) -> Facts:
        return Facts(
            user=actor.user,
            home=actor.home,
            place=actor.place,
            person=person,
            groups=groups,
            is_owner=actor.user in self._owners,
        )

    async def admit(
        self, wanted: str, actor: Actor, *, within_seconds: float = WORK_SECONDS
    ) -> ChannelSettings:
        """Let in whoever has what this takes, as ``TAKES`` says; returns the channel's settings.

        Raises Refused, which is recorded, also where Slack cannot say who it is.
        """
        needed = TAKES[wanted]
        role = {"role": needed} if isinstance(needed, Role) else {}
        async with refusals_recorded(self._store, actor.attempt(wanted=wanted, **role)):
            settings = await self.settings(actor.place, actor.channel)
            found = await self.standing(actor, settings, needed, within_seconds=within_seconds)
            if not found.allowed:
                raise found.refused()
        return settings

    async def standing(
        self, actor: Actor, settings: ChannelSettings, role: Role | Standing, *, within_seconds: float
    ) -> Verdict:
        """Tell somebody who waits whether they have a role. Raises Refused where Slack cannot say who it is."""
        try:
            return await self.verdict(actor, settings, role, within_seconds=within_seconds)
        except FactsUnavailable:
            raise Refused("press_again") from None

    async def approval(
        self, termination: Termination, settings: ChannelSettings, *, within_seconds: float
    ) -> Approval | None:
        """Tell why somebody beside the requester has to agree, as the channel is now. Raises FactsUnavailable."""
        now = await self._store.now()
        on_call = False
        if (
            termination.request.force
            and settings.second_person is SecondPerson.OUTSIDE_ON_CALL
            and settings.on_call
        ):
            members = await self._directory.members(
                termination.request.team, settings.on_call, within_seconds=within_seconds
            )
            on_call = termination.request.user in (members or ())
        return approval_needed(settings, force=termination.request.force, on_call=on_call, now=now)

    async def approval_at_click(self, termination: Termination, settings: ChannelSettings) -> Approval | None:
        """The same, but whoever cannot be seen to be on call is not."""
        try:
            return await self.approval(termination, settings, within_seconds=CLICK_SECONDS)
        except FactsUnavailable:
            return Approval.SECOND_PERSON
