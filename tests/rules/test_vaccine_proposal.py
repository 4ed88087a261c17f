"""Worked vaccine cases of our own: each dose judged, the proposal of its line (tests/golden/vaccine-own)."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from clinic.rules.dose import Dose
from clinic.rules.programme import list_vaccine_lines
from clinic.rules.vaccine_proposal import Person, review_line
from clinic.rules.vaccine_series import Span, find_product, read_table
from clinic.vaccine_product import list_products
from tests.rules.test_golden import GOLDEN

FILE = GOLDEN / "vaccine-own" / "us-doses.jsonl"


def list_cases() -> list[Any]:
    """Every case as a pytest parameter."""
    rows = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
    return [pytest.param(row, id=row["case"]) for row in rows]


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


@pytest.mark.parametrize("row", list_cases())
def test_worked_case_gives_what_it_expects(row: dict[str, Any]) -> None:
    doses = []
    for number, (line, cvx, given_on, *more) in enumerate(row["doses"]):
        expires_on, here = ([*more, None, None])[:2]
        doses.append(Dose(f"{number:02}", line, cvx, date.fromisoformat(given_on), bool(here), _day(expires_on)))
    person = Person(date.fromisoformat(row["birth_date"]), date.fromisoformat(row["on"]), row["sex"],
                    row["circumstances"], row.get("flu_season", True))
    review = review_line(row["line"], row.get("required", True), doses, person)
    proposal = review.proposal
    found = {"verdicts": [verdict.code for verdict in review.verdicts], "kind": proposal.kind,
             "outcome": proposal.outcome, "cvx": proposal.cvx,
             "earliest": proposal.earliest.isoformat() if proposal.earliest else None}
    assert {name: found[name] for name in row["expect"]} == row["expect"], str(proposal.says)
    assert str(proposal.says).strip() and proposal.source
    assert all(verdict.counts or (verdict.says and verdict.source) for verdict in review.verdicts)


def test_every_line_has_its_series_and_a_product_of_its_own_to_give() -> None:
    lines = {line.name for line in list_vaccine_lines()}
    table = read_table()
    assert {series.line for series in table.series} == lines == set(table.give)
    for line in lines:
        for years in (0, 5, 12, 30, 70):
            cvx = find_product(line, date(2000, 1, 1), date(2000 + years, 6, 1), frozenset())
            assert cvx in list_products()[line]
    known = {cvx for names in list_products().values() for cvx in names}
    assert {cvx for series in table.series for cvx in series.cvx} <= known | {"38"}


def test_span_ends_on_the_first_of_the_next_month_when_its_day_does_not_exist() -> None:
    assert Span("months", 6).after(date(2024, 8, 31)) == date(2025, 3, 1)
    assert str(Span("days", 28)) == "4 weeks" and str(Span("days", 10)) == "10 days"
