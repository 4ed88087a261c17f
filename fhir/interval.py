"""What span of time a FHIR date literal covers, and how two spans compare in a search."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta, timezone

MICROSECOND = timedelta(microseconds=1)
EARLIEST = datetime(1, 1, 2, tzinfo=UTC)
LATEST = datetime(9999, 12, 30, tzinfo=UTC)

# R4 date, dateTime and instant; in a search minutes may stand without seconds, and no zone means UTC.
_LITERAL = re.compile(
    r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:\d{2})?)?)?)?"
)

Span = tuple[datetime, datetime]


def read_span(literal: str) -> Span:
    """The lowest and the highest moment (inclusive, to the microsecond, UTC) that `literal` covers.

    Raises ValueError when it is no FHIR date, dateTime or instant.
    """
    found = _LITERAL.fullmatch(literal)
    if not found:
        raise ValueError(f"not a FHIR date: {literal[:40]!r}")
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    if hour is None:
        return _read_days(int(year), month, day)
    micro = int((fraction or "0")[:6].ljust(6, "0"))
    seconds = min(int(second or 0), 59)  # Python has no second 60: a leap second is the last of its minute
    low = datetime(int(year), int(month), int(day), int(hour), int(minute), seconds, micro, _read_zone(zone))
    width = timedelta(minutes=1) if second is None else _width_of_fraction(fraction)
    return _to_utc(low), _to_utc(low + width - MICROSECOND)


def _read_days(year: int, month: str | None, day: str | None) -> Span:
    first = datetime(year, int(month or 1), int(day or 1), tzinfo=UTC)
    last_month = int(month or 12)
    last = datetime(year, last_month, int(day or monthrange(year, last_month)[1]), tzinfo=UTC)
    return _to_utc(first), _to_utc(last + timedelta(hours=24) - MICROSECOND)


def _width_of_fraction(fraction: str | None) -> timedelta:
    return timedelta(seconds=1) if not fraction else timedelta(microseconds=10 ** max(0, 6 - len(fraction)))


def _read_zone(zone: str | None) -> timezone:
    if zone in (None, "Z"):
        return UTC
    hours, minutes = int(str(zone)[1:3]), int(str(zone)[4:6])
    if hours > 14 or minutes > 59:
        raise ValueError("no such time zone")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if str(zone)[0] == "-" else offset)


def _to_utc(moment: datetime) -> datetime:
    """UTC; years 1 and 9999 are held off the ends of the calendar, where no zone fits."""
    naive = moment.replace(tzinfo=UTC)
    if naive < EARLIEST:
        return EARLIEST
    return LATEST if naive > LATEST else moment.astimezone(UTC)
