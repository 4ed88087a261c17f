"""Conditions written so that the right index serves: SQLite keeps no counts of rows, PostgreSQL guesses wrong ones."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, false, func, text

from clinic.models import Case

# A case's site where few rows of another table lead to it: the indexes of the site, which have all, must not serve.
LED_SITE = func.coalesce(Case.site_id, "")
# A case where few rows lead to it and it to others: the way back, from all of those, must not serve.
LED_CASE = func.coalesce(Case.id, "")


def write_out(where: str, table: str) -> Any:
    """A partial index's condition with its columns named in full: they stand beside another row of the same table."""
    return text(" and ".join(f"{table}.{part}" for part in where.split(" and ")))


def perhaps(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The same condition, of which PostgreSQL supposes that every other row fits.

    Of a pattern within a text it supposes that next to none does, and then reads a whole table rather than follow an
    index until a page is full.
    """
    return func.coalesce(condition, false())
