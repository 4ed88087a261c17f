"""The laboratory's inbox: assigned, rejected, another site's unseen; mapped and worked on again; who may look."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from clinic import clock
from clinic.audit import audit_engine, audit_read
from clinic.db import db, write_unit
from clinic.identifier import build_order_number
from clinic.key import new_id
from clinic.laboratory_test import list_tests
from clinic.models import (
    AuditChange,
    Case,
    CodeMapping,
    InboundMessage,
    InboundState,
    Laboratory,
    LabResult,
    MapKind,
    ReportedResult,
    User,
)
from clinic.models import ReportedState as S
from clinic.permissions import Permission
from clinic.services import code_mapping, draw, late_meaning
from clinic.services.code_mapping import list_allowed
from tests.factory import make_case, make_laboratory, make_reported, make_site, make_user
from tests.sign_in import sign_in
from tests.token_free import leave_tokens_out

INBOX = "/laboratory/inbox"


@pytest.fixture
def ids(app: Flask) -> dict[str, str]:
    """A case with a reported result that waits, a printed report, and their laboratory."""
    case = make_case("us")
    laboratory = make_laboratory()
    row, document = make_reported(case, laboratory)
    found = {"case": case.id, "number": case.number, "row": row.id, "document": document.id,
             "message": row.message_id, "laboratory": laboratory.id}
    db.session.commit()
    return found


@pytest.fixture
def technician(app: Flask, ids: dict[str, str]) -> FlaskClient:
    return sign_in(app, make_user("labtech"))


def get(row_id: str) -> ReportedResult:
    db.session.rollback()
    return db.session.get_one(ReportedResult, row_id, populate_existing=True)


def test_inbox_names_what_waits_and_no_value(technician: FlaskClient, ids: dict[str, str]) -> None:
    page = technician.get(INBOX).text
    assert "Syphilis, nontreponemal" in page and "Whose it is, is not certain." in page
    assert "NEG" not in leave_tokens_out(page) and "Printed reports without a case" in page
    shown = technician.get(f"{INBOX}/{ids['row']}").text
    assert "NEG" in shown and ids["number"] in shown and "our case number, the name" in shown
    with audit_engine().connect() as connection:
        kinds = {row.subject_kind for row in connection.execute(select(audit_read))}
    assert "reported-result" in kinds


def test_inbox_says_whose_a_result_is_and_never_of_a_confidential_test(
    technician: FlaskClient, ids: dict[str, str]
) -> None:
    """Rows without a name could not be told apart."""
    with write_unit() as unit:
        name = unit.get_one(Case, ids["case"]).applicant.family_name.upper()
    page = technician.get(INBOX).text
    assert name in page and ids["number"] in page and f'href="/cases/{ids["case"]}"' in page
    with write_unit() as unit:
        unit.get_one(ReportedResult, ids["row"]).test = "hiv"
    page = technician.get(INBOX).text
    assert name not in page and ids["number"] in page, "of a confidential test the number alone"
    with write_unit() as unit:
        row = unit.get_one(ReportedResult, ids["row"])
        row.test, row.case_id = "syphilis-nontreponemal", None
        panel = row.content["panel"] | {"placer": "NBO-L-000777-X", "specimen": "NBO-S-000888-Y"}
        row.content = row.content | {"panel": panel}
    page = technician.get(INBOX).text
    assert ids["number"] in page and "as the laboratory names it" in page
    assert "NBO-L-000777-X" in page and "NBO-S-000888-Y" in page
    with write_unit() as unit:
        row = unit.get_one(ReportedResult, ids["row"])
        panel = row.content["panel"] | {"placer": "", "specimen": ""}
        row.content = {"panel": panel, "person": row.content["person"] | {"identifiers": [["77", "LAB01", "PI"]]}}
    assert "no number of ours" in technician.get(INBOX).text


def test_inbox_says_the_name_that_only_the_laboratory_gave_to_who_may_see_persons(
    technician: FlaskClient, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten rows of nobody's with "no number of ours" had each to be opened to be told apart."""
    person = {"identifiers": [], "family_name": "Sørensen", "given_names": "Åse <b>", "birth_date": "1988-02",
              "sex": "F"}
    with write_unit() as unit:
        row = unit.get_one(ReportedResult, ids["row"])
        panel = row.content["panel"] | {"placer": "", "specimen": ""}
        row.case_id, row.content = None, {"person": person, "panel": panel}
    page = " ".join(technician.get(INBOX).text.split())
    assert "SØRENSEN, Åse &lt;b&gt; · " in page and "Feb-1988" in page
    assert "no number of ours · as the laboratory names it" in page
    with write_unit() as unit:
        unit.get_one(ReportedResult, ids["row"]).test = "hiv"
    assert "SØRENSEN" not in technician.get(INBOX).text, "of a confidential test nobody is named"
    with write_unit() as unit:
        unit.get_one(ReportedResult, ids["row"]).test = "igra"
    assert "SØRENSEN" in technician.get(INBOX).text
    monkeypatch.setattr("clinic.web.reported.has_permission", lambda one: one is not Permission.SEE_CASES)
    assert "SØRENSEN" not in technician.get(INBOX).text


