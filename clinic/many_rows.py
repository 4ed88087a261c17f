"""Many rows at once, for the few places that write thousands a second or hundreds in one short transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Dialect, Table, bindparam
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.sql.dml import Insert

from clinic.db import db, run_by_driver, say_fault
from clinic.models.column import Code, Instant

REMEMBERED = 64  # values of a column, as the driver takes them
FEW = 10  # rows that one statement takes together; more go one by one on SQLite, by COPY on PostgreSQL


class ManyRows:
    """An INSERT of named values, compiled once for a database, that is said with as many rows as there are."""

    def __init__(self, insert: Insert, database: str) -> None:
        """`database` is a dialect's name: sqlite, postgresql."""
        dialect: Dialect = sqlite.dialect(paramstyle="qmark") if database == "sqlite" \
            else psycopg.dialect(paramstyle="format")
        compiled: Any = insert.compile(dialect=dialect)
        self._head, _values, rest = str(compiled).partition(" VALUES ")
        marks, comma, tail = rest.partition(" ON CONFLICT")
        self._marks, self._tail = marks, comma + tail
        self.one = f"{self._head} VALUES {self._marks}{self._tail}"  # the statement for a single row
        self.names: tuple[str, ...] = tuple(compiled.positiontup)  # of the columns, in their order
        columns = insert.table.c
        found = ((place, _find_converter(columns[name].type, dialect)) for place, name in enumerate(self.names))
        self._converters = [(place, convert) for place, convert in found if convert is not None]
        # What a table fills in by itself, in SQLAlchemy's own part of it: a key, a state.
        self._defaults: list[tuple[str, Any]] = [(column.key, column.default) for column in compiled.insert_prefetch]
        self.table = insert.table.fullname
        self.copy = f"COPY {self.table} ({', '.join(self.names)}) FROM STDIN"  # on PostgreSQL

    def say(self, rows: Sequence[dict[str, Any]]) -> tuple[str, tuple[Any, ...]]:
        """The statement and its values in order, as the driver takes them; `rows` by column, at least one."""
        return self.say_values([self.list_values(row) for row in rows])

    def say_values(self, rows: Sequence[Sequence[Any]]) -> tuple[str, tuple[Any, ...]]:
        """The same of rows that are values already."""
        statement = f"{self._head} VALUES {', '.join([self._marks] * len(rows))}{self._tail}"
        return statement, tuple(chain.from_iterable(rows))

    def list_values(self, row: dict[str, Any]) -> list[Any]:
        """The values of one row in order, as the driver takes them."""
        if self._defaults:
            row = {name: default.arg(None) if default.is_callable else default.arg
                   for name, default in self._defaults} | row
        values = [*map(row.__getitem__, self.names)]
        for place, convert in self._converters:
            values[place] = convert(values[place])
        return values


@dataclass(frozen=True)
class ReadyRows:
    """Rows of one table as the driver takes them, made before the transaction that adds them."""

    insert: ManyRows
    values: Sequence[Sequence[Any]]


def make_ready(model: type, rows: Sequence[dict[str, Any]]) -> ReadyRows:
    """`rows` of a mapped class by column, at least one and all of the same columns, in the words of our database."""
    many = compile_insert(model, frozenset(rows[0]))
    return ReadyRows(many, [many.list_values(row) for row in rows])


def add_rows(connection: Connection, rows: ReadyRows) -> None:
    """Add `rows` in the transaction that is open, past the session: no listener of it hears of them.

    Many of them past SQLAlchemy's executemany too, which takes longer over each row's parameters than SQLite over the
    row. Faults are SQLAlchemy's, without values.
    """
    many, values = rows.insert, rows.values
    if len(values) <= FEW:
        if values:
            run_by_driver(connection, *many.say_values(values))
    elif connection.dialect.name == "sqlite":
        connection.exec_driver_sql(many.one, [tuple(row) for row in values])
    else:
        _copy(connection, many, values)


def _copy(connection: Connection, many: ManyRows, values: Sequence[Sequence[Any]]) -> None:
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor:
        try:
            with cursor.copy(many.copy) as copy:
                for row in values:
                    copy.write_row(row)
        except connection.dialect.loaded_dbapi.Error as error:
            raise say_fault(connection, cursor, many.copy, error) from error


def compile_insert(model: type, names: frozenset[str]) -> ManyRows:
    """The statement that adds rows of a mapped class with these columns, in the words of our database."""
    return _compile(model, names, db.engine.dialect.name)


@lru_cache(maxsize=16)
def _compile(model: Any, names: frozenset[str], database: str) -> ManyRows:
    table: Table = model.__table__
    # Inline: nobody asks for the key that PostgreSQL counts by itself.
    return ManyRows(table.insert().inline().values({name: bindparam(name) for name in names}), database)


def _find_converter(kind: Any, dialect: Dialect) -> Callable[[Any], Any] | None:
    """What makes the driver's value of ours; words and moments, of which many rows have the same, are remembered."""
    convert: Callable[[Any], Any] | None = kind.dialect_impl(dialect).bind_processor(dialect)
    return lru_cache(maxsize=REMEMBERED)(convert) if convert and isinstance(kind, Code | Instant) else convert
