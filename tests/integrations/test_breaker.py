"""The circuit breaker: opens after faults in a row, lets one delivery try, and every worker obeys it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from flask import Flask

from clinic.db import read_unit, write_unit
from clinic.delivery_reason import DeliveryReason as R
from clinic.models import Destination
from integrations.breaker import FAULTS_TO_OPEN, Breaker
from integrations.claim import claim_next, list_due_destinations
from integrations.dispatcher import Dispatcher, run_once
from tests.factory import make_authority
from tests.integrations.conftest import Sandbox
from tests.integrations.factory import Hand, close_unit, make_delivery, make_signed_case

LEASE = timedelta(seconds=60)


def get_row(authority_id: str = "us") -> Destination:
    with read_unit() as session:
        return session.get_one(Destination, authority_id, populate_existing=True)


def note(hand: Hand, *reasons: R) -> None:
    with write_unit() as session:
        for reason in reasons:
            Breaker().note(session, "us", reason, hand.now)


def try_to_claim(hand: Hand, worker: str = "one") -> bool:
    with write_unit() as session:
        return claim_next(session, "us", worker, hand.now, LEASE) is not None


@pytest.fixture
def three_waiting(app: Flask, hand: Hand) -> None:
    for _case in range(3):
        make_delivery(make_signed_case())
    close_unit()


def test_only_faults_in_a_row_open_it(three_waiting: None, hand: Hand) -> None:
    note(hand, *[R.BUSY] * (FAULTS_TO_OPEN - 1), R.REFUSED, R.BUSY)
    assert get_row().opened_at is None
    assert try_to_claim(hand)
    note(hand, *[R.UNREACHABLE] * (FAULTS_TO_OPEN - 1))
    row = get_row()
    assert (row.opened_at, row.last_fault, row.resting_until) == (hand.now, R.UNREACHABLE, hand.now + Breaker().rest)
    assert not try_to_claim(hand)


def test_one_destinations_faults_are_not_anothers(three_waiting: None, hand: Hand) -> None:
    with write_unit() as session:
        make_authority("ca")
        for _fault in range(FAULTS_TO_OPEN):
            Breaker().note(session, "ca", R.UNREACHABLE, hand.now)
    assert try_to_claim(hand)


def test_after_the_rest_one_delivery_goes_ahead_and_decides(three_waiting: None, hand: Hand) -> None:
    note(hand, *[R.NO_ANSWER] * FAULTS_TO_OPEN)
    hand.turn(seconds=31)
    assert try_to_claim(hand)
    assert get_row().trying_since == hand.now
    assert not try_to_claim(hand, "two")
    with read_unit() as session:
        assert list_due_destinations(session, hand.now) == []
    note(hand, R.BUSY)
    row = get_row()
    assert (row.trying_since, row.resting_until) == (None, hand.now + Breaker().rest)
    hand.turn(seconds=31)
    assert try_to_claim(hand)
    note(hand, R.ACKNOWLEDGED)
    row = get_row()
    assert (row.faults, row.opened_at, row.faulty_since, row.last_fault) == (0, None, None, "")
    assert try_to_claim(hand)


def test_worker_that_dies_while_trying_does_not_close_the_destination_for_ever(
    three_waiting: None, hand: Hand
) -> None:
    note(hand, *[R.UNREACHABLE] * FAULTS_TO_OPEN)
    hand.turn(seconds=31)
    assert try_to_claim(hand)
    hand.turn(seconds=61)
    assert try_to_claim(hand, "two")


def test_several_workers_at_once_send_one_trial(app: Flask, three_waiting: None, hand: Hand) -> None:
    note(hand, *[R.UNREACHABLE] * FAULTS_TO_OPEN)
    hand.turn(seconds=31)
    start = Barrier(4)

    def work(name: str) -> bool:
        with app.app_context():
            start.wait()
            return try_to_claim(hand, name)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, "abcd")) == 1


def test_what_one_worker_learned_another_obeys(sandbox: Sandbox, dispatcher: Dispatcher, hand: Hand) -> None:
    sandbox.behave("down")
    for _case in range(8):
        make_delivery(make_signed_case(), sandbox.endpoint)
    close_unit()
    assert run_once(dispatcher) == FAULTS_TO_OPEN
    assert run_once(Dispatcher(worker="other", patience=dispatcher.patience)) == 0
