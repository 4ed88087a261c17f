"""The people behind entries, by name."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from clinic.db import db
from clinic.models import User


def list_names(ids: Iterable[str | None]) -> dict[str, str]:
    """Names of staff by id, for "entered by"."""
    wanted = {each for each in ids if each}
    if not wanted:
        return {}
    rows = db.session.execute(select(User.id, User.name).where(User.id.in_(wanted)))
    return {row.id: row.name for row in rows}