def test_what_is_marked_critical_stands_first_in_the_inbox_and_says_so(app: Flask, ids: dict[str, str]) -> None:
    first = get(ids["row"])
    values = [one | {"flags": ["LL"]} for one in first.content["panel"]["values"]]
    columns = {column.key: getattr(first, column.key) for column in ReportedResult.__table__.columns}
    columns |= {"id": new_id(), "content": first.content | {"panel": first.content["panel"] | {"values": values}}}
    db.session.add(ReportedResult(**columns))
    number = columns["id"]
    db.session.commit()
    client = sign_in(app, make_user("labtech"))
    page = client.get(INBOX).text
    assert page.count("Marked critical") == 1
    assert re.findall(r'id="row-([^"]+)"', page)[0] == number
    with write_unit():
        db.session.get_one(ReportedResult, number).test = "hiv"  # of a confidential test not even that is said
    assert "Marked critical" not in client.get(INBOX).text


def test_marks_states_and_numbers_are_words_with_the_code_beside_them(app: Flask, ids: dict[str, str]) -> None:
    row = get(ids["row"])
    row.test, row.their_code = "", "HB-TOTAL"
    content = dict(row.content)
    person, panel = dict(content["person"]), dict(content["panel"])
    person["identifiers"] = [["X1", "", "PPN"], ["X2", "", "ZZ"]]
    panel["values"] = [panel["values"][0] | {"flags": ["HH", "Q9"], "text": "Haemoglobin, total"}]
    row.content = {"person": person, "panel": panel}
    db.session.commit()
    supervisor = sign_in(app, make_user("labsupervisor"))
    page = supervisor.get(INBOX).text
    name = row.laboratory.name
    assert "Haemoglobin, total</a>" in page and "code HB-TOTAL · final (F)" in page
    assert f"given by {name} (LAB01)" in page and "^LAB01" not in page
    page = supervisor.get(f"{INBOX}/{ids['row']}").text
    assert "critically high (HH), Q9" in page and f"given by {name} (LAB01)" in page and "^" not in page
    assert '<bdi dir="ltr">X1</bdi> (passport)' in page and '<bdi dir="ltr">X2</bdi> (ZZ)' in page
    assert "Results (ORU^R01)" in supervisor.get(f"/laboratory/messages/{ids['message']}").text


@pytest.mark.parametrize(("change", "way", "words"), [
    ({"test": ""}, "kind=test&amp;code=", "Say what the code means"),
    ({"value": "weakly so"}, "kind=value&amp;code=weakly+so&amp;test=syphilis-nontreponemal", "what the word means"),
    ({"test": "haemoglobin", "unit": "g/l", "value": "121"}, "kind=unit&amp;code=g/l&amp;test=haemoglobin",
     "Say what the unit means"),
])  # fmt: skip
def test_what_means_nothing_here_leads_to_its_line_of_the_table(
    app: Flask, ids: dict[str, str], change: dict[str, str], way: str, words: str
) -> None:
    """Only a test's code did; a unit or a word was refused without a way on."""
    page, users = f"{INBOX}/{ids['row']}", [make_user("labsupervisor").id, make_user("labtech").id]
    db.session.commit()
    supervisor, technician = (sign_in(app, db.session.get_one(User, one)) for one in users)
    assert "Say what the" not in supervisor.get(page).text, "it is all understood"
    db.session.rollback()
    with write_unit() as unit:
        row = unit.get_one(ReportedResult, ids["row"])
        row.test = change.get("test", row.test)
        row.their_code = row.test or "X-1"
        panel = row.content["panel"]
        first = panel["values"][0] | {name: text for name, text in change.items() if name != "test"}
        if "test" in change:
            first |= {"code": row.their_code, "system": "CLEARWAY" if row.test else "99LAB"}
        row.content = row.content | {"panel": panel | {"values": [first]}}
    text = supervisor.get(page).text
    assert words in text and way in text
    assert "Say what the" not in technician.get(page).text, "who may not map"


