"""Who may be infectious is seen at every station, in every list and search; only a physician holds and lifts."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from clinic.db import db, set_mode
from clinic.models import Case, InfectionHold, SignedExam, User
from clinic.services.hold import lift_hold, place_hold
from clinic.services.visit import check_in
from tests.clinic.web.test_sign_page import ACCEPT
from tests.factory import make_case, make_site, make_user
from tests.seek import find_address
from tests.sign_in import sign_in
from tests.us_case import make_complete_case, make_staff

SIGN = "May be infectious"


@pytest.fixture
def physician(app: Flask) -> User:
    """Who may hold and lift."""
    return make_user("physician")


@pytest.fixture
def case(physician: User) -> Case:
    """A US case of somebody who is here."""
    reception = make_user("reception")
    case = make_case("us", user=reception)
    check_in(case, reception)
    return case


def text_of(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return re.sub(r"\s+", " ", answer.get_data(as_text=True))


def test_held_person_is_marked_in_every_list_and_on_every_page(app: Flask, case: Case, physician: User) -> None:
    people = [make_user(role) for role in ("reception", "nurse", "physician", "tbteam", "labtech")]
    other = make_case(user=people[0])
    pages = (f"/cases/{case.id}", f"/cases/{case.id}/sputum", f"/cases/{case.id}/laboratory",
             f"/cases/{case.id}/forms/us-medical-exam", f"/cases/{case.id}/xray", f"/cases/{case.id}/vaccination",
             f"/cases/{case.id}/consent", f"/cases/{case.id}/photo")
    lists = ("/cases", "/today", "/?view=examine", "/tasks?whose=site")
    case_id, other_id, family_name = case.id, other.id, case.applicant.family_name.upper()
    place_hold(case, "Coughs blood in the waiting room", physician)
    db.session.commit()
    everybody = sign_in(app, make_user("reception nurse physician tbteam labtech radiologist labsupervisor"), case_id)
    for path in pages:
        assert "hold-strip" in text_of(everybody, path), path
    for path in (*lists, find_address(everybody, "/search", q="Grace")):
        page = text_of(everybody, path)
        rows = [part for part in page.split("<tr") if family_name in part]
        assert rows and all("hold-sign" in row and SIGN in row for row in rows), path
    assert "hold-strip" not in text_of(everybody, f"/cases/{other_id}")
    set_mode("write")
    db.session.rollback()
    row = db.session.query(InfectionHold).one()
    lift_hold(row, "Seen by the chest clinic", db.session.get_one(User, physician.id))
    db.session.commit()
    for path in ("/cases", f"/cases/{case_id}"):
        page = text_of(everybody, path)
        assert "hold-sign" not in page and "hold-strip" not in page, "a remembered row forgets the sign, too"


@pytest.mark.parametrize(("role", "status"), [
    ("nurse", 303), ("tbteam", 303), ("radiologist", 303), ("reception", 403), ("labtech", 403)])
def test_whoever_meets_somebody_who_coughs_blood_holds_them_at_once(
    app: Flask, case: Case, role: str, status: int
) -> None:
    path = f"/cases/{case.id}/holds"
    client = sign_in(app, make_user(role), case.id)
    assert client.post(path, data={"reason": "coughs blood"}).status_code == status
    assert ("Held by" in text_of(client, path)) is (status == 303)


def test_physician_alone_lifts_with_a_reason(
    app: Flask, case: Case, physician: User
) -> None:
    path = f"/cases/{case.id}/holds"
    nurse, doctor = sign_in(app, make_user("nurse"), case.id), sign_in(app, physician, case.id)
    assert "Nothing says that this person may be infectious" in text_of(nurse, path)
    assert doctor.post(path, data={"reason": ""}).status_code == 422
    page = doctor.post(path, data={"reason": "coughs blood"}, follow_redirects=True).get_data(as_text=True)
    assert "coughs blood" in page and "Held by" in page
    db.session.rollback()
    hold_id = db.session.query(InfectionHold).one().id
    assert nurse.post(f"{path}/{hold_id}/lift", data={"reason": "is well"}).status_code == 403
    assert doctor.post(f"{path}/{hold_id}/lift", data={"reason": "x"}).status_code == 422
    assert doctor.post(f"{path}/no-such/lift", data={"reason": "is well"}).status_code == 404
    page = doctor.post(f"{path}/{hold_id}/lift", data={"reason": "is well"}, follow_redirects=True)
    assert "Nothing says" in page.get_data(as_text=True) and "is well" in page.get_data(as_text=True)


def test_hold_of_another_site_marks_nobody_here(app: Flask, case: Case, physician: User) -> None:
    there = make_site("KLA")
    stranger = make_user("nurse", there)
    mine = make_case(user=make_user("reception", there))
    number = mine.number
    place_hold(case, "Coughs blood", physician)
    db.session.commit()
    page = text_of(sign_in(app, stranger), "/cases")
    assert number in page and "hold-sign" not in page


def test_review_says_why_it_cannot_be_signed(app: Flask) -> None:
    staff = make_staff()
    case = make_complete_case(staff)
    place_hold(case, "Coughs blood", staff.physician)
    path = f"/cases/{case.id}/sign"
    doctor = sign_in(app, staff.physician, case.id)
    page = text_of(doctor, path)
    version = re.search(r'name="case_version" value="(\d+)"', page)
    assert "nothing that clears this person is signed" in page and version
    answer = doctor.post(path, data=ACCEPT | {"case_version": version[1]})
    assert answer.status_code == 409
    assert "nothing that clears them can be signed or issued" in answer.get_data(as_text=True)
    assert db.session.query(SignedExam).count() == 0
