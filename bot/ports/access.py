"""What one-time links, personal sessions and channels that move or go away need from the database."""

from collections.abc import Callable
from typing import Protocol

from bot.domain.api_key import ChannelKey
from bot.domain.audit import Event
from bot.domain.connection import Granted, Link, PersonSession
from bot.ports.core import Store


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


class Authorisation(Protocol):
    """Vibecode's way to a session. Raises VibecodeError."""

    def address(self, application: str, state: str) -> str:
        """Where a person's browser goes to allow it. It contains the application key: never show it."""
        ...

    async def poll(self, application: str, state: str) -> Granted | None:
        """Fetch the session, once; None as long as nobody has allowed it."""
        ...
