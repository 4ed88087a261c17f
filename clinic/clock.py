"""The only place that reads the clock, so that tests and the demo can set it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

_fixed: datetime | None = None


def now() -> datetime:
    """The present moment as an aware UTC datetime."""
    return _fixed or datetime.now(UTC)


def is_stopped() -> bool:
    """Whether somebody holds the clock."""
    return _fixed is not None


def today(time_zone: str = "UTC") -> date:
    """The calendar day in `time_zone` (an IANA name), which is what a clinic writes on its papers."""
    return now().astimezone(ZoneInfo(time_zone)).date()


def to_day(moment: datetime, time_zone: str) -> date:
    """The calendar day of an aware moment in `time_zone` (an IANA name)."""
    return moment.astimezone(ZoneInfo(time_zone)).date()


@contextmanager
def stopped_at(moment: datetime) -> Iterator[None]:
    """Hold the clock at `moment` (aware) within a test or a simulated course of treatment."""
    global _fixed
    if moment.tzinfo is None:
        raise ValueError("the clock needs an aware datetime")
    before, _fixed = _fixed, moment.astimezone(UTC)
    try:
        yield
    finally:
        _fixed = before
