"""Orders to a laboratory over the line: in order, once however the answer is lost, cancelled there, or refused."""

from __future__ import annotations

import socket
import time

import pytest
from flask import Flask
from sqlalchemy import select

from clinic.db import db, write_unit
from clinic.delivery_reason import DeliveryReason
from clinic.errors import InvalidInput, NotNow
from clinic.laboratory_test import list_tests
from clinic.models import (
    Case,
    DeliveryState,
    InboundMessage,
    Laboratory,
    LabOrder,
    MapKind,
    OrderAct,
    OrderAttempt,
    OrderMessage,
    Task,
    User,
)
from clinic.schemas.laboratory import NewResult
from clinic.services import code_mapping, lab_order, laboratory, order_message
from clinic.services.plausibility import get_today
from integrations.hl7.acknowledgement import build_acknowledgement
from integrations.hl7.frame import FrameReader, wrap
from integrations.hl7.reader import read_message
from integrations.inbound.listener import listening
from integrations.inbound.processing import process_waiting
from integrations.order_sender import LEASE, OrderSender
from integrations.retry import RetryPlan
from integrations.transport.http import Patience
from tests.factory import make_applicant, make_case, make_laboratory, make_user
from tests.integrations.factory import START, Hand, close_unit
from tests.integrations.test_mllp import Handler, receiver, take_frame
from tests.sign_in import sign_in

S = DeliveryState


@pytest.fixture
def ids(app: Flask, hand: Hand) -> dict[str, str]:
    reception = make_user("reception")
    case = make_case("us", make_applicant(reception, native_family_name="ประเสริฐ"), reception)
    technician = make_user("labtech")
    orders = lab_order.place_orders(case, technician)
    found = {"case": case.id, "technician": technician.id, "laboratory": make_laboratory().id}
    found |= {row.test: row.id for row in orders}
    close_unit()
    return found


class Laboratorian:
    """A laboratory's receiver that answers as the test says and remembers what came."""

    def __init__(self, *codes: str) -> None:
        self.codes, self.seen = list(codes), []

    def __call__(self, connection: socket.socket) -> None:
        frame = take_frame(connection)
        if not frame:
            return
        message = read_message(frame.decode())
        orc = message.find("ORC")
        assert orc is not None
        self.seen.append((orc.get(1), orc.get(2), message.control_id))
        code = self.codes.pop(0) if self.codes else "CA"
        if code != "lost":
            connection.sendall(wrap(build_acknowledgement(message, code, "W1", START).encode()))


def queue(ids: dict[str, str], *tests: str) -> None:
    with write_unit():
        order_message.send_orders(db.session.get_one(Case, ids["case"]),
                                  db.session.get_one(Laboratory, ids["laboratory"]), [ids[test] for test in tests],
                                  db.session.get_one(User, ids["technician"]))


def run(ids: dict[str, str], handle: Handler, hand: Hand, turns: int = 1, limit: int | None = None) -> None:
    with receiver(handle) as address:
        with write_unit() as session:
            session.get_one(Laboratory, ids["laboratory"]).endpoint = address.rsplit("/", 2)[0]
        for _ in range(turns):
            OrderSender("test", Patience(2, 0.5), RetryPlan(
                limits=dict.fromkeys(DeliveryReason, limit) if limit else None, draw=lambda: 1.0)).send_due()
            hand.turn(minutes=20)


def set_endpoint(ids: dict[str, str]) -> None:
    with write_unit() as session:
        session.get_one(Laboratory, ids["laboratory"]).endpoint = "mllp://127.0.0.1:9"


def list_messages() -> list[OrderMessage]:
    db.session.rollback()
    return list(db.session.execute(select(OrderMessage).order_by(OrderMessage.id)).unique().scalars())


def number(ids: dict[str, str], test: str) -> str:
    return db.session.get_one(LabOrder, ids[test]).number


