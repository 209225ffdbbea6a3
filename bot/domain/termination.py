"""What a termination is and which states it goes through: values and pure functions."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bot.domain.channel_settings import Role
from bot.domain.instance import Instance


class Phase(StrEnum):
    """Where a termination stands."""

    AWAITING_CONFIRMATION = "awaiting_confirmation"
    """A forced one: its question stands in the channel until it is answered or expires."""
    REQUESTED = "requested"
    """To be called; nothing has been sent since the last time that it was certain."""
    CALLING = "calling"
    """Written before the DELETE is sent: whoever finds this later looks before repeating."""
    WATCHING = "watching"
    """Bitrix24 accepted the stop and still lists the instance: looked at again and again."""
    OFFERED = "offered"
    """It is still there: force and watching on are offered in the message."""
    TELLING = "telling"
    """The outcome is decided and recorded; the message does not show it yet."""
    DONE = "done"


class Outcome(StrEnum):
    """How a termination ended. A failed one has a code beside it."""

    GONE_VERIFIED = "gone_verified"
    ACCEPTED = "accepted"
    ALREADY_GONE = "already_gone"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUSED = "refused"
    """The requester's rights do not suffice; the code names the refusal."""


class Approval(StrEnum):
    """Why somebody else has to agree."""

    ASKED = "asked"
    """The requester lacks the role and asked those who may approve."""
    SECOND_PERSON = "second_person"
    """The channel wants a second person for a force."""
    BREAKER = "breaker"
    """So much was terminated in the channel that everything needs a second person for a while."""


class Choice(StrEnum):
    """The buttons of a question."""

    FORCE = "force"
    SOFT = "soft"
    KEEP = "keep"
    BREAK_GLASS = "break_glass"
    """Force without the second person, with a reason and loudly."""
    ESCALATE = "escalate"
    WATCH = "watch"


