"""Who people are: what Slack says, and who looks after a channel."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol, TypeAlias

from bot.domain.permissions import Person

Configurers: TypeAlias = Callable[[str, str], Awaitable[Iterable[str]]]
"""Names the people who look after a channel, given its workspace and its id."""


class Directory(Protocol):
    """What Slack says about people. Raises FactsUnavailable once it takes longer than ``within_seconds``."""

    async def person(self, user: str, *, within_seconds: float) -> Person | None:
        """Describe somebody; None: Slack does not let Haltbot read people."""
        ...

    def known_person(self, user: str) -> Person | None:
        """The same from memory, while it is fresh. Raises FactsUnavailable."""
        ...

    async def members(self, place: str, group: str, *, within_seconds: float) -> frozenset[str] | None:
        """List a user group's members; None: there is none such, or Haltbot may not read it."""
        ...
