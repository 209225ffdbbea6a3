"""A click on a button of a question."""

from dataclasses import dataclass
from enum import StrEnum

from bot.domain.channel_settings import Role
from bot.domain.termination import Approval


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
