"""What is kept of a form beside its answers: replaced versions, uses of a template, what a lost session left."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from clinic import clock
from clinic.db import db
from clinic.models import AuditChange, Case, KeptInput, User
from clinic.questionnaire import get_questionnaire
from clinic.services import form
from clinic.services.fact import build_results
from clinic.services.form_template import TEMPLATE, list_rest
from clinic.services.form_version import get_version, list_versions
from clinic.services.kept_input import LIFE, drop_kept_input, find_kept_input, keep_input
from clinic.services.plausibility import get_today
from tests.clinic.services.form_answer import build_answers
from tests.factory import make_case, make_user

NAME = "us-medical-exam"


@pytest.fixture
def case(app: Flask) -> Case:
    """A US case of a woman."""
    return make_case("us", user=make_user("reception"))


@pytest.fixture
def physician(case: Case) -> User:
    """Who examines and completes."""
    return make_user("physician", case.site)


def _answers(case: Case, **changed: object) -> dict[str, object]:
    return build_answers(NAME, form.get_subject(case), get_today(case).isoformat(), **changed)


def test_amendment_keeps_the_old_version_with_its_reason_and_facts_follow(case: Case, physician: User) -> None:
    row = form.complete_form(case, NAME, _answers(case, finding__syphilis=True, finding__syphilis__treated=False), None,
                             physician)
    assert build_results(case)["syphilis"] == {"treated": False}
    treated = _answers(case, finding__syphilis=True, finding__syphilis__treated=True,
                       finding__syphilis__detail="benzathine penicillin, three doses")
    form.amend_form(case, NAME, treated, row.version, "treated since", physician)
    assert build_results(case)["syphilis"] == {"treated": True}
    (old,) = list_versions(row)
    assert (old.number, old.reason, old.replaced_by_id) == (1, "treated since", physician.id)
    assert get_version(row, 1).answers["finding.syphilis.treated"] is False
    assert row.answers["finding.syphilis.treated"] is True


def test_second_amendment_makes_a_second_version(case: Case, physician: User) -> None:
    row = form.complete_form(case, NAME, _answers(case), None, physician)
    for weight in ("63", "64"):
        form.amend_form(case, NAME, _answers(case, vital__weight=weight), row.version, "weighed again", physician)
    assert [(old.number, old.answers["vital.weight"]) for old in list_versions(row)] == [(1, "62.5"), (2, "63")]


def test_template_leaves_what_is_answered_and_records_who_used_it(case: Case, physician: User) -> None:
    raw = {"exam.skin": "abnormal", "exam.skin.detail": "scar"}
    questionnaire = get_questionnaire(NAME)
    rest = list_rest(case, questionnaire, "exam", raw, form.get_subject(case), form.list_answerable(questionnaire,
                                                                                                    physician))
    assert "exam.skin" not in rest and set(rest.values()) == {"normal"}
    assert form.find_response(case, NAME) is None  # a proposal records nothing
    row = form.apply_template(case, NAME, raw, None, "exam", list(rest), physician)
    assert row.answers["exam.skin"] == "abnormal" and row.answers["exam.heart"] == "normal"
    mark = row.answers[TEMPLATE]["exam"]
    assert mark["by"] == physician.id and set(mark["items"]) == set(rest)
    assert db.session.execute(select(AuditChange).where(AuditChange.action == "use-template")).scalar_one()


def test_draft_after_a_template_is_looked_over_without_the_mark(case: Case, physician: User) -> None:
    """Saving it said that a question was not on the form: the mark of who used the button was taken for an answer."""
    row = form.apply_template(case, NAME, {"vital.weight": "180"}, None, "exam", ["exam.heart"], physician)
    assert len(form.list_draft_cautions(case, row, physician)) == 1


def test_answer_changed_after_the_template_leaves_its_mark(case: Case, physician: User) -> None:
    row = form.apply_template(case, NAME, {}, None, "exam", ["exam.heart", "exam.lungs"], physician)
    raw = {"exam.heart": "abnormal", "exam.heart.detail": "murmur", "exam.lungs": "normal"}
    row = form.save_draft(case, NAME, raw, row.version, physician)
    assert row.answers[TEMPLATE]["exam"]["items"] == ["exam.lungs"]


def test_template_records_only_what_its_list_showed(case: Case, physician: User) -> None:
    row = form.apply_template(case, NAME, {"exam.lungs": "abnormal", "exam.lungs.detail": "crackles"}, None, "exam",
                              ["exam.heart", "exam.lungs", "vital.weight"], physician)
    assert row.answers["exam.heart"] == "normal" and row.answers["exam.lungs"] == "abnormal"
    assert "exam.skin" not in row.answers and "vital.weight" not in row.answers


def test_kept_input_is_its_authors_alone_and_ends_after_a_day(case: Case, physician: User) -> None:
    questionnaire = get_questionnaire(NAME)
    keep_input(case, questionnaire, {"vital.weight": "7o", "csrf_token": "x", "general.heart": ""}, 3, physician)
    keep_input(case, questionnaire, {"vital.weight": "70"}, 4, physician)
    kept = find_kept_input(case, NAME, physician)
    assert kept is not None and (kept.answers, kept.version) == ({"vital.weight": "70"}, 4)
    assert find_kept_input(case, NAME, make_user("physician", case.site)) is None
    with clock.stopped_at(clock.now() + LIFE + timedelta(seconds=1)):
        assert find_kept_input(case, NAME, physician) is None
        keep_input(case, questionnaire, {"vital.weight": "71"}, None, make_user("nurse", case.site))
    assert db.session.query(KeptInput).count() == 1


def test_kept_input_is_forgotten_once_dropped(case: Case, physician: User) -> None:
    keep_input(case, get_questionnaire(NAME), {"vital.weight": "70"}, None, physician)
    drop_kept_input(case, NAME, physician)
    db.session.flush()
    assert find_kept_input(case, NAME, physician) is None


@pytest.mark.parametrize(("months", "recur", "grade"), [(6, False, "A"), (13, False, "B"), (13, True, "A")])
def test_harmful_behaviour_decides_the_class(case: Case, physician: User, months: int, recur: bool, grade: str) -> None:
    from clinic.rules.age import add_months
    from clinic.services.assessment import assess

    last = add_months(get_today(case), -months).isoformat()
    answers = _answers(
        case, disorder_1=True, disorder_1__kind="mental", disorder_1__behaviour="past", disorder_1__last=last,
        disorder_1__recur=recur, disorder_1__recur_reason="as the report says")
    form.complete_form(case, NAME, answers, None, physician)
    assert f"mental:{grade}" in assess(case)["other_classes"]


def test_scheduled_substance_without_remission_is_class_a(case: Case, physician: User) -> None:
    from clinic.services.assessment import assess

    answers = _answers(case, disorder_1=True, disorder_1__kind="substance", disorder_1__substance="opioids",
                       disorder_1__scheduled=True, disorder_1__criteria="5",
                       disorder_1__last=get_today(case).isoformat())
    form.complete_form(case, NAME, answers, None, physician)
    assert assess(case)["other_classes"] == ["substance:A"]


@pytest.mark.parametrize(("programme", "name"), [("uk", "uk-tb-interview"), ("ca", "medical-exam"),
                                                  ("au", "medical-exam"), ("nz", "medical-exam")])
def test_treatment_of_tuberculosis_can_be_recorded_everywhere(app: Flask, programme: str, name: str) -> None:
    case = make_case(programme, user=make_user("reception"), stay_months=24)
    day = get_today(case).isoformat()
    answers = build_answers(
        name, form.get_subject(case), day, finding__tuberculosis=True, finding__tuberculosis__clinical=False,
        finding__tuberculosis__status="completed", finding__tuberculosis__dot=True,
        finding__tuberculosis__refused=False, finding__tuberculosis__ended=day)
    form.complete_form(case, name, answers, None, make_user("physician", case.site))
    treatment = build_results(case)["tb_treatment"]
    assert (treatment["status"], treatment["ended"], treatment["dot_under_panel_physician"]) == ("completed", day, True)
