"""How a transaction is written down, whichever SQL database runs it, and the lines of the audit that belong to it."""

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from bot.domain.audit import Event
from bot.store import statements_audit as statements

T = TypeVar("T")
Row: TypeAlias = Mapping[str, Any]
Plain: TypeAlias = tuple[str, Mapping[str, Any]]
"""A statement with its parameters."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A statement with its lines of the audit: they are written together, if the statement returns a row."""

    statement: str
    parameters: Mapping[str, Any]
    lines: Sequence[Event]


Steps: TypeAlias = Generator[Plain | Recorded, list[Row], T]
"""A transaction, or what may commit statement by statement: it yields each and is sent the rows that it returned.

It raises Refused before it has written anything, so that nothing has to be undone for it.
"""


def record(line: Event) -> Steps[None]:
    """Add a line to the audit."""
    yield statements.RECORD, columns(line)


def columns(line: Event) -> dict[str, Any]:
    """Write a line of the audit as the table takes it."""
    values = {name: getattr(line, name) for name in statements.COLUMNS}
    detail = json.dumps(dict(line.detail), ensure_ascii=False, separators=(",", ":"))
    return values | {"force": int(line.force), "detail": detail}
