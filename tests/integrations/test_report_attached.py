"""A printed report without an order's number: whom its message speaks of leads to the case, or against it."""

from __future__ import annotations

import base64

from flask import Flask
from sqlalchemy import select

from clinic.db import db
from clinic.models import LabDocument, User
from tests.documents import make_plain_pdf
from tests.integrations.oru import write_order
from tests.integrations.test_result_intake import Place, place
from tests.integrations.test_result_match import make_other
from tests.sign_in import sign_in

__all__ = ["place"]


def send_report(place: Place) -> str:
    """The id of the report that a message without a number of ours brings."""
    pdf = base64.b64encode(make_plain_pdf()).decode()
    place.take(place.person(number=""), write_order(),
               f"OBX|1|ED|PDF^Report^99LAB||^application^pdf^Base64^{pdf}||||||F")
    db.session.rollback()
    row = db.session.execute(select(LabDocument)).unique().scalar_one()
    assert row.case_id is None
    return row.id


def test_report_says_whom_its_message_speaks_of_and_suggests_the_case(app: Flask, place: Place) -> None:
    """Its page said neither, and took whatever number was typed without a name."""
    report_id, number = send_report(place), place.case.number
    client = sign_in(app, db.session.get_one(User, place.staff["labtech"]))
    page = f"/laboratory/inbox/documents/{report_id}"
    text = client.get(page).text
    assert "Whom it speaks of" in text and "OTIENO, Brian" in text and f"{number} · OTIENO, Brian" in text
    assert "For it: the name, the birth date." in text
    answer = client.post(page, data={"case": place.case_id}, follow_redirects=True)
    assert "Where it is attached" in answer.text and "OTIENO, Brian" in answer.text


def test_report_of_somebody_else_asks_before_it_is_attached(app: Flask, place: Place) -> None:
    other, report_id = make_other(place), send_report(place)
    client = sign_in(app, db.session.get_one(User, place.staff["labtech"]))
    page = f"/laboratory/inbox/documents/{report_id}"
    asked = client.post(page, data={"case": "other", "number": other.number})
    assert asked.status_code == 422 and "WANJIRU" in asked.text.upper()
    assert db.session.get_one(LabDocument, report_id, populate_existing=True).case_id is None
    ticked = {"case": "other", "number": other.order, "confirmed": f"other-person:{other.number}"}
    assert client.post(page, data=ticked).status_code == 303
    row = db.session.get_one(LabDocument, report_id, populate_existing=True)
    assert (row.case_id, row.order_id is not None) == (other.case_id, True), "the order whose number was scanned"


def test_number_of_another_case_than_the_chosen_one_is_not_passed_over(app: Flask, place: Place) -> None:
    """A case was ticked, then somebody else's label scanned: the ticked one got it."""
    other, report_id = make_other(place), send_report(place)
    client = sign_in(app, db.session.get_one(User, place.staff["labtech"]))
    page = f"/laboratory/inbox/documents/{report_id}"
    answer = client.post(page, data={"case": place.case_id, "number": other.number})
    assert answer.status_code == 422 and "not of the case that is chosen above" in answer.text
    assert client.post(page, data={"case": place.case_id, "number": place.case.number}).status_code == 303
