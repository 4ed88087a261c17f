"""Dates of which only the year, or the year and month, may be known: kept as known, never filled up."""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from clinic.errors import InvalidInput
from clinic.sentence import N_, Sentence

FIRST_YEAR = 1850
LAST_YEAR = 2150

# English whatever the screen's language: the same letters on every document (screens.md section 4).
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FULL_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip

_ISO = re.compile(r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_NAMED = re.compile(r"(?:(\d{1,2})[-/. ]*)?([a-z]{3,9})[-/., ]*(\d{4})")
_NUMBERS = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4})")
_MONTH_YEAR = re.compile(r"(\d{1,2})[-/. ](\d{4})")
_SHORT_YEAR = re.compile(r"(\d{1,2})[-/. ]+(\d{1,2}|[a-z]{3,9})[-/. ]+(\d{2})")


class DateUnreadable(InvalidInput):
    """The text is no date, or it may be two different ones."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(str(sentence))
        self.sentence = sentence


@dataclass(frozen=True, order=True)
class PartialDate:
    """A year, perhaps with month, perhaps with day; a `day` never stands without its `month`."""

    year: int
    month: int | None = None
    day: int | None = None

    def __post_init__(self) -> None:
        if self.day is not None and self.month is None:
            raise ValueError("a day needs its month")
        date(self.year, self.month or 1, self.day or 1)

    def __str__(self) -> str:
        return "-".join(
            [f"{self.year:04}"] + [f"{part:02}" for part in (self.month, self.day) if part is not None]
        )

    @property
    def is_full(self) -> bool:
        """Whether the day is known."""
        return self.day is not None

    @property
    def earliest(self) -> date:
        """The first day it may mean."""
        return date(self.year, self.month or 1, self.day or 1)

    @property
    def latest(self) -> date:
        """The last day it may mean."""
        month = self.month or 12
        return date(self.year, month, self.day or calendar.monthrange(self.year, month)[1])

    @property
    def estimated_on(self) -> date:
        """The day to count an age from: 1 July without a month, the 15th without a day.

        Source: age convention of ca-au-nz-uk-iom.md section 0. Show it as estimated unless `is_full`.
        """
        return date(self.year, self.month or 7, self.day or (15 if self.month else 1))

    def can_be(self, other: PartialDate) -> bool:
        """Whether both may mean the same day."""
        return self.earliest <= other.latest and other.earliest <= self.latest


@dataclass(frozen=True)
class Age:
    """Completed years; `is_estimated` when day or month of birth was not known."""

    years: int
    is_estimated: bool


def from_date(day: date) -> PartialDate:
    """The full date as a PartialDate."""
    return PartialDate(day.year, day.month, day.day)


def completed_years(born_on: date, on: date) -> int:
    """Birthdays passed by `on`; one born on 29 February completes a year on 1 March in common years."""
    return on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))


def age_on(birth: PartialDate, on: date) -> Age:
    """Age in completed years on a day (ca-au-nz-uk-iom.md section 0), never below zero in the birth year."""
    years = completed_years(birth.estimated_on, on)
    if not birth.is_full and birth.earliest <= on:
        years = max(years, 0)
    return Age(years, not birth.is_full)


def format_clinically(value: PartialDate | date) -> str:
    """`04-Mar-1991`, `Mar-1991` or `1991`: month in letters, so nobody can swap day and month."""
    partial = from_date(value) if isinstance(value, date) else value
    parts = [f"{partial.year:04}"]
    if partial.month is not None:
        parts.insert(0, MONTHS[partial.month - 1])
    if partial.day is not None:
        parts.insert(0, f"{partial.day:02}")
    return "-".join(parts)


def parse_partial_date(text: str) -> PartialDate:
    """Read `1985`, `1985-04`, `1985-04-12`, `12-Apr-1985`, `12 April 1985`, or an unambiguous `25/04/1985`.

    Raises DateUnreadable with one sentence when it is no date, has a two-figure year, or day and month could
    be exchanged.
    """
    plain = _to_plain(text)
    readings = set(_list_readings(plain))
    if len(readings) > 1:
        months = [format_clinically(reading) for reading in sorted(readings)]
        raise DateUnreadable(
            Sentence(N_("Write the month in letters: this may be %(one)s or %(other)s."),
                     {"one": months[0], "other": months[1]})
        )  # fmt: skip
    if not readings:
        raise DateUnreadable(_explain(plain))
    reading = readings.pop()
    if not FIRST_YEAR <= reading.year <= LAST_YEAR:
        raise DateUnreadable(Sentence(N_("Give the year in the Gregorian calendar, for example 1985.")))
    return reading


def _to_plain(text: str) -> str:
    """Lower case, Latin digits, one kind of dash and space."""
    letters = []
    for letter in text.strip().lower()[:40]:
        kind = unicodedata.category(letter)
        if kind == "Nd":
            letter = str(unicodedata.decimal(letter))
        letters.append({"Pd": "-", "Zs": " "}.get(kind, letter))
    return re.sub(r" *([-/.]) *| +", lambda found: found.group(1) or " ", "".join(letters))


def _list_readings(plain: str) -> Iterator[PartialDate]:
    """All dates the text may mean."""
    for year, month, day in _list_candidates(plain):
        try:
            yield PartialDate(year, month, day)
        except ValueError:
            continue


def _list_candidates(plain: str) -> Iterator[tuple[int, int | None, int | None]]:
    if found := _ISO.fullmatch(plain) or _COMPACT.fullmatch(plain):
        year, month, day = found.groups()
        yield int(year), int(month) if month else None, int(day) if day else None
    elif (found := _NAMED.fullmatch(plain)) and (number := _month_number(found[2])):
        yield int(found[3]), number, int(found[1]) if found[1] else None
    elif found := _NUMBERS.fullmatch(plain):
        first, second, year = (int(part) for part in found.groups())
        yield year, second, first
        yield year, first, second
    elif found := _MONTH_YEAR.fullmatch(plain):
        yield int(found[2]), int(found[1]), None


def _month_number(word: str) -> int | None:
    for number, full in enumerate(_FULL_MONTHS, start=1):
        if len(word) >= 3 and full.startswith(word):
            return number
    return None


def _explain(plain: str) -> Sentence:
    if _SHORT_YEAR.fullmatch(plain):
        return Sentence(N_("Write the year with four figures, for example 12-Apr-1985."))
    if any(shape.fullmatch(plain) for shape in (_ISO, _NAMED, _NUMBERS, _COMPACT)):
        return Sentence(N_("There is no such day; check day and month."))
    return Sentence(N_("Write the date like 12-Apr-1985, or only 1985 or Apr-1985 if no more is known."))