def test_order_names_its_test_by_loinc_until_the_laboratory_has_told_its_own_code(
    app: Flask, ids: dict[str, str]
) -> None:
    """Our own code stood there twice, which means nothing to a laboratory of somebody else (hl7-dicom.md 1.2)."""
    set_endpoint(ids)
    queue(ids, "syphilis-nontreponemal")
    with write_unit() as session:
        made, technician = session.get_one(Laboratory, ids["laboratory"]), session.get_one(User, ids["technician"])
        code_mapping.add_line(made, MapKind.TEST, "QFT", "igra", technician, "99LAB", text="Quantiferon")
        beyond = lab_order.order_test(session.get_one(Case, ids["case"]), "hbv-dna", technician, "asked for")
        ids["hbv-dna"] = beyond.id
    queue(ids, "igra", "hbv-dna")
    segments = [read_message(row.body.decode()).find("OBR") for row in list_messages()]
    said = sorted([obr.get(4, part) for part in range(1, 7)] for obr in segments if obr)
    labels = {test: list_tests()[test].label for test in ids if test in list_tests()}
    assert said == [
        ["20507-0", labels["syphilis-nontreponemal"], "LN", "syphilis-nontreponemal",
         labels["syphilis-nontreponemal"], "99CW"],
        ["QFT", "Quantiferon", "99LAB", "igra", labels["igra"], "99CW"],
        ["hbv-dna", labels["hbv-dna"], "99CW", "", "", ""],
    ]  # fmt: skip


def test_order_that_has_a_result_is_neither_offered_nor_sent(app: Flask, ids: dict[str, str]) -> None:
    """While its result waited for the second person, another laboratory could be asked to make it again."""
    set_endpoint(ids)
    page = f"/cases/{ids['case']}/orders/sending"
    client = sign_in(app, db.session.get_one(User, ids["technician"]), ids["case"])
    ours = number(ids, "syphilis-nontreponemal")
    assert ours in client.get(page).text
    with write_unit() as session:
        case, technician = session.get_one(Case, ids["case"]), session.get_one(User, ids["technician"])
        laboratory.enter_result(
            case, NewResult("syphilis-nontreponemal", "nonreactive", get_today(case)), technician)
    text = client.get(page).text
    assert ours not in text and number(ids, "igra") in text
    with pytest.raises(InvalidInput, match="correct"):
        queue(ids, "syphilis-nontreponemal")
    assert list_messages() == []


def test_orders_leave_one_by_one_and_are_taken(app: Flask, ids: dict[str, str], hand: Hand) -> None:
    set_endpoint(ids)
    queue(ids, "syphilis-nontreponemal")
    hand.turn(seconds=1)
    queue(ids, "igra")
    laboratory = Laboratorian()
    run(ids, laboratory, hand)
    assert [one[:2] for one in laboratory.seen] == [
        ("NW", number(ids, "syphilis-nontreponemal")), ("NW", number(ids, "igra"))]
    assert [row.state for row in list_messages()] == [S.ACCEPTED, S.ACCEPTED]
    assert db.session.get_one(LabOrder, ids["igra"]).laboratory_id == ids["laboratory"]


def test_lost_answer_is_sent_again_with_its_number_and_nobody_overtakes(
    app: Flask, ids: dict[str, str], hand: Hand
) -> None:
    set_endpoint(ids)
    queue(ids, "syphilis-nontreponemal")
    hand.turn(seconds=1)
    queue(ids, "igra")
    laboratory = Laboratorian("lost", "AE")
    run(ids, laboratory, hand, 3)
    first, again, third, second = laboratory.seen
    assert first == again == third and second[1] == number(ids, "igra")
    assert [row.state for row in list_messages()] == [S.ACCEPTED, S.ACCEPTED]
    outcomes = [row.outcome for row in db.session.execute(select(OrderAttempt).order_by(OrderAttempt.id)).scalars()]
    assert outcomes == [S.UNKNOWN, S.QUEUED, S.ACCEPTED, S.ACCEPTED]


