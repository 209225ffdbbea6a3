"""The little that databases do differently, and how a statement is written for each.

Times are integer milliseconds since 1970 by the database's clock, rounded down; whoever adds a duration to
``{now}`` therefore adds one millisecond more, so that nothing is ever taken up early.
"""

import re
from dataclasses import dataclass, replace
from functools import cache


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialect:
    """What a database does in its own way."""

    now: str
    """The clock, the same for the whole statement, so that it may be compared with an index."""
    max: str
    """The function for the larger of two values."""
    lock: str
    """Makes a read keep others from changing the row until the transaction ends."""
    skip: str
    """The same, and passes over rows that another one holds."""
    serial: str
    """The type of a number that grows with each row."""
    fill: str
    """Leaves room in each page, so that a changed row stays in it."""
    merged: str
    """The payload of a termination with the members of ``:doubt`` in it."""
    parameter: str
    """How ``:name`` is written, as a pattern for ``re.sub``."""


SQLITE = Dialect(
    now="CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)",
    max="max",
    lock="",
    skip="",
    serial="INTEGER PRIMARY KEY AUTOINCREMENT",
    fill="",
    merged="json_patch(payload, :doubt)",
    parameter=r":\1",
)

CLOCK = "turned_clock"
CLOCKED = replace(SQLITE, now=f"{CLOCK}()")
"""SQLite by somebody else's clock, which the connection knows as a function."""

POSTGRES = Dialect(
    now="CAST(floor(extract(epoch FROM statement_timestamp()) * 1000) AS BIGINT)",
    max="greatest",
    lock="FOR UPDATE",
    skip="FOR UPDATE SKIP LOCKED",
    serial="BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    fill="WITH (fillfactor = 70)",
    merged="CAST(CAST(payload AS jsonb) || CAST(:doubt AS jsonb) AS text)",
    parameter=r"%(\1)s",
)


@cache
def render(statement: str, dialect: Dialect) -> str:
    """Write a statement as the database takes it."""
    filled = statement.format(
        now=dialect.now,
        max=dialect.max,
        lock=dialect.lock,
        skip=dialect.skip,
        serial=dialect.serial,
        fill=dialect.fill,
        merged=dialect.merged,
    )
    return re.sub(r":(\w+)", dialect.parameter, filled)
