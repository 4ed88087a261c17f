"""Queries that every page asks: compiled once from what SQLAlchemy says, run by the driver's own cursor.

SQLAlchemy takes ten times as long to run a small SELECT as the database, for a cache key, a context and an object for
the result that nobody here needs. The query itself stays written once, in SQLAlchemy; what differs from one call to the
next stands in it as `given`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Dialect,
    Select,
    String,
    Text,
    bindparam,
    column,
    func,
    select,
    types,
)
from sqlalchemy.ext.compiler import compiles

from clinic.db import db, run_by_driver

_MARK = "given_"  # begins the names of what is given with each call


def given(name: str, kind: Any = String) -> BindParameter[Any]:
    """The value that a call names `name`, of a column type; the same name may stand in a query several times."""
    return bindparam(_MARK + name, None, type_=kind)


class _Keys(types.TypeDecorator[Sequence[str]]):
    """Any number of keys as one value, so that a query stays the same text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        """JSON on SQLite; an array's own words on PostgreSQL, which the driver would write ten times as slowly."""
        keys = list(value or ())
        return json.dumps(keys) if dialect.name == "sqlite" else "{" + ",".join(map(_quote, keys)) + "}"


def _quote(key: str) -> str:
    plain = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'


class among(ColumnElement[bool]):
    """Whether a column of texts holds one of the keys that a call names `name`."""

    inherit_cache = False
    type = types.Boolean()

    def __init__(self, one: Any, name: str) -> None:
        self.one = one
        self.keys: BindParameter[Any] = given(name, _Keys())

    def self_group(self, against: Any = None) -> Any:
        """A condition by itself: SQLAlchemy would compare it to 1 where a database has no truth values."""
        return self


@compiles(among, "sqlite")
def _say_sqlite(element: among, compiler: Any, **options: Any) -> str:
    keys: Any = select(column("value")).select_from(func.json_each(element.keys))
    return str(compiler.process(element.one.in_(keys), **options))


@compiles(among, "postgresql")
def _say_postgresql(element: among, compiler: Any, **options: Any) -> str:
    return f"{compiler.process(element.one, **options)} = ANY ({compiler.process(element.keys, **options)}::VARCHAR[])"


class _Said:
    """A query in the words of one database."""

    def __init__(self, query: Select[*tuple[Any, ...]], dialect: Dialect) -> None:
        compiled: Any = query.compile(dialect=dialect)
        state = compiled.construct_expanded_state(compiled.construct_params())
        self.text: str = state.statement
        processors = {**compiled._bind_processors, **state.processors}
        fixed = {name: _apply(processors.get(name), value) for name, value in state.parameters.items()}
        self._is_named = state.positiontup is None
        names = list(fixed) if self._is_named else state.positiontup
        self._pattern: Any = fixed if self._is_named else [fixed[name] for name in names]
        self._given = [(name if self._is_named else place, name.removeprefix(_MARK), processors.get(name))
                       for place, name in enumerate(names) if name.startswith(_MARK)]
        columns = [(entry.keyname, entry.type.dialect_impl(dialect).result_processor(dialect, None))
                   for entry in compiled._result_columns]
        self.row_class = _build_row_class(columns)

    def fill(self, values: dict[str, Any]) -> Any:
        """The values as the driver takes them."""
        filled = self._pattern.copy()
        for place, name, process in self._given:
            filled[place] = process(values[name]) if process else values[name]
        return filled if self._is_named else tuple(filled)


class ReadyQuery:
    """A query that is built and compiled once; it takes part in the unit of work that is open, as any other."""

    def __init__(self, query: Select[*tuple[Any, ...]]) -> None:
        self._query = query
        self._said: dict[str, _Said] = {}

    def list_rows(self, **values: Any) -> list[Any]:
        """The rows, with the columns as attributes.

        As a tuple a row holds what the driver gave: quick to compare, and a column is made a Python value when it is
        asked for.
        """
        said, rows = self._run(values)
        return list(map(said.row_class, rows))

    def find_value(self, **values: Any) -> Any:
        """The first column of the first row, as the driver gave it; None without a row."""
        _said, rows = self._run(values)
        return rows[0][0] if rows else None

    def list_values(self, **values: Any) -> list[Any]:
        """The first column of every row, as the driver gave it."""
        _said, rows = self._run(values)
        return [row[0] for row in rows]

    def _run(self, values: dict[str, Any]) -> tuple[_Said, list[tuple[Any, ...]]]:
        session = db.session()
        session._autoflush()
        connection = session.connection()
        dialect = connection.dialect
        said = self._said.get(dialect.name)
        if said is None:
            said = self._said[dialect.name] = _Said(self._query, dialect)
        return said, run_by_driver(connection, said.text, said.fill(values))


def _apply(process: Callable[[Any], Any] | None, value: Any) -> Any:
    return process(value) if process else value


def _build_row_class(columns: Sequence[tuple[str, Callable[[Any], Any] | None]]) -> type[tuple[Any, ...]]:
    parts: dict[str, Any] = {"__slots__": ()}
    for place, (name, process) in enumerate(columns):
        parts[name] = property(itemgetter(place) if process is None else _Converted(place, process))
    return type("ReadyRow", (tuple,), parts)


class _Converted:
    """Reads a column of a row as a Python value."""

    def __init__(self, place: int, process: Callable[[Any], Any]) -> None:
        self._place, self._process = place, process

    def __call__(self, row: tuple[Any, ...]) -> Any:
        return self._process(row[self._place])
