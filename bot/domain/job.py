"""A termination in the hands of a process, and the steps that it takes there."""

from dataclasses import dataclass

from bot.domain.audit import Event
from bot.domain.termination import Phase, Termination


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
