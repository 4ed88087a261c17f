"""Many rows at once, for the few places that write thousands a second or hundreds in one short transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.sql.dml import Insert


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
        self._columns = _list_converters(insert.table, tuple(compiled.positiontup), dialect)

    def say(self, rows: Sequence[dict[str, Any]]) -> tuple[str, tuple[Any, ...]]:
        """The statement and its values in order, as the driver takes them; `rows` by column, at least one."""
        statement = f"{self._head} VALUES {', '.join([self._marks] * len(rows))}{self._tail}"
        return statement, tuple(value for row in rows for value in self.list_values(row))

    def list_values(self, row: dict[str, Any]) -> list[Any]:
        """The values of one row in order, as the driver takes them."""
        return _convert(row, self._columns)


def insert_rows(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Add `rows`, all of the same columns, in the transaction that is open: on PostgreSQL by COPY.

    Past SQLAlchemy's executemany, which takes longer over each row's parameters than SQLite over the row.
    """
    if not rows:
        return
    statement, columns = _plan(table, frozenset(rows[0]), connection.dialect)
    values = [_convert(row, columns) for row in rows]
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(statement, [tuple(row) for row in values])
        return
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in values:
            copy.write_row(row)


@lru_cache(maxsize=16)
def _plan(table: Any, names: frozenset[str], dialect: Dialect) -> tuple[str, list[tuple[str, Callable[[Any], Any]]]]:
    """What is said, and its columns in the order in which it takes them."""
    ordered = tuple(column.name for column in table.c if column.name in names)
    columns = _list_converters(table, ordered, dialect)
    if dialect.name == "sqlite":
        return str(table.insert().compile(dialect=dialect, column_keys=ordered)), columns
    return f"COPY {table.name} ({', '.join(ordered)}) FROM STDIN", columns


def _list_converters(table: Any, names: tuple[str, ...], dialect: Dialect) -> list[tuple[str, Callable[[Any], Any]]]:
    return [(name, table.c[name].type.dialect_impl(dialect).bind_processor(dialect) or _keep) for name in names]


def _convert(row: dict[str, Any], columns: list[tuple[str, Callable[[Any], Any]]]) -> list[Any]:
    return [row[name] if convert is _keep else convert(row[name]) for name, convert in columns]


def _keep(value: Any) -> Any:
    return value
