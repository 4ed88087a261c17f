"""Drafts count nothing, completion establishes, amendments name what changed, nobody overwrites anybody."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from clinic.caution import NeedsConfirmation
from clinic.db import db
from clinic.errors import CaseChanged, InvalidInput, NotAllowed, NotNow
from clinic.models import Answer, AuditChange, Case, FormStatus, RequirementState, User
from clinic.services import form, form_fact
from clinic.services.assessment import list_requirements
from clinic.services.fact import build_facts
from clinic.services.plausibility import get_today
from tests.clinic.services.form_answer import build_answers
from tests.factory import make_case, make_user

NAME = "us-medical-exam"


@pytest.fixture
def case(app: Flask) -> Case:
    """A US case of a woman."""
    return make_case("us", user=make_user("reception"))


@pytest.fixture
def nurse(case: Case) -> User:
    """Who takes the history."""
    return make_user("nurse", case.site)


@pytest.fixture
def physician(case: Case) -> User:
    """Who examines and completes."""
    return make_user("physician", case.site)


def _answers(case: Case, **changed: Any) -> dict[str, Any]:
    return build_answers(NAME, form.get_subject(case), get_today(case).isoformat(), **changed)


def _word(case: Case, word: str) -> Answer:
    return next(row.answer for row in case.circumstances if row.word == word)


def test_draft_counts_nothing(case: Case, nurse: User) -> None:
    row = form.save_draft(case, NAME, {"tuberculosis.symptoms": "yes", "reproductive.pregnant": "yes",
                                       "reproductive.pregnant.weeks": "12"}, None, nurse)
    assert row.status is FormStatus.IN_PROGRESS
    assert form_fact.list_form_facts(case) == {}
    assert _word(case, "tb_symptoms") is Answer.NO


def test_completed_form_establishes_circumstances_facts_and_the_exam_date(case: Case, physician: User) -> None:
    answers = _answers(case, tuberculosis__symptoms=True, tuberculosis__symptoms__detail="cough for five weeks",
                       reproductive__pregnant=True, reproductive__pregnant__weeks="12")
    row = form.complete_form(case, NAME, answers, None, physician)
    assert (row.status, row.completed_by_id) == (FormStatus.COMPLETED, physician.id)
    assert _word(case, "tb_symptoms") is Answer.YES
    assert form_fact.list_form_facts(case) == {"pregnancy_weeks": 12}
    assert case.exam_date == get_today(case)
    assert "tb_symptoms" in build_facts(case)["yes"]
    exams = {requirement.exam: requirement.state for requirement in list_requirements(case)}
    assert exams["medical-exam"] is RequirementState.DONE
    assert "sputum-series" in exams  # symptoms call for sputum (us.md 1.2)


def test_digits_of_vital_signs_stay_as_written(case: Case, physician: User) -> None:
    row = form.complete_form(case, NAME, _answers(case, vital__weight="62,50"), None, physician)
    db.session.expire(row)
    assert row.answers["vital.weight"] == "62.50"


def test_form_with_a_gap_is_not_completed(case: Case, physician: User) -> None:
    answers = _answers(case)
    del answers["exam.skin"]
    with pytest.raises(InvalidInput) as caught:
        form.complete_form(case, NAME, answers, None, physician)
    assert list(caught.value.fields) == ["exam.skin"]
    assert form.find_response(case, NAME) is None


def test_unusual_value_is_confirmed_and_the_tick_kept(case: Case, physician: User) -> None:
    answers = _answers(case, vital__weight="180")
    with pytest.raises(NeedsConfirmation) as caught:
        form.complete_form(case, NAME, answers, None, physician)
    codes = [caution.code for caution in caught.value.cautions]
    assert codes == ["vital.weight=180"]
    row = form.complete_form(case, NAME, answers, None, physician, confirmed=codes)
    assert row.answers[form.CONFIRMED] == codes


def test_exchanged_blood_pressures_are_asked_about(case: Case, nurse: User, physician: User) -> None:
    row = form.save_draft(case, NAME, {"vital.systolic": "80", "vital.diastolic": "90"}, None, nurse)
    assert len(form.list_draft_cautions(case, row, nurse)) == 1
    with pytest.raises(NeedsConfirmation) as caught:
        form.complete_form(case, NAME, _answers(case, vital__systolic="80", vital__diastolic="90"), row.version,
                           physician)
    assert [caution.field for caution in caught.value.cautions] == ["vital.diastolic"]


def test_exam_in_the_future_is_refused(case: Case, physician: User) -> None:
    with pytest.raises(InvalidInput) as caught:
        form.complete_form(case, NAME, _answers(case, visit__exam_date="2099-01-01"), None, physician)
    assert "visit.exam-date" in caught.value.fields


def test_nurse_cannot_answer_or_complete_the_physicians_part(case: Case, nurse: User, physician: User) -> None:
    with pytest.raises(NotAllowed):
        form.complete_form(case, NAME, _answers(case), None, nurse)
    row = form.save_draft(case, NAME, {"general.heart": "no", "exam.skin": "normal"}, None, nurse)
    assert row.answers == {"general.heart": False}
    row = form.save_draft(case, NAME, {"general.heart": "no", "exam.skin": "normal"}, row.version, physician)
    row = form.save_draft(case, NAME, {"general.lung": "no"}, row.version, nurse)
    assert row.answers == {"general.lung": False, "exam.skin": "normal"}


def test_saving_over_somebody_elses_draft_is_refused(case: Case, nurse: User, physician: User) -> None:
    row = form.save_draft(case, NAME, {"general.heart": "no"}, None, nurse)
    seen = row.version
    form.save_draft(case, NAME, {"general.heart": "no", "general.lung": "no"}, seen, nurse)
    with pytest.raises(CaseChanged):
        form.save_draft(case, NAME, {"general.heart": "yes"}, seen, physician)
    with pytest.raises(CaseChanged):
        form.save_draft(case, NAME, {"general.heart": "yes"}, None, physician)
    assert row.answers == {"general.heart": False, "general.lung": False}


def test_complete_form_takes_no_draft(case: Case, nurse: User, physician: User) -> None:
    row = form.complete_form(case, NAME, _answers(case), None, physician)
    with pytest.raises(NotNow, match="amendment"):
        form.save_draft(case, NAME, {"general.heart": "no"}, row.version, nurse)


def test_amendment_names_what_changed_and_changes_what_follows(case: Case, physician: User) -> None:
    row = form.complete_form(case, NAME, _answers(case), None, physician)
    assert _word(case, "tb_history") is Answer.NO
    changed = _answers(case, tuberculosis__history=True, tuberculosis__history__detail="treated in 2011")
    form.amend_form(case, NAME, changed, row.version, "told later", physician)
    assert row.status is FormStatus.AMENDED
    assert _word(case, "tb_history") is Answer.YES
    audit = db.session.execute(select(AuditChange).where(AuditChange.action == "amend-form")).scalar_one()
    assert audit.detail["changed"] == ["tuberculosis.history", "tuberculosis.history.detail"]
    assert "2011" not in str(audit.detail)


def test_amendment_without_a_change_is_refused(case: Case, physician: User) -> None:
    row = form.complete_form(case, NAME, _answers(case), None, physician)
    with pytest.raises(NotNow, match="Nothing was changed"):
        form.amend_form(case, NAME, _answers(case), row.version, "no reason at all", physician)


@pytest.mark.parametrize(("programme", "category", "name"), [
    ("uk", "ENTRY_CLEARANCE", "uk-tb-interview"), ("ca", "PR", "medical-exam"), ("nz", "RES_GENERAL", "medical-exam"),
    ("au", "PERM", "medical-exam")])
def test_other_programmes_forms_can_be_completed(app: Flask, programme: str, category: str, name: str) -> None:
    case = make_case(programme, user=make_user("reception"), category=category, stay_months=12)
    physician = make_user("physician", case.site)
    answers = build_answers(name, form.get_subject(case), get_today(case).isoformat())
    form.complete_form(case, name, answers, None, physician)
    done = {row.exam for row in list_requirements(case) if row.state is RequirementState.DONE}
    assert done & {"medical-exam", "limited-medical-exam", "tb-interview"}
