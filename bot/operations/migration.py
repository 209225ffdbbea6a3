"""Moves an embedded installation over to PostgreSQL: every row, compared one by one, and once.

It may be interrupted and run again: what is there already is compared instead of copied. Until it has ended no bot
starts on the new database, and afterwards none on the old file, which then has another name.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import psycopg
from psycopg import Connection, sql
from psycopg.rows import DictRow, dict_row

from bot.domain.errors import HaltbotError
from bot.store.postgres import MOVED, MOVING
from bot.store.postgres_trouble import told

Say: TypeAlias = Callable[[str], None]

CHUNK = 1000


class CannotMove(HaltbotError):
    """Nothing was lost, and the old file is as it was; the message says what is in the way."""


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]

    @property
    def changes(self) -> bool:
        """Whether rows may have changed since an earlier, interrupted run; lines of the audit never do."""
        return self.name != "event"


_NOT_MOVED = ("_sqlite_migrations", "sqlite_sequence", "retention")
"""What is each database's own, or has no rows to compare."""


def move(source: Path, url: str, say: Say, *, chunk: int = CHUNK) -> int:
    """Copy and compare every row; the number of rows. Raises CannotMove.

    Both databases have their schema, and the caller holds the lock of the file, so that no bot writes to it.
    """
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as old,
            # A pooler in transaction mode knows no prepared statement.
            psycopg.connect(url, autocommit=True, prepare_threshold=None, row_factory=dict_row) as new,
        ):
            old.row_factory = sqlite3.Row
            copies = [_Copy(old, new, table, say, chunk) for table in _tables(old)]
            marks = {row["name"] for row in new.execute("SELECT name FROM migration")}
            if MOVED in marks:
                return _moved_before(copies)
            if MOVING not in marks:
                _begin(new, copies)
            moved = sum(copy.run() for copy in copies)
            _finish(old, new)
            return moved
    except psycopg.Error as error:
        raise _interrupted(told(error)) from error
    except sqlite3.Error as error:
        raise _interrupted(str(error)) from error


def _interrupted(by: str) -> CannotMove:
    return CannotMove(f"The move was interrupted: {by}. Run the same command again to go on")


def _tables(old: sqlite3.Connection) -> list[_Table]:
    """Read from the database itself which tables there are, so that none is forgotten."""
    found = old.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
    tables = []
    for (name,) in found:
        if name not in _NOT_MOVED:
            columns = old.execute("SELECT name, pk FROM pragma_table_info(?)", (name,)).fetchall()
            key = sorted((pk, column) for column, pk in columns if pk)
            tables.append(_Table(name, tuple(column for column, _ in columns), tuple(c for _, c in key)))
    return tables


def _moved_before(copies: Sequence["_Copy"]) -> int:
    """A former run may have ended right before the old file was set aside: then all is there, and still the same."""
    if not all(copy.is_whole() for copy in copies):
        raise CannotMove(
            "This PostgreSQL database has taken over an installation already. If it was this one, give the old file"
            " another name, so that no bot starts on it"
        )
    return sum(copy.total for copy in copies)


def _begin(new: Connection[DictRow], copies: Sequence["_Copy"]) -> None:
    with new.transaction():
        for copy in copies:
            if copy.has_begun():
                raise CannotMove(
                    f"This PostgreSQL database is in use: its table {copy.name} is not empty. Name an empty one"
                )
        new.execute("INSERT INTO migration (name, applied_at) VALUES (%s, 0)", (MOVING,))


def _finish(old: sqlite3.Connection, new: Connection[DictRow]) -> None:
    """Go on counting where the old audit ended, and let bots in."""
    (keep_from,) = old.execute("SELECT keep_from FROM retention").fetchone()
    with new.transaction():
        new.execute("UPDATE retention SET keep_from = %s", (keep_from,))
        new.execute(
            "SELECT setval(pg_get_serial_sequence('event', 'seq'), max(seq)) FROM event HAVING max(seq) IS NOT NULL"
        )
        new.execute("UPDATE migration SET name = %s WHERE name = %s", (MOVED, MOVING))