def test_order_taken_back_is_cancelled_there_and_one_never_sent_is_not(
    app: Flask, ids: dict[str, str], hand: Hand
) -> None:
    set_endpoint(ids)
    queue(ids, "syphilis-nontreponemal")
    hand.turn(seconds=1)
    with write_unit():
        technician = db.session.get_one(User, ids["technician"])
        for test in ("syphilis-nontreponemal", "igra"):
            lab_order.cancel_order(db.session.get_one(LabOrder, ids[test]), "ordered twice", technician)
    laboratory = Laboratorian()
    run(ids, laboratory, hand)
    assert [one[0] for one in laboratory.seen] == ["NW", "CA"]
    assert [row.act for row in list_messages()] == [OrderAct.NEW, OrderAct.CANCEL]


def test_refused_order_is_for_a_person_and_keeps_nobody_waiting(app: Flask, ids: dict[str, str], hand: Hand) -> None:
    set_endpoint(ids)
    queue(ids, "syphilis-nontreponemal")
    hand.turn(seconds=1)
    queue(ids, "igra")
    laboratory = Laboratorian("CR")
    run(ids, laboratory, hand)
    refused, taken = list_messages()
    assert (refused.state, taken.state) == (S.REJECTED, S.ACCEPTED)
    client = sign_in(app, db.session.get_one(User, ids["technician"]))
    page = f"/cases/{ids['case']}/orders/sending"
    assert "Refused by the laboratory" in client.get(page).text
    assert client.post(f"{page}/again", data={"message": refused.id}).status_code == 303
    run(ids, Laboratorian(), hand)
    assert [row.state for row in list_messages()] == [S.REJECTED, S.ACCEPTED, S.ACCEPTED]
    assert len({row.control_id for row in list_messages()}) == 3, "anew is under a new number"


def list_refused(outcome: str | None = None) -> list[str]:
    db.session.rollback()
    return [task.detail for task in db.session.execute(select(Task).where(
        Task.kind == "order-refused", Task.outcome == outcome)).unique().scalars()]


def test_refused_order_is_a_task_and_goes_to_another_laboratory(app: Flask, ids: dict[str, str], hand: Hand) -> None:
    set_endpoint(ids)
    queue(ids, "igra")
    run(ids, Laboratorian("CR"), hand)
    assert list_refused() == [number(ids, "igra")]
    client = sign_in(app, db.session.get_one(User, ids["technician"]))
    assert "Order refused by the laboratory" in client.get("/tasks").text
    assert "Order: Refused by the laboratory" in client.get(f"/cases/{ids['case']}/orders").text
    with write_unit():
        other = make_laboratory(application="OTHER")
        other.endpoint = "mllp://127.0.0.1:9"
        (made,) = order_message.send_orders(db.session.get_one(Case, ids["case"]), other, [ids["igra"]],
                                            db.session.get_one(User, ids["technician"]))
        assert (made.act, made.laboratory_id) == (OrderAct.NEW, other.id)
    assert (list_refused(), list_refused("sent-anew")) == ([], [number(ids, "igra")])


def test_refused_order_that_was_cancelled_is_not_sent_anew(app: Flask, ids: dict[str, str], hand: Hand) -> None:
    set_endpoint(ids)
    queue(ids, "igra")
    run(ids, Laboratorian("CR"), hand)
    (refused,) = list_messages()
    with write_unit():
        lab_order.cancel_order(db.session.get_one(LabOrder, ids["igra"]), "drawn from another",
                               db.session.get_one(User, ids["technician"]))
    assert list_refused("not-needed") == [number(ids, "igra")]
    client = sign_in(app, db.session.get_one(User, ids["technician"]))
    page = f"/cases/{ids['case']}/orders/sending"
    assert "Send anew" not in client.get(page).text
    assert client.post(f"{page}/again", data={"message": refused.id}).status_code == 409
    assert len(list_messages()) == 1


def test_after_a_refused_change_the_laboratory_still_has_the_order(app: Flask, ids: dict[str, str], hand: Hand) -> None:
    set_endpoint(ids)
    queue(ids, "igra")
    laboratory = Laboratorian("CA", "CR")
    run(ids, laboratory, hand)
    queue(ids, "igra")
    run(ids, laboratory, hand)
    queue(ids, "igra")
    hand.turn(seconds=1)
    with write_unit():
        lab_order.cancel_order(db.session.get_one(LabOrder, ids["igra"]), "drawn from another",
                               db.session.get_one(User, ids["technician"]))
    run(ids, laboratory, hand)
    assert [one[0] for one in laboratory.seen] == ["NW", "XO", "XO", "CA"]


