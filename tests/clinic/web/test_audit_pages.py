"""Who opened what and why: the page, its filters, its exports, and that looking there is written down too."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta

import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from fhir.resources.R4B.bundle import Bundle
from flask import Flask
from sqlalchemy import select

from clinic import clock
from clinic.audit import audit_engine, audit_read, record_change, record_read
from clinic.db import db, set_mode
from clinic.models import Case, User
from clinic.queries.unusual_reading import LEAST
from clinic.read_audit import why_nobody
from clinic.web.audit_word import PAGE_WORDS, say_screen
from tests.factory import make_applicant, make_case, make_site, make_user
from tests.fhir import validator
from tests.seek import seek
from tests.sign_in import sign_in


@pytest.fixture
def case(app: Flask) -> Case:
    """A case of the site, which a nurse has looked at, and another that a nurse elsewhere looked at."""
    case = make_case(applicant=make_applicant(family_name="Zzwambui"))
    nurse = make_user("nurse", case.site, name="Nurse Njeri")
    other = make_user("nurse", make_site("MBA"), name="Nurse Otieno")
    numbers = [(case.id, nurse.id), (make_case(user=make_user("reception", other.site)).id, other.id)]
    own_id = case.id
    for case_id, user_id in numbers:
        sign_in(app, db.session.get_one(User, user_id)).get(f"/cases/{case_id}")
    db.session.rollback()
    set_mode("write")
    return db.session.get_one(Case, own_id)


def test_administrator_sees_who_opened_a_case_and_on_which_screen(app: Flask, case: Case) -> None:
    number = case.number
    client = sign_in(app, make_user("admin", case.site))
    page = client.get("/audit")
    assert page.status_code == 200
    assert "Nurse Njeri" in page.text and "Looked at" in page.text and number in page.text and "ZZWAMBUI" in page.text
    assert "Nurse Otieno" not in page.text


def test_what_was_done_to_an_account_says_whose_it_is(app: Flask, case: Case) -> None:
    site, admin = case.site, make_user("admin", case.site, name="Ada Boss")
    quality = make_user("quality", site)
    record_change("reset-mfa", "user", _id_of("Nurse Njeri"), site_id=site.id, actor_id=admin.id, actor_kind="user")
    page = sign_in(app, quality).get("/audit?stream=change").text
    row = page[page.index("Second factor reset"):]
    assert "account of Nurse Njeri" in row[:400] and "Ada Boss" in page and "Reset mfa" not in page


def test_what_else_is_known_stands_there_in_words(app: Flask, case: Case) -> None:
    site, nurse = case.site, db.session.get_one(User, _id_of("Nurse Njeri"))
    own = {"actor_id": nurse.id, "actor_kind": "user", "site_id": site.id}
    record_change("check-again", "user", nurse.id, detail={"by": "code", "for": "lock.unlock"}, **own)
    record_change("use-recovery-code", "user", nurse.id, detail={"left": 7, "sign_in": nurse.id}, **own)
    record_change("change-roles", "user", nurse.id, **own, detail={
        "gained": ["labtech"], "lost": [], "permissions_gained": ["read-xray"]})
    record_change("state", "case", case.id, case_id=case.id, detail={"from": "registered", "to": "in-progress"}, **own)
    record_change("emergency-open", "emergency-access", case.id, case_id=case.id, **own,
                  detail={"reason": "danger", "purpose": "BTG"})
    record_change("arrive", "visit", case.id, case_id=case.id, detail={"number": 1}, **own)
    nurse_id, client = nurse.id, sign_in(app, make_user("quality", site))
    page = client.get("/audit?stream=change").text
    for said in ("Proved again who they are", "Recorded an arrival", "with: code of the app; at: the locked screen",
                 "codes left: 7", "given: Laboratory technician; permissions gained: read X-rays",
                 "from: Registered; to: In progress", "reason: Somebody&#39;s life or health is in danger"):
        assert said in page, said
    assert "lock.unlock" not in page and f"sign in: {nurse_id}" not in page
    rows = {row["action"]: row["detail"] for row in csv.DictReader(io.StringIO(
        client.get("/audit/export.csv?stream=change").text))}
    assert rows["check-again"] == "by: code; for: lock.unlock", "the export keeps the codes"


def test_empty_form_of_a_person_is_no_look_through_people(app: Flask, case: Case) -> None:
    reception, quality = make_user("reception", case.site), make_user("quality", case.site)
    sign_in(app, reception).get("/applicants/new")
    page = sign_in(app, db.session.merge(quality)).get("/audit").text
    assert "the form to register a person" in page and "Opened" in page and "Looked through" not in page


def test_every_page_that_is_written_down_has_words(app: Flask) -> None:
    written = {rule.endpoint for rule in app.url_map.iter_rules()
               if isinstance(getattr(app.view_functions[rule.endpoint], "permission", None), tuple)
               and not why_nobody(app, rule.endpoint)}
    assert len(written) > 100
    with app.test_request_context():
        assert {endpoint for endpoint in written if not say_screen(endpoint)} == set()
        assert PAGE_WORDS.keys() <= app.view_functions.keys()


def test_who_opens_far_more_cases_than_usual_is_shown_to_their_own_site_alone(app: Flask, case: Case) -> None:
    nurse, now = _id_of("Nurse Njeri"), clock.now()
    for back, cases in ((3, 8), (2, 10), (1, 12), (0, LEAST)):
        with clock.stopped_at(now - timedelta(days=back)):
            for number in range(cases):
                record_read("user", nurse, "read", "case", f"c{number}", case_id=f"c{number}", site_id=case.site_id)
                record_read("user", nurse, "list", "case", "", case_id=f"list-{back}-{number}", site_id=case.site_id)
    elsewhere = db.session.get_one(User, _id_of("Nurse Otieno")).site
    users = [make_user("quality", case.site), make_user("quality", elsewhere), make_user("nurse", case.site)]
    own, other, nobody = (sign_in(app, user) for user in users)
    page = own.get("/audit/unusual").text
    assert "Nurse Njeri" in page and page.count('id="row-') == 1 and f">{LEAST + 1}<" in page.replace(" ", "").replace(
        "\n", "")
    assert "Nobody opened unusually many" in other.get("/audit/unusual").text
    assert nobody.get("/audit/unusual").status_code == 403


def test_filters_stand_in_the_address_and_narrow(app: Flask, case: Case) -> None:
    number, person, nurse = case.number, case.applicant.number, _id_of("Nurse Njeri")
    client = sign_in(app, make_user("quality", case.site))
    client.get(f"/applicants/{case.applicant_id}")
    for query, found in (({"case": number}, True), ({"applicant": person}, True), ({"person": nurse}, True),
                         ({"from": "01-Jan-2020"}, True), ({"to": "01-Jan-2020"}, False), ({"emergency": "yes"}, False),
                         ({"person": _id_of("Nurse Otieno")}, True)):
        answer = seek(client, "/audit", **query)
        assert answer.status_code == 200
        assert (">Nurse Njeri</" in answer.text.split("</form>")[-1] or "Nurse Njeri\n" in answer.text.split(
            "</form>")[-1]) is found, query
    for wrong in ({"case": "NBO-26-999999-X"}, {"applicant": "nobody"}, {"from": "yesterday"}):
        assert "aria-invalid" in client.get("/audit", query_string=wrong).text, wrong


def test_pages_follow_each_other_without_gap_or_double(app: Flask, case: Case) -> None:
    nurse, site_id = _id_of("Nurse Njeri"), case.site_id
    for turn in range(70):
        record_read("user", nurse, "read", "case", f"turn-{turn:02}", site_id=site_id)
    client = sign_in(app, make_user("quality", case.site))
    seen: list[str] = []
    url: str | None = f"/audit?person={nurse}"
    while url:
        page = client.get(url).text
        seen += [line.split('"')[0] for line in page.split('id="row-')[1:]]
        following = [line for line in page.split('href="') if line.startswith("/audit?") and "after=" in line]
        url = following[0].split('"')[0].replace("&amp;", "&") if following else None
    assert len(seen) == len(set(seen)) == 71


def test_looking_at_the_audit_is_written_down_with_what_was_asked(app: Flask, case: Case) -> None:
    number, case_id = case.number, case.id
    client = sign_in(app, make_user("quality", case.site))
    client.get("/audit", query_string={"case": number})
    client.get("/audit/export.csv")
    with audit_engine().connect() as connection:
        rows = connection.execute(select(audit_read).order_by(audit_read.c.id.desc()).limit(2)).all()
    assert [(row.action, row.case_id) for row in rows] == [("export-audit", None), ("see-audit", case_id)]


def test_csv_names_staff_and_case_numbers_and_no_patient(app: Flask, case: Case) -> None:
    number = case.number
    evil = make_user("nurse", case.site, name="=cmd()|x")
    record_read("user", evil.id, "read", "case", case.id, case_id=case.id, site_id=case.site_id)
    answer = sign_in(app, make_user("quality", case.site)).get("/audit/export.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {"Nurse Njeri", "'=cmd()|x"} <= {row["who"] for row in rows}
    assert number in {row["case"] for row in rows} and "wambui" not in answer.text.lower()
    assert "attachment" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize("role", ["reception", "physician", "nurse"])
def test_others_do_not_see_the_audit(app: Flask, role: str) -> None:
    client = sign_in(app, make_user(role))
    assert [client.get(path).status_code for path in ("/audit", "/audit/export.csv", "/audit/export.json")] == [403] * 3


def test_case_page_leads_there_for_those_who_may(app: Flask, case: Case) -> None:
    site, case_id, link = case.site, case.id, f"/audit?case={case.number}"
    quality, nurse = make_user("quality", site), make_user("nurse", site)
    assert link in sign_in(app, quality).get(f"/cases/{case_id}").text
    assert link not in sign_in(app, db.session.merge(nurse)).get(f"/cases/{case_id}").text


def test_fhir_bundle_says_who_what_whose_when_and_why(app: Flask, case: Case) -> None:
    number, case_id, person, nurse = case.number, case.id, case.applicant_id, _id_of("Nurse Njeri")
    client = sign_in(app, make_user("quality", case.site))
    for stream in ("read", "change"):
        answer = client.get("/audit/export.json", query_string={"case": number, "stream": stream})
        assert answer.content_type == "application/fhir+json"
        Bundle.model_validate_json(answer.data)
        events = [entry["resource"] for entry in json.loads(answer.data)["entry"]]
        assert all(event["entity"][0]["what"] == {"reference": f"Patient/{person}"} for event in events)
        if stream == "read":
            event = next(one for one in events if one["agent"][0]["altId"] == nurse)
            assert (event["action"], event["type"]["code"], event["outcome"]) == ("R", "110110", "0")
            assert event["purposeOfEvent"][0]["coding"][0]["code"] == "TREAT"
            assert event["agent"][0]["name"] == "Nurse Njeri" and event["agent"][0]["role"][0]["text"] == "Nurse"
            assert {"type": "screen", "valueString": "case.show"} in event["entity"][2]["detail"]
            assert event["entity"][1]["what"]["reference"] == f"EpisodeOfCare/{case_id}"
        else:
            assert {event["action"] for event in events} >= {"C"}


def test_command_exports_everything_of_the_days(app: Flask, case: Case) -> None:
    db.session.commit()
    result = app.test_cli_runner().invoke(args=["export-audit", "--from", "2020-01-01"])
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(lines) > 4
    for line in lines:
        AuditEvent.model_validate(line)
    assert app.test_cli_runner().invoke(args=["export-audit", "--to", "2020-01-01"]).stdout == ""


@pytest.mark.peers
def test_events_pass_validators_we_did_not_write(app: Flask, case: Case) -> None:
    nurse = _id_of("Nurse Njeri")
    record_read("user", nurse, "list", "case", "", site_id=case.site_id, detail={"shown": [case.id], "purpose": "BTG"})
    record_read("client", "client-1", "search", "Patient", "", case_id=case.id, authority_id="us")
    db.session.commit()
    result = app.test_cli_runner().invoke(args=["export-audit"])
    assert result.exit_code == 0, result.output
    bodies = [line.encode() for line in result.stdout.splitlines()]
    assert validator.validate_with_google(bodies) == {}
    assert validator.validate_with_medplum(bodies) == {}
    broken = [bodies[0].replace(b'"outcome":"0"', b'"outcome":{}')]
    assert validator.validate_with_google(broken) != {}


def _id_of(name: str) -> str:
    return db.session.execute(select(User.id).where(User.name == name)).scalar_one()
