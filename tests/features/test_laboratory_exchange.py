"""A laboratory's message: one result enters by itself, a person assigns the doubtful one; both wait for a second."""

from __future__ import annotations

import re
import socket

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import select

from clinic import clock
from clinic.db import db, write_unit
from clinic.models import Case, LabResult, User
from clinic.services import lab_order
from integrations.hl7.frame import FrameReader, wrap
from integrations.inbound.listener import listening
from integrations.inbound.processing import process_waiting
from tests.factory import make_applicant, make_case, make_laboratory
from tests.features.look import look, sign_in_as
from tests.integrations.oru import write_message, write_order, write_person, write_value

pytestmark = pytest.mark.browser
RPR, CREATININE = "20507-0^RPR^LN", "2160-0^Creatinine^LN"


def send(app: Flask) -> tuple[str, str]:
    """Orders are placed, the laboratory answers over the line; the case's id and number."""
    with app.app_context():
        with write_unit():
            reception, technician = (db.session.execute(select(User).where(
                User.email == f"{role}@test.example")).unique().scalar_one() for role in ("reception", "labtech"))
            case = make_case("us", make_applicant(reception, family_name="Otieno", given_names="Brian"), reception)
            order = next(one.number for one in lab_order.place_orders(case, technician)
                         if one.test == "syphilis-nontreponemal")
            make_laboratory(case.site)
            person, other = write_person(case), write_person(case, birth="19700101")
            found = case.id, case.number
        day = clock.today().strftime("%Y%m%d")
        message = write_message(
            person, write_order(order, day=day, reported=day), write_value(RPR, "NEG^Negative^99LAB", "CWE"),
            other, write_order("", "LAB-2", day=day, reported=day),
            write_value(CREATININE, "88.0", "NM", "umol/L", "N"))
        with listening(app) as port, socket.create_connection(("127.0.0.1", port), timeout=20) as line:
            line.sendall(wrap(message))
            assert b"MSA|AA|L1" in FrameReader().feed(line.recv(65536))[0]
        process_waiting()
        db.session.remove()
    return found


def test_results_from_the_line_to_results_that_wait_for_a_second_person(
    page: Page, clinic: Flask, address: str, complaints: list[str]
) -> None:
    case_id, number = send(clinic)
    page.set_viewport_size({"width": 1366, "height": 900})
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
    page.get_by_label(re.compile(number)).check()
    page.get_by_role("button", name="Enter it").click()
    expect(page.get_by_text(f"Entered for case {number}")).to_be_visible()

    sign_in_as(page, address, "labsupervisor")
    page.goto(f"{address}/laboratory/messages?state=applied")
    look(page, "laboratory-messages")
    page.get_by_role("link", name="L1", exact=True).click()
    expect(page.get_by_text("Observation request").first).to_be_visible()
    with clinic.app_context():
        rows = list(db.session.execute(select(LabResult).where(LabResult.case_id == case_id)).unique().scalars())
        assert not [row for row in rows if row.counts], "both wait for a person of the clinic"
        assert {row.test for row in rows} == {"syphilis-nontreponemal", "creatinine"}
        assert db.session.get_one(Case, case_id).number == number
        db.session.remove()
    assert [one for one in complaints if "422" not in one] == []
