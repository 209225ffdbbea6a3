"""What the use cases need from the world; each adapter fulfils one of these."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from bot.domain.admission import Admission
from bot.domain.api_key import ApiKey, ChannelKey, KeyFacts
from bot.domain.audit import Event
from bot.domain.errors import Refused
from bot.domain.instance import Page
from bot.domain.job import Job, Transition
from bot.domain.notices import Notice
from bot.domain.overview import Overview
from bot.domain.permissions import Person
from bot.domain.press import Press
from bot.domain.termination import MessageRef, Phase, Termination


@dataclass(frozen=True, slots=True)
class Message:
    """A message as Slack takes it; ``text`` alone already says everything, for screen readers."""

    text: str
    blocks: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Showing:
    """What the one message of a termination has to show, and on which ways it may reach its readers."""

    termination: Termination
    """As these readers may see it."""
    phase: Phase
    now: int
    """The database's clock, in ms."""
    alone: bool
    """For the requester alone: it must not reach the channel on any way."""
    response_url: str | None
    """Opened; posts where the bot itself may not."""
    click_url: str | None
    """Opened; edits a message that was clicked, whoever posted it."""


Tell: TypeAlias = Callable[[Message, str], Awaitable[None]]
"""Tells a person something in a direct message. Raises SlackError."""

Notify: TypeAlias = Callable[[Notice, str], Awaitable[None]]
"""Tells a person or a channel, named by its id, what has happened; where that does not work, it is logged."""

Configurers: TypeAlias = Callable[[str, str], Awaitable[Iterable[str]]]
"""Names the people who look after a channel, given its workspace and its id."""


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


class Store(Protocol):
    """The database. Every method returns after the commit; raises StoreError."""

    async def submit(
        self,
        termination: Termination,
        phase: Phase,
        *,
        idem: str,
        run_here: bool,
        admission: Admission | None = None,
    ) -> Submitted | Duplicate:
        """Record a new termination with its event, unless ``idem`` or an open twin is recorded already.

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

    async def record(self, event: Event) -> None:
        """Add a line to the audit that belongs to no transition, such as a refusal."""
        ...

    async def forget(self, *, older_than_ms: int, period_ms: int) -> int:
        """Delete what ended, and what the audit says, so long ago; the number of rows that went.

        At most once in a period, whichever owner asks: to all others there is nothing left to do.
        """
        ...

    async def now(self) -> int:
        """The database's clock, in ms since 1970."""
        ...

    async def find(self, reference: str) -> Job | None: ...

    async def open_in(self, team: str, channel: str) -> list[Job]: ...

    async def recent(self, team: str, *, within_ms: int, limit: int) -> list[Job]:
        """A team's terminations that are not finished, or were so lately; the newest first."""
        ...

    async def backlog(self) -> Backlog:
        """How much there is to do."""
        ...

    def events(self, *, reference: str | None = None) -> AsyncIterator[Mapping[str, Any]]:
        """Read the audit, oldest first."""
        ...

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

    async def admitted_since(self, team: str, channel: str, since: int) -> int:
        """Count the terminations that the channel's breaker counted after this time, in ms."""
        ...

    async def close(self) -> None: ...


class Workflows(Protocol):
    """Vibecode. Every failure is a VibecodeError."""

    async def terminate(self, key: ApiKey, workflow_id: str, *, force: bool, reason: str) -> None: ...

    async def running(
        self, key: ApiKey, *, template_id: str | None = None, started_by: str | None = None, offset: int = 0
    ) -> Page: ...

    async def describe_key(self, key: ApiKey) -> KeyFacts: ...


class Messenger(Protocol):
    """Slack, outbound. Raises SlackError."""

    async def show(self, showing: Showing) -> MessageRef:
        """Post the one message of a termination, or edit it where it stands, on the best way that works.

        Where an earlier try may have posted it, it is looked for first.
        """
        ...

    async def refuse(self, refused: Refused, termination: Termination, *, response_url: str | None) -> None:
        """Tell the requester alone why a termination is refused, on the best way that works."""
        ...

    async def keep_only(self, at: MessageRef, reference: str) -> None:
        """Delete every other message of a termination from the channel where this one stands."""
        ...

    async def whisper(self, message: Message, *, channel: str, user: str, response_url: str | None) -> None:
        """Tell one person privately, on the best way that works."""
        ...

    async def tell(self, message: Message, to: str) -> None:
        """Tell a person, or everyone in a channel, something that belongs to no termination."""
        ...

    async def open_dialog(self, view: Mapping[str, Any], *, trigger: str) -> None:
        """Open a modal for whoever has just acted; ``trigger`` stands for that act, for three seconds."""
        ...


class Directory(Protocol):
    """What Slack says about people. Raises FactsUnavailable once it takes longer than ``within_seconds``."""

    async def person(self, user: str, *, within_seconds: float) -> Person | None:
        """Describe somebody; None: Slack does not let Haltbot read people."""
        ...

    def known_person(self, user: str) -> Person | None:
        """The same from memory, while it is fresh. Raises FactsUnavailable."""
        ...

    async def members(self, place: str, group: str, *, within_seconds: float) -> frozenset[str] | None:
        """List a user group's members; None: there is none such, or Haltbot may not read it."""
        ...


class Views(Protocol):
    """Slack's Home tab. Raises SlackError."""

    async def draw(self, user: str, shown: Overview | Refused) -> None:
        """Show what somebody may see, or why that is nothing."""
        ...

    async def is_member(self, channel: str, user: str) -> bool:
        """Tell whether somebody is in a channel; no, where Slack does not say."""
        ...


class Vault(Protocol):
    """Seals secrets for the database; each is bound to its context and opens nowhere else."""

    def seal(self, secret: str, *context: str) -> str: ...

    def open(self, sealed: str, *context: str) -> str:
        """Raises KeyUndecryptable."""
        ...

    def key_id(self, key: str) -> str: ...
