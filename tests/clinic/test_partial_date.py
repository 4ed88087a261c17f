"""Partial dates: what is read, what is refused, and how old somebody is."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic.partial_date import (
    Age,
    DateUnreadable,
    PartialDate,
    age_on,
    format_clinically,
    from_date,
    parse_partial_date,
)


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("1985", "1985"),
        ("1985-04", "1985-04"),
        ("1985-4-2", "1985-04-02"),
        ("19850412", "1985-04-12"),
        ("12-Apr-1985", "1985-04-12"),
        (" 12 april 1985 ", "1985-04-12"),
        ("4 Sept 2001", "2001-09-04"),
        ("Apr-1985", "1985-04"),
        ("04/1985", "1985-04"),
        ("25/04/1985", "1985-04-25"),
        ("04/25/1985", "1985-04-25"),
        ("04.04.1985", "1985-04-04"),
        ("١٩٨٥-٠٤-١٢", "1985-04-12"),
        ("12–Apr–1985", "1985-04-12"),
    ],
)
def test_clear_date_is_read(text: str, iso: str) -> None:
    assert str(parse_partial_date(text)) == iso


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("03/04/1991", "Write the month in letters: this may be 04-Mar-1991 or 03-Apr-1991."),
        ("3.4.1991", "Write the month in letters: this may be 04-Mar-1991 or 03-Apr-1991."),
        ("12-04-85", "Write the year with four figures, for example 12-Apr-1985."),
        ("31-Feb-1990", "There is no such day; check day and month."),
        ("1990-13-01", "There is no such day; check day and month."),
        ("2534-01-20", "Give the year in the Gregorian calendar, for example 1985."),
        ("last spring", "Write the date like 12-Apr-1985, or only 1985 or Apr-1985 if no more is known."),
        ("", "Write the date like 12-Apr-1985, or only 1985 or Apr-1985 if no more is known."),
    ],
)
def test_unclear_date_is_refused_with_what_to_do(text: str, says: str) -> None:
    with pytest.raises(DateUnreadable) as refused:
        parse_partial_date(text)
    assert refused.value.message == says


@pytest.mark.parametrize(
    ("birth", "on", "age"),
    [
        (PartialDate(2014, 3, 10), date(2025, 3, 9), Age(10, False)),
        (PartialDate(2014, 3, 10), date(2025, 3, 10), Age(11, False)),
        (PartialDate(2004, 2, 29), date(2015, 2, 28), Age(10, False)),
        (PartialDate(2004, 2, 29), date(2015, 3, 1), Age(11, False)),
        (PartialDate(1985), date(2025, 6, 30), Age(39, True)),
        (PartialDate(1985), date(2025, 7, 1), Age(40, True)),
        (PartialDate(1985, 4), date(2025, 4, 14), Age(39, True)),
        (PartialDate(1985, 4), date(2025, 4, 15), Age(40, True)),
        (PartialDate(2025), date(2025, 3, 1), Age(0, True)),
    ],
)
def test_age_counts_completed_years_from_the_estimated_day(birth: PartialDate, on: date, age: Age) -> None:
    assert age_on(birth, on) == age


def test_bounds_of_partial_date_cover_month_end() -> None:
    february = PartialDate(2024, 2)
    assert (february.earliest, february.latest) == (date(2024, 2, 1), date(2024, 2, 29))
    assert PartialDate(2024).can_be(february)
    assert not PartialDate(2024, 3).can_be(february)


def test_clinical_format_never_shows_a_number_for_the_month() -> None:
    assert format_clinically(PartialDate(1991, 3, 4)) == "04-Mar-1991"
    assert format_clinically(PartialDate(1991, 3)) == "Mar-1991"
    assert format_clinically(PartialDate(1991)) == "1991"


def test_day_without_month_is_impossible() -> None:
    with pytest.raises(ValueError, match="month"):
        PartialDate(1991, None, 4)


@given(st.dates(date(1850, 1, 1), date(2150, 12, 31)))
def test_written_date_is_read_back(day: date) -> None:
    full = from_date(day)
    for partial in (full, PartialDate(day.year, day.month), PartialDate(day.year)):
        assert parse_partial_date(str(partial)) == partial
        assert parse_partial_date(format_clinically(partial)) == partial


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_partial_date(text)
    except DateUnreadable as refused:
        assert refused.message.endswith(".")
