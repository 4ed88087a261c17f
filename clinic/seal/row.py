"""The canonical bytes of one row of the audit: every column, in a fixed order, the same on every database."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, types
from sqlalchemy import type_coerce as coerce

from clinic.seal.table import Stream

LAYOUT = 1
_CHANGE = ("id", "happened_at", "actor_kind", "actor_id", "site_id", "action", "subject_kind", "subject_id", "case_id",
           "detail")
_READ = (*_CHANGE[:5], "authority_id", *_CHANGE[5:])
# A table that gets a column gets a new layout here; seals keep the layout that they were made with.
LAYOUTS: dict[int, dict[str, tuple[str, ...]]] = {1: {"change": _CHANGE, "read": _READ}}
_MOMENT = 1  # the place of happened_at in every layout


def raw_columns(stream: Stream, layout: int = LAYOUT) -> list[ColumnElement[Any]]:
    """The sealed columns as the driver gives them: nothing that was tampered with may fail to be read."""
    return [coerce(stream.rows.c[name], types.NullType()).label(name) for name in LAYOUTS[layout][stream.name]]


def digest_row(stream: Stream, values: Sequence[Any], layout: int = LAYOUT) -> bytes:
    """SHA-256 of the row's canonical bytes; `values` as `raw_columns` selects them."""
    plain = list(values)
    moment = to_moment(plain[_MOMENT])
    plain[_MOMENT] = moment.isoformat(timespec="microseconds") if moment else f"unreadable {plain[_MOMENT]!r}"
    return hashlib.sha256(json.dumps(["clearway-audit", layout, stream.name, *plain], default=repr).encode()).digest()


def to_moment(value: Any) -> datetime | None:
    """What a driver gives for a moment (an aware datetime, or SQLite's text in UTC); None when it is none."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