def set_aside(source: Path) -> Path:
    """Give the old file another name, so that no bot starts on it by mistake; the caller holds its lock."""
    with closing(sqlite3.connect(source)) as old:
        # The whole of it is then in the one file that is renamed.
        old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    aside = source.with_name(source.name + ".moved")
    source.rename(aside)
    return aside


class _Copy:
    """One table, on its way from the old database to the new one."""

    def __init__(
        self, old: sqlite3.Connection, new: Connection[DictRow], table: _Table, say: Say, chunk: int
    ) -> None:
        self._old = old
        self._new = new
        self._table = table
        self._say = say
        self._chunk = chunk

        self.name = table.name
        self.total: int = old.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0]  # noqa: S608 (our own name)

    def run(self) -> int:
        """Bring all of it over and compare it; the number of rows. Raises CannotMove."""
        done = 0
        for rows in self._chunks():
            self._write(rows)
            done += len(rows)
            self._say(f"{self.name}: {done} of {self.total}")
        if not self.is_whole():
            raise CannotMove(
                f"The table {self.name} is not the same on both sides. Name an empty database and try again"
            )
        self._say(f"{self.name}: {self.total} of {self.total}, each compared")
        return self.total

    def has_begun(self) -> bool:
        """Tell whether there is anything on the new side."""
        query = sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(self.name))
        return self._new.execute(query).fetchone() is not None

    def is_whole(self) -> bool:
        """Read all of it once more, from both sides: tell whether they are the same."""
        query = sql.SQL("SELECT count(*) AS rows FROM {}").format(sql.Identifier(self.name))
        found = self._new.execute(query).fetchone()
        if found is None or found["rows"] != self.total:
            return False
        for rows in self._chunks():
            there = self._there(rows)
            if any(there.get(self._key(row)) != row for row in rows):
                return False
        return True

    def _write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Bring a chunk over, in one transaction; what is there already and the same is left alone."""
        there = self._there(rows)
        wanted = [row for row in rows if there.get(self._key(row)) != row]
        if not self._table.changes and any(self._key(row) in there for row in wanted):
            raise CannotMove(
                f"The new database says something else about a row of {self.name}. Name an empty database"
            )
        if wanted:
            with self._new.transaction(), self._new.cursor() as cursor:
                cursor.executemany(self._upsert(), wanted)

    def _chunks(self) -> Iterator[list[dict[str, Any]]]:
        key = ", ".join(self._table.key)
        cursor = self._old.execute(f"SELECT * FROM {self.name} ORDER BY {key}")  # noqa: S608 (our own names)
        while rows := cursor.fetchmany(self._chunk):
            yield [dict(row) for row in rows]

    def _there(self, rows: Sequence[Mapping[str, Any]]) -> dict[tuple[Any, ...], dict[str, Any]]:
        """Read the rows with these keys from the new database."""
        key = sql.SQL(", ").join(map(sql.Identifier, self._table.key))
        values = sql.SQL(", ").join(
            sql.SQL("({})").format(sql.SQL(", ").join(map(sql.Literal, self._key(row)))) for row in rows
        )
        query = sql.SQL("SELECT * FROM {table} WHERE ({key}) IN (VALUES {values})").format(
            table=sql.Identifier(self.name), key=key, values=values
        )
        return {self._key(row): row for row in self._new.execute(query)}

    def _key(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(row[name] for name in self._table.key)

    def _upsert(self) -> sql.Composed:
        others = [sql.Identifier(name) for name in self._table.columns if name not in self._table.key]
        insert = sql.SQL("INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE VALUES ({values})").format(
            table=sql.Identifier(self.name),
            names=sql.SQL(", ").join(map(sql.Identifier, self._table.columns)),
            values=sql.SQL(", ").join(map(sql.Placeholder, self._table.columns)),
        )
        if not self._table.changes:
            return insert
        return insert + sql.SQL(" ON CONFLICT ({key}) DO UPDATE SET {changes}").format(
            key=sql.SQL(", ").join(map(sql.Identifier, self._table.key)),
            changes=sql.SQL(", ").join(
                sql.SQL("{name} = excluded.{name}").format(name=name) for name in others
            ),
        )
