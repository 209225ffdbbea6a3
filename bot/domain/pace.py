"""How fast, how long and how often: one value for all that waits or gives up."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """The settings name some of these; tests may name any."""

    calls_per_second: float = 5.0
    """With one key."""
    confirmation_ms: int = 300_000
    watch_ms: int = 300_000
    """How long a soft stop is watched before force is offered."""
    soft_first_ms: int | None = None
    """How long a force waits for its soft beginning; None: it does not begin softly."""
    write_back_ms: int = 5_000
    """How long a forced instance is watched whose step was executing: the step may write it back."""
    late_ms: int = 15_000
    """How long beyond its end a watch waits for its turn to read the list."""
    offer_ms: int = 60 * 60 * 1000
    """How long the choice stands between force and watching on."""
    telling_ms: int = 60 * 60 * 1000
    """How long an outcome is told again and again while Slack has trouble."""
    authorize_ms: int = 10 * 60 * 1000
    """How long Slack may fail to say who somebody is before their request is refused."""
    show_after_seconds: float = 1.0
    """What Vibecode takes longer for gets a message that says that it is under way."""
    lease_ms: int = 15_000
    """Longer than the longest Vibecode call: a takeover must not find it still under way."""
    recording_seconds: float = 3.0
    """So much of a lease is left for recording what came of a message."""
    retries: int = 6
    """How often a call is repeated that failed."""
    crashes: int = 5
    """How often a termination is taken up again that Haltbot itself failed at."""
