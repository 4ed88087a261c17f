"""Review and signature: what must be there before, the password, a changed case, the signed exam and its amendment."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from clinic import clock
from clinic.db import db, read_unit
from clinic.demo import walk
from clinic.models import Authorisation, Case, CaseState, Conclusion, ConclusionKind, Delivery, SignedExam, User
from tests.factory import PASSWORD, make_case, make_site, make_user
from tests.fhir.story import make_staff as make_people
from tests.fhir.story import open_case
from tests.sign_in import sign_in
from tests.us_case import Staff, make_complete_case, make_staff

ACCEPT = {"kind": "accepted", "declared": "yes", "password": PASSWORD}


@pytest.fixture
def staff(app: Flask) -> Staff:
    """Everybody of the thread."""
    return make_staff()


@pytest.fixture
def case(staff: Staff) -> Case:
    """A case that waits for its signature."""
    return make_complete_case(staff)


def _text(answer: object) -> str:
    return re.sub(r"\s+", " ", answer.get_data(as_text=True))  # type: ignore[attr-defined]


def _version(client: FlaskClient, case_id: str) -> str:
    found = re.search(r'name="case_version" value="(\d+)"', client.get(f"/cases/{case_id}/sign").get_data(as_text=True))
    assert found, "the page offers no signature"
    return found[1]


def _sign(client: FlaskClient, case_id: str, **changed: object) -> object:
    form = ACCEPT | {"case_version": _version(client, case_id)} | changed
    return client.post(f"/cases/{case_id}/sign", data=form)


def test_complete_case_is_in_review_and_shows_every_part(app: Flask, staff: Staff, case: Case) -> None:
    assert case.state is CaseState.IN_REVIEW
    text = _text(sign_in(app, staff.physician).get(f"/cases/{case.id}/sign"))
    for part in ("Normal findings", "IGRA", "Refused", "No apparent defect", staff.supervisor.name,
                 "Physical examination"):
        assert part in text


def test_signing_freezes_document_and_queues_its_delivery(app: Flask, staff: Staff, case: Case) -> None:
    case_id, client = case.id, sign_in(app, staff.physician)
    answer = _sign(client, case_id)
    assert answer.status_code == 302  # type: ignore[attr-defined]
    with read_unit() as session:
        exam = session.execute(select(SignedExam)).scalar_one()
        assert answer.headers["Location"] == f"/exams/{exam.id}"  # type: ignore[attr-defined]
        assert session.get_one(Case, case_id).state is CaseState.SIGNED
        assert session.execute(select(Delivery.signed_exam_id)).scalar_one() == exam.id
        exam_id, digest = exam.id, exam.sha256
    page = _text(client.get(f"/exams/{exam_id}"))
    assert digest in page
    document = client.get(f"/exams/{exam_id}/document").get_data()
    assert hashlib.sha256(document).hexdigest() == digest
    assert json.loads(document)["type"] == "document"
    assert client.get(f"/exams/{exam_id}/signature").get_data(as_text=True).count(".") == 2


@pytest.mark.parametrize(("changed", "field"), [
    ({"password": "wrong"}, "password"), ({"password": ""}, "password"), ({"declared": ""}, "declared"),
    ({"kind": ""}, "kind"), ({"kind": "overridden", "classes": "B2"}, "reason"),
    ({"kind": "overridden", "reason": "seen by the specialist"}, "classes"),
    ({"kind": "overridden", "reason": "seen by the specialist", "classes": ["NONE", "B2"]}, "classes"),
])
def test_signature_that_lacks_something_is_refused_in_place(
    app: Flask, staff: Staff, case: Case, changed: dict[str, object], field: str
) -> None:
    case_id, client = case.id, sign_in(app, staff.physician)
    answer = _sign(client, case_id, **changed)
    assert answer.status_code == 422  # type: ignore[attr-defined]
    assert f'href="#{field}"' in _text(answer)
    assert PASSWORD not in _text(answer)
    with read_unit() as session:
        assert session.execute(select(SignedExam.id)).first() is None


def test_override_is_kept_with_its_reason(app: Flask, staff: Staff, case: Case) -> None:
    case_id, client = case.id, sign_in(app, staff.physician)
    _sign(client, case_id, kind="overridden", classes="B2", reason="old positive test on paper")
    with read_unit() as session:
        kept = session.execute(select(Conclusion)).scalar_one()
        assert (kept.kind, kept.reason) == (ConclusionKind.OVERRIDDEN, "old positive test on paper")
        assert (kept.decision["classes"], kept.conclusion["classes"]) == (["NONE"], ["B2"])


def test_case_that_changed_meanwhile_is_not_signed(app: Flask, staff: Staff, case: Case) -> None:
    case_id, client = case.id, sign_in(app, staff.physician)
    version = _version(client, case_id)
    db.session.rollback()
    from clinic import workflow
    from clinic.db import write_unit
    from clinic.models import Answer, User
    from clinic.services.circumstance import write_answers
    with write_unit() as session:
        changed = session.get_one(Case, case_id)
        workflow.mark_touched(changed)
        write_answers(changed, {"tb_contact": Answer.NO}, session.get_one(User, staff.nurse.id))
        from clinic.services.assessment import refresh
        refresh(changed)
    answer = client.post(f"/cases/{case_id}/sign", data=ACCEPT | {"case_version": version})
    assert answer.status_code == 409
    assert "changed since you opened it" in _text(answer)
    with read_unit() as session:
        assert session.execute(select(SignedExam.id)).first() is None


def test_incomplete_case_offers_no_signature(app: Flask, staff: Staff) -> None:
    case = make_case("us", user=staff.reception)
    text = _text(sign_in(app, staff.physician).get(f"/cases/{case.id}/sign"))
    assert "Outstanding" in text and "Sign the exam" not in text


def test_physician_without_authorisation_is_told_so(app: Flask, staff: Staff, case: Case) -> None:
    for row in list(staff.physician.authorisations):
        db.session.delete(row)
    db.session.flush()
    assert db.session.execute(select(Authorisation)).first() is None
    text = _text(sign_in(app, staff.physician).get(f"/cases/{case.id}/sign"))
    assert "not authorised to sign" in text and "Sign the exam" not in text


def test_amendment_opens_the_case_and_the_new_version_names_the_old(app: Flask, staff: Staff, case: Case) -> None:
    case_id, client = case.id, sign_in(app, staff.physician)
    first = _sign(client, case_id).headers["Location"]  # type: ignore[attr-defined]
    assert client.post(f"{first}/amend", data={"reason": ""}).status_code == 422
    assert client.post(f"{first}/amend", data={"reason": "IGRA of another person"}).status_code == 302
    second = _sign(client, case_id).headers["Location"]  # type: ignore[attr-defined]
    with read_unit() as session:
        exam = session.get_one(SignedExam, second.rsplit("/", 1)[1])
        assert (exam.version, exam.replaces_id) == (2, first.rsplit("/", 1)[1])
        assert exam.amendment_reason == "IGRA of another person"
    assert "Replaced" in _text(client.get(first))
    assert client.post(f"{first}/amend", data={"reason": "once more please"}).status_code == 409


def test_signed_exam_of_another_site_is_not_found(app: Flask, staff: Staff, case: Case) -> None:
    case_id, client = case.id, sign_in(app, staff.physician)
    place = _sign(client, case_id).headers["Location"]  # type: ignore[attr-defined]
    db.session.rollback()
    from clinic.db import set_mode
    set_mode("write")
    other = sign_in(app, make_user("physician", make_site("AMM", country="JOR")))
    for path in (place, f"{place}/document", f"{place}/signature"):
        assert other.get(path).status_code == 404
    assert other.post(f"{place}/amend", data={"reason": "not mine at all"}).status_code == 404


def test_what_is_found_wrong_after_the_signature_becomes_the_physicians_task(
    app: Flask, staff: Staff, case: Case
) -> None:
    case_id, client = case.id, sign_in(app, staff.physician)
    exam = _sign(client, case_id).headers["Location"]  # type: ignore[attr-defined]
    assert "Accepted as the rules propose" in _text(client.get(f"/cases/{case_id}"))
    technician = sign_in(app, staff.technician)
    assert f"/cases/{case_id}/amendment" in _text(technician.get(f"/cases/{case_id}"))
    assert technician.post(f"/cases/{case_id}/amendment", data={"reason": ""}).status_code == 422
    wrong = "The report of the IGRA was of another person"
    assert technician.post(f"/cases/{case_id}/amendment", data={"reason": wrong}).status_code == 302
    assert technician.post(f"/cases/{case_id}/amendment/0/decline", data={"reason": "not mine"}).status_code == 403
    client = sign_in(app, staff.physician)
    assert wrong in _text(client.get(f"/cases/{case_id}"))
    assert wrong in _text(client.get(exam)), "the reason of the amendment, to be edited"
    assert case_id in _text(client.get("/?view=amend"))
    assert client.post(f"{exam}/amend", data={"reason": wrong}).status_code == 302
    assert case_id not in _text(client.get("/?view=amend"))


def test_declined_request_keeps_its_reason_and_the_signed_version_stands(
    app: Flask, staff: Staff, case: Case
) -> None:
    from clinic.models import AmendmentRequest

    case_id, client = case.id, sign_in(app, staff.physician)
    _sign(client, case_id)
    client.post(f"/cases/{case_id}/amendment", data={"reason": "the address is old"})
    with read_unit() as session:
        request_id = session.execute(select(AmendmentRequest.id)).scalar_one()
    place = f"/cases/{case_id}/amendment/{request_id}/decline"
    assert client.post(place, data={"reason": ""}).status_code == 422
    assert client.post(place, data={"reason": "it is on no form"}).status_code == 302
    assert client.post(place, data={"reason": "it is on no form"}).status_code == 409
    with read_unit() as session:
        assert session.get_one(AmendmentRequest, request_id).declined_reason == "it is on no form"
        assert session.get_one(Case, case_id).state is CaseState.SIGNED


def test_british_certificate_that_has_ended_is_not_issued(app: Flask) -> None:
    """It counts from the film: after a long wait it was issued, and valid no more on the day of its signature."""
    people = make_people()
    uk = open_case(people, "uk")
    walk.work_through(uk, people)
    case_id, waited, user_id = uk.id, clock.now() + timedelta(days=230), people["physician"].id
    db.session.commit()
    with clock.stopped_at(waited):
        client = sign_in(app, db.session.get_one(User, user_id))
        assert "Take a new film, or screen the person again" in _text(client.get(f"/cases/{case_id}/sign"))
        refused = _sign(client, case_id)
        assert refused.status_code == 409 and "would have ended on" in _text(refused)  # type: ignore[attr-defined]
        postponed = _sign(client, case_id, kind="overridden", certificate="refuse", not_issued="testing-postponed",
                          reason="did not come for a new film")
        assert postponed.status_code == 302  # type: ignore[attr-defined]
