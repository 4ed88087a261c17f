"""The background process is gone for a day: the screens say so, nothing is lost, and all is done once it is back."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import select

from clinic.db import db, read_unit, write_unit
from clinic.models import Authority, DeliveryState, InboundMessage, InboundState, User
from integrations.dispatcher import Dispatcher
from integrations.inbound.intake import Arrival, judge, store
from integrations.inbound.sender import list_senders
from integrations.worker import Worker
from tests.factory import make_authority, make_user
from tests.integrations.conftest import Sandbox
from tests.integrations.factory import Hand, close_unit, get_delivery, make_delivery, make_signed_case
from tests.sign_in import sign_in

WORD = ("MSH|^~\\&|SANDBOX|UK|CLEARWAY|NBO|20261120120000+0000||ACK^R01^ACK|{number}|P|2.5.1|||AL|NE\r"
        "MSA|AA|NONE{number}\r")  # fmt: skip


def take_in(number: int) -> None:
    """A message comes in and is acknowledged by the listener, which needs no worker."""
    with read_unit() as session:
        senders = list_senders(session)
    with write_unit() as session:
        arrival = Arrival(WORD.format(number=number).encode(), "127.0.0.1:1")
        assert b"MSA|CA|" in (store(session, [judge(arrival, senders)])[0] or b"")


def test_day_without_worker_is_said_and_made_good_once_and_in_order(
    app: Flask, sandbox: Sandbox, hand: Hand
) -> None:
    case = make_signed_case()
    first, second = (make_delivery(case, sandbox.endpoint, version).id for version in (1, 2))
    make_authority("uk", endpoint="mllp://127.0.0.1:9/SANDBOX/UK")
    site = db.session.get_one(User, case.opened_by_id).site
    admin_id = make_user("admin", site).id
    client = sign_in(app, db.session.get_one(User, admin_id))
    close_unit()
    worker = Worker(app, Dispatcher(worker="ours"))
    worker.beat()
    assert client.get("/readyz").status_code == 200
    assert "background process" not in client.get("/").text

    hand.turn(days=1)
    for number in range(3):
        take_in(number)
        hand.turn(seconds=1)
    client = sign_in(app, db.session.get_one(User, admin_id))  # nobody stays signed in for a day
    answer = client.get("/readyz")
    assert answer.status_code == 503 and answer.get_json()["checks"]["worker"] is False
    assert "Start it (flask --app wsgi worker)" in answer.get_json()["notes"][0]
    page = client.get("/").text
    assert "The background process has been silent for 24 hours: nothing is sent" in page
    assert "has not arrived" in page or "have not arrived" in page

    worker.beat()
    worker.sweep()
    worker.dispatch()
    worker._pool.shutdown(wait=True)
    worker.process()
    worker.process()
    assert client.get("/readyz").status_code == 200
    assert "background process" not in client.get("/").text
    assert [get_delivery(one).state for one in (first, second)] == [DeliveryState.ACCEPTED] * 2
    received = [(one["idempotencyKey"], one["times"]) for one in sandbox.list_received()]
    assert sorted(received) == sorted((get_delivery(one).idempotency_key, 1) for one in (first, second))
    ended = [get_delivery(one).history[-1].ended_at for one in (first, second)]
    assert ended == sorted(ended)
    with read_unit() as session:
        rows = session.execute(select(InboundMessage).order_by(InboundMessage.id)).scalars().all()
        assert [row.control_id for row in rows] == ["0", "1", "2"]
        assert all(row.state is not InboundState.NEW for row in rows)
        assert [row.processed_at for row in rows] == sorted(row.processed_at for row in rows)
        assert session.get_one(Authority, "uk").channel


def test_worker_that_hangs_is_told_of_after_two_minutes(app: Flask, hand: Hand) -> None:
    """It said that none was running, and to start one beside it."""
    Worker(app, Dispatcher(worker="ours")).beat()
    hand.turn(seconds=115)
    assert app.test_client().get("/readyz").status_code == 200
    hand.turn(seconds=10)
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503 and "if it is there and hangs, end that process first" in answer.text


def test_heartbeat_of_the_future_is_no_sign_of_life(app: Flask, hand: Hand) -> None:
    close_unit()
    hand.turn(days=365)
    Worker(app, Dispatcher(worker="ahead")).beat()
    hand.turn(days=-365)
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503 and "a clock was set" in answer.get_json()["notes"][0]
