"""The database, one protocol a concern. Every method returns after the commit; raises StoreError."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from bot.domain.admission import Admission
from bot.domain.api_key import ChannelKey
from bot.domain.audit import Event
from bot.domain.connection import Link, PersonSession
from bot.domain.job import Job, Transition
from bot.domain.press import Press
from bot.domain.termination import MessageRef, Phase, Termination


@dataclass(frozen=True, slots=True)
class Submitted:
    """The termination is on disk; ``job`` is set when this process is to run it at once."""

    termination: Termination
    job: Job | None


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The same request, or one for the same instance that is not finished, is on disk already."""

    termination: Termination
    phase: Phase
    same_request: bool
    """Whether it is the very request, delivered again."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many terminations are open in each phase, and how long the oldest due one has been waiting."""

    phases: Mapping[str, int]
    oldest_due_ms: int


class Clock(Protocol):
    """The clock that all deadlines go by."""

    async def now(self) -> int:
        """The database's clock, in ms since 1970."""
        ...


class TerminationStore(Clock, Protocol):
    """Terminations as the engine holds them, and the pace of their calls."""

    async def submit(
        self,
        termination: Termination,
        phase: Phase,
        *,
        idempotency_key: str,
        run_here: bool,
        admission: Admission | None = None,
    ) -> Submitted | Duplicate:
        """Record a new termination with its event, unless its request or one about the same instance is recorded already.

        ``admission`` decides first, with the channel's settings, so that they need not be asked for by themselves.
        Raises Refused.
        """
        ...

    async def claim(self, limit: int) -> list[Job]:
        """Take what is due, oldest first, each with a new lease and a higher fence."""
        ...

    async def advance(self, job: Job, to: Transition) -> Job | None:
        """Make a transition, if this job's fence is still the newest; None means: fenced out, stay silent."""
        ...

    async def begin_call(
        self, job: Job, to: Transition, *, key_id: str, per_second: float
    ) -> Job | int | None:
        """Make a transition to CALLING if the key's pace allows a call now; else the ms to wait."""
        ...

    async def decide(self, press: Press, *, seen_at: MessageRef, run_here: bool) -> Job:
        """Apply a click: exactly one wins. Raises Refused, with the reason, for every other one."""
        ...

    async def pace(self, key_id: str, per_second: float) -> int:
        """Take a place for a call that changes nothing; 0, or the ms to wait before asking again."""
        ...

    async def block(self, key_id: str, for_ms: int) -> None:
        """Hold back every call with this key: Vibecode asked for it."""
        ...

    async def release(self) -> None:
        """Give back what this owner holds and has not begun to call, so that others take it up at once."""
        ...

    async def find(self, reference: str) -> Job | None: ...

    async def open_in(self, team: str, channel: str) -> list[Job]: ...

    async def recent(self, team: str, *, within_ms: int, limit: int) -> list[Job]:
        """A team's terminations that are not finished, or were so lately; the newest first."""
        ...

    async def backlog(self) -> Backlog:
        """How much there is to do."""
        ...


class ChannelStore(Clock, Protocol):
    """Channels' keys and settings, and channels that move or go away."""

    async def channel_key(self, team: str, channel: str) -> ChannelKey | None: ...

    async def channel_keys(self) -> list[ChannelKey]: ...

    async def put_channel_key(self, key: ChannelKey, event: Event) -> None: ...

    async def remove_channel_key(self, team: str, channel: str, event: Event) -> bool: ...

    async def settings(self, team: str, channel: str) -> Mapping[str, Any]:
        """A channel's settings; they outlive its key. Empty where none were made."""
        ...

    async def replace_settings(
        self, team: str, channel: str, before: Mapping[str, Any], after: Mapping[str, Any], event: Event
    ) -> bool:
        """Change a channel's settings, unless they are not as they were read; False: read them again."""
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


class AccessStore(Clock, Protocol):
    """One-time links and people's sessions."""

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


class AuditStore(Clock, Protocol):
    """The audit, and what is read from it."""

    async def record(self, event: Event) -> None:
        """Add a line to the audit that belongs to no transition, such as a refusal."""
        ...

    def events(self, *, reference: str | None = None) -> AsyncIterator[Mapping[str, Any]]:
        """Read the audit, oldest first."""
        ...

    async def admitted_since(self, team: str, channel: str, since: int) -> int:
        """Count the terminations that the channel's breaker counted after this time, in ms."""
        ...

    async def worked_at(self, team: str, channel: str, *, since: int) -> int | None:
        """Tell when Bitrix24 last did in this channel what it was asked for, in ms."""
        ...

    async def forget(self, *, older_than_ms: int, period_ms: int) -> int:
        """Delete what ended, and what the audit says, so long ago; the number of rows that went.

        At most once in a period, whichever owner asks: to all others there is nothing left to do.
        """
        ...


class Store(TerminationStore, ChannelStore, AccessStore, AuditStore, Protocol):
    """All of it, for who needs more than one."""

    async def close(self) -> None: ...