def test_refused_cancellation_says_that_a_result_may_come(app: Flask, ids: dict[str, str], hand: Hand) -> None:
    set_endpoint(ids)
    queue(ids, "igra")
    hand.turn(seconds=1)
    with write_unit():
        lab_order.cancel_order(db.session.get_one(LabOrder, ids["igra"]), "ordered twice",
                               db.session.get_one(User, ids["technician"]))
    run(ids, Laboratorian("CA", "AR"), hand)
    assert [row.state for row in list_messages()] == [S.ACCEPTED, S.REJECTED]
    page = sign_in(app, db.session.get_one(User, ids["technician"])).get(f"/cases/{ids['case']}/orders/sending").text
    assert "The laboratory goes on with it" in page and list_refused() == [number(ids, "igra")]


def give_up(app: Flask, ids: dict[str, str], hand: Hand) -> Laboratorian:
    set_endpoint(ids)
    queue(ids, "igra")
    laboratory = Laboratorian("lost", "lost")
    run(ids, laboratory, hand, 2, limit=2)
    (given_up,) = list_messages()
    assert given_up.state is S.DEAD and list_refused() == [number(ids, "igra")]
    page = sign_in(app, db.session.get_one(User, ids["technician"]))
    assert "so it may have arrived" in page.get(f"/cases/{ids['case']}/orders/sending").text
    return laboratory


@pytest.mark.parametrize("code", ["CA", "AR"])
def test_given_up_order_that_may_have_arrived_is_cancelled_there_when_another_gets_it(
    app: Flask, ids: dict[str, str], hand: Hand, code: str
) -> None:
    laboratory = give_up(app, ids, hand)
    with write_unit():
        other = make_laboratory(application="OTHER")
        other.endpoint = "mllp://127.0.0.1:9"
        order_message.send_orders(db.session.get_one(Case, ids["case"]), other, [ids["igra"]],
                                  db.session.get_one(User, ids["technician"]))
    laboratory.codes = [code]
    run(ids, laboratory, hand)
    assert [one[0] for one in laboratory.seen] == ["NW", "NW", "CA"]
    assert list_refused() == []  # it knows of no such order: nothing is left to do
    order = db.session.get_one(LabOrder, ids["igra"])
    holder = order_message.find_holder(order)
    assert holder is not None and (holder.act, holder.laboratory.application) == (OrderAct.NEW, "OTHER")


def test_given_up_order_that_may_have_arrived_is_cancelled_there_when_it_is_taken_back(
    app: Flask, ids: dict[str, str], hand: Hand
) -> None:
    laboratory = give_up(app, ids, hand)
    with write_unit():
        lab_order.cancel_order(db.session.get_one(LabOrder, ids["igra"]), "drawn from another",
                               db.session.get_one(User, ids["technician"]))
    laboratory.codes = ["AR"]
    run(ids, laboratory, hand)
    assert [one[0] for one in laboratory.seen] == ["NW", "NW", "CA"] and list_refused() == []
    page = sign_in(app, db.session.get_one(User, ids["technician"])).get(f"/cases/{ids['case']}/orders/sending").text
    assert "It was not certain" in page


def test_given_up_order_that_never_arrived_is_cancelled_nowhere(app: Flask, ids: dict[str, str], hand: Hand) -> None:
    set_endpoint(ids)
    queue(ids, "igra")
    OrderSender("test", Patience(2, 0.5), RetryPlan(limits={}, draw=lambda: 1.0)).send_due()
    assert [row.state for row in list_messages()] == [S.DEAD]
    with write_unit():
        lab_order.cancel_order(db.session.get_one(LabOrder, ids["igra"]), "drawn from another",
                               db.session.get_one(User, ids["technician"]))
    assert len(list_messages()) == 1


