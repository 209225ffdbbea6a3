"""What one-time links, personal sessions and channels that move or go away need from the database."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bot.domain import Event
from bot.ports import ChannelKey, Store

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


class AccessStore(Store, Protocol):
    """The whole database. Every method returns after the commit; raises StoreError."""

    async def put_link(self, link: Link, *, for_ms: int) -> None:
        """Keep a link for so long; former ones of the same kind, person and channel end."""
        ...

    async def link(self, secret_hash: str) -> Link | None:
        """Read a link that is neither used nor expired."""
        ...

    async def try_link(self, secret_hash: str) -> bool:
        """Count a try; False: there were too many, or the link has ended."""
        ...

    async def use_link(self, secret_hash: str) -> bool:
        """End a link. Of all who try, one is told True."""
        ...

    async def put_session(self, session: PersonSession, event: Event) -> None: ...

    async def session(self, team: str, channel: str, user: str) -> PersonSession | None: ...

    async def sessions(self) -> list[PersonSession]: ...

    async def sessions_ending(self, within_ms: int) -> list[PersonSession]:
        """Those that end soon; each is returned once, whoever asks."""
        ...

    async def move_channel(
        self,
        team: str,
        old: str,
        new: str,
        *,
        reseal_key: Callable[[ChannelKey], ChannelKey],
        reseal_session: Callable[[PersonSession], PersonSession],
        event: Event,
    ) -> bool:
        """Give a channel's key, settings, sessions and open terminations to its new id, in one transaction.

        What the new id has already stays. False: there was nothing to move.
        """
        ...

    async def forget_secrets(self, place: str, event: Event) -> int:
        """Delete the keys, sessions and links of a workspace, or of all workspaces of an organisation."""
        ...

    async def worked_at(self, team: str, channel: str, *, since: int) -> int | None:
        """Tell when Bitrix24 last did in this channel what it was asked for, in ms."""
        ...
