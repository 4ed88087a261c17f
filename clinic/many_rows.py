"""Many rows at once, for the few places that write thousands a second or hundreds in one short transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Table, bindparam
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
        self.names: tuple[str, ...] = tuple(compiled.positiontup)  # of the columns, in their order
        columns = insert.table.c
        self._converters: list[tuple[str, Callable[[Any], Any]]] = [
            (name, columns[name].type.dialect_impl(dialect).bind_processor(dialect) or _keep) for name in self.names]

    def say(self, rows: Sequence[dict[str, Any]]) -> tuple[str, tuple[Any, ...]]:
        """The statement and its values in order, as the driver takes them; `rows` by column, at least one."""
        statement = f"{self._head} VALUES {', '.join([self._marks] * len(rows))}{self._tail}"
        return statement, tuple(value for row in rows for value in self.list_values(row))

    def list_values(self, row: dict[str, Any]) -> list[Any]:
        """The values of one row in order, as the driver takes them."""
        return [row[name] if convert is _keep else convert(row[name]) for name, convert in self._converters]


def insert_rows(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Add `rows`, all of the same columns, in the transaction that is open: on PostgreSQL by COPY.

    Past SQLAlchemy's executemany, which takes longer over each row's parameters than SQLite over the row.
    """
    if not rows:
        return
    many = _compile(table, frozenset(rows[0]), connection.dialect.name)
    values = [tuple(many.list_values(row)) for row in rows]
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(many.one, values)
        return
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({', '.join(many.names)}) FROM STDIN") as copy:
        for row in values:
            copy.write_row(row)


@lru_cache(maxsize=16)
def _compile(table: Any, names: frozenset[str], database: str) -> ManyRows:
    return ManyRows(table.insert().values({name: bindparam(name) for name in names}), database)


def _keep(value: Any) -> Any:
    return value
