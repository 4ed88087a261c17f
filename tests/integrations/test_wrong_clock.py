"""After a clock was wrong nothing waits a year, nobody holds a lease for ever, nothing is sent twice."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest
from flask import Flask

from clinic import clock
from clinic.db import db, read_unit, write_unit
from clinic.models import Delivery, DeliveryState, Destination, Lease
from integrations.clock_watch import ClockWatch
from integrations.dispatcher import Dispatcher, run_once
from integrations.interval import SkippingInterval
from integrations.lease import acquire_lease
from integrations.retry import RetryPlan
from tests.integrations.conftest import Sandbox
from tests.integrations.factory import START, Hand, close_unit, get_delivery, make_delivery, make_signed_case

YEAR = timedelta(days=365)
HALF_A_MINUTE = timedelta(seconds=30)


def test_lease_taken_in_the_future_holds_nobody_off(app: Flask, hand: Hand) -> None:
    close_unit()
    with write_unit() as session:
        assert acquire_lease(session, "clock-work", "ahead", START + YEAR, HALF_A_MINUTE)
    with write_unit() as session:
        assert acquire_lease(session, "clock-work", "ours", START, HALF_A_MINUTE)
        assert not acquire_lease(session, "clock-work", "third", START + timedelta(seconds=29), HALF_A_MINUTE)
        assert session.get_one(Lease, "clock-work").owner == "ours"


def test_waiting_times_of_a_wrong_clock_end_with_the_next_sweep_and_arrive_once(
    app: Flask, hand: Hand, sandbox: Sandbox
) -> None:
    case = make_signed_case()
    delivery_id = make_delivery(case, sandbox.endpoint).id
    db.session.add(Destination(authority_id="us", faults=9, resting_until=START + YEAR, opened_at=START))
    db.session.get_one(Delivery, delivery_id).next_attempt_at = START + YEAR
    close_unit()
    dispatcher = Dispatcher(worker="ours", plan=RetryPlan())
    assert run_once(dispatcher) == 0
    dispatcher.sweep()
    assert run_once(dispatcher) == 1
    assert get_delivery(delivery_id).state is DeliveryState.ACCEPTED
    assert [one["times"] for one in sandbox.list_received()] == [1]


def test_sending_under_a_lease_of_the_future_is_asked_about(app: Flask, hand: Hand, sandbox: Sandbox) -> None:
    case = make_signed_case()
    delivery_id = make_delivery(case, sandbox.endpoint).id
    row = db.session.get_one(Delivery, delivery_id)
    row.state, row.lease_owner, row.lease_until = DeliveryState.SENDING, "dead", START + YEAR
    close_unit()
    dispatcher = Dispatcher(worker="ours")
    dispatcher.sweep()
    hand.turn(minutes=10)
    assert dispatcher.sweep() == 1
    with read_unit() as session:
        assert session.get_one(Delivery, delivery_id).state is DeliveryState.UNKNOWN


def test_waits_that_were_meant_are_left_alone(app: Flask, hand: Hand, sandbox: Sandbox) -> None:
    delivery_id = make_delivery(make_signed_case(), sandbox.endpoint).id
    db.session.get_one(Delivery, delivery_id).next_attempt_at = START + timedelta(hours=24)
    close_unit()
    Dispatcher(worker="ours").sweep()
    assert get_delivery(delivery_id).next_attempt_at == START + timedelta(hours=24)


def test_turns_that_a_set_clock_skipped_are_not_made_up_for() -> None:
    trigger = SkippingInterval(seconds=1, timezone=UTC)
    second = timedelta(seconds=1)
    assert trigger.get_next_fire_time(START, START) == START + second
    assert trigger.get_next_fire_time(START, START + YEAR) == START + YEAR + second


def test_set_clock_is_noticed_and_passing_time_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = ClockWatch()
    assert watch.find_leap() == 0
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() - timedelta(hours=1))
    assert round(watch.find_leap()) == -3600
    assert watch.find_leap() == 0
