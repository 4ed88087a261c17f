"""The only place that reads the clock, so that tests and the demo can set it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

LATEST = timedelta(minutes=1)  # by how much clocks of the house may differ
NIGHT = timedelta(hours=12)  # how long ago a time of yesterday may lie; beyond it is taken for a slip

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


def find_bounds(first: date, last: date, time_zone: str) -> tuple[datetime, datetime]:
    """When the day `first` begins in `time_zone` and the day after `last` does, in UTC."""
    zone = ZoneInfo(time_zone)
    begin, end = (datetime.combine(day, time.min, zone).astimezone(UTC) for day in (first, last + timedelta(days=1)))
    return begin, end


def find_moment(at: time | None, time_zone: str, earliest: datetime | None = None) -> datetime:
    """When something was that is known by its time of the day in `time_zone`: of the night shift's, before midnight is
    yesterday.

    Without a time, now. What can be neither day's (still to come, and yesterday too long ago or before `earliest`)
    stays today's, which the caller refuses.
    """
    if at is None:
        return now()
    moment, before = (datetime.combine(today(time_zone) - timedelta(days=days), at, ZoneInfo(time_zone))
                      for days in (0, 1))
    if moment <= now() + LATEST or before < now() - NIGHT or (earliest is not None and before < earliest):
        return moment
    return before


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
