"""What a repository needs of a database; SQLite and PostgreSQL each have one."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from bot.store import statements
from bot.store.steps import Row, Steps

T = TypeVar("T")


class Database(ABC):
    """One database, opened by ``owner``, whose claims last ``lease_ms``. Every method raises StoreError."""

    def __init__(self, *, owner: str, lease_ms: int) -> None:
        self.owner = owner
        self.lease_ms = lease_ms

    @abstractmethod
    async def write(self, steps: Callable[[], Steps[T]], *, urgent: bool = False, atomic: bool = True) -> T:
        """Run a transaction and return its result after the commit; ``urgent``: a person waits for it.

        Not ``atomic``: each of its statements may stand alone, and each but a Recorded one may run twice.
        """

    @abstractmethod
    async def read(self, statement: str, parameters: Mapping[str, Any]) -> list[Row]:
        """Run a query that sees everything that was committed before."""

    async def execute(self, statement: str, parameters: Mapping[str, Any]) -> list[Row]:
        """Run one statement that writes, in a transaction of its own."""
        return await self.write(partial(_single, statement, parameters))

    async def now(self) -> int:
        """Read the database's clock, in ms since 1970."""
        (row,) = await self.read(statements.NOW, {})
        return int(row["now"])

    @abstractmethod
    async def close(self) -> None:
        """Finish what was asked for, then let go of the database."""


def _single(statement: str, parameters: Mapping[str, Any]) -> Steps[list[Row]]:
    return (yield statement, parameters)


class Repository:
    """Some of a database's tables, in the terms of the use cases; several may share one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
