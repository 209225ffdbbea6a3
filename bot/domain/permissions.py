"""Who may do what in a channel: pure functions of its settings and of what Slack says about a person.

What is not known is not given. The one exception is told in the documentation: where Slack does not let Haltbot
read people at all, a role that is given to everyone still works, though guests cannot be told apart then; so does
one that is given by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from bot.domain.audit import Event
from bot.domain.channel_settings import ChannelSettings, Role, SecondPerson
from bot.domain.command import Word
from bot.domain.errors import Refused, SettingsNotAccepted
from bot.domain.termination import Approval, Request
from bot.domain.workspace import is_outsider


class Standing(StrEnum):
    """What somebody may need that is no role."""

    ANYBODY = "anybody"
    MEMBER = "member"
    """A person of the workspace, or of a team that the channel's settings allow; no guest."""


HOME = "home"
CHANGE_SETTINGS = "change_settings"
RESET_BREAKER = "reset_breaker"

TAKES: Mapping[str, Role | Standing] = {
    Word.HELP: Standing.ANYBODY,
    Word.STATUS: Standing.MEMBER,
    Word.SHOW: Standing.MEMBER,
    Word.CONFIG: Standing.MEMBER,
    Word.KEY: Role.CONFIGURE,
    Word.CONNECT: Standing.MEMBER,
    HOME: Standing.MEMBER,
    CHANGE_SETTINGS: Role.CONFIGURE,
    RESET_BREAKER: Role.APPROVE,
}
"""What it takes: each word of the command, and what is no word. What stops something takes the role of its kind."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """Somebody who wants something: who, from which workspace, in which channel of which workspace."""

    user: str
    home: str
    place: str
    channel: str
    """Empty on the Home tab, which is in no channel."""

    @classmethod
    def of(cls, request: Request) -> Self:
        """Name whoever asked for a termination."""
        return cls(user=request.user, home=request.team, place=request.team, channel=request.channel)

    def attempt(self, **detail: object) -> Event:
        """Describe, for the audit, what this person wanted and was refused."""
        return Event(event="refused", team=self.place, channel=self.channel, user=self.user, detail=detail)


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """What Slack says about somebody."""

    admin: bool = False
    """An admin or an owner of the workspace."""
    guest: bool = False
    bot: bool = False
    deleted: bool = False
    stranger: bool = False
    """Slack knows them through a shared channel alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What is known about somebody who wants something."""

    user: str
    home: str
    """The workspace where they are at home, and ``place`` the one that they act in."""
    place: str
    person: Person | None
    """None: Slack does not let Haltbot read people."""
    groups: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    """The members of each user group that matters; None: Slack does not let Haltbot read it."""
    is_owner: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """Whether somebody has a role; if not, why, and to whom it is given."""

    role: Role | Standing
    reply: str | None = None
    """The name of the refusal; None: allowed."""
    granted: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        return self.reply is None

    def refused(self) -> Refused:
        """Return what to raise; only for a verdict that does not allow."""
        return Refused(self.reply or "not_granted", role=self.role, granted=self.granted)


def understood(settings: Mapping[str, Any]) -> ChannelSettings:
    """Read settings as they are stored. Raises Refused where they cannot be understood."""
    try:
        return ChannelSettings.from_json(settings)
    except SettingsNotAccepted as wrong:
        raise Refused("settings_unreadable", name=wrong.name) from wrong


def verdict(role: Role | Standing, settings: ChannelSettings, facts: Facts) -> Verdict:
    """Tell whether somebody has a role or a standing in a channel."""
    if isinstance(role, Standing):
        return Verdict(role=role, reply=_shut_out(settings, facts) if role is Standing.MEMBER else None)
    grant = settings.grant(role)
    reply = _shut_out(settings, facts) or (None if _is_given(role, settings, facts) else "not_granted")
    if reply == "not_granted" and any(facts.groups.get(group) is None for group in grant.groups):
        reply = "group_unreadable"
    if reply == "not_granted" and grant.admins and facts.person is None:
        reply = "people_unreadable"
    return Verdict(role=role, reply=reply, granted=tuple(grant.words))


def _shut_out(settings: ChannelSettings, facts: Facts) -> str | None:
    """Name why somebody has no role at all, whatever is given to whom."""
    person = facts.person
    if is_outsider(facts.home, facts.place, settings.allowed_teams):
        return "other_team"
    if person is None:
        return None
    if person.stranger and facts.home == facts.place:
        return "other_team"
    if person.bot or person.deleted:
        return "not_a_person"
    return "guest" if person.guest else None


def _is_given(role: Role, settings: ChannelSettings, facts: Facts) -> bool:
    grant, person = settings.grant(role), facts.person
    if grant.everyone or facts.user in grant.users or (role is Role.CONFIGURE and facts.is_owner):
        return True
    if grant.admins and person is not None and person.admin:
        return True
    return any(facts.user in (facts.groups.get(group) or ()) for group in grant.groups)


def groups_that_matter(role: Role | Standing, settings: ChannelSettings, user: str) -> tuple[str, ...]:
    """Name the user groups without which it cannot be told whether somebody has a role."""
    if isinstance(role, Standing):
        return ()
    grant = settings.grant(role)
    return () if grant.everyone or user in grant.users else grant.groups


def approval_needed(settings: ChannelSettings, *, force: bool, on_call: bool, now: int) -> Approval | None:
    """Tell why somebody beside the requester has to agree; ``on_call`` is about the requester."""
    if settings.breaker_limit and now < (settings.breaker_until or 0):
        return Approval.BREAKER
    match settings.second_person:
        case SecondPerson.ALWAYS if force:
            return Approval.SECOND_PERSON
        case SecondPerson.OUTSIDE_ON_CALL if force and not on_call:
            return Approval.SECOND_PERSON
        case _:
            return None


def trips_breaker(settings: ChannelSettings, count: int, now: int) -> bool:
    """Tell whether so many terminations make a second person necessary, and it is not so already."""
    return 0 < settings.breaker_limit < count and now >= (settings.breaker_until or 0)
