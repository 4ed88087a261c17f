"""Gaps, advice, doses by weight and resistance, without a database."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from clinic.fluoroquinolone import find_fluoroquinolone
from clinic.models import DoseState, InterruptionDecision, PhaseName
from clinic.tb_course import Count, Gap, Resistance, advise, find_gaps, find_resistance
from clinic.tb_regimen import compute_dose, find_tablets, list_regimens
from clinic.treatment_catalogue import list_treatables

START = date(2026, 3, 2)  # a Monday


def _given(*numbers: int) -> dict[date, DoseState]:
    return {START + timedelta(days=n): DoseState.GIVEN for n in numbers}


def test_two_days_without_a_dose_are_no_gap_and_three_are() -> None:
    assert find_gaps(_given(0, 3), START, START + timedelta(days=3)) == []
    found = find_gaps(_given(0, 4), START, START + timedelta(days=4))
    assert found == [Gap(START + timedelta(days=1), START + timedelta(days=3), 3, is_open=False)]


def test_gap_that_goes_on_is_open_and_a_missed_day_is_as_an_empty_one() -> None:
    states = _given(0) | {START + timedelta(days=2): DoseState.MISSED}
    assert find_gaps(states, START, START + timedelta(days=5)) == [
        Gap(START + timedelta(days=1), START + timedelta(days=5), 5, is_open=True)]


def test_weekend_of_a_five_day_week_is_no_gap_and_counts_within_one() -> None:
    friday, monday = 4, 7
    assert find_gaps(_given(*range(5), monday), START, START + timedelta(days=monday), 5) == []
    assert find_gaps(_given(*range(friday), monday + 2), START, START + timedelta(days=monday + 2), 5) == [
        Gap(START + timedelta(days=friday), START + timedelta(days=monday + 1), 5, is_open=False)]
    assert find_gaps(_given(*range(5)), START, START + timedelta(days=6), 5) == []


@pytest.mark.parametrize(("phase", "days", "given", "advice"), [
    (PhaseName.INTENSIVE, 14, 20, InterruptionDecision.EXTEND),
    (PhaseName.INTENSIVE, 15, 20, InterruptionDecision.RESTART),
    (PhaseName.CONTINUATION, 15, 100, InterruptionDecision.EXTEND),
    (PhaseName.CONTINUATION, 15, 101, InterruptionDecision.CONTINUE),
    (PhaseName.CONTINUATION, 91, 120, InterruptionDecision.RESTART),
])
def test_advice(phase: PhaseName, days: int, given: int, advice: InterruptionDecision) -> None:
    assert advise(phase, days, Count(planned=126, given=given)) is advice


@pytest.mark.parametrize(("answers", "found"), [
    ([], None),
    ([("isoniazid", "susceptible")], None),
    ([("isoniazid", "susceptible"), ("rifampicin", "susceptible")], Resistance.NONE),
    ([("isoniazid", "resistant"), ("rifampicin", "susceptible")], Resistance.HR),
    ([("rifampicin", "resistant")], Resistance.RR),
    ([("rifampicin", "susceptible"), ("rifampicin", "resistant"), ("isoniazid", "resistant")], Resistance.MDR),
    ([("rifampicin", "resistant"), ("moxifloxacin", "resistant")], Resistance.PRE_XDR),
    ([("rifampicin", "resistant"), ("fluoroquinolone", "resistant"), ("linezolid", "resistant")], Resistance.XDR),
    ([("rifampicin", "indeterminate"), ("isoniazid", "susceptible")], None),
])
def test_resistance(answers: list[tuple[str, str]], found: Resistance | None) -> None:
    assert find_resistance(answers) is found


@pytest.mark.parametrize(("drug", "weight", "low", "usual", "high"), [
    ("isoniazid", "50", 200, 250, 300), ("isoniazid", "90", 300, 300, 300), ("rifampicin", "52.5", 420, 525, 600),
    ("isoniazid", "12", 84, 120, 180), ("pyrazinamide", "60", 1200, 1500, 1800),
])
def test_dose_by_weight(drug: str, weight: str, low: int, usual: int, high: int) -> None:
    found = compute_dose(drug, Decimal(weight))
    assert found is not None and (found.low, found.usual, found.high) == (low, usual, high)


def test_weight_band_and_unknown_drug() -> None:
    assert [find_tablets(Decimal(each)) for each in ("20", "25", "54.9", "55", "80")] == [None, 2, 3, 4, 5]
    assert compute_dose("bedaquiline", Decimal(60)) is None


def test_regimens_are_those_of_the_treatments() -> None:
    assert set(list_regimens()) == set(list_treatables()["tuberculosis"].regimens)
    assert list_regimens()["hrze-hr-daily"]["continuation"].count_doses(7) == 126
    assert list_regimens()["hrze-hr-daily"]["intensive"].count_doses(5) == 40


@pytest.mark.parametrize(("text", "word"), [
    ("took Ciprofloxacin 500 for a week", "Ciprofloxacin"), ("CIPRO", "CIPRO"), ("levofloxacine", "levofloxacine"),
    ("Amoxicillin", None), ("a quinolone from the pharmacy", "quinolone"), ("precipitate", None), ("", None),
])
def test_fluoroquinolone_in_words(text: str, word: str | None) -> None:
    assert find_fluoroquinolone(text) == word
