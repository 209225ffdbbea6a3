"""The audit: its lines are added and read, and what is old is let go of."""

import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from bot.domain.audit import Event
from bot.store import statements, statements_audit
from bot.store.repository import Repository
from bot.store.statements import EVENT_COLUMNS
from bot.store.steps import Row, Steps, record

_CHUNK = 500


class Audit(Repository):
    """Append-only, but for what the operator does not want to keep any longer."""

    async def record(self, event: Event) -> None:
        await self.database.write(partial(record, event))

    async def events(self, *, reference: str | None = None) -> AsyncIterator[Mapping[str, Any]]:
        statement = statements.EVENTS if reference is None else statements.EVENTS_ABOUT
        about = {} if reference is None else {"reference": reference}
        after = 0
        while rows := await self.database.read(statement, {**about, "after": after, "limit": _CHUNK}):
            for row in rows:
                yield _line(row)
            after = rows[-1]["seq"]

    async def forget(self, *, older_than_ms: int, period_ms: int) -> int:
        rows = await self.database.write(partial(_let_go, older_than_ms, period_ms))
        if not rows:
            return 0
        # Chunk by chunk, so that nobody's acknowledgement waits for it.
        before, forgotten, after = int(rows[0]["keep_from"]), 0, ""
        while gone := await self.database.write(partial(_purge_events, before)):
            forgotten += gone
        while chunk := await self.database.write(partial(_purge_jobs, before, after)):
            after, gone = chunk
            forgotten += gone
        left = await self.database.write(partial(_purge_left, before))
        return forgotten + len(left)


def _let_go(older_than_ms: int, period_ms: int) -> Steps[list[Row]]:
    return (yield statements_audit.LET_GO, {"keep": older_than_ms, "period": period_ms})


def _purge_events(before: int) -> Steps[int]:
    gone = yield statements_audit.PURGE_EVENTS, {"before": before, "limit": _CHUNK}
    return len(gone)


def _purge_jobs(before: int, after: str) -> Steps[tuple[str, int] | None]:
    """Go through the next chunk; its last reference and how many went, or None after the last one."""
    (row,) = yield statements_audit.CHUNK_END, {"after": after, "limit": _CHUNK}
    if row["last"] is None:
        return None
    gone = yield statements_audit.PURGE_JOBS, {"after": after, "last": row["last"], "before": before}
    return row["last"], len(gone)


def _purge_left(before: int) -> Steps[list[Row]]:
    """Delete what remains of the channels of workspaces that were left before."""
    return (yield statements_audit.PURGE_LEFT, {"before": before})


def _line(row: Row) -> Mapping[str, Any]:
    at = datetime.fromtimestamp(row["at"] / 1000, UTC).isoformat(timespec="milliseconds")
    told = {name: row[name] for name in EVENT_COLUMNS}
    told |= {"force": bool(row["force"]), "detail": json.loads(row["detail"])}
    return {"seq": row["seq"], "at": at.replace("+00:00", "Z"), **told}
