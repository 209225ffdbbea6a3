"""What the parts of the benchmark hand over: single measurements, of which the medians are told."""

import statistics
from collections import defaultdict
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    quick: bool

    @property
    def rounds(self) -> int:
        return 1 if self.quick else 3

    def of(self, full: int, quick: int) -> int:
        return quick if self.quick else full


@dataclass
class Figures:
    """Every measurement, by what was measured and of whom; the order of the first ones is kept."""

    measured: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    notes: list[str] = field(default_factory=list)

    def add(self, what: str, who: str, value: float) -> None:
        self.measured[what, who].append(value)

    def get(self, what: str, who: str) -> float | None:
        values = self.measured.get((what, who))
        return statistics.median(values) if values else None

    def whats(self) -> list[str]:
        return list(dict.fromkeys(what for what, _ in self.measured))

    def whos(self, whats: list[str]) -> list[str]:
        return list(dict.fromkeys(who for what, who in self.measured if what in whats))
