"""A stuck delivery found on the first screen, understood, read in words and sent again, in Chromium."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import select

from clinic import clock
from clinic.db import db, write_unit
from clinic.delivery_reason import DeliveryReason, build_reason
from clinic.models import Delivery, DeliveryAttempt, DeliveryState, Destination, InboundMessage, InboundState, User
from tests.features.look import look, sign_in_as
from tests.integrations.factory import make_delivery, make_signed_case

pytestmark = pytest.mark.browser

ORU = (
    "MSH|^~\\&|CLEARWAY|NBO|SANDBOX|UK|20261120120000+0300||ORU^R01^ORU_R01|NBO0001|T|2.5.1|||AL|AL||UNICODE UTF-8\r"
    "PID|1||NBO-C-1^^^CLEARWAY&2.25.123456789012345678901234567890&ISO^MR~AA1234567^^^KEN&ISO3166&L^PPN||"
    "Wanjirũ^Grace^^^^^L||19910105|F|||12 Kenyatta Avenue^^Nairobi^^00100^KEN^H\r"
    "OBR|1||NBO-C-1^CLEARWAY|MHA-EXAM^Migration health assessment^99CW|||20261120\r"
    "OBX|1|NM|8480-6^Systolic blood pressure^LN||128|mm[Hg]^millimeter of mercury^UCUM|90-140|N|||F\r"
    "OBX|2|ED|RPT-PDF^Report^99CW||CLEARWAY^application^pdf^Base64^JVBERi0xLjQ=||||||F\r"
)
REPLY = "MSH|^~\\&|SANDBOX|UK|CLEARWAY|NBO|20261120||ACK^R01^ACK|B1|T|2.5.1\rMSA|AR|NBO0001\rERR|||101|E|||No name\r"
NARRATIVE = '<div xmlns="http://www.w3.org/1999/xhtml"><table><tr><th>Class</th><td>B1</td></tr></table></div>'


def make_refused(user: User) -> Delivery:
    """An HL7 delivery that was refused after a day."""
    now = clock.now()
    delivery = make_delivery(
        make_signed_case(user, "uk"), state=DeliveryState.REJECTED, attempts=2, queued_at=now - timedelta(hours=30),
        state_reason=build_reason(DeliveryReason.REFUSED, "Item 502 is missing."), channel="hl7_oru", body=ORU.encode(),
        content_type="application/hl7-v2+er7; charset=utf-8",
    )  # fmt: skip
    for number, outcome, detail, reply in (
        (1, DeliveryState.UNKNOWN, "TimeoutError: no reply within 20 seconds", None),
        (2, DeliveryState.REJECTED, "MSA-1 AR Item 502 is missing.", REPLY),
    ):
        db.session.add(DeliveryAttempt(
            delivery_id=delivery.id, number=number, started_at=now - timedelta(hours=30 - number), detail=detail,
            ended_at=now - timedelta(hours=30 - number), outcome=outcome, reply=reply,
        ))  # fmt: skip
        db.session.flush()
    return delivery


@pytest.fixture
def stuck(clinic: Flask) -> tuple[str, str]:
    """The case numbers of a refused UK exam, and of a US one whose destination is left alone; a message that failed."""
    with clinic.app_context():
        with write_unit() as unit:
            user = unit.execute(select(User).where(User.email == "physician@test.example")).unique().scalar_one()
            now = clock.now()
            refused = make_refused(user)
            waiting = make_delivery(
                make_signed_case(user), attempts=5, queued_at=now - timedelta(minutes=40),
                next_attempt_at=now + timedelta(minutes=5), state_reason=build_reason(DeliveryReason.UNREACHABLE),
            )  # fmt: skip
            section = {"title": "Classification", "text": {"status": "generated", "div": NARRATIVE}}
            composition = {"resourceType": "Composition", "title": "Medical examination", "section": [section]}
            waiting.body = json.dumps({"resourceType": "Bundle", "entry": [{"resource": composition}]}).encode()
            db.session.add(Destination(
                authority_id="us", faults=5, last_fault=DeliveryReason.UNREACHABLE,
                opened_at=now - timedelta(minutes=30), faulty_since=now - timedelta(minutes=35),
                resting_until=now + timedelta(seconds=30),
            ))  # fmt: skip
            db.session.add(InboundMessage(
                received_at=now, peer="127.0.0.1:4711", sender="SANDBOX|UK", control_id="B2", kind="ACK^R01",
                sha256="0" * 64, raw=REPLY.encode(), state=InboundState.ERROR, state_reason="OperationalError",
                processed_at=now,
            ))  # fmt: skip
            found = refused.case.number, waiting.case.number
        db.session.remove()
    return found


def test_stuck_delivery_is_found_understood_and_sent_again(
    page: Page, address: str, stuck: tuple[str, str], complaints: list[str]
) -> None:
    refused, waiting = stuck
    page.set_viewport_size({"width": 1366, "height": 900})
    sign_in_as(page, address, "admin")
    expect(page.get_by_role("link", name="Deliveries: 2 stuck or late")).to_be_visible()
    look(page, "first-screen-late")
    page.get_by_role("link", name="2 signed exams have not arrived").click()
    expect(page.get_by_text("5 attempts in a row failed")).to_be_visible()
    look(page, "deliveries")
    page.get_by_label("Destination", exact=True).select_option("uk")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("link", name=waiting)).to_have_count(0)
    page.get_by_role("link", name=refused).click()
    expect(page.get_by_text("The authority refused it: Item 502 is missing.")).to_be_visible()
    expect(page.get_by_text("Far too late")).to_be_visible()
    page.get_by_text("What came back").click()
    look(page, "delivery")
    page.get_by_role("link", name="In words").first.click()
    expect(page.get_by_text("Acknowledgment code")).to_be_visible()
    page.go_back()
    page.get_by_role("link", name="Read what is sent, in words").click()
    expect(page.get_by_text("Patient identifier list")).to_be_visible()
    look(page, "delivery-message")
    page.go_back()
    page.get_by_label("Reason").fill("the authority mended its form")
    page.get_by_role("button", name="Send again now").click()
    expect(page.get_by_text("It is sent again in a moment.")).to_be_visible()
    assert complaints == []


def test_several_are_sent_again_and_a_destination_is_tried_and_stopped(
    page: Page, address: str, stuck: tuple[str, str], complaints: list[str]
) -> None:
    page.set_viewport_size({"width": 1366, "height": 900})
    sign_in_as(page, address, "admin")
    page.goto(f"{address}/deliveries")
    for number in stuck:
        page.get_by_label(f"Choose {number}").check()
    page.get_by_role("button", name="Send the chosen ones again").click()
    look(page, "deliveries-selection")
    page.get_by_label("Reason").fill("both authorities run again")
    page.get_by_role("button", name="Send them again").click()
    expect(page.get_by_text("2 deliveries are sent again")).to_be_visible()
    page.get_by_role("link", name="U.S. Department of State").click()
    look(page, "destination")
    page.get_by_label("Reason").fill("they say that it runs")
    page.get_by_role("button", name="Try now").click()
    expect(page.get_by_text("The oldest delivery is sent in a moment.")).to_be_visible()
    page.get_by_label("Reason").fill("they move house")
    page.get_by_role("button", name="Stop deliveries").click()
    expect(page.get_by_text("Stopped by a person")).to_be_visible()
    page.goto(f"{address}/deliveries/messages")
    look(page, "messages")
    page.get_by_role("link", name="B2").click()
    look(page, "message")
    page.get_by_label("Reason").fill("the database is back")
    page.get_by_role("button", name="Work on it again").click()
    expect(page.get_by_text("It is worked on again in a moment.")).to_be_visible()
    assert complaints == []
