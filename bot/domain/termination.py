"""What a termination is and which states it goes through: values and pure functions."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

from bot.domain.instance import Changes, Instance


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


@dataclass(frozen=True, slots=True)
class MessageRef:
    """Where the one message of a termination stands; ``ts`` is None where Slack gave no handle to edit it."""

    channel: str
    ts: str | None
    way: str
    """``channel``, ``response_url`` or ``dm``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """Who asked for what."""

    team: str
    channel: str
    user: str
    workflow_id: str
    force: bool
    reason: str
    requested_at: int = 0
    """Set by the store, with the database's clock."""
    response_url: str | None = None
    """Sealed: a response_url is a secret of its own."""
    admitted: bool = False
    """Counted by the channel's breaker."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """The question that stands: what was shown with it, who may answer it, and who did."""

    number: int = 1
    """Counts the questions asked, so that a button of an older one decides nothing."""
    asked_at: int | None = None
    """When it was asked, if that was not with the request."""
    expires_at: int | None = None
    seen: Instance | None = None
    """The instance as it was shown: what the confirmation is bound to."""
    preview: str | None = None
    """How reading the list for it went: None not yet, ``read``, ``absent``, or the code of the trouble."""
    portal: str | None = None
    """The portal's address, where the channel's settings name it."""
    stuck_siblings: int = 0
    """Other stuck instances of the same template or on the same document."""
    changes: Changes = ()
    """What became different between the former question and its answer."""
    authorized: bool = False
    """What the requester may, and whether somebody has to agree, is known."""
    authorize_tries: int = 0
    """How often Slack could not say who the requester is."""
    approval: Approval | None = None
    """Why somebody else has to agree, if somebody has to."""
    approvers: tuple[str, ...] = ()
    """Who that may be, as the channel's settings write it."""
    may_break_glass: bool = False
    decided_by: str | None = None
    approved_by: str | None = None
    broke_glass: str | None = None
    """The reason for which the requester forced it without the second person."""

    def anew(self, now: int, *, seen: Instance | None, changes: Changes = ()) -> Self:
        """The next question about the same instance; buttons of this one decide nothing any more."""
        return type(self)(
            number=self.number + 1,
            asked_at=now,
            seen=seen,
            portal=self.portal,
            stuck_siblings=self.stuck_siblings,
            changes=changes,
            approval=self.approval,
            approvers=self.approvers,
            may_break_glass=self.may_break_glass,
            decided_by=self.decided_by,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Calls:
    """What was sent to Bitrix24, and what is known of it."""

    sent: tuple[str, ...] = ()
    """DELETE requests that were sent, or may have been: ``soft`` or ``force``, in their order."""
    signed_in: bool = False
    """The channel's key is an application's, and acts as whoever has signed in."""
    status: int | None = None
    """The HTTP status of the last answer."""
    retries: int = 0
    """Tries that failed and were, or are, followed by another one."""
    trouble: str | None = None
    """The code of the last failed try, while another one is coming."""
    unsure: bool = False
    """An earlier try may have reached Bitrix24."""
    must_look: bool = False
    """Nobody saw the last try end (timeout, lost connection, crash): read the list before repeating it."""
    recovered: bool = False
    """Another process, or an earlier life of this one, had it before."""
    softened: bool = False
    """A force that began with the soft call, so that the reason reaches Bitrix24, and went on from there."""
    accepted_at: int | None = None
    accepted_before: bool = False
    """Bitrix24 accepted an earlier, softer call of this one, whatever becomes of the force that follows."""
    watch_until: int | None = None
    polls: int = 0

    @property
    def tries(self) -> int:
        return len(self.sent)

    @property
    def most_of_a_kind(self) -> int:
        """How often it was called in the same way: a soft call and a force are two calls, a second one is a repetition."""
        return max(Counter(self.sent).values(), default=0)

    @property
    def forced(self) -> bool:
        """Whether the last call was a force; one may begin softly."""
        return self.sent[-1:] == ("force",)

    def anew(self) -> Self:
        """What still counts when it is asked about again: what was sent, and what nobody knows of it."""
        return type(self)(
            sent=self.sent,
            signed_in=self.signed_in,
            trouble=self.trouble,
            unsure=self.unsure,
            must_look=self.must_look,
            recovered=self.recovered,
            accepted_before=self.accepted_before or self.accepted_at is not None,
            polls=self.polls,
        )

    def after_soft(self) -> Self:
        """The soft beginning did not suffice, and force follows."""
        return replace(self, softened=True, accepted_before=True, accepted_at=None, watch_until=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Posting:
    """The one message, and how it is brought to Slack."""

    message: MessageRef | None = None
    shown: str | None = None
    """Which state it shows: ``phase.question``."""
    telling_tries: int = 0
    maybe_shown: bool = False
    """Slack may have posted it without our knowing where it stands."""
    maybe_shown_at: int = 0
    """When that was, for the last time."""
    click_url: str | None = None
    """Sealed: the last click's response_url, the only way to edit a message that the bot could not post itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """How it ended; while it is watched, how it would end now."""

    outcome: Outcome | None = None
    code: str | None = None
    refusal: Mapping[str, Any] = field(default_factory=dict)
    """What the sentence about a refusal needs beside its code."""
    ended_at: int | None = None
    verified: bool | None = None
    """None: not looked; False: looked, and the list could not be read."""

    @property
    def label(self) -> str | None:
        """The outcome as the audit names it, such as ``failed:SCOPE_DENIED``."""
        if self.outcome in (Outcome.FAILED, Outcome.REFUSED):
            return f"{self.outcome}:{self.code}"
        return self.outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class Termination:
    """One request to stop one instance. Times are milliseconds since 1970 by the database's clock."""

    id: str
    """Unguessable, and short enough to be read out: also the reference in messages, logs and the audit."""
    request: Request
    question: Question = field(default_factory=Question)
    calls: Calls = field(default_factory=Calls)
    posting: Posting = field(default_factory=Posting)
    result: Result = field(default_factory=Result)


REPEAT_WINDOW_MS = 120_000
"""A person who saw Slack's timeout presses Enter again within this time."""

RESUMABLE_MS = 15 * 60 * 1000
"""So long a request stands that was refused for want of a session; later it has to be made anew."""

_SUCCEEDED = (Outcome.GONE_VERIFIED, Outcome.ACCEPTED, Outcome.ALREADY_GONE)


def dedupe_key(termination: Termination) -> str:
    """Name what at most one open termination may exist for: the same instance, stopped the same way."""
    if termination.result.outcome is Outcome.REFUSED:
        # Whoever is still to be told so is in nobody's way.
        return f"refused {termination.id}"
    asked = termination.request
    return " ".join((asked.team, asked.channel, asked.workflow_id, "force" if asked.force else "soft"))


def repeats(earlier: Termination, later: Termination) -> bool:
    """Tell whether one that ended is what the same person has just asked for once more.

    One that failed, was cancelled or expired may be asked for again at once.
    """
    before, asked = earlier.request, later.request
    return (
        earlier.result.outcome in _SUCCEEDED
        and (before.user, before.reason) == (asked.user, asked.reason)
        and asked.requested_at - (earlier.result.ended_at or 0) < REPEAT_WINDOW_MS
    )
