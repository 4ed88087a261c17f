"""An order goes to the sandbox laboratory over the line, its result comes back, and a preliminary result stands."""

from __future__ import annotations

import time

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
from integrations.sandbox.laboratory import Clinic, examining, write_result
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
