"""The audit: its lines are added and read, and what is old is let go of."""

import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from bot.domain.audit import Event
from bot.domain.practice import PREFIX
from bot.store import statements_audit as statements
from bot.store.database import Repository
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

    async def admitted_since(self, team: str, channel: str, since: int) -> int:
        asked = {"team": team, "channel": channel, "since": since}
        (row,) = await self.database.read(statements.ADMITTED, asked)
        return int(row["admitted"])

    async def worked_at(self, team: str, channel: str, *, since: int) -> int | None:
        asked = {"team": team, "channel": channel, "since": since, "practice": f"{PREFIX}%"}
        (row,) = await self.database.read(statements.WORKED_AT, asked)
        return None if row["at"] is None else int(row["at"])

    async def forget(self, *, older_than_ms: int, period_ms: int) -> int:
        let_go = {"keep": older_than_ms, "period": period_ms}
        rows = await self.database.execute(statements.LET_GO, let_go)
        if not rows:
            return 0
        # Chunk by chunk, so that nobody's acknowledgement waits for it.
        before, forgotten, after = int(rows[0]["keep_from"]), 0, ""
        chunk = {"before": before, "limit": _CHUNK}
        while lines := await self.database.execute(statements.PURGE_EVENTS, chunk):
            forgotten += len(lines)
        while purged := await self.database.write(partial(_purge_jobs, before, after)):
            after, gone = purged
            forgotten += gone
        return forgotten + len(await self.database.execute(statements.PURGE_LEFT, {"before": before}))


def _purge_jobs(before: int, after: str) -> Steps[tuple[str, int] | None]:
    """Go through the next chunk; its last reference and how many went, or None after the last one."""
    (row,) = yield statements.CHUNK_END, {"after": after, "limit": _CHUNK}
    if row["last"] is None:
        return None
    gone = yield statements.PURGE_JOBS, {"after": after, "last": row["last"], "before": before}
    return row["last"], len(gone)


def _line(row: Row) -> Mapping[str, Any]:
    at = datetime.fromtimestamp(row["at"] / 1000, UTC).isoformat(timespec="milliseconds")
    told = {name: row[name] for name in statements.COLUMNS}
    told |= {"force": bool(row["force"]), "detail": json.loads(row["detail"])}
    return {"seq": row["seq"], "at": at.replace("+00:00", "Z"), **told}
