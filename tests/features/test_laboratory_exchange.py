"""A laboratory's message from the line to the authority: taken or assigned, validated by another, signed, pulled."""

from __future__ import annotations

import base64
import re
import socket
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import select

from clinic import clock
from clinic.db import db, write_unit
from clinic.demo import walk
from clinic.demo.seed import to_applicant
from clinic.models import Case, LabResult, User
from clinic.services import lab_order
from integrations.hl7.frame import FrameReader, wrap
from integrations.inbound.listener import listening
from integrations.inbound.processing import process_waiting
from tests.documents import make_plain_pdf
from tests.factory import make_laboratory
from tests.features.look import look, sign_in_as, take_picture
from tests.features.step import sign
from tests.fhir_api.machine import Machine
from tests.integrations.oru import write_message, write_order, write_person, write_value

pytestmark = pytest.mark.browser
RPR, CREATININE, HIV = "20507-0^RPR^LN", "2160-0^Creatinine^LN", "56888-1^HIV 1 and 2^LN"
REPORT = "OBX|2|ED|RPT-PDF^Serology report^99LAB||LAB01^application^pdf^Base64^{}||||||F"


def send(app: Flask) -> tuple[str, str]:
    """All but syphilis is examined; orders are placed, the laboratory answers over the line. The case's id, number."""
    with app.app_context():
        with write_unit():
            staff: walk.Staff = {user.email.split("@")[0]: user
                                 for user in db.session.execute(select(User)).unique().scalars()}
            person = walk.find_adult(1, 7000, clock.today("Africa/Nairobi"))
            case = walk.open_unremarkable_case(to_applicant(person), "NRB0000007000", staff["reception"])
            walk.work_through(case, staff, leaving=["syphilis"])
            order = next(one.number for one in lab_order.place_orders(case, staff["labtech"])
                         if one.test == "syphilis-nontreponemal")
            asked = lab_order.order_test(case, "hiv", staff["physician"], "asked for by the applicant").number
            make_laboratory(case.site)
            person, other = write_person(case), write_person(case, birth="19700101")
            found = case.id, case.number
        day = clock.today().strftime("%Y%m%d")
        report = base64.b64encode(make_plain_pdf()).decode()
        message = write_message(
            person, write_order(order, day=day, reported=day), write_value(RPR, "NEG^Negative^99LAB", "CWE"),
            REPORT.format(report), write_order(asked, "LAB-3", day=day, reported=day),
            write_value(HIV, "NEG^Negative^99LAB", "CWE"),
            other, write_order("", "LAB-2", day=day, reported=day),
            write_value(CREATININE, "88.0", "NM", "umol/L", "N"))
        with listening(app) as port, socket.create_connection(("127.0.0.1", port), timeout=20) as line:
            line.sendall(wrap(message))
            assert b"MSA|AA|L1" in FrameReader().feed(line.recv(65536))[0]
        process_waiting()
        db.session.remove()
    return found


def test_results_from_the_line_to_the_authority(
    page: Page, clinic: Flask, address: str, complaints: list[str], tmp_path: Path
) -> None:
    case_id, number = send(clinic)
    case = f"{address}/cases/{case_id}"
    page.set_viewport_size({"width": 1366, "height": 900})
    _assign(page, address, number)
    _look_at_message(page, address, number)
    _see_what_codes_may_mean(page, address)
    _validate(page, case)
    _read_as_physician(page, case)
    page.goto(case)
    page.get_by_role("link", name=re.compile("^Review and sign")).first.click()
    _bundle, paper = sign(page, "No TB class", "exchange", tmp_path)
    assert "Nonreactive" in paper
    _pull(clinic, case_id)
    assert [one for one in complaints if "422" not in one] == []


def _assign(page: Page, address: str, number: str) -> None:
    """The doubtful one is given to its case by a person, with the reason."""
    sign_in_as(page, address, "labtech")
    page.goto(f"{address}/laboratory/inbox")
    look(page, "results-in")
    page.get_by_role("link", name="Creatinine, serum").click()
    expect(page.get_by_text("Whose it is, is not certain")).to_be_visible()
    expect(page.get_by_text("Against it: another birth date.")).to_be_visible()
    look(page, "result-doubtful")
    page.get_by_label(re.compile(number)).check()
    page.get_by_role("button", name="Enter it").click()
    expect(page.locator(".govuk-error-summary")).to_be_visible()
    page.get_by_label("How you know").fill("The birth date was mistyped: the laboratory said so on the telephone")
    page.get_by_role("radio", name=re.compile(number)).check()
    page.get_by_role("button", name="Enter it").click()
    expect(page.get_by_role("region", name="Check before you save")).to_be_focused()  # wherever it stands
    page.get_by_role("checkbox", name=re.compile("It is the same person")).check()
    page.get_by_role("button", name="Enter it").click()
    expect(page.get_by_text(f"Entered for case {number}")).to_be_visible()


