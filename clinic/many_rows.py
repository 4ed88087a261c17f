"""One INSERT for any number of rows, for the few places that write thousands a second."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Dialect
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
        columns = insert.table.c
        self._columns: list[tuple[str, Callable[[Any], Any]]] = [
            (name, columns[name].type.dialect_impl(dialect).bind_processor(dialect) or _keep)
            for name in compiled.positiontup]

    def say(self, rows: Sequence[dict[str, Any]]) -> tuple[str, tuple[Any, ...]]:
        """The statement and its values in order, as the driver takes them; `rows` by column, at least one."""
        statement = f"{self._head} VALUES {', '.join([self._marks] * len(rows))}{self._tail}"
        return statement, tuple(convert(row[name]) for row in rows for name, convert in self._columns)


def _keep(value: Any) -> Any:
    return value
