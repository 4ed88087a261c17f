"""The phlebotomist's and the receiving bench's pages."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from clinic import clock
from clinic.audit import audit_engine, audit_read
from clinic.db import db, read_unit, set_mode, write_unit
from clinic.models import Case, LabOrder, LabOrderState, Specimen, SpecimenKind, User
from clinic.schemas.laboratory import NewSpecimen
from clinic.services.hold import place_hold
from clinic.services.plausibility import get_today
from clinic.services.specimen import take_specimen
from tests.clinic.documents.paper import read_pages
from tests.factory import make_applicant, make_case, make_user
from tests.sign_in import sign_in


@pytest.fixture
def staff(app: Flask) -> dict[str, User]:
    """One person of each role, made before anybody signs in."""
    return {role: make_user(role) for role in ("reception", "phlebotomist", "labtech")}


@pytest.fixture
def case_id(staff: dict[str, User]) -> str:
    """A US applicant of twenty."""
    user = staff["reception"]
    case = make_case("us", make_applicant(user, birth_date=f"{clock.now().year - 20}-01-05"), user)
    db.session.commit()
    return case.id


@pytest.fixture
def phlebotomist(app: Flask, case_id: str, staff: dict[str, User]) -> FlaskClient:
    """Who has met the person at every station."""
    return sign_in(app, staff["phlebotomist"], case_id)


@pytest.fixture
def technician(app: Flask, case_id: str, staff: dict[str, User]) -> FlaskClient:
    return sign_in(app, staff["labtech"])


def _text(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.get_data(as_text=True))


def _all(model: type) -> list[Any]:
    with read_unit() as unit:
        return list(unit.execute(select(model).order_by(model.id)).unique().scalars())  # type: ignore[attr-defined]


def test_list_says_whom_and_into_what(case_id: str, phlebotomist: FlaskClient) -> None:
    page = _text(phlebotomist.get("/laboratory/collection"))
    assert "Serum, gold cap" in page and "at least one hour after the last urine" in page
    assert f'href="/cases/{case_id}/draw"' in page
    number = db.session.get_one(Case, case_id).number
    assert phlebotomist.get("/laboratory/collection", query_string={"q": number.lower()}).location.endswith("/draw")
    refused = phlebotomist.get("/laboratory/collection?q=NBO-26-999999-X")
    assert refused.status_code == 422 and "No open case of this site has this number" in _text(refused)


def test_list_says_who_must_go_to_reception_first(
    app: Flask, case_id: str, staff: dict[str, User]
) -> None:
    other = make_case("us", make_applicant(staff["reception"]), staff["reception"])
    nurse = make_user("nurse", other.site)
    nurse.roles.extend(staff["phlebotomist"].roles)
    page = _text(sign_in(app, staff["phlebotomist"], case_id).get("/laboratory/collection"))
    assert page.count("No consent yet") == page.count("to reception first") == 1, "the other one has given theirs"
    assert f'href="/cases/{case_id}/draw"' in page and f'href="/cases/{other.id}/draw"' not in page
    page = _text(sign_in(app, nurse).get("/laboratory/collection"))
    assert f'href="/cases/{other.id}/consent"' in page, "who may record it is led there"


def test_worklist_says_it_too_and_leads_nobody_without_consent_to_the_draw(
    app: Flask, case_id: str, staff: dict[str, User]
) -> None:
    other = make_case("us", make_applicant(staff["reception"]), staff["reception"])
    nurse = make_user("nurse", other.site)
    other_id = other.id
    for who, words in ((staff["phlebotomist"], "to reception first"), (nurse, f'href="/cases/{other_id}/consent"')):
        page = _text(sign_in(app, who, case_id).get("/?view=draw"))
        assert page.count("No consent yet") == 1 and words in page, "the other one has given theirs"
        assert f'href="/cases/{case_id}/draw"' in page and f'href="/cases/{other_id}/draw"' not in page


def test_draw_asks_first_who_is_there(
    app: Flask, case_id: str, staff: dict[str, User]
) -> None:
    client = sign_in(app, staff["phlebotomist"])
    assert "/identity/phlebotomy" in client.get(f"/cases/{case_id}/draw").location
    assert client.post(f"/cases/{case_id}/draw", data={"tubes": "serum"}).status_code == 409
    assert _all(Specimen) == []


def test_scan_ticks_its_row_without_scripts_and_loses_no_tick(case_id: str, phlebotomist: FlaskClient) -> None:
    phlebotomist.post(f"/cases/{case_id}/draw", data={"tubes": ["serum", "urine-first"]})
    first, second = _all(Specimen)
    url = "/laboratory/specimens?at=drawn"
    form = {"act": "tick", "specimens": [first.id], "place": "Courier"}
    page = phlebotomist.post(url, data=form | {"scan": second.number.replace("-", "").lower()}).get_data(as_text=True)
    assert f"{second.number} is ticked." in page and page.count(" checked>") == 2 and 'value="Courier"' in page
    page = phlebotomist.post(url, data=form | {"scan": "NBO-S-999999"}).get_data(as_text=True)
    assert "NBO-S-999999 is not in this list" in page and page.count(" checked>") == 1
    assert "was ticked already" in phlebotomist.post(url, data=form | {"scan": first.number}).get_data(as_text=True)
    assert [row.sent_at for row in _all(Specimen)] == [None, None], "a scan hands nothing over"


def test_draw_then_labels_then_receipt_and_rejection(
    case_id: str, phlebotomist: FlaskClient, technician: FlaskClient
) -> None:
    refused = phlebotomist.post(f"/cases/{case_id}/draw", data={})
    assert refused.status_code == 422 and "Tick at least one container." in _text(refused)
    done = phlebotomist.post(f"/cases/{case_id}/draw", data={"tubes": ["serum", "urine-first"], "place": "chair 2"})
    assert done.location == f"/cases/{case_id}/specimens"
    serum, urine = _all(Specimen)
    page = _text(phlebotomist.get(done.location))
    assert serum.number in page and "not yet" in page and 'href="/laboratory/collection"' in page.split("<main")[0]
    printed = phlebotomist.post(f"{done.location}/labels", data={"specimens": [serum.id, urine.id], "form": "pdf"})
    assert (printed.content_type, printed.data[:5]) == ("application/pdf", b"%PDF-")
    again = phlebotomist.post(f"{done.location}/labels", data={"specimens": [serum.id], "form": "zpl"})
    assert again.status_code == 422 and "say why they are printed again" in _text(again)
    again = phlebotomist.post(f"{done.location}/labels", data={
        "specimens": [urine.id, serum.id], "form": "zpl", "reason": "wet"})
    assert again.data.startswith(b"^XA")
    page = _text(phlebotomist.get(f"{done.location}/{serum.id}"))
    assert "sheet (PDF)" in page and "label printer (ZPL)" in page and "labels of 2 specimens were made" in page
    assert again.data.index(serum.number.encode()) < again.data.index(urine.number.encode()), "in the order of the draw"
    assert phlebotomist.get("/laboratory/receipt").status_code == 403

    sent = phlebotomist.post("/laboratory/specimens?at=drawn", data={
        "specimens": [serum.id, urine.id], "act": "send", "place": "courier"})
    assert sent.status_code == 302
    wrong = technician.post("/laboratory/receipt", data={"scan": "NBO-S-000001-V"})
    assert wrong.status_code == 422 and "Scan the label again" in _text(wrong)
    taken = technician.post("/laboratory/receipt", data={"scan": serum.number.replace("-", ""), "place": "bench 1"})
    assert taken.status_code == 302
    page = _text(technician.get(taken.location))
    assert "just now" in page and 'value="bench 1"' in page and "Syphilis, nontreponemal" in page
    twice = technician.post("/laboratory/receipt", data={"scan": serum.number})
    assert twice.status_code == 422 and "was received already" in _text(twice)

    rejected = technician.post(f"/cases/{case_id}/specimens/{serum.id}/reject", data={"why": "clotted"})
    page = _text(technician.get(rejected.location))
    for words in ("Drawn", "Labelled", "Label printed again", "wet", "Sent", "courier", "Received", "bench 1",
                  "Rejected", "clotted"):
        assert words in page, words
    assert LabOrderState.ORDERED in {row.state for row in _all(LabOrder)}
    assert "again: clotted" in _text(phlebotomist.get("/laboratory/collection"))


def test_each_scan_of_a_page_that_sends_them_by_itself_gets_its_own_word(
    case_id: str, phlebotomist: FlaskClient, technician: FlaskClient
) -> None:
    phlebotomist.post(f"/cases/{case_id}/draw", data={"tubes": ["serum", "urine-first"]})
    serum, urine = _all(Specimen)
    with write_unit():
        db.session.get_one(Specimen, urine.id).collected_at = clock.now() - timedelta(days=30)

    def scan(number: str, **more: str) -> tuple[int, str, str]:
        answer = technician.post("/laboratory/receipt", data={"scan": number} | more, headers={"HX-Request": "true"})
        line = _text(answer)
        assert line.startswith("<li") and line.endswith("</li>")
        return answer.status_code, re.findall(r'data-tone="(\w+)"', line)[0], line

    code, tone, line = scan(serum.number.lower())
    assert (code, tone) == (200, "good") and serum.id in line and "Received." in line
    code, tone, line = scan(serum.number)
    assert (code, tone) == (422, "warn") and "was received already" in line
    code, tone, line = scan("<b>NBO")
    assert (code, tone) == (422, "bad") and "No specimen of this site" in line and "&lt;b&gt;NBO" in line
    code, tone, line = scan(urine.number)
    assert (code, tone) == (422, "warn") and "hours ago" in line and 'data-confirm="late-receipt"' in line
    assert _all(Specimen)[1].received_at is None
    with audit_engine().connect() as connection:
        last = connection.execute(select(audit_read).order_by(audit_read.c.id.desc()).limit(1)).one()
    assert (last.action, case_id in last.detail) == ("list", True), "a rack of 300 tubes stops nobody from reading"
    assert scan(urine.number, confirmed="late-receipt")[:2] == (200, "good")
    technician.post(f"/cases/{case_id}/specimens/{serum.id}/reject", data={"why": "clotted"})
    code, tone, line = scan(serum.number)
    assert (code, tone) == (422, "bad") and "was rejected" in line


def test_refused_scan_leaves_the_field_empty_for_the_next_one(technician: FlaskClient) -> None:
    page = technician.post("/laboratory/receipt", data={"scan": "NBO-S-000001-V"}).get_data(as_text=True)
    field = next(tag for tag in re.findall(r"<input[^>]*>", page) if 'name="scan"' in tag)
    assert "NBO-S-000001-V" not in field, "a scanner would type the next label behind it"
    assert "NBO-S-000001-V: No specimen of this site has this number." in page


def test_hand_over_of_nothing_or_nowhere_is_refused(case_id: str, phlebotomist: FlaskClient) -> None:
    phlebotomist.post(f"/cases/{case_id}/draw", data={"tubes": ["serum"]})
    (serum,) = _all(Specimen)
    for data, words in (({"act": "send", "place": "x"}, "Tick at least one specimen."),
                        ({"specimens": serum.id, "act": "send"}, "Say to whom they go."),
                        ({"specimens": serum.id, "act": "eat"}, "Choose what is done.")):
        answer = phlebotomist.post("/laboratory/specimens?at=drawn", data=data)
        assert answer.status_code == 422 and words in _text(answer)


def test_list_says_until_when_a_tube_should_be_in_the_laboratory(case_id: str, phlebotomist: FlaskClient) -> None:
    """That it came too late was said when it came."""
    phlebotomist.post(f"/cases/{case_id}/draw", data={"tubes": ["serum"]})
    (serum,) = _all(Specimen)
    by = serum.collected_at + timedelta(hours=24)
    for moment, words in ((by, ">in the laboratory by"), (by + timedelta(minutes=1), ">late: in the laboratory by")):
        with clock.stopped_at(moment):
            page = _text(sign_in(phlebotomist.application, db.session.get_one(User, serum.recorded_by_id)).get(
                "/laboratory/specimens?at=drawn"))
        assert words in page


def test_received_specimen_is_sent_on_from_its_list(
    case_id: str, phlebotomist: FlaskClient, technician: FlaskClient
) -> None:
    phlebotomist.post(f"/cases/{case_id}/draw", data={"tubes": ["serum"]})
    (serum,) = _all(Specimen)
    technician.post("/laboratory/receipt", data={"scan": serum.number})
    assert 'value="send-on"' in _text(technician.get("/laboratory/specimens?at=received"))
    answer = technician.post("/laboratory/specimens?at=received", data={
        "specimens": serum.id, "act": "send-on", "place": "Reference laboratory"})
    assert answer.status_code == 302
    assert serum.number in _text(technician.get("/laboratory/specimens?at=sent"))
    assert "Reference laboratory" in _text(technician.get(f"/cases/{case_id}/specimens/{serum.id}"))


def test_orders_are_placed_cancelled_and_asked_again(
    app: Flask, case_id: str, staff: dict[str, User]
) -> None:
    client, base = sign_in(app, staff["labtech"]), f"/cases/{case_id}/orders"
    looker = sign_in(app, staff["reception"])
    assert "Asked for and not ordered" in _text(client.get(base))
    assert client.post(base, data={}).status_code == 302
    first = _all(LabOrder)[0]
    assert client.post(f"{base}/{first.id}/cancel", data={}).status_code == 422
    assert client.post(f"{base}/{first.id}/again", data={"reason": "tube broke"}).status_code == 302
    page = _text(client.get(base))
    assert "tube broke" in page and "Cancelled" in page
    assert client.post(base, data={"test": "alt"}).status_code == 422, "beyond the rules only with a reason"
    assert client.post(base, data={"test": "alt", "reason": "hepatitis"}).status_code == 302
    alt = next(row for row in _all(LabOrder) if row.test == "alt")
    assert client.post(f"{base}/{alt.id}/again", data={"reason": "too little blood"}).status_code == 302
    page = _text(client.get(base))
    assert page.count("Why: hepatitis") == 2 and "Again: too little blood" in page
    assert "Order them" not in _text(looker.get(base)) and looker.post(base, data={}).status_code == 403


def test_order_with_a_result_is_neither_cancelled_nor_asked_for_on_paper(
    app: Flask, case_id: str, staff: dict[str, User], tmp_path: Path
) -> None:
    client, base = sign_in(app, staff["labtech"]), f"/cases/{case_id}/orders"
    client.post(base, data={})
    page = _text(client.get(base))
    asked = page.count("Cancel or again")
    assert asked == len(_all(LabOrder)) and re.search(r'<option value=""[^>]*>\s*Choose', page)
    assert client.post(base, data={"test": "", "reason": "hepatitis"}).status_code == 422
    client.post(f"/cases/{case_id}/laboratory", data={
        "performed_on": clock.now().date().isoformat(), "syphilis-nontreponemal.value": "nonreactive"})
    page = _text(client.get(base))
    assert page.count("Cancel or again") == asked - 1 and "Result waits for its second person" in page
    (letter,) = read_pages(client.get(f"{base}/letter").data, tmp_path)
    assert "IGRA" in letter and "Syphilis" not in letter


def test_who_may_be_infectious_is_marked_on_every_list_of_the_laboratory(
    app: Flask, case_id: str, phlebotomist: FlaskClient, technician: FlaskClient
) -> None:
    set_mode("write")
    physician, checker = make_user("physician"), make_user("labsupervisor")
    place_hold(db.session.get_one(Case, case_id), "Coughs blood in the waiting room", physician)
    db.session.commit()
    supervisor = sign_in(app, checker)
    assert "hold-sign" in _text(phlebotomist.get("/laboratory/collection"))
    phlebotomist.post(f"/cases/{case_id}/draw", data={"tubes": ["serum"]})
    assert "hold-sign" in _text(phlebotomist.get("/laboratory/specimens?at=drawn"))
    serum, = _all(Specimen)
    technician.post("/laboratory/receipt", data={"scan": serum.number})
    assert "hold-sign" in _text(technician.get("/laboratory/receipt"))
    grid = _text(technician.get("/laboratory/bench/syphilis-nontreponemal"))
    assert serum.number in grid and "hold-sign" in grid
    order = next(row for row in _all(LabOrder) if row.test == "syphilis-nontreponemal")
    saved = technician.post("/laboratory/bench/syphilis-nontreponemal", data={f"v-{order.id}": "nonreactive"})
    assert saved.status_code in (200, 302, 303), _text(saved)
    for path in ("/laboratory?list=confirm", "/laboratory/bench/syphilis-nontreponemal?state=confirm"):
        page = _text(supervisor.get(path))
        assert "hold-sign" in page, path


def test_sputum_page_says_what_the_laboratory_rejected_and_asks_for_another(
    case_id: str, staff: dict[str, User], phlebotomist: FlaskClient, technician: FlaskClient
) -> None:
    with write_unit():
        case = db.session.get_one(Case, case_id)
        pot = take_specimen(case, NewSpecimen(SpecimenKind.SPUTUM, get_today(case)), staff["labtech"])
        pot_id, number = pot.id, pot.number
    assert "2 specimens are still to be taken" in _text(phlebotomist.get(f"/cases/{case_id}/sputum"))
    assert technician.post(f"/cases/{case_id}/specimens/{pot_id}/reject", data={"why": "broken"}).status_code == 302
    page = technician.get(f"/cases/{case_id}/sputum").get_data(as_text=True)
    assert number in page and "Rejected by the laboratory" in page and "broken or leaking" in page
    assert f"{pot_id}.sputum" not in page, "nothing can be entered of it"
    today = get_today(db.session.get_one(Case, case_id)).isoformat()
    refused = technician.post(f"/cases/{case_id}/sputum/results", data={
        f"{pot_id}.sputum-smear.value": "negative", "reported_on": today})
    assert refused.status_code == 422
