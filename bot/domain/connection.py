"""One-time links, and the personal sessions that are made with them."""

from dataclasses import dataclass
from enum import StrEnum

from bot.domain.permissions import Actor

TRIES_PER_LINK = 10
"""So many times a form may be sent with one link: a typing error is no reason to ask for another."""


class LinkKind(StrEnum):
    """What a one-time link opens."""

    KEY = "key"
    CONNECT = "connect"


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A one-time link: for one purpose, one person, one channel. Only the hash of its secret is stored."""

    hash: str
    kind: LinkKind
    team: str
    channel: str
    user: str
    sealed: str | None = None
    """What the purpose needs, sealed."""
    reference: str | None = None
    """The termination that runs on afterwards."""
    expires_at: int = 0

    @property
    def actor(self) -> Actor:
        """Whose link it is, as somebody who acts in its channel."""
        return Actor(user=self.user, home=self.team, place=self.team, channel=self.channel)


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonSession:
    """A person's Bitrix24 session with a channel's application key, sealed."""

    team: str
    channel: str
    user: str
    sealed_session: str
    name: str
    """Whose Bitrix24 account it is, as Vibecode names it."""
    expires_at: int
    connected_at: int


@dataclass(frozen=True, slots=True)
class Granted:
    """A session that somebody has just allowed."""

    token: str
    seconds: int
    account: str
