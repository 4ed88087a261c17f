"""Tables and printed reports of a laboratory sent up by a person, and its JSON interface: whole, or refused."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from clinic import clock
from clinic.api.description import build_description
from clinic.db import db, write_unit
from clinic.lab_table import DAY_FORMS, read_table
from clinic.models import (
    AuditChange,
    Case,
    InboundMessage,
    LabDocument,
    Laboratory,
    LabOrder,
    LabResult,
    MapKind,
    ReportedResult,
    User,
)
from clinic.services import draw, lab_order
from clinic.services.code_mapping import add_line
from clinic.services.partner_laboratory import change_column_map, draw_token
from integrations.inbound.processing import process_waiting
from tests.documents import make_plain_pdf
from tests.factory import make_applicant, make_case, make_laboratory, make_user
from tests.sign_in import sign_in

COLUMNS = {"code": "Test", "value": "Wynik", "taken": "Taken", "order": "Order", "family_name": "Name",
           "birth_date": "Born", "reported": "Reported", "unit": "Unit", "status": "State"}  # fmt: skip
HEAD = "Order;Test;Wynik;Unit;Taken;Reported;Name;Born;State"
TODAY = clock.today("Africa/Nairobi").isoformat()  # where the site is: in the evening of UTC it is tomorrow there
API = "/api/v1/laboratory-results"


@pytest.fixture
def ids(app: Flask) -> dict[str, str]:
    reception = make_user("reception")
    case = make_case("us", make_applicant(reception, family_name="Otieno", given_names="Brian"), reception)
    technician = make_user("labtech")
    order = next(one for one in lab_order.place_orders(case, technician) if one.test == "syphilis-nontreponemal")
    laboratory = make_laboratory()
    change_column_map(laboratory, COLUMNS)
    found = {"technician": technician.id, "order": order.number, "laboratory": laboratory.id, "case": case.id,
             "token": draw_token(laboratory)}
    db.session.commit()
    return found


@pytest.fixture
def client(app: Flask, ids: dict[str, str]) -> FlaskClient:
    return sign_in(app, db.session.get_one(User, ids["technician"]))


def row(ids: dict[str, str], **values: str) -> str:
    cells = {"order": ids["order"], "code": "20507-0", "value": "NEG", "unit": "", "taken": TODAY,
             "reported": TODAY, "name": "Otieno", "born": "1991-01-05", "state": "F"} | values
    return ";".join(cells.values())


def look(client: FlaskClient, ids: dict[str, str], text: str, **form: str) -> Any:
    page = f"/laboratory/files/{ids['laboratory']}/table"
    return client.post(page, data={"table": (io.BytesIO(text.encode()), "results.csv")} | form,
                       content_type="multipart/form-data")


def count(kind: Any) -> int:
    db.session.rollback()
    return len(list(db.session.execute(select(kind)).unique().scalars()))


def test_table_is_looked_at_then_taken_and_worked_on(client: FlaskClient, ids: dict[str, str]) -> None:
    with write_unit():
        add_line(db.session.get_one(Laboratory, ids["laboratory"]), MapKind.TEST, "RPR", "syphilis-nontreponemal",
                 db.session.get_one(User, ids["technician"]))
    text = "\n".join((HEAD, row(ids, code="RPR"))) + "\n"
    answer = look(client, ids, text)
    assert "Syphilis, nontreponemal" in answer.text and "means nothing here yet" not in answer.text
    for code in ("RPX", "igra/no-part-of-it"):
        assert "means nothing here yet" in look(client, ids, text.replace("RPR", code)).text
    assert answer.status_code == 200 and "This will be taken" in answer.text and count(InboundMessage) == 0
    content = base64.b64encode(text.encode()).decode()
    page = f"/laboratory/files/{ids['laboratory']}/table"
    assert client.post(page, data={"content": content, "act": "take"}).status_code == 303
    assert client.post(page, data={"content": content, "act": "take"}).status_code == 409
    db.session.rollback()
    process_waiting()
    assert count(LabResult) == 1, [one.reason for one in db.session.execute(select(ReportedResult)).unique().scalars()]


def test_table_without_the_day_of_the_draw_takes_ours(client: FlaskClient, ids: dict[str, str]) -> None:
    """A laboratory that sees tubes and no draws has no such column; a message without the day was taken all along."""
    with write_unit():
        case = db.session.get_one(Case, ids["case"])
        drawn = draw.draw(case, ["serum"], None, "", db.session.get_one(User, ids["technician"]))[0].collected_on
        made = db.session.get_one(Laboratory, ids["laboratory"])
        add_line(made, MapKind.TEST, "RPR", "syphilis-nontreponemal", db.session.get_one(User, ids["technician"]))
        change_column_map(made, {field: name for field, name in COLUMNS.items() if field != "taken"})
    text = "\n".join((HEAD, row(ids, code="RPR", taken="")))
    page = f"/laboratory/files/{ids['laboratory']}/table"
    content = base64.b64encode(text.encode()).decode()
    assert client.post(page, data={"content": content, "act": "take"}).status_code == 303
    db.session.rollback()
    process_waiting()
    (said,) = db.session.execute(select(ReportedResult)).unique().scalars()
    assert said.result_id, said.reason
    result = db.session.get_one(LabResult, said.result_id)
    assert (result.value, result.performed_on) == ("nonreactive", drawn)


@pytest.mark.parametrize(("form", "taken", "born", "read"), [
    ("dmy", "5.1.2026", "24/03/1991", "2026-01-05"), ("mdy", "01/05/2026", "03-24-1991", "2026-01-05"),
    ("dmy", "2026-01-05", "1991/3/24", "2026-01-05"), ("ymd", "2026/1/5", "1991-03-24", "2026-01-05"),
    ("dmy", "01/24/2026", "24/03/1991", ""), ("mdy", "24.01.2026", "03/24/1991", ""),
    ("dmy", "24/01/26", "24/03/1991", ""), ("ymd", "05/01/2026", "1991-03-24", ""),
    ("dmy", "24/01.2026", "24/03/1991", ""), ("dmy", "31/02/2026", "24/03/1991", ""),
])
def test_days_are_read_as_the_laboratory_writes_them(
    app: Flask, ids: dict[str, str], form: str, taken: str, born: str, read: str
) -> None:
    """The column map says it; 05/01 is January for one laboratory and May for another, and nothing is guessed."""
    supervisor = sign_in(app, make_user_committed("labsupervisor"))
    page = f"/laboratory/files/{ids['laboratory']}/columns"
    assert supervisor.post(page, data=COLUMNS | {"day_form": form}).status_code == 303
    db.session.rollback()
    columns = db.session.get_one(Laboratory, ids["laboratory"]).column_map
    text = "\n".join((HEAD, row(ids, taken=taken, reported=taken, born=born)))
    found = read_table(text.encode(), columns, "utf-8")
    if read:
        assert found.faults == ()
        (person,) = found.reports
        assert (person.person.birth_date, person.panels[0].observed_at, person.panels[0].reported_at) == (
            "1991-03-24", read, read)
    else:
        assert [(fault.line, DAY_FORMS[form] in fault.words) for fault in found.faults] == [(2, True)] * 2


@pytest.mark.parametrize("change", [
    lambda text: "sep=;\r\n" + text,  # as Excel writes it for itself
    lambda text: "\r\n\r\n" + text,
    lambda text: text + ";;",
    lambda text: text.replace("2026-11-19", "2026-11-19 08:30"),
    lambda text: text.replace("2026-11-19", "2026-11-19T08:30:00"),
])  # fmt: skip
def test_what_spreadsheets_add_to_a_table_hinders_nothing(ids: dict[str, str], change: Callable[[str], str]) -> None:
    """A line above the headings was "The file is empty", the time beside a day no day, empty cells too many."""
    text = "\n".join((HEAD, row(ids, taken="2026-11-19")))
    found = read_table(change(text).encode(), COLUMNS, "utf-8")
    assert found.faults == ()
    assert found.reports[0].panels[0].observed_at == "2026-11-19"


def test_line_of_a_fault_is_that_of_the_file(ids: dict[str, str]) -> None:
    text = "\n".join(("", HEAD, row(ids, value="")))
    assert [fault.line for fault in read_table(text.encode(), COLUMNS, "utf-8").faults] == [3]


@pytest.mark.parametrize(("lines", "words"), [
    ([{"value": ""}], ["Line 2", "Result” is empty"]),
    ([{"order": "", "taken": ""}], ["taken” is empty, and no number of ours"]),
    ([{"taken": "05.01.2026"}], ["no day like"]),
    ([{}, {}], ["Line 3", "same result as line 2"]), ([{"order": "", "name": ""}], ["whose result"]),
    ([{"state": "Z"}], ["The state is none of"]), ([{"born": "5/1/91"}, {}], ["Line 2"]),
])  # fmt: skip
def test_one_line_at_fault_and_nothing_is_taken(
    client: FlaskClient, ids: dict[str, str], lines: list[dict[str, str]], words: list[str]
) -> None:
    answer = look(client, ids, "\n".join((HEAD, *(row(ids, **values) for values in lines))), act="take")
    assert answer.status_code == 422
    assert [word for word in words if word not in answer.text] == []
    assert count(InboundMessage) == 0


@pytest.mark.parametrize("text", ["", "\x00\x01", "Order;Test\n1;2", HEAD.replace("Wynik", "Result"),
                                  HEAD + "\n1;2;3", HEAD + ';"open', HEAD + "\n"])  # fmt: skip
def test_file_that_is_no_such_table_is_refused(client: FlaskClient, ids: dict[str, str], text: str) -> None:
    assert look(client, ids, text).status_code == 422


@pytest.mark.parametrize("content", ["é", "%%%", "QQ"])
def test_preview_that_came_back_damaged_is_asked_for_again(
    client: FlaskClient, ids: dict[str, str], content: str
) -> None:
    answer = client.post(f"/laboratory/files/{ids['laboratory']}/table", data={"content": content, "act": "take"})
    assert answer.status_code == 422 and "Choose the file" in answer.text


def test_printed_report_is_attached_to_its_order(client: FlaskClient, ids: dict[str, str]) -> None:
    page = f"/laboratory/files/{ids['laboratory']}/report"
    for content, order in ((b"", ids["order"]), (b"MZ", ids["order"]), (make_plain_pdf(script=True), ids["order"]),
                           (make_plain_pdf(), "NOBODY")):
        answer = client.post(page, data={"report": (io.BytesIO(content), "r.pdf"), "report_order": order})
        assert answer.status_code == 422, content[:20]
    large = make_plain_pdf() + bytes(21 * 1024 * 1024)
    refused = client.post(page, data={"report": (io.BytesIO(large), "r.pdf"), "report_order": ids["order"]})
    assert refused.status_code == 422 and "at most 20 MB" in refused.text and ids["order"] in refused.text
    refused.request.environ["wsgi.input"].close()  # the test client leaves it open
    assert count(LabDocument) == 0
    sent = {"report": (io.BytesIO(make_plain_pdf()), "r.pdf"), "report_order": ids["order"].replace("-", "").lower()}
    assert client.post(page, data=sent).status_code == 303, "as a scanner gives the bars of the letter"
    db.session.rollback()
    (kept,) = db.session.execute(select(LabDocument)).unique().scalars()
    assert kept.placer == ids["order"]
    assert db.session.get_one(LabOrder, kept.order_id).number == ids["order"]
    answer = client.get(f"/laboratory/inbox/documents/{kept.id}/report.pdf")
    assert (answer.data, answer.content_type) == (make_plain_pdf(), "application/pdf")


def test_report_larger_than_a_form_is_taken_where_forms_carry_their_token(
    app: Flask, client: FlaskClient, ids: dict[str, str]
) -> None:
    """The token is read before the view: who let more in only there refused every report above two megabytes."""
    app.config["WTF_CSRF_ENABLED"] = True
    page = f"/laboratory/files/{ids['laboratory']}"
    token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', client.get(page).text)
    assert token
    body, word, end = make_plain_pdf().rpartition(b"startxref")
    content = body + b"%" + b" " * 3 * 1024 * 1024 + b"\n" + word + end
    answer = client.post(f"{page}/report", data={"report": (io.BytesIO(content), "r.pdf"), "csrf_token": token[1],
                                                 "report_order": ids["order"]})
    answer.request.environ["wsgi.input"].close()
    assert (answer.status_code, count(LabDocument)) == (303, 1)


def test_printed_report_attached_wrongly_is_taken_off_and_given_to_whose_it_is(
    app: Flask, client: FlaskClient, ids: dict[str, str]
) -> None:
    """The page after sending says whose it is now; what is taken off waits in the inbox, and the audit has why."""
    with write_unit():
        reception = db.session.execute(select(User).where(User.id != ids["technician"])).unique().scalars().first()
        other = make_case("us", make_applicant(reception, family_name="Mutua", given_names="Joy"), reception)
        theirs, number = other.id, other.number
        lab_order.place_orders(other, reception)
        order_id = lab_order.list_orders(other)[0].id
    upload = f"/laboratory/files/{ids['laboratory']}/report"
    for _again in range(2):
        sent = {"report": (io.BytesIO(make_plain_pdf()), "r.pdf"), "report_order": ids["order"]}
        page = client.post(upload, data=sent).location
    shown = client.get(page).text
    assert "OTIENO" in shown.upper() and "05-Jan-1991" in shown and ids["order"] in shown
    assert f'href="{page}"' in client.get(f"/cases/{ids['case']}").text
    assert client.post(f"{page}/detach", data={"reason": " "}).status_code == 422
    assert client.post(f"{page}/detach", data={"reason": "it is of somebody else"}).location == page
    assert client.post(f"{page}/detach", data={"reason": "it is of somebody else"}).status_code == 409
    assert f'href="{page}"' not in client.get(f"/cases/{ids['case']}").text
    assert f'href="{page}"' in client.get("/laboratory/inbox").text
    assert client.post(page, data={"number": number, "order_id": order_id}).status_code == 303
    assert f'href="{page}"' in client.get(f"/cases/{theirs}").text
    db.session.rollback()
    kept = db.session.get_one(LabDocument, page.rsplit("/", 1)[1])
    assert (kept.case_id, count(LabDocument)) == (theirs, 1)
    changes = db.session.execute(select(AuditChange).where(AuditChange.action == "detach-lab-document")).scalars()
    assert [(one.case_id, one.detail["reason"]) for one in changes] == [(ids["case"], "it is of somebody else")]
    sent = {"report": (io.BytesIO(make_plain_pdf()), "r.pdf"), "report_order": ids["order"]}
    assert client.post(upload, data=sent).location != page, "it is of both after all"


def test_report_taken_off_a_case_is_shown_to_who_may_see_confidential_results_alone(
    app: Flask, client: FlaskClient, ids: dict[str, str]
) -> None:
    upload = f"/laboratory/files/{ids['laboratory']}/report"
    sent = {"report": (io.BytesIO(make_plain_pdf()), "r.pdf"), "report_order": ids["order"]}
    page = client.post(upload, data=sent).location
    admin = sign_in(app, make_user_committed("admin"))
    assert admin.get(f"{page}/report.pdf").status_code == 200
    client.post(f"{page}/detach", data={"reason": "it is of somebody else"})
    assert admin.get(f"{page}/report.pdf").status_code == 403
    assert client.get(f"{page}/report.pdf").status_code == 200


def test_column_map_is_the_supervisor_s(app: Flask, client: FlaskClient, ids: dict[str, str]) -> None:
    page = f"/laboratory/files/{ids['laboratory']}/columns"
    assert client.post(page, data={"code": "X"}).status_code == 403
    supervisor = sign_in(app, make_user_committed("labsupervisor"))
    shown = re.findall(r' id="([^"]+)"', supervisor.get(page.removesuffix("/columns")).text)
    assert len(shown) == len(set(shown)), "a label leads to its own field, on this page with three forms"
    assert supervisor.post(page, data=COLUMNS | {"note": "Remark"}).status_code == 303
    db.session.rollback()
    assert db.session.get_one(Laboratory, ids["laboratory"]).column_map == COLUMNS | {"note": "Remark"}


def make_user_committed(role: str) -> Any:
    with write_unit():
        user_id = make_user(role).id
    return db.session.get_one(User, user_id)


def body(ids: dict[str, str], **values: Any) -> dict[str, Any]:
    return {"id": "m-1", "reports": [{
        "person": {"family_name": "Otieno", "birth_date": "1991-01-05", "sex": "F"},
        "panels": [{"order": ids["order"], "number": "L-1", "taken_at": TODAY, "values": [
            {"code": "20507-0", "system": "LN", "kind": "CWE", "value": "NEG"}]}]}]} | values  # fmt: skip


def post(app: Flask, ids: dict[str, str], plain: Any, token: str = "") -> Any:
    return app.test_client().post(API, data=json.dumps(plain), content_type="application/json",
                                  headers={"Authorization": f"Bearer {token or ids['token']}"})


def test_body_of_more_results_than_are_taken_at_once_is_refused(app: Flask, ids: dict[str, str]) -> None:
    panel = {"number": "L-1", "values": [{"code": "X", "value": "1"}] * 200}
    answer = post(app, ids, {"id": "many", "reports": [{"panels": [panel] * 6}]})
    assert answer.status_code == 422 and "at most 1000 values" in answer.json["detail"]


def test_results_come_in_as_json_and_are_stored_once(app: Flask, ids: dict[str, str]) -> None:
    assert [post(app, ids, body(ids)).status_code for _ in range(2)] == [202, 200]
    changed = post(app, ids, body(ids, reports=[{"panels": [{"number": "L-2"}]}]))
    assert (changed.status_code, changed.content_type) == (409, "application/problem+json")
    db.session.rollback()
    process_waiting()
    answer = app.test_client().get(f"{API}/m-1", headers={"Authorization": f"Bearer {ids['token']}"})
    assert answer.get_json()["results"] == [
        {"number": "L-1", "code": "20507-0", "state": "applied", "reason": ""}], answer.text
    assert count(LabResult) == 1 and "NEG" not in answer.text


def test_laboratory_is_told_why_its_message_is_held(app: Flask, ids: dict[str, str]) -> None:
    """It was told that the message was held, and had to telephone to hear that its printed report was none."""
    sent = body(ids)
    sent["reports"][0]["panels"][0]["report_pdf"] = base64.b64encode(b"MZ no report").decode()
    post(app, ids, sent)
    db.session.rollback()
    process_waiting()
    answer = app.test_client().get(f"{API}/m-1", headers={"Authorization": f"Bearer {ids['token']}"}).get_json()
    assert answer["state"] == "held" and "no PDF that can be opened" in answer["reason"]


@pytest.mark.parametrize(("change", "status"), [
    ({"id": "a b"}, 422), ({"reports": []}, 422), ({"more": 1}, 422), ({"reports": [{"panels": [{}]}]}, 422),
    ({"reports": [{"panels": [{"number": "1", "taken_at": "yesterday"}]}]}, 422),
    ({"reports": [{"panels": [{"number": "1", "values": [{"code": "x", "status": "Q"}]}]}]}, 422),
    ({"reports": [{"panels": [{"number": "1", "report_pdf": "%%%"}]}]}, 422),
    ({"reports": [{"panels": [{"number": "1", "report_pdf": "é"}]}]}, 422),
])  # fmt: skip
def test_json_of_another_form_is_refused_as_problem(
    app: Flask, ids: dict[str, str], change: dict[str, Any], status: int
) -> None:
    answer = post(app, ids, body(ids, **change))
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json"), answer.text
    assert count(InboundMessage) == 0


def test_only_the_laboratory_s_token_lets_in(app: Flask, ids: dict[str, str]) -> None:
    """401 with the challenge, without a token and with a wrong one (RFC 9110, 15.5.2; RFC 6750, 3.1)."""
    answer = app.test_client().post(API, json=body(ids))
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="laboratory-results"')
    answer = post(app, ids, body(ids), "x" * 43)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="laboratory-results", error="invalid_token"'
    answer = app.test_client().post(API, data="x", headers={"Authorization": f"Bearer {ids['token']}"})
    assert answer.status_code == 415
    assert app.test_client().get(f"{API}/m-1").status_code == 401
    assert post(app, ids, []).status_code == 422
    with write_unit() as session:
        session.get_one(Laboratory, ids["laboratory"]).active = False
    assert post(app, ids, body(ids)).status_code == 401


def test_interface_is_described() -> None:
    described = build_description()
    assert described["paths"][API]["post"]["security"] == [{"laboratory": []}]
    assert set(described["components"]["schemas"]["LaboratoryResults"]["required"]) == {"id", "reports"}


def test_table_with_a_published_code_needs_no_line_for_it(client: FlaskClient, ids: dict[str, str]) -> None:
    """A table has no column for the system of a code: each LOINC code needed a line of its own."""
    answer = look(client, ids, "\n".join((HEAD, row(ids))) + "\n")
    assert "Syphilis, nontreponemal" in answer.text and "means nothing here yet" not in answer.text
