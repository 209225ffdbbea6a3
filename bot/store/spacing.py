"""How close calls with one key may follow each other."""

import math
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Spacing:
    """A call is due one interval after the one before, and may come early by the tolerance."""

    interval_ms: int
    tolerance_ms: int

    @classmethod
    def of(cls, per_second: float) -> Self:
        # Rounded up: a little slower than asked for, never faster.
        interval_ms = max(1, math.ceil(1000 / per_second))
        # A second's worth of calls may go at once.
        burst = max(1, math.floor(per_second))
        return cls(interval_ms, (burst - 1) * interval_ms)
