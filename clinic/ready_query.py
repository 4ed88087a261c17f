"""Queries that every page asks: compiled once from what SQLAlchemy says, run by the driver's own cursor.

SQLAlchemy takes ten times as long to run a small SELECT as the database, for a cache key, a context and an object for
the result that nobody here needs. The query itself stays written once, in SQLAlchemy; what differs from one call to the
next stands in it as `given`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from itertools import chain
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Dialect,
    Select,
    String,
    Text,
    Update,
    bindparam,
    column,
    func,
    select,
    types,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.sql.visitors import replacement_traverse

from clinic.db import DriverLine, current_mode, db
from clinic.memo import Memo

_LONG = 500  # characters of an answer; a shorter one is read as quickly as it is found
_ANSWERS = Memo(300)  # the rows of long answers: a list's are some 100 KB
_OPEN = "ready_connection"  # key of a session's info: a transaction, and its line
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
        keys = list(dict.fromkeys(value or ()))
        if dialect.name == "sqlite":
            return json.dumps(keys)
        together = "".join(keys)
        if "\\" in together or '"' in together:
            keys = [key.replace("\\", "\\\\").replace('"', '\\"') for key in keys]
        return '{"' + '","'.join(keys) + '"}' if keys else "{}"


_KEYS = _Keys()


class among(ColumnElement[bool]):
    """Whether a column of texts holds one of the keys that a call names `name`."""

    inherit_cache = False
    type = types.Boolean()

    def __init__(self, one: Any, name: str) -> None:
        self.one = one
        self.keys: BindParameter[Any] = given(name, _KEYS)

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


class _each(FunctionElement[str]):
    """The keys that a call names `name`, one a row."""

    inherit_cache = False
    type = String()

    def __init__(self, name: str) -> None:
        super().__init__(given(name, _KEYS))


@compiles(_each, "sqlite")
def _say_each_sqlite(element: _each, compiler: Any, **options: Any) -> str:
    return f"json_each({compiler.process(element.clause_expr.element, **options)})"


@compiles(_each, "postgresql")
def _say_each_postgresql(element: _each, compiler: Any, **options: Any) -> str:
    return f"unnest(({compiler.process(element.clause_expr.element, **options)})::VARCHAR[])"


def each(name: str) -> TableValuedAlias:
    """The keys that a call names `name`, to join rows to by `.c.value`; each key once.

    SQLite finds the rows of some tables by that with half the work of `among`, for which it sorts the keys anew.
    """
    return _each(name).table_valued("value", name="value")


class _Said:
    """A query in the words of one database; as JSON it gives one row, with a list of lists as text."""

    def __init__(self, query: Select[*tuple[Any, ...]] | Update, dialect: Dialect, as_json: bool) -> None:
        fixed_query: Any = replacement_traverse(query, {}, _fix)
        compiled: Any = fixed_query.compile(dialect=dialect)
        columns = [(entry.keyname, _find_reader(entry.type, dialect, as_json)) for entry in compiled._result_columns]
        self.row_class = _build_row_class(columns)
        if as_json and dialect.name == "sqlite":
            compiled = _say_as_arrays(fixed_query).compile(dialect=dialect)
        state = compiled.construct_expanded_state(compiled.construct_params())
        processors = {**compiled._bind_processors, **state.processors}
        fixed = {name: _apply(processors.get(name), value) for name, value in state.parameters.items()}
        self._is_named = state.positiontup is None
        names = list(fixed) if self._is_named else state.positiontup
        self._pattern: Any = fixed if self._is_named else [fixed[name] for name in names]
        self._given = [(name if self._is_named else place, name.removeprefix(_MARK), processors.get(name))
                       for place, name in enumerate(names) if name.startswith(_MARK)]
        self.text: str = state.statement
        if as_json:
            listed = ", ".join(f"c{place}" for place in range(len(columns)))
            self.text = _AS_JSON[dialect.name].format(query=self.text, columns=listed)

    def fill(self, values: dict[str, Any], made: dict[Any, Any]) -> Any:
        """The values as the driver takes them; `made` keeps them for other queries that are given the same."""
        filled = self._pattern.copy()
        for place, name, process in self._given:
            if (name, process) not in made:
                made[name, process] = _apply(process, values[name])
            filled[place] = made[name, process]
        return filled if self._is_named else tuple(filled)

    def read_json(self, text: str) -> list[Any]:
        """The rows of one answer as JSON; the same answer again gives the same rows, without being read."""
        if text == "[]":
            return []
        return self._read(text) if len(text) < _LONG else _ANSWERS.get((self, text), lambda: self._read(text)).copy()

    def _read(self, text: str) -> list[Any]:
        return list(map(self.row_class, json.loads(text)))


# A list of lists in the order of what is asked.
_AS_JSON = {
    "sqlite": "SELECT '[' || coalesce(group_concat(one), '') || ']' FROM ({query})",
    "postgresql": "WITH asked({columns}) AS ({query}) "
                  "SELECT coalesce(json_agg(json_build_array({columns}))::text, '[]') FROM asked",
}


def _say_as_arrays(query: Any) -> Any:
    """The same rows, each as one array: SQLite would copy every column of a row once more to make one around it."""
    return query.with_only_columns(func.json_array(*query.selected_columns).label("one"), maintain_column_froms=True)


class ReadyQuery:
    """A query that is built and compiled once; it takes part in the unit of work that is open, as any other."""

    def __init__(self, query: Select[*tuple[Any, ...]] | Update) -> None:
        self._query = query
        self._said: dict[tuple[str, bool], _Said] = {}

    def list_rows(self, **values: Any) -> list[Any]:
        """The rows, with the columns as attributes.

        As a tuple a row holds what the driver gave: quick to compare, and a column is made a Python value when it is
        asked for.
        """
        line = _open()
        # SQLite's driver lets go of Python's lock for each row, and another thread takes it: one row holds all.
        as_json = line.dialect.name == "sqlite"
        said = self.say(line.dialect, as_json)
        rows = line.run(said.text, said.fill(values, {}))
        return said.read_json(rows[0][0]) if as_json else list(map(said.row_class, rows))

    def find_value(self, **values: Any) -> Any:
        """The first column of the first row, as the driver gave it; None without a row."""
        line = _open()
        said = self.say(line.dialect, as_json=False)
        rows = line.run(said.text, said.fill(values, {}))
        return rows[0][0] if rows else None

    def run(self, **values: Any) -> None:
        """Change what the statement says; the session hears nothing of it."""
        line = _open()
        said = self.say(line.dialect, as_json=False)
        line.run(said.text, said.fill(values, {}))

    def list_values(self, **values: Any) -> list[Any]:
        """The first column of every row, as the driver gave it."""
        return [row[0] for row in self.list_rows(**values)]

    def say(self, dialect: Dialect, as_json: bool) -> _Said:
        """The query in the words of a database."""
        key = (dialect.name, as_json)
        if key not in self._said:
            self._said[key] = _Said(self._query, dialect, as_json)
        return self._said[key]


class ReadyTogether:
    """Several queries that are asked by one statement."""

    def __init__(self, *queries: ReadyQuery) -> None:
        self._queries = queries
        self._said: dict[str, tuple[list[_Said], str]] = {}  # by dialect, with the statement of all

    def list_rows(self, **values: Any) -> list[list[Any]]:
        """The rows of each, as the query itself gives them; `values` are what all of them are given."""
        line = _open()
        is_embedded = line.dialect.name == "sqlite"
        said, text = self._said.get(line.dialect.name) or self._say(line.dialect, is_embedded)
        made: dict[Any, Any] = {}
        filled: Any = [one.fill(values, made) for one in said]
        filled = tuple(chain.from_iterable(filled)) if is_embedded else {
            f"q{place}_{name}": value for place, one in enumerate(filled) for name, value in one.items()}
        (answer,) = line.run(text, filled)
        return [one.read_json(rows) for one, rows in zip(said, answer, strict=True)]

    def _say(self, dialect: Dialect, is_embedded: bool) -> tuple[list[_Said], str]:
        said = [query.say(dialect, as_json=True) for query in self._queries]
        parts = [one.text if is_embedded else _rename(one.text, f"q{place}_") for place, one in enumerate(said)]
        self._said[dialect.name] = said, f"SELECT ({'), ('.join(parts)})"
        return self._said[dialect.name]


def _rename(text: str, prefix: str) -> str:
    """A query whose values are named with a prefix; a doubled sign is one that is written."""
    return re.sub(r"%%|%\(", lambda found: found[0] if found[0] == "%%" else f"%({prefix}", text)


def _open() -> DriverLine:
    """The line of the unit of work, after what waits to be written, which a unit that only reads has none of."""
    session = db.session()
    if current_mode() == "write":
        session._autoflush()
    transaction = session.get_transaction()
    begun, line = session.info.get(_OPEN, (None, None))
    if transaction is None or transaction is not begun or not transaction.is_active:
        line = DriverLine(session.connection())  # SQLAlchemy is asked once for a transaction
        session.info[_OPEN] = (session.get_transaction(), line)
    return line


def _fix(element: Any, **_options: Any) -> Any:
    """What is the same with each call stands in the text: SQLite plans a query anew whenever such a value is bound."""
    if isinstance(element, BindParameter) and not element.key.startswith(_MARK):
        return element.render_literal_execute()
    return None


def _apply(process: Callable[[Any], Any] | None, value: Any) -> Any:
    return process(value) if process else value


def _find_reader(kind: types.TypeEngine[Any], dialect: Dialect, as_json: bool) -> Callable[[Any], Any] | None:
    """What makes a column's value of what the driver, or JSON, gives; None when it is that already."""
    process = kind.dialect_impl(dialect).result_processor(dialect, None)
    plain = kind.impl_instance if isinstance(kind, types.TypeDecorator) else kind
    parse = _FROM_JSON.get(plain.python_type) if as_json and dialect.name == "postgresql" else None
    if parse is None:
        return process
    return lambda text: _apply(process, text if text is None else parse(text))


_FROM_JSON: dict[type[Any], Callable[[str], Any]] = {datetime: datetime.fromisoformat, date: date.fromisoformat}


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
