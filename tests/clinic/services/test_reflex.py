"""A finding that demands more adds its examination at once, and says which finding; corrected away, it ends."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from clinic.errors import InvalidInput, NotNow
from clinic.models import Case, Requirement, RequirementSource, RequirementState, SpecimenKind
from clinic.rules import decide
from clinic.schemas.imaging import NewReading
from clinic.schemas.laboratory import NewResult, NewSpecimen
from clinic.services import laboratory, ordering, radiology
from clinic.services.plausibility import get_today
from clinic.services.reflex import list_reflexes
from clinic.services.requirement import list_requirements, may_be_withdrawn, sync_requirements
from clinic.services.specimen import take_specimen
from tests.factory import make_case
from tests.us_case import Staff, make_staff

GOLDEN = Path(__file__).resolve().parents[2] / "golden"


@pytest.fixture
def staff(app: Flask) -> Staff:
    return make_staff()


@pytest.fixture
def case(staff: Staff) -> Case:
    return make_case("us", user=staff.reception)


def _list_golden() -> list[Any]:
    rows = []
    for path in sorted(GOLDEN.glob("cases*/*.jsonl")):
        if path.stem != "igra":
            rows += [(path.stem, json.loads(line, parse_float=Decimal)) for line in path.read_text().splitlines()]
    return rows


def _find(case: Case, exam: str) -> Requirement:
    return next(row for row in list_requirements(case) if row.exam == exam)


def _read(case: Case, staff: Staff, *findings: str) -> Any:
    return radiology.record_reading(case, NewReading(get_today(case), "pa", findings,
        confirmed=[radiology.ELSEWHERE]), staff.radiologist)


def _correct(case: Case, staff: Staff, row: Any, *findings: str) -> None:
    radiology.correct_reading(row, NewReading(get_today(case), "pa", findings,
        confirmed=[radiology.ELSEWHERE]), "read again", staff.radiologist)


def test_every_golden_case_asks_for_what_is_next_and_names_the_finding(app: Flask, staff: Staff) -> None:
    cases: dict[str, Case] = {}
    reflexes = 0
    for family, row in _list_golden():
        facts = {"results": {}} | row["facts"]
        decision = decide(facts)
        programme = facts["programme"]
        case = cases.setdefault(programme, make_case(programme, user=staff.reception))
        for old in list_requirements(case):
            old.source, old.findings = RequirementSource.RULE, None
        sync_requirements(case, facts, decision)
        rows = {one.exam: one for one in list_requirements(case)}
        without = {item["exam"] for item in decide(facts | {"results": {}})["required"]}
        for item in (*decision["required"], *decision["next"]):
            found = rows[item["exam"]]
            where = f"{family} {row['case']} {item['exam']}"
            assert found.state is not RequirementState.WITHDRAWN, where
            assert {one["rule"] for one in item["because"]} <= {reason.rule for reason in found.reasons}, where
            if item["exam"] in without:
                assert found.source is RequirementSource.RULE, where
            else:
                reflexes += 1
                assert found.source is RequirementSource.REFLEX, where
                assert found.findings and all(one["fact"] in facts["results"] for one in found.findings), where
    assert reflexes > 90


def test_reflex_of_a_series_names_the_specimen_that_grew() -> None:
    row = next(row for family, row in _list_golden() if family == "us-tb" and any(
        one.get("culture") == "mtb" for one in row["facts"].get("results", {}).get("sputum", [])))
    found = list_reflexes(row["facts"], decide(row["facts"]))["dst"][0]
    assert found["fact"] == "sputum" and "culture:mtb" in found["codes"]


def test_film_that_suggests_tuberculosis_asks_for_sputum_at_once(case: Case, staff: Staff) -> None:
    _read(case, staff, "CAVITY", "CARDIAC")
    row = _find(case, "sputum-series")
    assert (row.source, row.state) == (RequirementSource.REFLEX, RequirementState.OPEN)
    assert row.findings == [
        {"fact": "chest_xray", "on": get_today(case).isoformat(), "codes": ["CAVITY", "CARDIAC"]}]


def test_finding_corrected_away_ends_its_examination_and_keeps_why(case: Case, staff: Staff) -> None:
    reading = _read(case, staff, "CAVITY")
    _correct(case, staff, reading, "NORMAL")
    row = _find(case, "sputum-series")
    assert row.state is RequirementState.WITHDRAWN
    assert row.ceased_at is not None and row.findings[0]["codes"] == ["CAVITY"]


def test_work_that_has_begun_keeps_the_examination_until_a_physician_withdraws_it(case: Case, staff: Staff) -> None:
    reading = _read(case, staff, "CAVITY")
    take_specimen(case, NewSpecimen(kind=SpecimenKind.SPUTUM, collected_on=get_today(case)), staff.technician)
    _correct(case, staff, reading, "NORMAL")
    row = _find(case, "sputum-series")
    assert row.state is RequirementState.OPEN and row.ceased_at is not None
    ordering.withdraw_requirement(row, "the film was another person's", staff.physician)
    assert row.state is RequirementState.WITHDRAWN
    newest = next(one for one in radiology.list_readings(case) if one.is_current)
    _correct(case, staff, newest, "CAVITY")
    assert row.state is RequirementState.OPEN and row.ended_at is None, "the rules ask for it again"


def test_repeat_of_a_test_is_done_by_the_second_draw_and_ends_with_a_correction(case: Case, staff: Staff) -> None:
    today = get_today(case)

    def enter(value: str, day: int) -> Any:
        drawn = today.replace(day=day) if day <= today.day else today
        row = laboratory.enter_result(case, NewResult("igra", value, drawn), staff.technician)
        laboratory.confirm_result(row, staff.supervisor)
        return row

    first = enter("indeterminate", 1)
    repeat = _find(case, "igra-repeat")
    assert (repeat.source, repeat.state) == (RequirementSource.REFLEX, RequirementState.OPEN)
    corrected = laboratory.correct_result(
        first, NewResult("igra", "negative", first.performed_on), "misread", staff.technician)
    laboratory.confirm_result(corrected, staff.supervisor)
    assert repeat.state is RequirementState.WITHDRAWN


def test_physician_adds_an_examination_that_must_be_done_and_may_take_it_back(case: Case, staff: Staff) -> None:
    row = ordering.add_requirement(case, "hiv", "risk told in confidence", staff.physician)
    assert (row.source, row.state, row.added_by_id) == (
        RequirementSource.PHYSICIAN, RequirementState.OPEN, staff.physician.id)
    _read(case, staff, "NORMAL")  # whatever happens on the case, it stays
    assert _find(case, "hiv").state is RequirementState.OPEN and may_be_withdrawn(row)
    ordering.withdraw_requirement(row, "the applicant declines", staff.physician)
    assert _find(case, "hiv").state is RequirementState.WITHDRAWN
    again = ordering.add_requirement(case, "hiv", "now agrees", staff.physician)
    assert again.id == row.id and again.state is RequirementState.OPEN and again.ended_reason is None
    result = laboratory.enter_result(case, NewResult("hiv", "negative", get_today(case)), staff.technician)
    laboratory.confirm_result(result, staff.supervisor)
    assert again.state is RequirementState.DONE
    with pytest.raises(NotNow):
        ordering.withdraw_requirement(again, "too late for that", staff.physician)


def test_what_the_case_has_already_cannot_be_added_nor_a_rules_examination_withdrawn(case: Case, staff: Staff) -> None:
    with pytest.raises(InvalidInput):
        ordering.add_requirement(case, "chest-xray", "to be sure", staff.physician)
    with pytest.raises(NotNow):
        ordering.withdraw_requirement(_find(case, "chest-xray"), "not needed", staff.physician)
