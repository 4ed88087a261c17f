"""The background process: it delivers, shows that it lives, and ends without breaking off what is on its way."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from threading import Thread

import pytest
from flask import Flask

from clinic.audit import record_read
from clinic.db import db, read_unit, write_unit
from clinic.models import CaseState, DeliveryState, Heartbeat, Lease
from clinic.queries.heartbeat import WORKER
from clinic.seal.sealing import find_tail
from clinic.seal.table import READ
from integrations import worker as worker_module
from integrations.dispatcher import Dispatcher
from integrations.lease import acquire_lease, release_lease
from integrations.transport.http import Patience
from integrations.worker import CLOCK_WORK, Worker
from tests.integrations.conftest import Sandbox
from tests.integrations.factory import (
    START,
    Hand,
    close_unit,
    get_case_state,
    get_delivery,
    make_delivery,
    make_signed_case,
)

HALF_A_MINUTE = timedelta(seconds=30)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within a minute"
        time.sleep(0.02)


def test_running_worker_delivers_and_beats_and_gives_its_lease_back(
    app: Flask, sandbox: Sandbox, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "DISPATCH_SECONDS", 0.05)
    case = make_signed_case()
    delivery_id, case_id = make_delivery(case, sandbox.endpoint).id, case.id
    close_unit()
    worker = Worker(app, Dispatcher(worker="running"))
    thread = Thread(target=worker.run)
    thread.start()
    try:
        wait_until(lambda: get_delivery(delivery_id).state is DeliveryState.ACCEPTED)
        assert get_case_state(case_id) is CaseState.ACKNOWLEDGED
        db.session.rollback()
        assert db.session.get_one(Heartbeat, WORKER).beat_at == START
        assert db.session.get_one(Lease, CLOCK_WORK).until > hand.now
    finally:
        worker.stop.set()
        thread.join(10)
    assert not thread.is_alive()
    db.session.rollback()
    assert db.session.get_one(Lease, CLOCK_WORK, populate_existing=True).until <= hand.now


def test_stopping_finishes_what_is_on_its_way_and_begins_nothing(app: Flask, sandbox: Sandbox, hand: Hand) -> None:
    sandbox.behave("silent")
    first = make_delivery(make_signed_case(), sandbox.endpoint).id
    hand.turn(seconds=1)
    second = make_delivery(make_signed_case(), sandbox.endpoint).id
    close_unit()
    worker = Worker(app, Dispatcher(worker="stopping", patience=Patience(1, 8)))
    thread = Thread(target=worker.run)
    thread.start()
    wait_until(lambda: get_delivery(first).state is DeliveryState.SENDING and len(sandbox.list_received()) == 1)
    worker.stop.set()
    sandbox.behave("accept")  # ends the silence: the answer is 504, so it may have arrived
    thread.join(10)
    assert not thread.is_alive()
    assert get_delivery(first).state is DeliveryState.QUEUED
    assert (get_delivery(second).state, get_delivery(second).attempts) == (DeliveryState.QUEUED, 0)


def test_only_the_leader_sweeps(app: Flask, hand: Hand) -> None:
    case = make_signed_case()
    delivery_id = make_delivery(
        case, state=DeliveryState.SENDING, attempts=1, lease_owner="dead", lease_until=hand.now - timedelta(seconds=1)
    ).id
    close_unit()
    with write_unit() as session:
        assert acquire_lease(session, CLOCK_WORK, "leader", hand.now, HALF_A_MINUTE)
    follower = Worker(app, Dispatcher(worker="follower"))
    follower.sweep()
    assert get_delivery(delivery_id).state is DeliveryState.SENDING
    hand.turn(seconds=31)
    follower.sweep()
    assert get_delivery(delivery_id).state is DeliveryState.UNKNOWN


def test_lease_passes_on_when_it_ends_or_is_given_back(app: Flask, hand: Hand) -> None:
    close_unit()

    def take(owner: str) -> bool:
        with write_unit() as session:
            return acquire_lease(session, "work", owner, hand.now, HALF_A_MINUTE)

    assert [take("a"), take("b"), take("a")] == [True, False, True]
    hand.turn(seconds=31)
    assert [take("b"), take("a")] == [True, False]
    with write_unit() as session:
        release_lease(session, "work", "b", hand.now)
    hand.turn(seconds=1)
    assert take("a")


def test_job_that_fails_is_logged_without_values_and_runs_again(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise ValueError("Grace Wanjiru")

    worker_module._guarded(fail)()
    assert "ValueError at worker.py" in caplog.text
    assert "Wanjiru" not in caplog.text


def test_commands_deliver_once_and_retry(app: Flask, sandbox: Sandbox, hand: Hand) -> None:
    sandbox.behave("refuse")
    delivery_id = make_delivery(make_signed_case(), sandbox.endpoint).id
    close_unit()
    runner = app.test_cli_runner()
    assert "1 attempted" in runner.invoke(args=["deliver", "--once"]).output
    sandbox.behave("accept")
    answer = runner.invoke(args=["deliver", "retry", delivery_id, "--reason", "they mended it"])
    assert (answer.exit_code, "queued" in answer.output) == (0, True)
    assert "1 attempted" in runner.invoke(args=["deliver", "--once"]).output
    with read_unit():
        assert get_delivery(delivery_id).state is DeliveryState.ACCEPTED
    again = runner.invoke(args=["deliver", "retry", delivery_id])
    assert again.exit_code == 1
    assert "Look again" in again.output
    unknown = runner.invoke(args=["deliver", "retry", "nothing", "--reason", "once more"])
    assert "There is no such delivery" in unknown.output


def test_only_one_worker_seals_the_audit_and_the_next_takes_over(app: Flask, hand: Hand) -> None:
    record_read("user", "u1", "read", "case", "c1")
    close_unit()
    first, second = (Worker(app, Dispatcher(worker=name)) for name in ("first", "second"))
    first.seal()
    assert find_tail(READ).count == 1  # not old enough yet
    hand.turn(minutes=6)
    first.seal()
    assert find_tail(READ).count == 0
    record_read("user", "u1", "read", "case", "c2")
    hand.turn(minutes=4)
    first.seal()
    hand.turn(minutes=2)
    second.seal()
    assert find_tail(READ).count == 1  # the first one leads
    hand.turn(minutes=4)
    second.seal()
    assert find_tail(READ).count == 0