def test_who_assigns_says_which_of_two_tests_with_the_same_codes_it_is(
    technician: FlaskClient, ids: dict[str, str]
) -> None:
    page = f"{INBOX}/{ids['row']}"
    assert "Which test" not in technician.get(page).text
    with write_unit() as unit:
        row = unit.get_one(ReportedResult, ids["row"])
        row.test, panel = "syphilis-treponemal", row.content["panel"]
        values = [panel["values"][0] | {"code": "24312-1"}]
        row.content = row.content | {"panel": panel | {"values": values}}
    assert "Which test" in technician.get(page).text
    form = {"case": ids["case"], "reason": "the laboratory says so on the telephone"}
    answer = technician.post(f"{page}/assign", data=form)
    assert answer.status_code == 422 and "they have the same codes" in answer.text
    form["test"] = "syphilis-treponemal-second"
    assert technician.post(f"{page}/assign", data=form).status_code == 303
    assert get(ids["row"]).test == "syphilis-treponemal-second"


def test_what_the_laboratory_could_not_do_leads_to_the_orders_and_offers_nothing_to_enter(
    technician: FlaskClient, ids: dict[str, str]
) -> None:
    page, orders = f"{INBOX}/{ids['row']}", f'href="/cases/{ids["case"]}/orders"'
    shown = technician.get(page).text
    assert "Enter it for a case" in shown and orders not in shown
    with write_unit() as unit:
        row = unit.get_one(ReportedResult, ids["row"])
        row.status, row.state = "X", S.NOT_DONE
    shown = technician.get(page).text
    assert "Enter it for a case" not in shown and orders in shown and "Put it aside" in shown
    answer = technician.post(f"{page}/assign", data={"case": ids["case"], "reason": "as it says"})
    assert answer.status_code == 422 and "nothing is entered of it" in answer.text
    assert technician.post(f"{page}/reject", data={"reject_reason": "asked for again"}).status_code == 303


def test_result_is_assigned_to_the_case_that_was_chosen(technician: FlaskClient, ids: dict[str, str]) -> None:
    page = f"{INBOX}/{ids['row']}"
    for form, words in (
        ({"reason": "seen on paper"}, "Choose a case"), ({"case": "other", "number": "XX", "reason": "r"}, "Choose a"),
        ({"case": ids["case"]}, "reason"),
    ):
        answer = technician.post(f"{page}/assign", data=form)
        assert (answer.status_code, words in answer.text) == (422, True), form
    answer = technician.post(f"{page}/assign", data={"case": "other", "number": ids["number"], "reason": "on paper"})
    assert answer.status_code == 303, answer.text
    row = get(ids["row"])
    assert (row.state, row.case_id) == (S.APPLIED, ids["case"])
    assert db.session.get_one(LabResult, row.result_id).value == "nonreactive"
    assert technician.post(f"{page}/assign", data={"case": ids["case"], "reason": "again"}).status_code == 409


def test_day_of_the_scanned_tube_is_that_of_a_result_without_one(app: Flask, ids: dict[str, str]) -> None:
    technician_id = make_user("labtech").id
    tube, = draw.draw(db.session.get_one(Case, ids["case"]), ["serum"], None, "", make_user("phlebotomist"))
    number, day = tube.number, tube.collected_on
    row = db.session.get_one(ReportedResult, ids["row"])
    panel = row.content["panel"]
    row.content = row.content | {"panel": panel | {
        "observed_at": "", "placer": "", "specimen": "", "values": [panel["values"][0] | {"observed_at": ""}]}}
    db.session.commit()
    client, page = sign_in(app, db.session.get_one(User, technician_id)), f"{INBOX}/{ids['row']}/assign"
    form = {"case": "other", "reason": "seen on paper"}
    refused = client.post(page, data=form | {"number": ids["number"]})
    assert refused.status_code == 422 and "put this one aside" in refused.text, "what one does instead"
    assert client.post(page, data=form | {"number": number}).status_code == 303
    assert db.session.get_one(LabResult, get(ids["row"]).result_id).performed_on == day


def test_result_is_put_aside_with_a_reason(technician: FlaskClient, ids: dict[str, str]) -> None:
    page = f"{INBOX}/{ids['row']}/reject"
    assert technician.post(page, data={}).status_code == 422
    assert technician.post(page, data={"reject_reason": "not one of ours"}).status_code == 303
    assert (get(ids["row"]).state, get(ids["row"]).remark) == (S.REJECTED, "not one of ours")
    assert "not one of ours" in technician.get(f"{INBOX}/{ids['row']}").text


