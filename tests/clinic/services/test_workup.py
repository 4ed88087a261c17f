"""A fluoroquinolone during an open work-up warns wherever it is written."""

from __future__ import annotations

import pytest
from flask import Flask

from clinic.caution import NeedsConfirmation
from clinic.models import Answer, Case
from clinic.schemas.door import load
from clinic.schemas.treatment import TreatmentIn
from clinic.services import treatment, workup
from clinic.services.form import complete_form, get_subject
from clinic.services.plausibility import get_today
from clinic.web.case import list_flags
from tests.clinic.services.form_answer import build_answers
from tests.factory import make_case, make_user


@pytest.fixture
def case(app: Flask) -> Case:
    """A US case whose symptoms call for sputum."""
    return make_case("us", user=make_user("reception"), circumstances={"tb_symptoms": Answer.YES})


def _treat(case: Case, detail: str, confirmed: list[str] | None = None) -> None:
    treatment.report_treatment(case, load(TreatmentIn(), {
        "disease": "gonorrhoea", "outcome": "current", "regimen": "other", "detail": detail,
        "started_on": get_today(case).isoformat(), "confirmed": confirmed or []}), None, make_user("nurse", case.site))


def test_in_a_treatment(case: Case) -> None:
    with pytest.raises(NeedsConfirmation) as caught:
        _treat(case, "Ciprofloxacin 500 mg once")
    (caution,) = caught.value.cautions
    assert caution.code == "fluoroquinolone-detail" and "hides the bacilli" in caution.text
    _treat(case, "Ciprofloxacin 500 mg once", [caution.code])
    assert workup.find_recorded(case) == "Ciprofloxacin"
    assert "Ciprofloxacin during a TB work-up" in [flag["text"] for flag in list_flags(case)]


def test_without_a_work_up_nobody_is_warned(app: Flask) -> None:
    case = make_case("us", user=make_user("reception"))
    _treat(case, "Ciprofloxacin 500 mg once")
    assert workup.find_recorded(case) is None


def test_other_medicine_is_none(case: Case) -> None:
    _treat(case, "Amoxicillin 500 mg")
    assert workup.find_recorded(case) is None


@pytest.mark.parametrize(("question", "asks"), [("other__medication", True), ("other__allergy", False)])
def test_in_a_form(case: Case, question: str, asks: bool) -> None:
    doctor = make_user("physician", case.site)
    answers = build_answers("us-medical-exam", get_subject(case), get_today(case).isoformat(), **{
        question: True, f"{question}__detail": "Levofloxacin", "tuberculosis__symptoms": True,
        "tuberculosis__symptoms__detail": "cough"})
    if not asks:
        complete_form(case, "us-medical-exam", answers, None, doctor)
        return
    with pytest.raises(NeedsConfirmation) as caught:
        complete_form(case, "us-medical-exam", answers, None, doctor)
    assert [caution.code for caution in caught.value.cautions] == ["fluoroquinolone-other.medication.detail"]