def _look_at_message(page: Page, address: str, number: str) -> None:
    """It brings a confidential result, so its words open with a reason."""
    sign_in_as(page, address, "labsupervisor")
    page.goto(f"{address}/laboratory/messages?state=applied")
    look(page, "laboratory-messages")
    page.get_by_role("link", name="L1", exact=True).click()
    expect(page.get_by_text("It brings a confidential result")).to_be_visible()
    expect(page.get_by_text("Observation request")).to_have_count(0)
    look(page, "laboratory-message-veiled")
    page.get_by_role("link", name=f"Case {number}: open with a reason").click()
    page.get_by_label("To validate it as second person").check()
    page.get_by_role("button", name="Open for half an hour").click()
    expect(page.get_by_role("heading", name="Message L1")).to_be_visible()
    expect(page.get_by_text("Observation request").first).to_be_visible()


def _see_what_codes_may_mean(page: Page, address: str) -> None:
    """What is ours follows the kind and the test that are chosen; nothing of them has to be known by heart."""
    page.goto(f"{address}/laboratory/mappings")
    page.get_by_role("link", name="Central Laboratory").click()
    ours = page.get_by_label("Ours")
    for kind, test, offered in (("Unit", "Haemoglobin", ["Choose", "g/dL", "g/L"]),
                                ("Word for a result", "Haemoglobin", ["Choose"]),
                                ("Word for a result", "HIV 1/2", ["Choose", "negative", "positive", "indeterminate"])):
        page.get_by_label("Kind").select_option(label=kind)
        page.get_by_label("Of which test").select_option(label=test)
        expect(ours.locator("option")).to_have_text(offered)
    ours.select_option("positive")
    page.get_by_label("Kind").select_option("Unit")
    expect(ours).to_have_value("")
    page.get_by_label("Kind").select_option("Test")
    page.get_by_label("Of which test").select_option("Choose")
    assert ours.locator("option").count() > 30, "every test and each part of one"
    look(page, "laboratory-mapping")


def _validate(page: Page, case: str) -> None:
    """The second person sees where each came from, and confirms what agrees with the report."""
    page.goto(f"{case}/laboratory")
    results = page.get_by_role("table", name="Results of this case")
    expect(results.get_by_role("row", name=re.compile("Syphilis"))).to_contain_text("Needs second person")
    look(page, "laboratory-origins")
    page.get_by_role("link", name=re.compile("wait for their second person")).click()
    page.get_by_role("link", name="Open Syphilis, nontreponemal").or_(
        page.get_by_role("link", name="Syphilis, nontreponemal")).first.click()
    expect(page.locator(".summary__row", has_text="Came from")).to_contain_text("Central Laboratory, HL7 line")
    look(page, "laboratory-result-origin")
    with page.expect_download() as download:
        page.get_by_role("link", name="Serology report", exact=True).click()
    assert Path(download.value.path()).read_bytes() == make_plain_pdf()
    page.get_by_role("button", name="Confirm: it agrees with the report").click()
    for name in ("HIV 1/2", "Creatinine, serum"):
        page.goto(f"{case}/second-person")
        page.get_by_role("link", name=name, exact=True).click()
        page.get_by_role("button", name="Confirm: it agrees with the report").click()
    page.goto(f"{case}/second-person")
    expect(page.get_by_text("Nothing of this case waits.")).to_be_visible()


def _read_as_physician(page: Page, case: str) -> None:
    """What counts stands on the case with where it came from; the confidential value does not."""
    sign_in_as(page, case.partition("/cases/")[0], "physician")
    page.goto(case)
    expect(page.get_by_role("heading", name="Printed reports of laboratories")).to_be_visible()
    look(page, "case-printed-reports")
    page.goto(f"{case}/laboratory")
    results = page.get_by_role("table", name="Results of this case")
    row = results.get_by_role("row", name=re.compile("Syphilis"))
    expect(row).to_contain_text("Nonreactive")
    expect(row).to_contain_text("Final")
    expect(results.get_by_role("row", name=re.compile("HIV"))).to_contain_text("Confidential")
    results.get_by_role("row", name=re.compile("HIV")).get_by_role("link", name="HL7 line").click()
    expect(page.get_by_text("This result is confidential.")).to_be_visible()
    expect(page.get_by_text("Negative")).to_have_count(0)
    look(page, "reported-veiled")
    page.get_by_role("link", name="Laboratory", exact=True).last.click()
    row.get_by_role("link", name="HL7 line").click()
    expect(page.get_by_role("heading", name="As the laboratory said it")).to_be_visible()
    take_picture(page, "reported-origin")


def _pull(clinic: Flask, case_id: str) -> None:
    """The authority reads the released result, and finds the same in the document."""
    with clinic.app_context():
        with write_unit():
            machine = Machine(clinic, "us")
            row = db.session.execute(select(LabResult).where(
                LabResult.case_id == case_id, LabResult.test == "syphilis-nontreponemal")).unique().scalar_one()
            assert row.counts
            assert row.confirmed_by_id != row.entered_by_id
            case_number = db.session.get_one(Case, case_id).number
        machine.sign_in()
        found = [one["resource"] for one in machine.get("Observation?_count=200").json["entry"]]
        codes = {coding["code"]: one for one in found for coding in one["code"].get("coding", ())}
        syphilis = codes["20507-0"]
        assert syphilis["status"] == "final"
        composition = machine.get("Composition").json["entry"][0]["resource"]
        document = machine.get(f"Composition/{composition['id']}/$document").json
        assert syphilis in [entry["resource"] for entry in document["entry"]]
        assert case_number in str(document)
        db.session.remove()
