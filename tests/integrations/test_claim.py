"""Claiming: order within a case, one at a time, and two workers that never send the same delivery twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

from flask import Flask

from clinic.db import db, write_unit
from clinic.models import Delivery, DeliveryState
from integrations.claim import claim_next, list_due_destinations
from integrations.dispatcher import Dispatcher, run_once
from tests.integrations.conftest import Sandbox
from tests.integrations.factory import Hand, close_unit, get_delivery, make_delivery, make_signed_case, open_unit

LEASE = timedelta(seconds=60)


def claim(hand: Hand, worker: str = "one") -> str | None:
    with write_unit() as session:
        found = claim_next(session, "us", worker, hand.now, LEASE)
    return found.view.id if found else None


def queue_versions(hand: Hand, count: int, **values: object) -> list[str]:
    """Several versions of one case's exam in the outbox."""
    open_unit()
    case = make_signed_case()
    ids = []
    for version in range(1, count + 1):
        ids.append(make_delivery(case, version=version, **values).id)
        hand.turn(seconds=1)
    close_unit()
    return ids


def test_next_version_waits_until_the_first_has_an_answer(app: Flask, hand: Hand) -> None:
    first, _second = queue_versions(hand, 2)
    assert claim(hand) == first
    assert claim(hand, "two") is None


def test_next_version_waits_while_the_first_may_have_arrived_or_is_held(app: Flask, hand: Hand) -> None:
    first, second = queue_versions(hand, 2)
    for state, expected in (
        (DeliveryState.UNKNOWN, None),
        (DeliveryState.HELD, None),
        (DeliveryState.ACCEPTED, second),
    ):
        with write_unit():
            delivery = db.session.get_one(Delivery, first, populate_existing=True)
            delivery.state, delivery.next_attempt_at = state, hand.now + timedelta(hours=1)
        assert claim(hand) == expected


def test_blocked_case_does_not_hold_up_another(app: Flask, hand: Hand) -> None:
    first, _second = queue_versions(hand, 2)
    (other,) = queue_versions(hand, 1)
    assert [claim(hand), claim(hand), claim(hand)] == [first, other, None]


def test_nothing_is_due_before_its_moment(app: Flask, hand: Hand) -> None:
    (delivery_id,) = queue_versions(hand, 1, next_attempt_at=hand.now + timedelta(minutes=5))
    with write_unit() as session:
        assert list_due_destinations(session, hand.now) == []
    assert claim(hand) is None
    hand.turn(minutes=6)
    assert claim(hand) == delivery_id


def test_two_dispatchers_at_once_send_each_exam_once(
    app: Flask, sandbox: Sandbox, dispatcher: Dispatcher, hand: Hand
) -> None:
    ids = []
    for _case in range(6):
        case = make_signed_case()
        for version in (1, 2):
            ids.append(make_delivery(case, sandbox.endpoint, version=version).id)
            hand.turn(seconds=1)
    close_unit()
    start = Barrier(3)

    def work(name: str) -> int:
        with app.app_context():
            start.wait()
            return run_once(Dispatcher(worker=name, patience=dispatcher.patience))

    with ThreadPoolExecutor(3) as pool:
        attempted = sum(pool.map(work, ("a", "b", "c")))
    # A second version waits while another worker still holds the first: the next turn takes what was left.
    attempted += run_once(dispatcher)
    assert attempted == len(ids)
    received = sandbox.list_received()
    assert [r["times"] for r in received] == [1] * len(ids)
    assert {get_delivery(delivery_id).state for delivery_id in ids} == {DeliveryState.ACCEPTED}


def test_versions_of_one_case_arrive_in_order(
    app: Flask, sandbox: Sandbox, dispatcher: Dispatcher, hand: Hand
) -> None:
    case = make_signed_case()
    keys = []
    for version in range(1, 6):
        keys.append(make_delivery(case, sandbox.endpoint, version=version).idempotency_key)
        hand.turn(seconds=1)
    close_unit()
    run_once(dispatcher)
    assert [r["idempotencyKey"] for r in reversed(sandbox.list_received())] == keys
