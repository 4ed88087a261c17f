"""An order goes to the sandbox laboratory over the line, its result comes back, and a preliminary result stands."""

from __future__ import annotations

import time
from decimal import Decimal
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from clinic.db import db, write_unit
from clinic.laboratory_test import list_tests
from clinic.models import Case, InboundMessage, Laboratory, LabOrder, LabResult, OrderMessage, ReportedResult, User
from clinic.services import lab_order, order_message
from integrations.hl7.reader import read_message
from integrations.inbound.listener import listening
from integrations.inbound.processing import process_waiting
from integrations.order_sender import OrderSender
from integrations.sandbox.app import create_sandbox
from integrations.sandbox.laboratory import Clinic, Stray, examining, write_result
from tests.factory import make_case, make_laboratory, make_user
from tests.integrations.factory import close_unit

PATIENCE = 60.0


def test_order_becomes_a_result_that_waits_to_be_validated(app: Flask) -> None:
    case, technician = make_case("us"), make_user("labtech")
    orders = [one.id for one in lab_order.place_orders(case, technician)]
    laboratory = make_laboratory(application="SANDBOXLAB", facility="LAB")
    ids = case.id, technician.id, laboratory.id
    close_unit()
    with listening(app) as port, examining(Clinic(port, 0.05)) as lab_port:
        with write_unit():
            kept = db.session.get_one(Laboratory, ids[2])
            kept.endpoint = f"mllp://127.0.0.1:{lab_port}"
            order_message.send_orders(db.session.get_one(Case, ids[0]), kept, orders,
                                      db.session.get_one(User, ids[1]))
        OrderSender("test").send_due()
        db.session.rollback()
        sent = list(db.session.execute(select(OrderMessage)).unique().scalars())
        assert {one.state.value for one in sent} == {"accepted"}
        wanted = sum(write_result(read_message(one.body.decode())) is not None for one in sent)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            db.session.rollback()
            if len(list(db.session.execute(select(InboundMessage.id)))) >= wanted:
                break
            time.sleep(0.05)
    db.session.rollback()
    process_waiting()
    db.session.rollback()
    reasons = [one.reason for one in db.session.execute(select(ReportedResult)).unique().scalars()]
    results = list(db.session.execute(select(LabResult)).unique().scalars())
    assert wanted and len(results) == wanted, reasons
    for result in results:
        order = db.session.get_one(LabOrder, result.order_id)
        assert order.test == result.test and result.status == "preliminary"
        assert result.unit or result.value in list_tests()[result.test].normal


@pytest.mark.parametrize(("born", "sex"), [("19890401", "F"), ("19910105", "M"), ("20170607", "F"), ("", "U")])
def test_unremarkable_number_lies_in_the_range_of_the_person(born: str, sex: str) -> None:
    answered = 0
    for test in list_tests().values():
        text = write_result(read_message(
            "MSH|^~\\&|CLEARWAY|NBO|SANDBOXLAB|LAB|20261120||OML^O21^OML_O21|1|P|2.5.1\r"
            f"PID|1||1||A^B||{born}|{sex}\rORC|NW|L1\rOBR|1|L1||{test.name}^{test.label}^99CW\r"))
        obx = read_message(text).find("OBX") if text else None
        if obx is None or obx.get(2) != "NM" or not born:
            continue
        age = 2026 - int(born[:4])
        found = test.find_reference(test.unit, {"M": "male", "F": "female"}[sex], age)
        low, high = (found.low or "0", found.high or "9999") if found else ("0", "9999")
        assert Decimal(low) <= Decimal(obx.get(5)) <= Decimal(high), test.name
        answered += 1
    assert answered or not born


@pytest.mark.parametrize("kind", list(Stray))
def test_what_nobody_ordered_is_acknowledged_and_waits_for_a_person(app: Flask, tmp_path: Path, kind: Stray) -> None:
    make_laboratory(application="SANDBOXLAB", facility="LAB")
    close_unit()
    with listening(app) as port:
        client = create_sandbox(tmp_path / "sandbox.sqlite3", clinic_port=port).test_client()
        page = client.post("/laboratory/send", data={"kind": kind.value}, follow_redirects=True).text
        assert "the clinic acknowledged it" in page
    process_waiting()
    db.session.rollback()
    message = db.session.execute(select(InboundMessage)).unique().scalar_one()
    waiting = list(db.session.execute(select(ReportedResult)).unique().scalars())
    assert not db.session.execute(select(LabResult.id)).all()
    assert (message.state.value, len(waiting)) == (("held", 0) if kind is Stray.SPOILT else ("applied", 1))


def test_laboratory_says_when_nobody_listens_and_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    client = create_sandbox(tmp_path / "sandbox.sqlite3", clinic_port=1).test_client()
    assert "did not take it" in client.post("/laboratory/send", data={"kind": "stranger"}, follow_redirects=True).text
    assert client.post("/laboratory/send", data={"kind": "poison"}).status_code == 422
    assert client.post("/laboratory/send", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
