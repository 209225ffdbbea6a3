"""What both SQL databases do to let go of what is old, once."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from bot.store import statements_retention as statements
from bot.store.steps import Row, Steps

T = TypeVar("T")

_CHUNK = 500


class SqlRetentionStore(ABC):
    """The part of a store in an SQL database that deletes."""

    @abstractmethod
    async def _write(
        self, steps: Callable[[], Steps[T]], *, urgent: bool = False, atomic: bool = True
    ) -> T: ...

    @abstractmethod
    async def _forget_left(self, before: int) -> int: ...

    async def forget(self, *, older_than_ms: int, period_ms: int) -> int:
        rows = await self._write(partial(_let_go, older_than_ms, period_ms))
        if not rows:
            return 0
        # Chunk by chunk, so that nobody's acknowledgement waits for it.
        before, forgotten, after = int(rows[0]["keep_from"]), 0, ""
        while gone := await self._write(partial(_purge_events, before)):
            forgotten += gone
        while chunk := await self._write(partial(_purge_jobs, before, after)):
            after, gone = chunk
            forgotten += gone
        return forgotten + await self._forget_left(before)


def _let_go(older_than_ms: int, period_ms: int) -> Steps[list[Row]]:
    return (yield statements.LET_GO, {"keep": older_than_ms, "period": period_ms})


def _purge_events(before: int) -> Steps[int]:
    gone = yield statements.PURGE_EVENTS, {"before": before, "limit": _CHUNK}
    return len(gone)


def _purge_jobs(before: int, after: str) -> Steps[tuple[str, int] | None]:
    """Go through the next chunk; its last reference and how many went, or None after the last one."""
    (row,) = yield statements.CHUNK_END, {"after": after, "limit": _CHUNK}
    if row["last"] is None:
        return None
    gone = yield statements.PURGE_JOBS, {"after": after, "last": row["last"], "before": before}
    return row["last"], len(gone)
