"""Moves an embedded installation over to PostgreSQL: every row, compared one by one, and once.

It may be interrupted and run again: what is there already is compared instead of copied. Until it has ended no bot
starts on the new database, and afterwards none on the old file, which then has another name.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import psycopg
from psycopg import Connection, sql
from psycopg.rows import DictRow, dict_row

from bot.domain.errors import HaltbotError
from bot.store.postgres import MOVED, MOVING
from bot.store.postgres_trouble import describe

Say: TypeAlias = Callable[[str], None]
Row: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[Any, ...]

CHUNK = 1000
_NOT_MOVED = ("_sqlite_migrations", "sqlite_sequence", "retention")
"""What is each database's own, or has no rows to compare."""


class CannotMove(HaltbotError):
    """Nothing was lost, and the old file is as it was; the message says what is in the way."""


def move(source: Path, url: str, say: Say, *, chunk: int = CHUNK) -> int:
    """Copy and compare every row, ``chunk`` at a time; returns how many there are. Raises CannotMove.

    Both databases have their schema, and the caller holds the lock of the file, so that no bot writes to it.
    """
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as old,
            # A pooler in transaction mode knows no prepared statement.
            psycopg.connect(url, autocommit=True, prepare_threshold=None, row_factory=dict_row) as new,
        ):
            old.row_factory = sqlite3.Row
            # The database itself says which tables there are, so that none is forgotten.
            names = old.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
            ).fetchall()
            tables = [_Table(old, new, name, chunk) for (name,) in names if name not in _NOT_MOVED]
            marks = {row["name"] for row in new.execute("SELECT name FROM migration")}
            if MOVED not in marks:
                if MOVING not in marks:
                    _begin(new, tables)
                for table in tables:
                    table.move(say)
                _finish(old, new)
            # A former run may have ended right before the old file was set aside: then all is there, and the same.
            elif not all(table.is_whole() for table in tables):
                raise CannotMove(
                    "This PostgreSQL database has taken over an installation already. If it was this one, give the old"
                    " file another name, so that no bot starts on it"
                )
            return sum(table.total for table in tables)
    except (psycopg.Error, sqlite3.Error) as error:
        cause = describe(error) if isinstance(error, psycopg.Error) else str(error)
        raise CannotMove(f"The move was interrupted: {cause}. Run the same command again to go on") from error


def set_aside(source: Path) -> Path:
    """Give the old file another name, so that no bot starts on it by mistake; the caller holds its lock."""
    with closing(sqlite3.connect(source)) as old:
        # The whole of it is then in the one file that is renamed.
        old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return source.rename(source.with_name(source.name + ".moved"))


def _begin(new: Connection[DictRow], tables: list["_Table"]) -> None:
    with new.transaction():
        for table in tables:
            if table.count_moved():
                raise CannotMove(
                    f"This PostgreSQL database is in use: its table {table.name} is not empty. Name an empty one"
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


class _Table:
    """One table, on its way from the old database to the new one."""

    def __init__(self, old: sqlite3.Connection, new: Connection[DictRow], name: str, chunk: int) -> None:
        self._old = old
        self._new = new
        self._chunk = chunk
        columns = old.execute("SELECT name, pk FROM pragma_table_info(?)", (name,)).fetchall()
        self._columns = [column for column, _ in columns]
        self._key = [column for column, position in sorted(columns, key=lambda each: each["pk"]) if position]
        # Rows may have changed since an earlier, interrupted run; lines of the audit never do.
        self._may_change = name != "event"

        self.name = name
        self.total: int = old.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608 (our own name)

    def move(self, say: Say) -> None:
        """Bring all of it over and compare it. Raises CannotMove."""
        done = 0
        for rows in self._chunks():
            self._write(rows)
            done += len(rows)
            say(f"{self.name}: {done} of {self.total}")
        if not self.is_whole():
            raise CannotMove(
                f"The table {self.name} is not the same on both sides. Name an empty database and try again"
            )
        say(f"{self.name}: {self.total} of {self.total}, each compared")

    def count_moved(self) -> int:
        """Count the rows on the new side."""
        query = sql.SQL("SELECT count(*) AS rows FROM {}").format(sql.Identifier(self.name))
        return sum(found["rows"] for found in self._new.execute(query))

    def is_whole(self) -> bool:
        """Read all of it once more, from both sides: tell whether they are the same."""
        return self.count_moved() == self.total and all(
            moved.get(self._key_of(row)) == row
            for rows in self._chunks()
            for moved in (self._moved(rows),)
            for row in rows
        )

    def _write(self, rows: list[Row]) -> None:
        """Bring a chunk over, in one transaction; what is there already and the same is left alone."""
        moved = self._moved(rows)
        wanted = [row for row in rows if moved.get(self._key_of(row)) != row]
        if not self._may_change and any(self._key_of(row) in moved for row in wanted):
            raise CannotMove(
                f"The new database says something else about a row of {self.name}. Name an empty database"
            )
        if wanted:
            with self._new.transaction(), self._new.cursor() as cursor:
                cursor.executemany(self._upsert(), wanted)

    def _chunks(self) -> Iterator[list[Row]]:
        order = ", ".join(self._key)
        cursor = self._old.execute(f"SELECT * FROM {self.name} ORDER BY {order}")  # noqa: S608 (our own names)
        while rows := cursor.fetchmany(self._chunk):
            yield [dict(row) for row in rows]

    def _moved(self, rows: list[Row]) -> dict[Key, Row]:
        """Read the rows with these keys from the new database."""
        values = sql.SQL(", ").join(
            sql.SQL("({})").format(sql.SQL(", ").join(map(sql.Literal, self._key_of(row)))) for row in rows
        )
        query = sql.SQL("SELECT * FROM {table} WHERE ({key}) IN (VALUES {values})").format(
            table=sql.Identifier(self.name), key=_names(self._key), values=values
        )
        return {self._key_of(row): row for row in self._new.execute(query)}

    def _key_of(self, row: Row) -> Key:
        return tuple(row[name] for name in self._key)

    def _upsert(self) -> sql.Composed:
        insert = sql.SQL("INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE VALUES ({values})").format(
            table=sql.Identifier(self.name),
            names=_names(self._columns),
            values=sql.SQL(", ").join(map(sql.Placeholder, self._columns)),
        )
        if not self._may_change:
            return insert
        others = [sql.Identifier(name) for name in self._columns if name not in self._key]
        return insert + sql.SQL(" ON CONFLICT ({key}) DO UPDATE SET {changes}").format(
            key=_names(self._key),
            changes=sql.SQL(", ").join(
                sql.SQL("{name} = excluded.{name}").format(name=name) for name in others
            ),
        )


def _names(columns: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))
