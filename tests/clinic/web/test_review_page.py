"""The physician's review: treatments, susceptibility, computed words, earlier answers, and suggestions to add."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from clinic.db import set_mode
from clinic.models import Answer, Case, RequirementState, SpecimenKind, TreatmentOutcome
from clinic.schemas.laboratory import NewResult, NewSpecimen
from clinic.schemas.treatment import NewTreatment
from clinic.services import form, lab_order, laboratory, specimen, treatment
from clinic.services.assessment import list_requirements
from clinic.services.plausibility import get_today
from tests.clinic.services.form_answer import build_answers
from tests.factory import make_case
from tests.sign_in import sign_in
from tests.us_case import NAME, Staff, make_staff


@pytest.fixture
def staff(app: Flask) -> Staff:
    return make_staff()


@pytest.fixture
def case(staff: Staff) -> Case:
    return make_case("us", user=staff.reception)


def _read(app: Flask, staff: Staff, case: Case) -> str:
    page = sign_in(app, staff.physician).get(f"/cases/{case.id}/sign").get_data(as_text=True)
    return re.sub(r"\s+", " ", page)


def _row(text: str, anchor: str) -> str:
    found = re.search(rf'<div class="review__row[^"]*" id="row-{re.escape(anchor)}">(.*?)</div>', text)
    assert found, anchor
    return found[1]


def test_treatment_stands_with_its_course_its_reporter_and_the_earlier_report(
    app: Flask, staff: Staff, case: Case
) -> None:
    began = get_today(case) - timedelta(days=200)
    course: dict[str, Any] = {"regimen": "hrze-hr-daily", "started_on": began, "is_supervised": True}
    begun = NewTreatment("tuberculosis", TreatmentOutcome.CURRENT, **course)
    treatment.report_treatment(case, begun, None, staff.nurse)
    treatment.report_treatment(case, NewTreatment(
        "tuberculosis", TreatmentOutcome.COMPLETED, ended_on=began + timedelta(days=180), doses_planned=180,
        doses_given=178, doses_missed=2, **course), 1, staff.physician)
    row = _row(_read(app, staff, case), "treatment-tuberculosis")
    assert "Completed" in row and "178 given" in row and "2 missed" in row and "directly observed" in row
    assert re.search(r"<del>Goes on.*</del>.*" + staff.nurse.name, row) and staff.physician.name in row
    assert f"/cases/{case.id}/treatment/tuberculosis?review=" in row


def test_what_is_ordered_and_has_no_result_is_said_before_the_signature(app: Flask, staff: Staff) -> None:
    """A positive hepatitis B antigen orders the viral load; the page said that nothing was outstanding."""
    case = make_case("nz", user=staff.reception)
    for name in ("hepatitis-b", "urinalysis"):
        row = next(each for each in list_requirements(case) if each.exam == name)
        row.state = RequirementState.DONE if name == "hepatitis-b" else RequirementState.OPEN
    for test in ("hbv-dna", "urine-protein"):
        lab_order.order_test(case, test, staff.physician, "asked for")
    text = _read(app, staff, case)
    assert "Ordered, and no result yet:</strong> Hepatitis B DNA <" in text, "urine is among the open examinations"


def test_susceptibility_stands_drug_by_drug_in_a_row_of_its_own(app: Flask, staff: Staff, case: Case) -> None:
    day = get_today(case) - timedelta(days=60)
    taken = specimen.take_specimen(
        case, NewSpecimen(SpecimenKind.SPUTUM, day, confirmed=["late-entry"]), staff.technician)
    for test, value, parts in (("sputum-culture", "mtb", {}), ("dst", "resistant", {"isoniazid": "resistant"})):
        made = laboratory.enter_result(case, NewResult(
            test, value, None, day + timedelta(days=40), taken.id, parts, method="molecular" if parts else None),
            staff.technician)
        laboratory.confirm_result(made, staff.supervisor)
    row = _row(_read(app, staff, case), f"result-{made.series_id}")
    assert "Drug susceptibility, " in row and "Isoniazid resistant" in row and staff.supervisor.name in row


def test_form_shows_what_it_computes_and_what_an_amended_answer_was(app: Flask, staff: Staff, case: Case) -> None:
    answers = build_answers(NAME, form.get_subject(case), get_today(case).isoformat()) | {
        "vital.height": "160", "vital.weight": "64"}
    made = form.complete_form(case, NAME, answers, None, staff.physician)
    text = _read(app, staff, case)
    assert ">25.0 kg/m²<" in _row(text, f"answer-{NAME}-vital.bmi")
    set_mode("write")
    changed = answers | {"vital.weight": "56", "other.diabetes": "true", "other.diabetes.detail": "found now"}
    row = form.amend_form(case, NAME, changed, made.version, "weighed again", staff.physician)
    form.amend_form(case, NAME, answers | {"vital.weight": "56"}, row.version, "another person's", staff.physician)
    text = _read(app, staff, case)
    weight = _row(text, f"answer-{NAME}-vital.weight")
    assert "<del>64 kg</del>" in weight and "weighed again" in weight and "another person" not in weight
    diabetes = _row(text, f"answer-{NAME}-other.diabetes")  # plain again, and still seen to have been changed
    assert "<del>No</del>" in diabetes and "<del>Yes: found now</del>" in diabetes and ">No</bdi>" in diabetes


def test_suggested_examination_is_added_from_the_review_and_leads_back_to_it(app: Flask, staff: Staff) -> None:
    case = make_case("au", user=staff.reception, circumstances={"tb_contact_household": Answer.YES})
    client, base = sign_in(app, staff.physician), f"/cases/{case.id}"
    text = client.get(f"{base}/sign").get_data(as_text=True)
    place = re.search(rf'href="({base}/requirements/new\?exam=([a-z-]+)&amp;review=suggested)"', text)
    assert place, "nothing is suggested that can be added"
    assert f"requirements/new?exam={place[2]}" in client.get(base).get_data(as_text=True)
    page = client.get(place[1].replace("&amp;", "&")).get_data(as_text=True)
    assert f'<option value="{place[2]}" selected' in page
    added = client.post(f"{base}/requirements/new", data={"exam": place[2], "reason": "asked for by the referral"})
    assert added.headers["Location"].endswith(f"{base}/sign#row-suggested")
    assert "asked for by the referral" in client.get(base).get_data(as_text=True)
    assert f"requirements/new?exam={place[2]}" not in client.get(f"{base}/sign").get_data(as_text=True)
