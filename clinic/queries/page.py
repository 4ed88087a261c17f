"""One page of a list by keyset: after or before a place, never by counting rows off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, tuple_
from sqlalchemy.engine import Row

from clinic.db import db

SIZE = 50
Place = tuple[datetime, str]  # the moment a list is ordered by, and the id that breaks ties
Edge = Place | tuple[str, str]  # or the name


@dataclass(frozen=True)
class Page:
    """The rows in the list's order, and whether more lie before and behind them."""

    rows: list[Row[Any]]
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
    backwards, edge = before is not None, before or after
    falling = descending != backwards
    if edge is not None:
        place = tuple_(moment, key)
        limit = tuple_(*edge, types=[moment.type, key.type])
        query = query.where(place < limit if falling else place > limit)
    order = (moment.desc(), key.desc()) if falling else (moment, key)
    rows = list(db.session.execute(query.order_by(*order).limit(size + 1)))
    more, rows = len(rows) > size, rows[:size]
    if backwards:
        return Page(rows[::-1], more, True)
    return Page(rows, after is not None, more)