def test_receipt_without_a_further_word_wanted_is_waited_for_no_longer(
    app: Flask, ids: dict[str, str], hand: Hand
) -> None:
    set_endpoint(ids)
    queue(ids, "igra")

    def keep_open(connection: socket.socket) -> None:
        message = read_message(take_frame(connection).decode())
        connection.sendall(wrap(build_acknowledgement(message, "CA", "W1", START).encode()))
        assert connection.recv(1) == b"", "hung up at once"
        closed.append(time.monotonic() - began)

    closed: list[float] = []
    began = time.monotonic()
    with receiver(keep_open) as address:
        with write_unit() as session:
            session.get_one(Laboratory, ids["laboratory"]).endpoint = address.rsplit("/", 2)[0]
        OrderSender("test", Patience(30, 30), RetryPlan(draw=lambda: 1.0)).send_due()
    assert [row.state for row in list_messages()] == [S.ACCEPTED]
    assert closed and closed[0] < 4.5


@pytest.mark.parametrize(("kind", "code", "state"), [
    ("ACK^O21^ACK", "AA", S.ACCEPTED), ("ORL^O22^ORL_O22", "AR", S.REJECTED),
])  # fmt: skip
def test_laboratory_s_own_word_comes_later_by_the_listener(
    app: Flask, ids: dict[str, str], hand: Hand, kind: str, code: str, state: S
) -> None:
    set_endpoint(ids)
    queue(ids, "syphilis-nontreponemal")
    run(ids, Laboratorian(), hand)
    (sent,) = list_messages()
    text = (f"MSH|^~\\&|CENTRALLAB|LAB01|CLEARWAY|NBO|20261120||{kind}|W9|P|2.5.1|||AL|NE\r"
            f"MSA|{code}|{sent.control_id}\r")
    db.session.rollback()
    with listening(app) as port, socket.create_connection(("127.0.0.1", port), timeout=60) as line:
        line.sendall(wrap(text.encode()))
        assert b"MSA|CA|W9" in FrameReader().feed(line.recv(65536))[0]
    process_waiting()
    assert list_messages()[0].state is state
    assert db.session.execute(select(InboundMessage)).scalar_one().state == "applied"


def test_interrupted_sending_is_taken_up_after_its_lease(app: Flask, ids: dict[str, str], hand: Hand) -> None:
    set_endpoint(ids)
    queue(ids, "syphilis-nontreponemal")
    with write_unit() as session:
        row = session.execute(select(OrderMessage)).unique().scalar_one()
        row.state, row.lease_until, row.attempts = S.SENDING, START + LEASE, 1
    laboratory = Laboratorian()
    run(ids, laboratory, hand)
    assert laboratory.seen == []
    run(ids, laboratory, hand)
    assert len(laboratory.seen) == 1 and list_messages()[0].state is S.ACCEPTED


def test_page_sends_what_is_ticked_and_refuses_the_rest(app: Flask, ids: dict[str, str], hand: Hand) -> None:
    client = sign_in(app, db.session.get_one(User, ids["technician"]))
    page = f"/cases/{ids['case']}/orders/sending"
    assert "print the referral letter" in client.get(page).text
    set_endpoint(ids)
    assert "Syphilis, nontreponemal" in client.get(page).text
    assert client.post(page, data={}).status_code == 422
    assert client.post(page, data={"laboratory": ids["laboratory"]}).status_code == 422
    form = {"laboratory": ids["laboratory"], "orders": [ids["syphilis-nontreponemal"]]}
    assert client.post(page, data=form).status_code == 303
    again = client.get(page).text
    assert "Waits to be sent" in again and again.count("has it and is told a change") == 1
    with write_unit():
        other = make_laboratory(application="OTHER")
        other.endpoint = "mllp://127.0.0.1:9"
        with pytest.raises(InvalidInput):
            order_message.send_orders(db.session.get_one(Case, ids["case"]), other, [ids["syphilis-nontreponemal"]],
                                      db.session.get_one(User, ids["technician"]))
        with pytest.raises(NotNow):
            order_message.send_again(list_messages_in_unit()[0], db.session.get_one(User, ids["technician"]))


def list_messages_in_unit() -> list[OrderMessage]:
    return list(db.session.execute(select(OrderMessage)).unique().scalars())
