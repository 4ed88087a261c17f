"""The PDF of a signed exam, its public verification, and its revocation."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from clinic.db import db, read_unit, set_mode
from clinic.models import AuditChange, Authorisation, Case, Delivery, DeliveryState, SignedExam
from fhir.encoder import decode
from fhir.table import ReleasedVersion
from tests.clinic.web.test_sign_page import ACCEPT
from tests.factory import PASSWORD, make_site, make_user
from tests.sign_in import sign_in
from tests.us_case import Staff, make_complete_case, make_staff

REVOKE = {"revocation": "film of another person", "password": PASSWORD}
JSON = {"Accept": "application/json"}


@pytest.fixture
def staff(app: Flask) -> Staff:
    """Everybody of the thread."""
    return make_staff()


@pytest.fixture
def case(staff: Staff) -> Case:
    """A case that waits for its signature."""
    return make_complete_case(staff)


def _sign(client: FlaskClient, case_id: str) -> str:
    page = client.get(f"/cases/{case_id}/sign").get_data(as_text=True)
    found = re.search(r'name="case_version" value="(\d+)"', page)
    assert found, "the page offers no signature"
    answer = client.post(f"/cases/{case_id}/sign", data=ACCEPT | {"case_version": found[1]})
    assert answer.status_code == 302, answer.get_data(as_text=True)[-3000:]
    return str(answer.headers["Location"])


def _token(place: str) -> str:
    with read_unit() as session:
        return str(session.get_one(SignedExam, place.rsplit("/", 1)[1]).verify_token)


def _verify(client: FlaskClient, token: str) -> dict[str, Any]:
    answer = client.get(f"/verify/{token}", headers=JSON)
    return {"code": answer.status_code} | answer.json  # type: ignore[operator]


def test_pdf_is_exactly_what_was_signed_and_its_reading_is_written_down(app: Flask, staff: Staff, case: Case) -> None:
    case_id, client = case.id, sign_in(app, staff.physician)
    place = _sign(client, case_id)
    answer = client.get(f"{place}/pdf")
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    assert answer.headers["Content-Disposition"].endswith('-v1.pdf"')
    assert "Download the PDF" in client.get(place).get_data(as_text=True)
    with read_unit() as session:
        exam = session.get_one(SignedExam, place.rsplit("/", 1)[1])
        assert hashlib.sha256(answer.data).hexdigest() == exam.pdf_sha256
        signed = session.execute(select(AuditChange).where(AuditChange.action == "sign")).scalar_one()
        assert signed.detail["pdf_sha256"] == exam.pdf_sha256


def test_pdf_is_not_for_everybody(app: Flask, staff: Staff, case: Case) -> None:
    case_id, client = case.id, sign_in(app, staff.physician)
    place = _sign(client, case_id)
    db.session.rollback()
    assert sign_in(app, staff.technician).get(f"{place}/pdf").status_code == 403
    set_mode("write")
    other = sign_in(app, make_user("physician", make_site("AMM", country="JOR")))
    assert other.get(f"{place}/pdf").status_code == 404
    assert other.post(f"{place}/revoke", data=REVOKE).status_code == 404
    assert app.test_client().get(f"{place}/pdf").status_code == 302


def test_verification_tells_initials_year_and_dates_and_no_name(app: Flask, staff: Staff, case: Case) -> None:
    case_id, name, client = case.id, case.applicant.family_name, sign_in(app, staff.physician)
    place = _sign(client, case_id)
    token = _token(place)
    db.session.rollback()
    stranger = app.test_client()
    page = stranger.get(f"/verify/{token}")
    text = page.get_data(as_text=True)
    assert page.status_code == 200 and page.headers["Cache-Control"] == "no-store"
    for shown in ("Valid", "G. A. W.", "1991", "U.S. Department of State"):
        assert shown in text, shown
    for hidden in (name, "Grace", "05-Jan-1991", place.rsplit("/", 1)[1], case_id, "Class"):
        assert hidden not in text, hidden
    found = _verify(stranger, token)
    assert (found["code"], found["status"], found["document"], found["initials"], found["birth_year"]) == (
        200, "valid", "report", "G. A. W.", "1991")


@pytest.mark.parametrize("token", ["A" * 22, "short", "x" * 200, "..%2f..%2fetc", "' or 1=1 --aaaaaaaaaa"])
def test_unknown_token_is_told_nothing(app: Flask, token: str) -> None:
    client = app.test_client()
    answer = client.get(f"/verify/{token}")
    assert answer.status_code == 404
    if "%2f" not in token:
        assert "Unknown document" in answer.get_data(as_text=True)
        assert client.get(f"/verify/{token}", headers=JSON).json == {"status": "unknown"}


def test_amendment_makes_the_old_paper_replaced(app: Flask, staff: Staff, case: Case) -> None:
    case_id, client = case.id, sign_in(app, staff.physician)
    first = _sign(client, case_id)
    client.post(f"{first}/amend", data={"reason": "IGRA of another person"})
    stranger = app.test_client()
    assert _verify(stranger, _token(first))["status"] == "valid"  # the old one stands until a new one is signed
    second = _sign(sign_in(app, staff.physician), case_id)
    found = _verify(stranger, _token(first))
    assert found["status"] == "replaced" and found["changed_on"]
    assert _verify(stranger, _token(second)) | {"version": 2} == _verify(stranger, _token(second))
    assert _verify(stranger, _token(second))["status"] == "valid"


def test_revoked_paper_says_so_everywhere(app: Flask, staff: Staff, case: Case) -> None:
    case_id, client = case.id, sign_in(app, staff.physician)
    place = _sign(client, case_id)
    exam_id, token = place.rsplit("/", 1)[1], _token(place)
    db.session.rollback()
    answer = client.post(f"{place}/revoke", data=REVOKE)
    assert answer.status_code == 302
    text = re.sub(r"\s+", " ", client.get(place).get_data(as_text=True))
    assert "This version is revoked" in text and "film of another person" in text and "Revoke this version" not in text
    assert _verify(app.test_client(), token)["status"] == "revoked"
    assert client.post(f"{place}/revoke", data=REVOKE).status_code == 409
    assert "This version stays revoked; the new one names it." in text
    for page in (f"/cases/{case_id}", "/cases"):
        shown = client.get(page).get_data(as_text=True)
        assert "Revoked; no other version is signed" in shown and "waits to be delivered" not in shown, page
    client.post(f"{place}/amend", data={"reason": "it was another person's film"})
    review = client.get(f"/cases/{case_id}/sign").get_data(as_text=True)
    assert "Signed version 1 is revoked" in review and "stands until" not in review
    with read_unit() as session:
        assert session.execute(select(Delivery.state)).scalars().all() == [DeliveryState.CANCELLED]
        rows = session.execute(select(ReleasedVersion).where(
            ReleasedVersion.signed_exam_id == exam_id, ReleasedVersion.is_current.is_(True),
            ReleasedVersion.kind.in_(("Composition", "DocumentReference")))).scalars()
        assert {(row.kind, row.version, decode(row.body)["status"]) for row in rows} == {
            ("Composition", 2, "entered-in-error"), ("DocumentReference", 2, "entered-in-error")}
        revoked = session.execute(select(func.count()).where(AuditChange.action == "revoke")).scalar_one()
        assert revoked == 1


@pytest.mark.parametrize(("changed", "field"), [
    ({"password": "wrong"}, "password"), ({"password": ""}, "password"), ({"revocation": ""}, "revocation"),
])
def test_revocation_needs_reason_and_password(
    app: Flask, staff: Staff, case: Case, changed: dict[str, str], field: str
) -> None:
    case_id, client = case.id, sign_in(app, staff.physician)
    place = _sign(client, case_id)
    token = _token(place)
    db.session.rollback()
    answer = client.post(f"{place}/revoke", data=REVOKE | changed)
    assert answer.status_code == 422
    text = answer.get_data(as_text=True)
    assert f'href="#{field}"' in text and PASSWORD not in text
    assert _verify(app.test_client(), token)["status"] == "valid"


def test_revocation_needs_the_authorisation_of_the_destination(app: Flask, staff: Staff, case: Case) -> None:
    case_id, client = case.id, sign_in(app, staff.physician)
    place = _sign(client, case_id)
    db.session.rollback()
    set_mode("write")
    for row in db.session.execute(select(Authorisation)).scalars():
        db.session.delete(row)
    db.session.commit()
    assert client.post(f"{place}/revoke", data=REVOKE).status_code == 403


def test_character_without_a_font_is_named_on_the_signing_page(app: Flask, staff: Staff, case: Case) -> None:
    case.applicant.native_family_name = "ꦲꦏ"
    case_id, client = case.id, sign_in(app, staff.physician)
    page = client.get(f"/cases/{case_id}/sign").get_data(as_text=True)
    found = re.search(r'name="case_version" value="(\d+)"', page)
    assert found
    answer = client.post(f"/cases/{case_id}/sign", data=ACCEPT | {"case_version": found[1]})
    assert answer.status_code == 422 and "U+A9B2 JAVANESE LETTER HA" in answer.get_data(as_text=True)
    with read_unit() as session:
        assert session.execute(select(SignedExam.id)).first() is None
