"""Circumstances derived from where a person lived."""

from __future__ import annotations

from datetime import date

import pytest

from clinic.rules.derivation import build_timeline, derive_circumstances

ON = date(2026, 9, 15)


def derive(programme: str, residence: str, *stays: tuple[str, str, str], since: str | None = None) -> object:
    lived_in = [(country, date.fromisoformat(start), date.fromisoformat(end)) for country, start, end in stays]
    resident_since = date.fromisoformat(since) if since else None
    return derive_circumstances(programme, residence, lived_in, ON, resident_since)[0].value


@pytest.mark.parametrize(
    ("residence", "stays", "since", "expected"),
    [
        ("IND", [], None, True), ("DEU", [], None, False),
        ("DEU", [("IND", "2021-09-15", "2026-01-15")], None, False),
        ("DEU", [("IND", "2021-09-15", "2026-03-15")], None, True),
        ("DEU", [("IND", "2021-09-15", "2026-03-14")], None, False),
        ("DEU", [("IND", "2026-01-01", "2026-06-30")], None, True),
        ("DEU", [("IND", "2026-01-01", "2026-06-29")], None, False),
        ("DEU", [("IND", "2026-01-01", "2026-03-31"), ("NPL", "2026-04-01", "2026-06-30")], None, True),
        ("DEU", [("IND", "2026-01-01", "2026-03-31"), ("NPL", "2026-04-02", "2026-07-30")], None, False),
        ("IND", [], "2026-04-01", False), ("IND", [("NPL", "2026-01-01", "2026-03-31")], "2026-04-01", True),
    ],
)
def test_listed_presence_counts_the_union_of_listed_countries(
    residence: str, stays: list, since: str | None, expected: bool
) -> None:
    assert derive("uk", residence, *stays, since=since) is expected


def test_listed_presence_shows_from_what() -> None:
    derived = derive_circumstances("uk", "DEU", [("IND", date(2026, 1, 1), date(2026, 6, 30))], ON)[0]
    assert derived.word == "listed_presence" and "IND" in derived.from_what and "2026-01-01" in derived.from_what


@pytest.mark.parametrize(
    ("residence", "expected"), [("ARG", True), ("IRQ", False), ("FRA", None), ("FJI", True), ("PRT", False)]
)
def test_designated_country_is_derived_only_where_a_change_is_known(residence: str, expected: bool | None) -> None:
    assert derive("ca", residence) is expected


def test_designated_list_follows_the_day_of_application() -> None:
    assert derive_circumstances("ca", "ARG", [], date(2025, 11, 2))[0].value is False
    assert derive_circumstances("ca", "ARG", [], date(2025, 11, 3))[0].value is True


def test_lists_that_are_not_shipped_are_asked() -> None:
    for programme in ("au", "nz"):
        assert all(d.value is None and "ask" in d.from_what for d in derive_circumstances(programme, "GBR", [], ON))
    assert derive_circumstances("us", "GBR", [], ON) == []


def test_residence_fills_the_days_no_other_place_takes() -> None:
    stays = build_timeline("DEU", [("IND", date(2024, 1, 1), date(2024, 6, 30))], date(2024, 12, 31))
    assert stays == [
        ("DEU", date(2019, 12, 31), date(2023, 12, 31)), ("IND", date(2024, 1, 1), date(2024, 6, 30)),
        ("DEU", date(2024, 7, 1), date(2024, 12, 31)),
    ]
