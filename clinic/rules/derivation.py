"""Circumstances that country lists decide: derived from where the person lived, with the reason shown.

Where a list is missing or incomplete the value is None: the clerk is asked with the authority's rule in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from clinic.rules.age import add_months
from clinic.rules.country import (
    Stay,
    find_au_schedule,
    find_ca_designated,
    list_uk_countries,
    longest_run,
)

LOOK_BACK_MONTHS = 60  # the facts hold the places of the last five years
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Derived:
    """A circumstance, its value (None: ask), and what it was derived from, for the screen."""

    word: str
    value: bool | int | None
    from_what: str


def derive_circumstances(
    programme: str, residence: str, lived_in: Sequence[Stay], on: date, resident_since: date | None = None
) -> list[Derived]:
    """The circumstances of a programme that depend on countries.

    `on` is the day of application, else of the exam; `lived_in` are other places with first and last day. Without
    `resident_since` the person counts as resident on every day of the last five years not spent in `lived_in`.
    """
    stays = build_timeline(residence, lived_in, on, resident_since)
    if programme == "uk":
        return [derive_listed_presence(stays, on)]
    if programme == "ca":
        return [derive_designated(stays, on)]
    if programme == "au":
        schedule = find_au_schedule(residence, lived_in, on)
        shown = f"Schedule {schedule} by residence and stays" if schedule else "The schedules are not shipped: ask."
        return [
            Derived("au_schedule", schedule, shown),
            Derived("high_hepb_jurisdiction", None, "Schedule 5 is not shipped: ask."),
        ]
    if programme == "nz":
        return [Derived("nz_tb_risk", None, "The low-TB list is not shipped complete: ask.")]
    return []


def build_timeline(
    residence: str, lived_in: Sequence[Stay], on: date, resident_since: date | None = None
) -> list[Stay]:
    """Where the person was, as stays up to `on`, the residence filling the days no other place takes."""
    since = add_months(on, -LOOK_BACK_MONTHS)
    others = [(country, max(start, since), min(end, on)) for country, start, end in lived_in if end >= since]
    others = [stay for stay in others if stay[1] <= stay[2]]
    free = max(resident_since, since) if resident_since is not None else since
    stays = list(others)
    for start, end in longest_run((start, end) for _, start, end in others):
        if free < start:
            stays.append((residence, free, start - DAY))
        free = max(free, end + DAY)
    if free <= on:
        stays.append((residence, free, on))
    return sorted(stays, key=lambda stay: stay[1])


def derive_listed_presence(stays: Sequence[Stay], on: date) -> Derived:
    """UK: six months or more in the union of listed countries, any part in the six months before (Appendix TB, TB2)."""
    listed = list_uk_countries(on)
    runs = longest_run((start, end) for country, start, end in stays if country in listed)
    window = add_months(on, -6)
    for start, end in reversed(runs):
        if end >= window and add_months(start, 6) <= end + DAY:
            countries = sorted({c for c, first, last in stays if c in listed and first <= end and last >= start})
            return Derived("listed_presence", True, f"{', '.join(countries)} from {start} to {end}, on the list")
    if not runs:
        return Derived("listed_presence", False, f"no listed country in the five years before {on}")
    return Derived("listed_presence", False, f"no six months in listed countries that reach into {window} to {on}")


def derive_designated(stays: Sequence[Stay], on: date) -> Derived:
    """Canada: more than six months in a row in designated countries in the year before; only list changes are known."""
    window = add_months(on, -12)
    year = [(country, max(start, window), end) for country, start, end in stays if end >= window]
    designated = {country: find_ca_designated(country, on) for country, _, _ in year}
    certain = _has_half_year(year, {country for country, value in designated.items() if value})
    possible = _has_half_year(year, {country for country, value in designated.items() if value is not False})
    shown = ", ".join(f"{country} {first} to {last}" for country, first, last in year)
    if certain:
        return Derived("designated_6m", True, f"{shown}: designated on {on}")
    if not possible:
        return Derived("designated_6m", False, f"{shown}: not more than six months where a designation is possible")
    return Derived("designated_6m", None, f"{shown}: the full list is not shipped, ask")


def _has_half_year(stays: Sequence[Stay], countries: set[str]) -> bool:
    runs = longest_run((start, end) for country, start, end in stays if country in countries)
    return any(add_months(start, 6) <= end for start, end in runs)
