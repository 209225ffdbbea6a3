"""How much of what is to happen, in the short form and in the long one."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything a run needs to know; shares are of all commands."""

    commands: int
    per_second: float
    channels: int
    forced: float
    troubled: float
    pause_seconds: tuple[float, float]
    """Between two blows of fate."""
    long_freezes: int
    """Freezes of longer than the lease."""
    database_restarts: int
    settle_seconds: float


SHORT = Plan(
    commands=180,
    per_second=12,
    channels=30,
    forced=0.1,
    troubled=0.05,
    pause_seconds=(0.5, 2.0),
    long_freezes=1,
    database_restarts=2,
    settle_seconds=35,
)
# Slower: whoever takes over has to ask Slack what was posted, and Slack answers that 50 times a minute.
LONG = Plan(
    commands=10_000,
    per_second=8,
    channels=60,
    forced=0.04,
    troubled=0.05,
    pause_seconds=(2.0, 6.0),
    long_freezes=12,
    database_restarts=20,
    settle_seconds=900,
)
