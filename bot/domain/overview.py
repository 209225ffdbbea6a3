"""What one person may see of Haltbot now, on its Home tab."""

from dataclasses import dataclass

from bot.domain.findings import Finding
from bot.domain.job import Job


@dataclass(frozen=True, slots=True)
class Overview:
    """What one person may see now; ``channels`` are those that they configure."""

    to_confirm: list[Job]
    under_way: list[Job]
    recent: list[Job]
    channels: list[Finding]
    at: int
    """The database's clock."""
