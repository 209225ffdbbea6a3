"""How long to wait before the next try: growing, so that trouble can end, and jittered, so that not all come at once."""

import random


def growing(tries: int, *, first: float, longest: float) -> float:
    """Seconds to wait after so many tries: ``first``, twice as long, four times as long … up to ``longest``."""
    jitter = random.uniform(0.75, 1.25)  # noqa: S311 -- spreads load, guards nothing
    return min(longest, first * 2.0 ** min(tries - 1, 10)) * jitter


def retry_ms(tries: int, asked_for: float | None = None) -> int:
    """The other side's own wish, in seconds, or 1, 2, 4 … 15 s."""
    seconds = growing(tries, first=1.0, longest=15.0) if asked_for is None else asked_for
    return max(50, int(seconds * 1000))


def poll_ms(polls: int, *, at_most_ms: int, at_least_ms: int = 0) -> float:
    """A watch's pause after so many looks: 1, 2, 4 … 15 s, but not beyond ``at_most_ms``."""
    pause_ms = min(15.0, 2.0**polls) * random.uniform(800, 1000)  # noqa: S311
    return max(at_least_ms * random.uniform(1, 2), min(pause_ms, at_most_ms), 0)  # noqa: S311