def test_printed_report_is_attached_by_a_person(technician: FlaskClient, ids: dict[str, str]) -> None:
    page = f"{INBOX}/documents/{ids['document']}"
    assert technician.get(page).status_code == 200
    assert technician.post(page, data={"number": "nothing"}).status_code == 422
    assert technician.post(page, data={"number": ids["number"]}).status_code == 303
    assert technician.post(page, data={"number": ids["number"]}).status_code == 409


def test_other_sites_and_roles_see_nothing(app: Flask, ids: dict[str, str]) -> None:
    users = [make_user("labsupervisor", make_site("KSM")), make_user("reception"), make_user("labtech"),
             make_user("quality")]
    user_ids = [user.id for user in users]
    db.session.commit()
    elsewhere, reception, technician, quality = (sign_in(app, db.session.get_one(User, one)) for one in user_ids)
    for path in (f"{INBOX}/{ids['row']}", f"{INBOX}/documents/{ids['document']}",
                 f"/laboratory/messages/{ids['message']}", f"/laboratory/mappings/{ids['laboratory']}"):
        assert elsewhere.get(path).status_code == 404, path
    assert "Syphilis" not in elsewhere.get(INBOX).text
    assert reception.get(INBOX).status_code == 403
    assert technician.get(f"/laboratory/messages/{ids['message']}").status_code == 403
    assert quality.get(f"/deliveries/messages/{ids['message']}").status_code == 404, "laboratories' are not theirs"


def test_kinds_of_files_stand_in_words(app: Flask, ids: dict[str, str]) -> None:
    """Only what MSH-9 says was in words."""
    http = sign_in(app, make_user("labsupervisor"))
    for kind, words in (("file", "File that is no message"), ("CSV", "Table"), ("pdf", "Printed report"),
                        ("JSON", "Results")):
        db.session.rollback()
        with write_unit() as unit:
            unit.get_one(InboundMessage, ids["message"]).kind = kind
        for path in ("/laboratory/messages?state=applied", f"/laboratory/messages/{ids['message']}"):
            page = re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", http.get(path).text))
            assert f" {words} " in page and f" {kind} " not in page, (path, kind)


def test_what_ours_may_be_is_offered_by_kind_and_test(app: Flask, ids: dict[str, str]) -> None:
    """Words and units were to be written by heart."""
    http = sign_in(app, make_user("labsupervisor"))
    page = f"/laboratory/mappings/{ids['laboratory']}"
    groups = re.findall(r'<optgroup label="([^"]*)" data-kind="([^"]*)" data-test="([^"]*)">(.*?)</optgroup>',
                        http.get(page).text, re.DOTALL)
    offered = {(kind, test): re.findall(r'<option value="([^"]*)"', inside) for _label, kind, test, inside in groups}
    for test in list_tests().values():
        for kind in (MapKind.VALUE, MapKind.UNIT, MapKind.METHOD):
            assert offered.get((kind.value, test.name), []) == list(list_allowed(kind, test)), (kind, test.name)
    assert offered["unit", "haemoglobin"][:1] and offered["test", "haemoglobin"][0] == "haemoglobin"
    assert "Haemoglobin: Unit" in {label for label, *_rest in groups}
    linked = re.findall(r'data-kind="([^"]*)" data-test="([^"]*)"',
                        http.get(f"{page}?kind=unit&code=g/l&test=haemoglobin").text)
    assert linked[0] == ("unit", "haemoglobin"), "what fits first"
    typed = {"kind": "value", "test": "hbsag", "ours": "positive", "code": ""}
    refused = http.post(page, data=typed).text
    assert refused.count(" selected>positive<") == 1, "what was chosen stays"