@dataclass(frozen=True, slots=True)
class MessageRef:
    """Where the one message of a termination stands; ``ts`` is None where Slack gave no handle to edit it."""

    channel: str
    ts: str | None
    way: str
    """``channel``, ``response_url`` or ``dm``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Termination:
    """One request to stop one instance. Times are milliseconds since 1970 by the database's clock."""

    id: str
    """Unguessable, and short enough to be read out: also the reference in messages, logs and the audit."""
    team: str
    channel: str
    user: str
    workflow_id: str
    force: bool
    reason: str
    requested_at: int
    asked_at: int | None = None
    """When the question that stands now was asked, if that was not with the request."""
    response_url: str | None = None
    """Sealed: a response_url is a secret of its own."""
    message: MessageRef | None = None
    question: int = 1
    """Counts the questions asked, so that a button of an older one decides nothing."""
    expires_at: int | None = None
    decided_by: str | None = None
    seen: Instance | None = None
    """The instance as it was shown with the question: what the confirmation is bound to."""
    preview: str | None = None
    """How reading the list for the question went: None not yet, ``read``, ``absent``, or the code of the trouble."""
    portal: str | None = None
    """The portal's address, where the channel's settings name it."""
    stuck_siblings: int = 0
    """Other stuck instances of the same template or on the same document."""
    changes: tuple[tuple[str, Any, Any], ...] = ()
    """What became different between the question and its answer: field, as it was shown, as it is now."""
    softened: bool = False
    """A force that began with the soft call, so that the reason reaches Bitrix24, and went on from there."""
    cleared: bool = False
    """What the requester may, and whether somebody has to agree, was examined for the question that stands."""
    admitted: bool = False
    """Counted by the channel's breaker."""
    clearing_tries: int = 0
    """How often Slack could not say who the requester is."""
    approval: Approval | None = None
    """Why somebody else has to agree, if somebody has to."""
    approvers: tuple[str, ...] = ()
    """Who that may be, as the channel's settings write it."""
    may_break_glass: bool = False
    approved_by: str | None = None
    broke_glass: str | None = None
    """The reason for which the requester forced it without the second person."""
    accepted_at: int | None = None
    accepted_before: bool = False
    """Bitrix24 accepted an earlier, softer call of this one, whatever becomes of the force that follows."""
    watch_until: int | None = None
    polls: int = 0
    shown: str | None = None
    """Which state the message shows: ``phase.question``."""
    trouble: str | None = None
    """The code of the last failed try, while another one is coming."""
    sent: tuple[str, ...] = ()
    """DELETE requests that were sent, or may have been: ``soft`` or ``force``, in their order."""
    signed_in: bool = False
    """The channel's key is an application's, and acts as whoever has signed in."""
    retries: int = 0
    """Tries that failed and were, or are, followed by another one."""
    unsure: bool = False
    """An earlier try may have reached Bitrix24."""
    must_look: bool = False
    """Nobody saw the last try end (timeout, lost connection, crash): read the list before repeating it."""
    recovered: bool = False
    """Another process, or an earlier life of this one, had it before."""
    outcome: Outcome | None = None
    code: str | None = None
    refusal: Mapping[str, Any] = field(default_factory=dict)
    """What the sentence about a refusal needs beside its code."""
    status: int | None = None
    ended_at: int | None = None
    verified: bool | None = None
    """None: not looked; False: looked, and the list could not be read."""
    telling_tries: int = 0
    maybe_shown: bool = False
    """Slack may have posted a message of this one without our knowing where it stands."""
    maybe_shown_at: int = 0
    """When that was, for the last time."""
    click_url: str | None = None
    """Sealed: the last click's response_url, the only way to edit a message that the bot could not post itself."""

    @property
    def most_of_a_kind(self) -> int:
        """How often it was called in the same way: a soft call and a force are two calls, a second one is a repetition."""
        return max(Counter(self.sent).values(), default=0)

    @property
    def tries(self) -> int:
        return len(self.sent)

    @property
    def forced(self) -> bool:
        """Whether the last call was a force; one may begin softly."""
        return self.sent[-1:] == ("force",)

    @property
    def result(self) -> str | None:
        """The outcome as the audit names it, such as ``failed:SCOPE_DENIED``."""
        if self.outcome in (Outcome.FAILED, Outcome.REFUSED):
            return f"{self.outcome}:{self.code}"
        return self.outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A termination as the engine holds it. ``fence`` grows at each claim; a late owner's is too small."""

    termination: Termination
    phase: Phase
    fence: int
    attempts: int
    owner: str | None
    held_until: float
    """On this process's monotonic clock: past it, another owner may have taken over."""
    taken_over: bool = False
    """Somebody held it when it was claimed: whatever they began after their last recorded step may have happened."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """A line of the audit. The store adds the sequence number and the time."""

    event: str
    team: str
    channel: str
    user: str
    workflow_id: str | None = None
    reference: str | None = None
    force: bool = False
    reason: str = ""
    outcome: str | None = None
    detail: Mapping[str, object] = field(default_factory=dict)


def event(termination: Termination, name: str, *, user: str | None = None, **detail: object) -> Event:
    """Describe what happens to a termination; ``user`` is who did it, if not the requester."""
    return Event(
        event=name,
        team=termination.team,
        channel=termination.channel,
        user=user or termination.user,
        workflow_id=termination.workflow_id,
        reference=termination.id,
        force=termination.force,
        reason=termination.reason,
        outcome=termination.result,
        detail=detail,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Transition:
    """A step of a termination. Its events are written in the same transaction.

    ``due_in_ms`` None keeps the lease for another full length; a number gives the termination back, to
    be taken up again after so long.
    """

    termination: Termination
    phase: Phase
    events: tuple[Event, ...] = ()
    due_in_ms: int | None = None
    attempts: int | None = None
    """The fence at which this step was made; a later owner sees how many claims left no step behind."""


REPEAT_WINDOW_MS = 120_000
"""A person who saw Slack's timeout presses Enter again within this time."""

RESUMABLE_MS = 15 * 60 * 1000
"""So long a request stands that was refused for want of a session; later it has to be made anew."""

_SUCCEEDED = (Outcome.GONE_VERIFIED, Outcome.ACCEPTED, Outcome.ALREADY_GONE)


def twin(termination: Termination) -> str:
    """Name what at most one open termination may exist for: the same instance, stopped the same way."""
    if termination.outcome is Outcome.REFUSED:
        # Whoever is still to be told so is in nobody's way.
        return f"refused {termination.id}"
    return " ".join(
        (
            termination.team,
            termination.channel,
            termination.workflow_id,
            "force" if termination.force else "soft",
        )
    )


def repeats(earlier: Termination, later: Termination) -> bool:
    """Tell whether a twin that ended is what the same person has just asked for once more.

    One that failed, was cancelled or expired may be asked for again at once.
    """
    return (
        earlier.outcome in _SUCCEEDED
        and (earlier.user, earlier.reason) == (later.user, later.reason)
        and later.requested_at - (earlier.ended_at or 0) < REPEAT_WINDOW_MS
    )


@dataclass(frozen=True, slots=True)
class Press:
    """A click on a button of a question: who, in which team and channel, on which question."""

    team: str
    channel: str
    user: str
    reference: str
    question: int
    choice: Choice
    response_url: str | None = None
    """Sealed."""
    may: frozenset[Role] = frozenset()
    """What the person may in this channel, as it is now; whoever was not looked up may nothing."""
    approval: Approval | None = None
    """Why the channel, as it is now, wants somebody else to agree."""
    break_glass: bool = False
    """The channel, as it is now, lets the requester force alone."""
    typed: str | None = None
    """What was typed as the end of the ID."""
    reason: str = ""
    """Why the glass is broken."""
