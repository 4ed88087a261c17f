"""Where a result came from: its message, reported result and printed report; none tells a confidential one unasked."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select

from clinic.audit import audit_engine, audit_read
from clinic.config import get_settings
from clinic.db import db, write_unit
from clinic.file_store import open_store
from clinic.lab_report import ReportedPanel, ReportedPerson, ReportedValue, to_plain
from clinic.models import Case, InboundMessage, InboundState, LabDocument, ReportedResult, ReportedState, User
from clinic.schemas.laboratory import NewResult
from clinic.services import lab_order, laboratory
from clinic.services.plausibility import get_today
from tests.documents import make_plain_pdf
from tests.factory import make_case, make_laboratory, make_reported, make_site, make_user
from tests.sign_in import sign_in
from tests.token_free import leave_tokens_out

pytestmark = pytest.mark.database
INBOX = "/laboratory/inbox"
ROLES = ("labtech", "labsupervisor", "physician", "reception", "admin")


@pytest.fixture
def staff(app: Flask) -> dict[str, User]:
    return {role: make_user(role) for role in ROLES} | {"elsewhere": make_user("labsupervisor", make_site("KSM"))}


@pytest.fixture
def ids(app: Flask, staff: dict[str, User]) -> dict[str, str]:
    """A case with a final syphilis result that a laboratory reported, and its printed report."""
    case = make_case("us", user=staff["reception"])
    order = lab_order.place_orders(case, staff["labtech"])[0]
    partner = make_laboratory(case.site)
    made = laboratory.enter_result(
        case, NewResult("syphilis-nontreponemal", "nonreactive", get_today(case)), partner.user)
    row, document = make_reported(case, partner, state=ReportedState.APPLIED, result_id=made.id)
    document.case_id, document.order_id, document.title = case.id, order.id, "Serology"
    document.sha256 = open_store(get_settings(app)).write(make_plain_pdf())
    found = {"case": case.id, "row": row.id, "document": document.id, "message": row.message_id, "result": made.id,
             "order": order.id}
    db.session.commit()
    return found


def _change(ids: dict[str, str], **columns: Any) -> None:
    """Make the reported result another one."""
    with write_unit() as session:
        row = session.get_one(ReportedResult, ids["row"])
        for name, value in columns.items():
            setattr(row, name, value)


def _say(code: str, text: str = "") -> Any:
    lines = (ReportedValue(code, "99LAB", text, value="NEG"),)
    return to_plain(ReportedPerson(family_name="Shivani"), ReportedPanel(values=lines), lines)


def _text(client: FlaskClient, path: str) -> str:
    return re.sub(r"\s+", " ", client.get(path).get_data(as_text=True))


def test_result_shows_by_which_door_it_came_and_leads_there(
    app: Flask, ids: dict[str, str], staff: dict[str, User]
) -> None:
    technician, reception, elsewhere = (sign_in(app, staff[role]) for role in ("labtech", "reception", "elsewhere"))
    base, link = f"/cases/{ids['case']}", f'href="{INBOX}/{ids["row"]}"'
    for path in (f"{base}/laboratory", f"{base}/laboratory/{ids['result']}"):
        page = _text(technician, path)
        assert "HL7 line" in page and link in page, path
        page = _text(reception, path)
        assert "HL7 line" in page and link not in page, path
    assert "NEG" in _text(technician, f"{INBOX}/{ids['row']}")
    file = f"{INBOX}/documents/{ids['document']}/report.pdf"
    for path in (base, f"{base}/laboratory"):
        page = _text(technician, path)
        assert "Serology" in page and file in page, path
        page = _text(reception, path)
        assert "Serology" in page and file not in page, path
    assert technician.get(file).data == make_plain_pdf()
    assert reception.get(file).status_code == 403
    assert elsewhere.get(file).status_code == 404
    with audit_engine().connect() as connection:
        reads = connection.execute(select(audit_read).where(audit_read.c.subject_kind == "lab-document"))
        assert [(read.subject_id, read.case_id) for read in reads] == [(ids["document"], ids["case"])]


def test_physician_reads_what_the_laboratory_said_and_keeps_no_inbox(
    app: Flask, ids: dict[str, str], staff: dict[str, User]
) -> None:
    physician = sign_in(app, staff["physician"])
    page = _text(physician, f"{INBOX}/{ids['row']}")
    assert "NEG" in page and f'href="{INBOX}?' not in page
    assert physician.get(INBOX).status_code == 403


def test_report_without_a_case_that_names_the_order_of_a_confidential_test_is_hidden_however_it_is_written(
    app: Flask, ids: dict[str, str], staff: dict[str, User]
) -> None:
    """As bars are read, without dashes, the number was nobody's, and who maps codes read the report."""
    with write_unit() as session:
        case = session.get_one(Case, ids["case"])
        number = lab_order.order_test(case, "hiv", session.get_one(User, staff["labtech"].id), "asked for").number
        document = session.get_one(LabDocument, ids["document"])
        document.case_id = document.order_id = None
    admin, file = sign_in(app, staff["admin"]), f"{INBOX}/documents/{ids['document']}/report.pdf"
    for placer, status in (("NBO-L-999999-X", 200), (number, 403), (number.replace("-", "").lower(), 403)):
        with write_unit() as session:
            session.get_one(LabDocument, ids["document"]).placer = placer
        assert admin.get(file).status_code == status, placer