def test_all_that_waited_for_a_code_is_worked_on_again_at_once(app: Flask, ids: dict[str, str]) -> None:
    """One had to open each message."""
    user_ids = [make_user("labsupervisor").id, make_user("labsupervisor", make_site("KSM")).id]
    db.session.commit()
    http, elsewhere = (sign_in(app, db.session.get_one(User, one)) for one in user_ids)
    page = f"/laboratory/mappings/{ids['laboratory']}"
    db.session.rollback()
    with write_unit() as unit:
        row, first = unit.get_one(ReportedResult, ids["row"]), unit.get_one(InboundMessage, ids["message"])
        first.processed_at = clock.now()
        keys = [column.key for column in InboundMessage.__table__.columns if column.key != "id"]
        for number in range(3):  # two of the code, one that waits for something else
            message = InboundMessage(**{key: getattr(first, key) for key in keys} | {"control_id": f"M{number}"})
            unit.add(message)
            unit.flush()
            panel = row.content["panel"]
            line = panel["values"][0] | {"code": "hbx" if number < 2 else "QQ", "system": "99LAB"}
            other = {column.key: getattr(row, column.key) for column in ReportedResult.__table__.columns
                     if column.key != "id"}
            unit.add(ReportedResult(**other | {
                "message_id": message.id, "test": "", "their_code": line["code"], "case_id": None,
                "content": row.content | {"panel": panel | {"values": [line]}}}))
    assert "waited for a line that is there now" not in http.get(page).text
    added = http.post(page, data={"kind": "test", "code": "HBX", "system": "99LAB", "test": "hbsag"},
                      follow_redirects=True).text
    assert "2 messages waited for a line that is there now" in added
    assert elsewhere.post(page, data={"act": "again"}).status_code == 404
    again = http.post(page, data={"act": "again"}, follow_redirects=True).text
    assert "2 messages are worked on again in a moment." in again and "waited for a line that is there now" not in again
    db.session.rollback()
    states = {row.control_id: row.state for row in db.session.execute(select(InboundMessage)).scalars()}
    new, done = InboundState.NEW, InboundState.APPLIED
    assert states == {"R1": done, "M0": new, "M1": new, "M2": done}
    written = db.session.execute(select(AuditChange.action, AuditChange.subject_kind).where(
        AuditChange.action.in_(("message-again", "messages-again"))).order_by(AuditChange.id)).all()
    assert [tuple(one) for one in written] == [("message-again", "inbound-message")] * 2 + [
        ("messages-again", "laboratory")]
    assert "Nothing waits for a code" in http.post(page, data={"act": "again"}, follow_redirects=True).text


