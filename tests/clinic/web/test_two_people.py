"""Two people on one form, and pages after which one must know where to go."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from clinic import workflow
from clinic.db import db, set_mode
from clinic.models import Answer, Case, CaseState, FormResponse, VaccineDose
from clinic.services.circumstance import write_answers
from clinic.services.plausibility import get_today
from tests.factory import make_case, make_user
from tests.sign_in import sign_in


@pytest.fixture
def case(app: Flask) -> Case:
    """A US case on which nothing has been done."""
    return make_case("us", user=make_user("reception"))


def _text(answer: object) -> str:
    return re.sub(r"\s+", " ", answer.get_data(as_text=True))  # type: ignore[attr-defined]


def test_form_saved_by_another_meanwhile_keeps_what_was_typed(app: Flask, case: Case) -> None:
    address = f"/cases/{case.id}/forms/us-medical-exam"
    people = make_user("nurse"), make_user("physician")
    nurse, physician = (sign_in(app, person, case.id) for person in people)
    nurse.post(address, data={"version": "", "action": "save", "vital.pulse": "71", "vital.height": "172"})
    answer = physician.post(address, data={"version": "", "action": "save", "vital.pulse": "99", "vital.weight": "60"})
    text = _text(answer)
    assert answer.status_code == 409
    assert re.search(r'name="vital.pulse"[^>]*value="99"', text) and "“71”" in text
    assert re.search(r'name="vital.weight"[^>]*value="60"', text)
    assert re.search(r'name="vital.height"[^>]*value="172"', text)
    version = re.search(r'name="version"[^>]*value="(\d+)"', text)
    assert version is not None
    physician.post(address, data={"version": version[1], "action": "save", "vital.pulse": "99",
                                   "vital.height": "172"})
    row = db.session.query(FormResponse).one()
    db.session.refresh(row)
    assert (row.answers["vital.pulse"], row.answers["vital.height"]) == ("99", "172")


def test_all_others_no_leaves_out_what_the_case_holds_as_yes(app: Flask, case: Case) -> None:
    write_answers(case, {"tb_history": Answer.YES}, make_user("reception"))
    db.session.commit()
    address = f"/cases/{case.id}/forms/us-medical-exam"
    physician = sign_in(app, make_user("physician"), case.id)
    assert "The case says: yes" in _text(physician.get(address))
    page = physician.post(address, data={"version": "", "action": "rest:tuberculosis"}, follow_redirects=True)
    shown = re.findall(r'name="shown" value="([^"]+)"', _text(page))
    assert "tuberculosis.contact" in shown and "tuberculosis.history" not in shown
    row = db.session.query(FormResponse).one()
    assert "tuberculosis.contact" not in row.answers  # nothing is recorded before the list is confirmed
    physician.post(address, data={"version": row.version, "action": "confirm:tuberculosis", "shown": shown})
    db.session.refresh(row)
    answers = row.answers
    assert answers["tuberculosis.contact"] is False
    assert "tuberculosis.history" not in answers


def test_refused_step_leads_back_to_the_case(app: Flask, case: Case) -> None:
    home, dose = f"/cases/{case.id}", {"product": "MMR|03", "given_on": get_today(case).isoformat(), "source": "record"}
    nurse, address = sign_in(app, make_user("nurse"), case.id), f"{home}/vaccination/doses"
    nurse.post(address, data=dose)
    row = db.session.query(VaccineDose).one().id
    for status in (302, 409):
        answer = nurse.post(f"{address}/{row}/withdraw", data={"reason": "wrong person"})
        assert answer.status_code == status
    assert f'href="{home}"' in _text(answer)


def test_repeated_dose_is_refused_and_what_was_typed_stays(app: Flask, case: Case) -> None:
    address = f"/cases/{case.id}/vaccination/doses"
    dose = {"product": "MMR|94", "given_on": get_today(case).isoformat(), "source": "record", "lot": "KEEP-7"}
    nurse = sign_in(app, make_user("nurse"), case.id)
    nurse.post(address, data=dose)
    answer = nurse.post(address, data=dose)
    assert answer.status_code == 422 and "This is recorded already" in _text(answer)
    assert 'value="KEEP-7"' in _text(answer) and 'value="MMR|94" selected' in _text(answer)


def test_dose_typed_while_the_case_was_put_on_hold_is_shown_again(app: Flask, case: Case) -> None:
    nurse = sign_in(app, make_user("nurse"), case.id)
    set_mode("write")
    workflow.move(db.session.get_one(Case, case.id), CaseState.ON_HOLD, "somebody else")
    db.session.commit()
    answer = nurse.post(f"/cases/{case.id}/vaccination/doses", data={
        "product": "MMR|03", "given_on": "2001-05-06", "source": "record", "remark": "torn card"})
    assert "torn card" in _text(answer)


def test_undecided_case_does_not_say_that_nothing_is_required(app: Flask) -> None:
    case = make_case("uk", user=make_user("reception"), stay_months=None)
    text = _text(sign_in(app, make_user("nurse")).get(f"/cases/{case.id}"))
    assert "Undecided" in text
    assert "asks for no examination" not in text


def test_form_posts_to_its_own_address_so_that_a_refusal_shows_from_the_top(app: Flask, case: Case) -> None:
    address = f"/cases/{case.id}/forms/us-medical-exam"
    physician = sign_in(app, make_user("physician"), case.id)
    assert f'<form method="post" action="{address}"' in _text(physician.get(address))
