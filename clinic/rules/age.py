"""Ages in completed units and months added to days."""

from __future__ import annotations

from calendar import isleap
from datetime import date, timedelta

DAYS_IN_MONTH = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _days_in(year: int, month: int) -> int:
    return 29 if month == 2 and isleap(year) else DAYS_IN_MONTH[month - 1]


def completed_years(birth: date, on: date) -> int:
    """Completed years of age; who is born on 29 February completes a year on 1 March of a common year."""
    return on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day))


def add_months(day: date, months: int) -> date:
    """The same day of the month `months` later, or that month's last day (us.md 1.10)."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, _days_in(year, month + 1)))


def completion(birth: date, *, years: int = 0, months: int = 0, days: int = 0) -> date:
    """The day on which that age is completed; a day that does not exist falls on the first of the next month."""
    if days:
        return birth + timedelta(days=days)
    year, month = divmod(birth.year * 12 + birth.month - 1 + years * 12 + months, 12)
    if birth.day <= _days_in(year, month + 1):
        return date(year, month + 1, birth.day)
    return add_months(date(year, month + 1, 1), 1)
