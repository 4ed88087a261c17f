"""What the country tables say: tuberculosis incidence, the British list, Canada's changes, Australia's schedules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import cache

from clinic.rules.age import add_months
from clinic.rules.programme import read_table

Stay = tuple[str, date, date]  # country, from, to, both days inclusive


@cache
def _incidences() -> dict[str, list[tuple[int, Decimal]]]:
    table: dict[str, list[tuple[int, Decimal]]] = {}
    for row in read_table("tb_incidence_who.csv"):
        table.setdefault(row["iso3"], []).append((int(row["year"]), Decimal(row["incidence_per_100k"])))
    return {country: sorted(rows) for country, rows in table.items()}


@cache
def find_incidence(country: str, year: int) -> Decimal | None:
    """New cases per 100,000 in the newest year not after `year`; None when the table cannot tell."""
    rows = [value for at, value in _incidences().get(country, ()) if at <= year]
    return rows[-1] if rows else None


@cache
def list_uk_countries(on: date) -> frozenset[str]:
    """Places on the UK list on that day (Appendix Tuberculosis, G1)."""
    return frozenset(row["iso3"] for row in read_table("uk_tb_country.csv") if row["valid_from"] <= on.isoformat())


@cache
def find_ca_designated(country: str, on: date) -> bool | None:
    """Whether Canada designates the country on that day; None where the shipped changes do not tell."""
    rows = sorted(
        (row["valid_from"], row["designated"]) for row in read_table("ca_designated_event.csv")
        if row["iso3"] == country and row["valid_from"] <= on.isoformat()
    )
    return rows[-1][1] == "Y" if rows else None


@cache
def find_au_listed_schedule(country: str, on: date) -> int | None:
    """Schedule 1 or 2 of a country on that day; None where the shipped schedule does not tell."""
    rows = sorted(
        (row["valid_from"], int(row["schedule"])) for row in read_table("au_schedule.csv")
        if row["iso3"] == country and row["valid_from"] <= on.isoformat()
    )
    return rows[-1][1] if rows else None


def find_au_schedule(residence: str, lived_in: Sequence[Stay], on: date) -> int | None:
    """The higher schedule of the residence and of stays of three months in five years (S30); None = cannot tell."""
    since = add_months(on, -60)
    countries = {residence} | {
        country for country, start, end in lived_in
        if end >= since and add_months(max(start, since), 3) <= min(end, on) + timedelta(days=1)
    }
    schedules = {find_au_listed_schedule(country, on) for country in countries}
    if 2 in schedules:
        return 2
    return None if None in schedules else 1


def longest_run(stays: Iterable[tuple[date, date]], *, gap_days: int = 0) -> list[tuple[date, date]]:
    """Stays joined into continuous periods; a gap of up to `gap_days` days does not interrupt one."""
    periods: list[tuple[date, date]] = []
    for start, end in sorted(stays):
        if periods and start <= periods[-1][1] + timedelta(days=1 + gap_days):
            periods[-1] = (periods[-1][0], max(periods[-1][1], end))
        else:
            periods.append((start, end))
    return periods
