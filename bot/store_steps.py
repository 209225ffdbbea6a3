"""How a transaction is written down, whichever SQL database runs it, and the line of the audit that most end with."""

import json
from collections.abc import Generator, Mapping
from typing import Any, TypeAlias, TypeVar

from bot import statements
from bot.domain import Event

T = TypeVar("T")
Row: TypeAlias = Mapping[str, Any]
Steps: TypeAlias = Generator[tuple[str, Mapping[str, Any]], list[Row], T]
"""A transaction: it yields a statement with its parameters and is sent the rows that it returned.

It raises Refused before it has written anything, so that nothing has to be undone for it.
"""


def record(line: Event) -> Steps[None]:
    """Add a line to the audit."""
    detail = json.dumps(dict(line.detail), ensure_ascii=False, separators=(",", ":"))
    yield (
        statements.RECORD,
        {
            "event": line.event,
            "reference": line.reference,
            "team": line.team,
            "channel": line.channel,
            "user": line.user,
            "workflow_id": line.workflow_id,
            "force": int(line.force),
            "reason": line.reason,
            "outcome": line.outcome,
            "detail": detail,
        },
    )