@pytest.mark.database
def test_result_waited_for_a_line_only_when_it_was_read_before_it(
    app: Flask, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a word, a unit and a method too; worked on since, nothing is offered a second time."""
    actor = make_user("labsupervisor")
    laboratory, row = db.session.get_one(Laboratory, ids["laboratory"]), db.session.get_one(ReportedResult, ids["row"])
    message = db.session.get_one(InboundMessage, ids["message"])
    assert late_meaning.list_outdated(laboratory) == []
    for kind, code, ours, field, test in (
        (MapKind.VALUE, "weakly  SO", "reactive", "value", "syphilis-nontreponemal"),
        (MapKind.UNIT, "g/deciliter", "g/dL", "unit", "haemoglobin"),
        (MapKind.METHOD, "*", "liquid", "method", "sputum-culture"),
    ):
        message.state, message.processed_at = InboundState.APPLIED, clock.now() - timedelta(seconds=1)
        panel = row.content["panel"]
        row.test = test
        row.content = row.content | {"panel": panel | {"values": [panel["values"][0] | {field: code.lower()}]}}
        db.session.flush()
        code_mapping.add_line(laboratory, kind, code, ours, actor, test=test)
        assert late_meaning.list_outdated(laboratory) == [message.id], kind
        assert late_meaning.work_outdated_again(laboratory, actor) == 1
        assert late_meaning.list_outdated(laboratory) == [], "the worker has it"
        message.state, message.processed_at = InboundState.APPLIED, clock.now()
        db.session.flush()
        assert late_meaning.list_outdated(laboratory) == [], "it was read with the line, and waits for something else"
    message.processed_at = None
    db.session.flush()
    monkeypatch.setattr(late_meaning, "AT_ONCE", 1)
    assert len(late_meaning.list_outdated(laboratory)) == 1


def test_code_is_mapped_with_audit_and_the_message_worked_on_again(app: Flask, ids: dict[str, str]) -> None:
    http = sign_in(app, make_user("labsupervisor"))
    page = f"/laboratory/mappings/{ids['laboratory']}"
    line = {"kind": "test", "code": "HBX", "system": "99LAB", "ours": "hbsag"}
    for values, words in (({"ours": "nonsense"}, "Choose what it means"), ({"code": ""}, "Fill this in"),
                          ({"kind": "value", "test": "hbsag", "ours": "maybe"}, "This test may have"),
                          ({"kind": "unit", "ours": "g/L"}, "Choose the test"), ({"ours": ""}, "Choose what it means"),
                          ({"kind": "value", "test": "hbsag", "ours": ""}, "This test may have")):  # fmt: skip
        answer = http.post(page, data=line | values)
        assert (answer.status_code, words in answer.text) == (422, True), values
    assert http.post(page, data=line).status_code == 303
    assert http.post(page, data=line).status_code == 422, "the same code twice"
    chosen = {"kind": "test", "code": "HB", "system": "L", "test": "haemoglobin", "ours": ""}
    assert http.post(page, data=chosen).status_code == 303, "the test chosen is what it means"
    assert "HB → haemoglobin" in http.get(page).text
    shown = http.get(page).text
    assert "HBX → hbsag" in shown
    assert all(words in shown for words in (
        "Haemoglobin", "code haemoglobin", "Hepatitis B surface antigen", "code hbsag"))
    line = {"kind": "value", "code": "plus", "test": "hbsag", "ours": "positive"}
    assert http.post(page, data=line).status_code == 303
    assert "Hepatitis B surface antigen, code positive" in http.get(page).text
    message = f"/laboratory/messages/{ids['message']}"
    assert "Observation request" in http.get(message).text
    assert http.post(message, data={}).status_code == 422
    assert http.post(message, data={"reason": "mapped HBX"}).status_code == 303
    db.session.rollback()
    assert db.session.get_one(InboundMessage, ids["message"]).state is InboundState.NEW
    row, _chosen, _word = db.session.execute(select(CodeMapping).order_by(CodeMapping.id)).scalars()
    assert http.post(page, data={"line_id": row.id}).status_code == 303
    db.session.rollback()
    actions = set(db.session.execute(select(AuditChange.action)).scalars())
    assert {"map-code", "unmap-code", "message-again"} <= actions


@pytest.mark.database
def test_two_messages_under_one_number_are_told_on_both_and_in_the_list(app: Flask, ids: dict[str, str]) -> None:
    """They stood side by side without a word; those of another laboratory have nothing to do with it."""
    other_id, supervisor = make_laboratory(name="Other laboratory", application="OTHER").id, make_user("labsupervisor")
    db.session.commit()
    http = sign_in(app, supervisor)
    words, listed = "Another message came under this number, with other content", "another one has this number"
    assert words not in http.get(f"/laboratory/messages/{ids['message']}").text
    twins = []
    with write_unit() as unit:
        first = unit.get_one(InboundMessage, ids["message"])
        keys = [column.key for column in InboundMessage.__table__.columns if column.key != "id"]
        state = first.state.value
        for number, laboratory_id in enumerate((ids["laboratory"], other_id)):
            message = InboundMessage(**{key: getattr(first, key) for key in keys} | {
                "sha256": f"{number:064}", "laboratory_id": laboratory_id})
            unit.add(message)
            unit.flush()
            twins.append(message.id)
    for one, another in ((ids["message"], twins[0]), (twins[0], ids["message"])):
        page = http.get(f"/laboratory/messages/{one}").text
        assert words in page and f'href="/laboratory/messages/{another}"' in page and twins[1] not in page
    assert words not in http.get(f"/laboratory/messages/{twins[1]}").text
    assert http.get(f"/laboratory/messages?state={state}").text.count(listed) == 2


def test_message_is_found_by_its_number_and_by_those_that_it_names(app: Flask, ids: dict[str, str]) -> None:
    """Who telephones says a number; the lists were by state alone, and the newest first."""
    with write_unit() as unit:
        row = unit.get_one(ReportedResult, ids["row"])
        row.placer = order = build_order_number("NBO", 77)
    users = [make_user("labsupervisor").id, make_user("labsupervisor", make_site("KSM")).id]
    db.session.commit()
    supervisor, elsewhere = (sign_in(app, db.session.get_one(User, one)) for one in users)
    link = f'href="/laboratory/messages/{ids["message"]}"'
    for number in ("R1", " R1 ", "LAB-1", order, order.replace("-", "").lower()):
        page = supervisor.get("/laboratory/messages", query_string={"number": number, "state": "held"}).text
        assert link in page, number
        assert link not in elsewhere.get("/laboratory/messages", query_string={"number": number}).text
    for number in ("R2", "LAB", build_order_number("NBO", 78), "%"):
        page = supervisor.get("/laboratory/messages", query_string={"number": number}).text
        assert link not in page and "No message of your laboratories has this number" in page, number
    assert link not in supervisor.get("/laboratory/messages?state=held").text