def test_confidential_result_is_told_by_nothing_that_came_with_it(
    app: Flask, ids: dict[str, str], staff: dict[str, User]
) -> None:
    """After the reason is stated everything opens, and each look says so."""
    _change(ids, test="hiv")
    supervisor = sign_in(app, staff["labsupervisor"])
    reported, message = f"{INBOX}/{ids['row']}", f"/laboratory/messages/{ids['message']}"
    file = f"{INBOX}/documents/{ids['document']}/report.pdf"
    for client in (supervisor, sign_in(app, staff["labtech"]), sign_in(app, staff["physician"])):
        page = _text(client, reported)
        assert "NEG" not in leave_tokens_out(page) and "Open with a reason" in page
        answer = client.get(file)
        assert answer.status_code == 302
        assert answer.location.startswith(f"/cases/{ids['case']}/confidential?")
        assert file not in _text(client, f"/cases/{ids['case']}")
    page = _text(supervisor, message)
    assert "Observation request" not in page and "MSH|" not in page and "open with a reason" in page
    then = {f"//evil.example{reported}": f"/cases/{ids['case']}", f"{reported}?show=1": f"/cases/{ids['case']}",
            message: message, reported: reported}
    for wanted, place in then.items():
        answer = supervisor.post(f"/cases/{ids['case']}/confidential", data={"why": "validation", "next": wanted})
        assert answer.location == place
    assert "NEG" in _text(supervisor, reported)
    assert "Observation request" in _text(supervisor, message)
    assert supervisor.get(file).data == make_plain_pdf()
    with audit_engine().connect() as connection:
        reads = list(connection.execute(select(audit_read).where(
            audit_read.c.subject_kind.in_(("reported-result", "inbound-message")), audit_read.c.detail.contains(
                '"confidential":"shown"'))))
    assert {read.subject_kind for read in reads} == {"reported-result", "inbound-message"}
    assert {read.actor_id for read in reads} == {db.session.merge(staff["labsupervisor"]).id}


def test_confidential_result_of_nobody_yet_is_shown_to_who_asks_for_it(
    app: Flask, ids: dict[str, str], staff: dict[str, User]
) -> None:
    """A code that nobody knows is one too when its words name the test; somebody's name is none of them."""
    supervisor = sign_in(app, staff["labsupervisor"])
    path, message = f"{INBOX}/{ids['row']}", f"/laboratory/messages/{ids['message']}"
    for test, content, is_hidden in (("hiv", _say("X"), True), ("", _say("ZZ1", "HIV combo"), True),
                                     ("", _say("HIVAGAB"), True), ("", _say("ZZ1", "Archive"), False)):
        _change(ids, test=test, content=content, case_id=None, result_id=None, state=ReportedState.WAITING)
        assert ("NEG" in _text(supervisor, path)) is not is_hidden, content
        assert ("Observation request" in _text(supervisor, message)) is not is_hidden, content
        assert "NEG" in _text(supervisor, f"{path}?show=1")
        assert "Observation request" in _text(supervisor, f"{message}?show=1")


def test_message_of_which_no_result_came_is_shown_to_who_asks_for_it_when_it_names_one(
    app: Flask, ids: dict[str, str], staff: dict[str, User]
) -> None:
    path = f"/laboratory/messages/{ids['message']}"
    with write_unit() as session:
        message = session.get_one(InboundMessage, ids["message"])
        for table in (LabDocument, ReportedResult):
            session.execute(delete(table).where(table.message_id == message.id))
        message.raw, message.state = b"MSH|broken\rOBX|1|ST|HIV^HIV combo||NEG\r", InboundState.HELD
    for role, may_ask in (("labsupervisor", True), ("admin", False)):
        client = sign_in(app, staff[role])
        for address, is_shown in ((path, False), (f"{path}?show=1", may_ask)):
            page = _text(client, address)
            assert ("NEG" in page) is is_shown and ("so it is not shown" in page) is not is_shown, (role, address)
            assert ("Show it, to say" in page) is (may_ask and not is_shown)
    with write_unit() as session:
        session.get_one(InboundMessage, ids["message"]).raw = b"MSH|broken\rOBX|1|ST|GLU^Glucose||NEG\r"
    assert "NEG" in _text(sign_in(app, staff["admin"]), path)


def test_printed_report_of_a_confidential_order_is_one_and_so_is_one_of_no_order_beside_it(
    app: Flask, ids: dict[str, str], staff: dict[str, User]
) -> None:
    file = f"{INBOX}/documents/{ids['document']}/report.pdf"
    technician = sign_in(app, staff["labtech"])
    with write_unit() as session:
        physician = session.merge(staff["physician"])
        asked_id = lab_order.order_test(session.get_one(Case, ids["case"]), "hiv", physician, "asked").id
    for order_id, status in ((ids["order"], 200), (asked_id, 302), (None, 302)):
        with write_unit() as session:
            session.get_one(LabDocument, ids["document"]).order_id = order_id
        assert technician.get(file).status_code == status, order_id
