"""Column kinds that mean the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import DateTime, String, Text, types
from sqlalchemy.orm import Mapped, mapped_column

from clinic.key import new_id

E = TypeVar("E", bound=StrEnum)


class Instant(types.TypeDecorator[datetime]):
    """An aware UTC moment; SQLite keeps no zone, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Refuse a naive moment, hand over UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment must be aware")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Give the moment back as aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Code(types.TypeDecorator[StrEnum]):
    """A value of a StrEnum, stored as its lower-case text; an unknown one is refused both ways."""

    impl = String(40)
    cache_ok = True

    def __init__(self, enumeration: type[StrEnum]) -> None:
        super().__init__()
        self.enumeration = enumeration

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        """Store the value's text."""
        return None if value is None else self.enumeration(value).value

    def process_result_value(self, value: str | None, dialect: Any) -> StrEnum | None:
        """Give the enumeration's member back."""
        return None if value is None else self.enumeration(value)


class Json(types.TypeDecorator[Any]):
    """A small JSON value kept as text, so that numbers stay as written (as text inside) on both databases."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        """Store compact JSON."""
        return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Any) -> Any:
        """Give the JSON value back."""
        return None if value is None else json.loads(value)


def key() -> Mapped[str]:
    """A time-ordered primary key made by us, never by the database."""
    return mapped_column(String(36), primary_key=True, default=new_id)


def code(enumeration: type[E], **options: Any) -> Mapped[E]:
    """A column that holds one value of `enumeration`."""
    return mapped_column(Code(enumeration), **options)


def moment(**options: Any) -> Mapped[Any]:
    """A column that holds an aware UTC moment."""
    return mapped_column(Instant(), **options)
