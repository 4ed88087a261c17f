"""A form that denies what the case holds, and two people on one form: a person decides, nothing typed is lost."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from clinic.caution import NeedsConfirmation
from clinic.models import Answer, Case, User
from clinic.questionnaire import get_questionnaire
from clinic.services import form
from clinic.services.circumstance import write_answers
from clinic.services.form_contradiction import merge_answers
from clinic.services.plausibility import get_today
from tests.clinic.services.form_answer import build_answers
from tests.factory import make_case, make_user

NAME = "us-medical-exam"


@pytest.fixture
def case(app: Flask) -> Case:
    """A US case at whose opening tuberculosis in the past was told."""
    reception = make_user("reception")
    case = make_case("us", user=reception)
    write_answers(case, {"tb_history": Answer.YES}, reception)
    return case


@pytest.fixture
def physician(case: Case) -> User:
    """Who examines and completes."""
    return make_user("physician", case.site)


def _answers(case: Case, **changed: Any) -> dict[str, Any]:
    return build_answers(NAME, form.get_subject(case), get_today(case).isoformat(), **changed)


def _history(case: Case) -> Answer:
    return next(row.answer for row in case.circumstances if row.word == "tb_history")


def test_denying_what_reception_recorded_needs_a_tick_and_changes_nothing_before(case: Case, physician: User) -> None:
    with pytest.raises(NeedsConfirmation) as refused:
        form.complete_form(case, NAME, _answers(case), None, physician)
    assert [caution.code for caution in refused.value.cautions] == ["denied-tb_history"]
    assert _history(case) is Answer.YES


def test_confirmed_denial_counts_and_stays_with_the_form(case: Case, physician: User) -> None:
    row = form.complete_form(case, NAME, _answers(case), None, physician, ["denied-tb_history"])
    assert _history(case) is Answer.NO
    assert row.answers[form.CONFIRMED] == ["denied-tb_history"]


def test_agreeing_form_needs_no_tick(case: Case, physician: User) -> None:
    answers = _answers(case, tuberculosis__history=True, tuberculosis__history__detail="2011, treated six months")
    form.complete_form(case, NAME, answers, None, physician)
    assert _history(case) is Answer.YES


def test_amending_what_the_form_itself_said_needs_no_tick(case: Case, physician: User) -> None:
    yes = _answers(case, tuberculosis__history=True, tuberculosis__history__detail="2011, treated six months")
    row = form.complete_form(case, NAME, yes, None, physician)
    form.amend_form(case, NAME, _answers(case), row.version, "Another person's history", physician)
    assert _history(case) is Answer.NO


def test_merge_keeps_what_was_typed_and_names_the_other_answer() -> None:
    questions = get_questionnaire(NAME)
    stored = {"vital.pulse": "71", "vital.height": "172", "tuberculosis.history": True, "exam.skin": "normal"}
    typed = {"vital.pulse": "99", "vital.height": "", "tuberculosis.history": "true", "exam.skin": "abnormal"}
    merged, differing = merge_answers(questions, stored, typed, set(questions.list_questions()) - {"exam.skin"})
    assert merged == {"vital.pulse": "99", "vital.height": "172", "tuberculosis.history": "true", "exam.skin": "normal"}
    assert list(differing) == ["vital.pulse"]
    assert "71" in differing["vital.pulse"][0]


def test_harm_in_the_history_without_a_disorder_needs_a_tick_once(case: Case, physician: User) -> None:
    told = ["denied-tb_history"]
    answers = _answers(case, nervous__self_harm=True, nervous__self_harm__detail="2019, once, overdose")
    with pytest.raises(NeedsConfirmation) as refused:
        form.complete_form(case, NAME, answers, None, physician, told)
    found = next(caution for caution in refused.value.cautions if caution.code == "harm-without-disorder")
    assert (found.field, "Suicide attempt or self-harm" in found.text) == ("disorder-1", True)
    row = form.complete_form(case, NAME, answers, None, physician, [*told, "harm-without-disorder"])
    form.amend_form(case, NAME, answers | {"vital.weight": "60"}, row.version, "weighed again", physician)


def test_no_harm_and_no_disorder_needs_no_tick(case: Case, physician: User) -> None:
    row = form.complete_form(case, NAME, _answers(case), None, physician, ["denied-tb_history"])
    assert row.answers[form.CONFIRMED] == ["denied-tb_history"]
