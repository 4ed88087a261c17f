"""What the cultures of one specimen say together: each medium has its own result and its own clock.

A specimen's culture is final when every medium that was inoculated has its result. One medium that grew the
M. tuberculosis complex decides; a medium that was lost to contamination does not spoil the other (us.md 1.5, C8 of the
addendum; the rest own knowledge, docs/clinical-open-points.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from clinic.laboratory_test import list_tests
from clinic.models.laboratory import MEDIA

TEST = "sputum-culture"
PENDING, CONTAMINATED = "pending", "contaminated"
# Days from inoculation to a final negative (us.md 1.5); no medium named: the shorter warns, the longer is shown.
DAYS = {"liquid": 42, "solid": 56}
SHORTEST, LONGEST = min(DAYS.values()), max(DAYS.values())
SHORT = min(DAYS, key=lambda medium: DAYS[medium])  # the medium whose clock runs out first
_ORDER = ("mtb", PENDING, "ntm", "inconclusive", "negative", CONTAMINATED)  # what decides when media differ


class CultureRow(Protocol):
    """What is read of a result."""

    @property
    def value(self) -> str:
        """A code of the test."""

    @property
    def method(self) -> str | None:
        """The medium; None for a report that names none."""

    @property
    def day(self) -> date:
        """When it was reported."""


@dataclass(frozen=True)
class Medium:
    """One result as it counts here."""

    value: str
    method: str | None
    day: date


@dataclass(frozen=True)
class Culture:
    """The culture of a specimen as one: `reported_on` is the day from which it is so, None while it is pending."""

    value: str
    reported_on: date | None


@dataclass(frozen=True)
class Clock:
    """How far the culture on one medium is: day `day` of `days`; `medium` None where none was named."""

    medium: str | None
    day: int
    days: int


def combine(rows: Iterable[CultureRow], media: Sequence[str]) -> Culture:
    """The culture of a specimen from the results of its media; `media` are those inoculated, empty when nobody said.

    When nobody said, a report that names no medium is the whole culture; one that names one waits for the other.
    """
    found = list(rows)
    if not found:
        return Culture(PENDING, None)
    settled = [row for row in found if row.value not in list_tests()[TEST].open_values]
    done = {row.method for row in settled}
    named = bool(done - {None}) or any(row.method for row in found)
    is_open = len(settled) < len(found) or (None not in done and bool(set(_expected(media, named)) - done))
    values = {row.value for row in settled} | ({PENDING} if is_open else set())
    value = min(values, key=_ORDER.index)
    if value == PENDING:
        return Culture(PENDING, None)
    days = [row.day for row in settled if row.value == value] if value == "mtb" else [row.day for row in settled]
    return Culture(value, min(days) if value == "mtb" else max(days))


def list_open_media(methods: Iterable[str | None], media: Sequence[str]) -> list[str | None]:
    """The media whose result is outstanding, by those that have one; [None] when none was named yet."""
    done = set(methods)
    if None in done:
        return []
    if not media and not done:
        return [None]
    return [medium for medium in _expected(media, named=True) if medium not in done]


def list_clocks(began_on: date, methods: Iterable[str | None], media: Sequence[str], today: date) -> list[Clock]:
    """The clocks that still run for a specimen whose cultures began on a day."""
    passed = max((today - began_on).days, 0)
    return [Clock(medium, passed, DAYS.get(medium or "", LONGEST)) for medium in list_open_media(methods, media)]


def _expected(media: Sequence[str], named: bool) -> Sequence[str]:
    return media or (MEDIA if named else ())
