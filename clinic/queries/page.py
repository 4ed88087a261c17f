"""One page of a list by keyset: after or before a place, never by counting rows off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Integer, Select, tuple_

from clinic.db import db
from clinic.ready_query import ReadyQuery, given

SIZE = 50
Place = tuple[datetime, str]  # the moment a list is ordered by, and the id that breaks ties
Edge = Place | tuple[str, str]  # or the name


@dataclass(frozen=True)
class Page:
    """The rows in the list's order, and whether more lie before and behind them."""

    rows: list[Any]
    has_previous: bool
    has_next: bool


def fetch_page(
    query: Select[*tuple[Any, ...]], moment: Any, key: Any, descending: bool = False,
    after: Edge | None = None, before: Edge | None = None, size: int | None = None,
) -> Page:
    """The page of `query` ordered by (`moment`, `key`) that begins behind `after`, or ends in front of `before`.

    A list by name gives the name's column for `moment`.
    """
    size = size or SIZE
    edge = before or after
    limit = tuple_(*edge, types=[moment.type, key.type]) if edge is not None else None
    ordered = _order(query, moment, key, limit, descending != (before is not None))
    return _cut(list(db.session.execute(ordered.limit(size + 1))), size, after, before)


class Way(NamedTuple):
    """How a page of a list that is asked again and again is read: the query is another one for each."""

    falling: bool
    has_edge: bool


def order_page(query: Select[*tuple[Any, ...]], moment: Any, key: Any, way: Way) -> ReadyQuery:
    """`query` in its order, ready for `find_page`."""
    edge = tuple_(given("moment", moment.type), given("key", key.type)) if way.has_edge else None
    return ReadyQuery(_order(query, moment, key, edge, way.falling).limit(given("size", Integer)))


def find_page(build: Callable[[Way], ReadyQuery], after: Edge | None, before: Edge | None, descending: bool = False,
              **values: Any) -> Page:
    """The same as fetch_page for a query that `build` makes once for each way; `values` are what it is given."""
    edge = before or after
    moment, key = edge or (None, None)
    query = build(Way(descending != (before is not None), edge is not None))
    return _cut(query.list_rows(moment=moment, key=key, size=SIZE + 1, **values), SIZE, after, before)


def _order(query: Select[*tuple[Any, ...]], moment: Any, key: Any, edge: Any, falling: bool) -> Any:
    if edge is not None:
        place = tuple_(moment, key)
        query = query.where(place < edge if falling else place > edge)
    return query.order_by(*((moment.desc(), key.desc()) if falling else (moment, key)))


def _cut(rows: list[Any], size: int, after: Edge | None, before: Edge | None) -> Page:
    more, rows = len(rows) > size, rows[:size]
    if before is not None:
        return Page(rows[::-1], more, True)
    return Page(rows, after is not None, more)
