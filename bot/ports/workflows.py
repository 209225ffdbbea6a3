"""What Vibecode does. Every failure is a VibecodeError."""

from typing import Protocol

from bot.domain.api_key import ApiKey, KeyFacts
from bot.domain.connection import Granted
from bot.domain.instance import Page


class Workflows(Protocol):
    """Vibecode. Every failure is a VibecodeError."""

    async def terminate(self, key: ApiKey, workflow_id: str, *, force: bool, reason: str) -> None: ...

    async def running(
        self, key: ApiKey, *, template_id: str | None = None, started_by: str | None = None, offset: int = 0
    ) -> Page: ...

    async def describe_key(self, key: ApiKey) -> KeyFacts: ...


class Authorisation(Protocol):
    """Vibecode's way to a session. Raises VibecodeError."""

    def address(self, application: str, state: str) -> str:
        """Where a person's browser goes to allow it. It contains the application key: never show it."""
        ...

    async def poll(self, application: str, state: str) -> Granted | None:
        """Fetch the session, once; None as long as nobody has allowed it."""
        ...
