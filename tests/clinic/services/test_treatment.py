"""Treatments: each report the next revision, facts for the rules, class A that becomes class B."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from clinic.caution import NeedsConfirmation
from clinic.errors import CaseChanged, InvalidInput, NotFound
from clinic.models import Case, ResultStatus, Treatment, User
from clinic.schemas.door import load
from clinic.schemas.treatment import NewTreatment, TreatmentIn
from clinic.services import laboratory, treatment
from clinic.services.assessment import assess
from clinic.services.fact import build_results
from clinic.services.plausibility import get_today
from tests.clinic.services.test_prior_value import record
from tests.factory import make_case, make_user
from tests.us_case import make_complete_case, make_staff


@pytest.fixture
def case(app: Flask) -> Case:
    """A US case of an adult."""
    return make_case("us", user=make_user("reception"))


@pytest.fixture
def nurse(case: Case) -> User:
    """Who gives the doses."""
    return make_user("tbteam", case.site)


def _new(case: Case, disease: str = "gonorrhoea", outcome: str = "completed", **more: Any) -> NewTreatment:
    day = get_today(case).isoformat()
    plain = {"disease": disease, "outcome": outcome, "regimen": "other", "detail": "as agreed", "started_on": day,
             "ended_on": day if outcome in ("completed", "stopped") else None} | more
    return load(TreatmentIn(), {name: value for name, value in plain.items() if value is not None})


def _classes(case: Case) -> list[str]:
    return list(assess(case)["other_classes"])


def test_detected_gonorrhoea_is_class_a_until_it_is_treated(app: Flask) -> None:
    staff = make_staff()
    case, nurse = make_complete_case(staff), make_user("tbteam", staff.nurse.site)
    record(case, "gonorrhoea-naat", "detected")
    assert "gonorrhoea:A" in _classes(case)
    treatment.report_treatment(case, _new(case), None, nurse)
    assert "gonorrhoea:B" in _classes(case) and "gonorrhoea:A" not in _classes(case)


def test_infectious_syphilis_is_class_a_until_it_is_treated(app: Flask) -> None:
    staff = make_staff()
    case, nurse = make_complete_case(staff), make_user("tbteam", staff.nurse.site)
    first_test = next(row for row in laboratory.list_results(case) if row.test == "syphilis-nontreponemal")
    laboratory.withdraw_result(first_test, "another person's", staff.technician)
    record(case, "syphilis-nontreponemal", "reactive", components={"titre": "1:32"}, method="rpr")
    record(case, "syphilis-treponemal", "reactive", method="tp-pa")
    first = treatment.report_treatment(
        case, _new(case, "syphilis", "current", stage="early-latent", regimen="benzathine-1"), None, nurse)
    assert "syphilis:A" in _classes(case)
    treatment.report_treatment(case, _new(case, "syphilis", stage="early-latent", regimen="benzathine-1"),
                               first.revision, nurse)
    assert "syphilis:B" in _classes(case)
    assert [row.revision for row in treatment.list_treatments(case)] == [2, 1]


def test_report_over_an_older_view_is_refused(case: Case, nurse: User) -> None:
    treatment.report_treatment(case, _new(case, outcome="current"), None, nurse)
    with pytest.raises(CaseChanged):
        treatment.report_treatment(case, _new(case), None, nurse)


def test_withdrawn_treatment_counts_nothing_and_stays(case: Case, nurse: User) -> None:
    row = treatment.report_treatment(case, _new(case), None, nurse)
    treatment.withdraw_treatment(row, "another person", nurse)
    assert "gonorrhoea" not in build_results(case)
    assert treatment.get_treatment(case, row.id).status is ResultStatus.ENTERED_IN_ERROR


def test_treatment_of_another_case_is_not_found(case: Case, nurse: User) -> None:
    row = treatment.report_treatment(case, _new(case), None, nurse)
    with pytest.raises(NotFound):
        treatment.get_treatment(make_case("us", user=make_user("reception", case.site)), row.id)


def test_tuberculosis_under_observation_gives_the_facts_of_the_rules(case: Case, nurse: User) -> None:
    today = get_today(case)
    treatment.report_treatment(case, _new(
        case, "tuberculosis", regimen="hrze-hr-daily", is_supervised=True, doses_planned=180, doses_given=176,
        doses_missed=4, started_on=(today - timedelta(days=200)).isoformat(), cultures_negative_on=today.isoformat(),
    ), None, nurse)
    assert build_results(case)["tb_treatment"] == {
        "status": "completed", "dot_under_panel_physician": True, "dot_refused": False,
        "ended": today.isoformat(), "end_cultures_negative_reported": today.isoformat()}


def test_completed_with_too_few_doses_needs_a_tick(case: Case, nurse: User) -> None:
    few = {"doses_planned": 180, "doses_given": 100}
    with pytest.raises(NeedsConfirmation) as refused:
        treatment.report_treatment(case, _new(case, "tuberculosis", **few), None, nurse)
    assert [caution.code for caution in refused.value.cautions] == ["few-doses"]
    made = treatment.report_treatment(case, _new(case, "tuberculosis", **few, confirmed=["few-doses"]), None, nurse)
    assert isinstance(made, Treatment)


@pytest.mark.parametrize(("changes", "field"), [
    ({"disease": "scabies"}, "disease"),
    ({"regimen": "aspirin"}, "regimen"),
    ({"detail": ""}, "detail"),
    ({"ended_on": None}, "ended_on"),
    ({"started_on": None}, "started_on"),
    ({"disease": "syphilis", "stage": "quaternary"}, "stage"),
    ({"is_supervised": True, "is_refused_here": True}, "is_supervised"),
    ({"doses_given": "-1"}, "doses_given"),
    ({"outcome": "current", "ended_on": "2026-01-01"}, "ended_on"),
])
def test_impossible_report_is_refused_at_its_field(case: Case, changes: dict[str, Any], field: str) -> None:
    plain = {"disease": "gonorrhoea", "outcome": "completed", "regimen": "other", "detail": "x",
             "started_on": "2026-01-01", "ended_on": "2026-01-02"} | changes
    with pytest.raises(InvalidInput) as refused:
        load(TreatmentIn(), {name: value for name, value in plain.items() if value is not None})
    assert field in refused.value.fields


def test_last_dose_before_the_first_is_refused(case: Case, nurse: User) -> None:
    today = get_today(case)
    with pytest.raises(InvalidInput) as refused:
        treatment.report_treatment(
            case, _new(case, ended_on=(today - timedelta(days=2)).isoformat()), None, nurse)
    assert "ended_on" in refused.value.fields
