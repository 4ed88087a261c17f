"""Conditions written so that the right index serves: SQLite keeps no counts of rows to choose by."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, text

from clinic.models import Case

# A case's site where few rows of another table lead to it: the indexes of the site, which have all, must not serve.
LED_SITE = func.coalesce(Case.site_id, "")


def write_out(where: str, table: str) -> Any:
    """A partial index's condition with its columns named in full: they stand beside another row of the same table."""
    return text(" and ".join(f"{table}.{part}" for part in where.split(" and ")))
