"""Every way a delivery can go, against a sandbox authority on the network."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from clinic.db import db, write_unit
from clinic.delivery_reason import DeliveryReason
from clinic.models import AuditChange, CaseState, Delivery, DeliveryAttempt, DeliveryState, Destination
from clinic.services.submission import retry_delivery
from integrations import settlement
from integrations.claim import claim_next
from integrations.dispatcher import Dispatcher, run_once
from integrations.retry import RetryPlan
from tests.integrations.conftest import Sandbox
from tests.integrations.factory import Hand, close_unit, get_case_state, get_delivery, make_delivery, make_signed_case


def queue_one(sandbox: Sandbox) -> tuple[str, str]:
    """One case with one delivery to the sandbox; gives the ids of both."""
    case = make_signed_case()
    delivery = make_delivery(case, sandbox.endpoint)
    ids = case.id, delivery.id
    close_unit()
    return ids


def reason_of(delivery: Delivery) -> str:
    return delivery.state_reason.partition("\n")[0]


def test_accepted_with_receipt_acknowledges_delivery_and_case(sandbox: Sandbox, dispatcher: Dispatcher) -> None:
    case_id, delivery_id = queue_one(sandbox)
    assert run_once(dispatcher) == 1
    delivery = get_delivery(delivery_id)
    received = sandbox.list_received()
    assert delivery.state is DeliveryState.ACCEPTED
    assert delivery.receipt == received[0]["receipt"]
    assert delivery.acknowledged_at is not None
    assert get_case_state(case_id) is CaseState.ACKNOWLEDGED
    assert received[0]["idempotencyKey"] == delivery.idempotency_key
    assert received[0]["jws"] == "e30..c2ln"
    audited = db.session.scalars(select(AuditChange).where(AuditChange.action == "deliver"))
    assert [row.detail["state"] for row in audited] == ["accepted"]


def test_accepted_without_receipt_submits_the_case_and_asks_later(
    sandbox: Sandbox, dispatcher: Dispatcher, hand: Hand
) -> None:
    sandbox.behave("accept-later")
    case_id, delivery_id = queue_one(sandbox)
    run_once(dispatcher)
    assert get_case_state(case_id) is CaseState.SUBMITTED
    assert run_once(dispatcher) == 0
    hand.turn(minutes=11)
    run_once(dispatcher)
    assert get_case_state(case_id) is CaseState.SUBMITTED
    sandbox.post("acknowledge", {})
    hand.turn(minutes=11)
    run_once(dispatcher)
    assert get_case_state(case_id) is CaseState.ACKNOWLEDGED
    delivery = get_delivery(delivery_id)
    assert [a.number for a in delivery.history] == [1, 2]
    assert delivery.next_attempt_at is None
    assert len(sandbox.list_received()) == 1


def test_refused_stays_rejected_with_the_authoritys_words(
    sandbox: Sandbox, dispatcher: Dispatcher, hand: Hand
) -> None:
    sandbox.behave("refuse")
    case_id, delivery_id = queue_one(sandbox)
    run_once(dispatcher)
    hand.turn(days=1)
    assert run_once(dispatcher) == 0
    delivery = get_delivery(delivery_id)
    assert delivery.state is DeliveryState.REJECTED
    assert "told to refuse" in delivery.state_reason
    assert get_case_state(case_id) is CaseState.SIGNED
    sandbox.behave("accept")
    with write_unit():
        retry_delivery(delivery_id, "the authority mended its form")
    run_once(dispatcher)
    assert get_delivery(delivery_id).state is DeliveryState.ACCEPTED


def test_down_is_queued_again_with_growing_delays(sandbox: Sandbox, dispatcher: Dispatcher, hand: Hand) -> None:
    sandbox.behave("down")
    _case_id, delivery_id = queue_one(sandbox)
    waits = []
    for _attempt in range(4):
        run_once(dispatcher)
        delivery = get_delivery(delivery_id)
        assert delivery.state is DeliveryState.QUEUED
        assert delivery.next_attempt_at is not None
        waits.append((delivery.next_attempt_at - hand.now).total_seconds())
        hand.turn(seconds=waits[-1])
    assert waits == [5, 10, 20, 40]
    sandbox.behave("accept")
    run_once(dispatcher)
    assert get_delivery(delivery_id).state is DeliveryState.ACCEPTED
    assert len(sandbox.list_received()) == 1


def test_nobody_listening_is_queued_as_not_sent(app: Flask, dispatcher: Dispatcher, closed_port: int) -> None:
    case = make_signed_case()
    delivery_id = make_delivery(case, f"http://127.0.0.1:{closed_port}/us/fhir").id
    close_unit()
    run_once(dispatcher)
    delivery = get_delivery(delivery_id)
    assert delivery.state is DeliveryState.QUEUED
    assert reason_of(delivery) == DeliveryReason.UNREACHABLE


@pytest.mark.parametrize("behaviour", ["silent", "drop"])
def test_stored_but_not_answered_is_unknown_then_found_by_its_key(
    sandbox: Sandbox, dispatcher: Dispatcher, hand: Hand, behaviour: str
) -> None:
    sandbox.behave(behaviour)
    case_id, delivery_id = queue_one(sandbox)
    run_once(dispatcher)
    assert get_delivery(delivery_id).state is DeliveryState.UNKNOWN
    assert get_case_state(case_id) is CaseState.SIGNED
    sandbox.behave("accept")
    hand.turn(minutes=1)
    run_once(dispatcher)
    assert get_delivery(delivery_id).state is DeliveryState.ACCEPTED
    assert get_case_state(case_id) is CaseState.ACKNOWLEDGED
    assert [r["times"] for r in sandbox.list_received()] == [1]


@pytest.mark.parametrize("behaviour", ["garbage", "other"])
def test_answer_that_cannot_be_believed_is_unknown_then_found_by_its_key(
    sandbox: Sandbox, dispatcher: Dispatcher, hand: Hand, behaviour: str
) -> None:
    sandbox.behave(behaviour)
    case_id, delivery_id = queue_one(sandbox)
    run_once(dispatcher)
    delivery = get_delivery(delivery_id)
    assert (delivery.state, delivery.receipt, reason_of(delivery)) == (
        DeliveryState.UNKNOWN, None, DeliveryReason.NO_ANSWER)
    assert get_case_state(case_id) is CaseState.SIGNED
    sandbox.behave("accept")
    hand.turn(minutes=1)
    run_once(dispatcher)
    assert get_delivery(delivery_id).receipt == sandbox.list_received()[0]["receipt"]
    assert [r["times"] for r in sandbox.list_received()] == [1]


def test_had_it_already_means_that_it_is_there(sandbox: Sandbox, dispatcher: Dispatcher) -> None:
    sandbox.behave("duplicate")
    case_id, delivery_id = queue_one(sandbox)
    run_once(dispatcher)
    assert get_delivery(delivery_id).state is DeliveryState.ACCEPTED
    assert get_delivery(delivery_id).acknowledged_at is None
    assert get_case_state(case_id) is CaseState.SUBMITTED
    assert len(sandbox.list_received()) == 1


def test_slow_answer_within_patience_is_accepted(sandbox: Sandbox, dispatcher: Dispatcher) -> None:
    sandbox.behave("slow")
    _case_id, delivery_id = queue_one(sandbox)
    run_once(dispatcher)
    assert get_delivery(delivery_id).state is DeliveryState.ACCEPTED


def test_unknown_stays_unknown_while_the_authority_is_down(
    sandbox: Sandbox, dispatcher: Dispatcher, hand: Hand
) -> None:
    sandbox.behave("silent")
    _case_id, delivery_id = queue_one(sandbox)
    run_once(dispatcher)
    sandbox.behave("down")
    hand.turn(minutes=1)
    run_once(dispatcher)
    assert get_delivery(delivery_id).state is DeliveryState.UNKNOWN


def test_crash_between_send_and_record_leaves_one_exam_in_the_inbox(
    sandbox: Sandbox, dispatcher: Dispatcher, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id, delivery_id = queue_one(sandbox)

    class Crash(BaseException):
        """The process ends here."""

    def crash(*_args: object) -> None:
        raise Crash

    monkeypatch.setattr("integrations.dispatcher.record_outcome", crash)
    with pytest.raises(Crash):
        run_once(dispatcher)
    monkeypatch.undo()
    hand.turn(seconds=0)
    assert get_delivery(delivery_id).state is DeliveryState.SENDING
    assert run_once(dispatcher) == 0
    hand.turn(minutes=3)
    another = Dispatcher(worker="another", patience=dispatcher.patience)
    assert another.sweep() == 1
    assert get_delivery(delivery_id).state is DeliveryState.UNKNOWN
    run_once(another)
    assert get_delivery(delivery_id).state is DeliveryState.ACCEPTED
    assert get_case_state(case_id) is CaseState.ACKNOWLEDGED
    assert [r["times"] for r in sandbox.list_received()] == [1]


def test_outcome_after_the_lease_ended_is_kept_but_decides_nothing(
    sandbox: Sandbox, dispatcher: Dispatcher, hand: Hand
) -> None:
    _case_id, delivery_id = queue_one(sandbox)
    with write_unit() as session:
        claim = claim_next(session, "us", "slow", hand.now, timedelta(seconds=60))
    assert claim is not None
    hand.turn(minutes=2)
    dispatcher.sweep()
    outcome = dispatcher._send(claim)
    with write_unit() as session:
        assert settlement.record_outcome(session, claim, outcome, RetryPlan(), hand.now) is False
    assert get_delivery(delivery_id).state is DeliveryState.UNKNOWN
    run_once(dispatcher)
    assert get_delivery(delivery_id).state is DeliveryState.ACCEPTED
    assert len(sandbox.list_received()) == 1


def test_too_many_attempts_give_up_and_a_person_starts_again(
    sandbox: Sandbox, dispatcher: Dispatcher, hand: Hand
) -> None:
    sandbox.behave("down")
    _case_id, delivery_id = queue_one(sandbox)
    dispatcher.plan = RetryPlan(delays=(1,), limits={DeliveryReason.BUSY: 3}, draw=lambda: 1.0)
    for _attempt in range(5):
        run_once(dispatcher)
        hand.turn(seconds=2)
    delivery = get_delivery(delivery_id)
    assert (delivery.state, delivery.attempts) == (DeliveryState.DEAD, 3)
    with write_unit():
        retry_delivery(delivery_id, "they say it works again")
    hand.turn(seconds=2)
    run_once(dispatcher)
    assert get_delivery(delivery_id).state is DeliveryState.QUEUED


def test_five_faults_in_a_row_give_the_destination_a_rest(
    sandbox: Sandbox, dispatcher: Dispatcher, hand: Hand
) -> None:
    sandbox.behave("down")
    for _case in range(8):
        make_delivery(make_signed_case(), sandbox.endpoint)
    close_unit()
    assert run_once(dispatcher) == 5
    hand.turn(seconds=20)
    assert dispatcher.list_due() == []
    sandbox.behave("accept")
    hand.turn(seconds=20)
    assert run_once(dispatcher) == 8


def test_stopped_authority_gets_nothing(sandbox: Sandbox, dispatcher: Dispatcher, hand: Hand) -> None:
    case = make_signed_case()
    make_delivery(case, sandbox.endpoint)
    db.session.add(Destination(authority_id="us", held_at=hand.now, held_reason="the authority moves house"))
    close_unit()
    assert run_once(dispatcher) == 0
    assert sandbox.list_received() == []


def test_unknown_channel_is_shown_as_a_fault_of_the_settings(sandbox: Sandbox, dispatcher: Dispatcher) -> None:
    case = make_signed_case()
    delivery_id = make_delivery(case, sandbox.endpoint, channel="carrier_pigeon").id
    close_unit()
    run_once(dispatcher)
    delivery = get_delivery(delivery_id)
    assert delivery.state is DeliveryState.REJECTED
    assert reason_of(delivery) == DeliveryReason.MISCONFIGURED


def test_accepted_older_version_does_not_move_a_case_that_is_amended(
    sandbox: Sandbox, dispatcher: Dispatcher
) -> None:
    case = make_signed_case(state=CaseState.IN_PROGRESS)
    make_delivery(case, sandbox.endpoint)
    case_id = case.id
    close_unit()
    run_once(dispatcher)
    assert get_case_state(case_id) is CaseState.IN_PROGRESS


def test_every_attempt_is_in_the_history(sandbox: Sandbox, dispatcher: Dispatcher, hand: Hand) -> None:
    _case_id, delivery_id = queue_one(sandbox)
    for behaviour in ("down", "refuse"):
        sandbox.behave(behaviour)
        run_once(dispatcher)
        hand.turn(minutes=1)
    rows = db.session.execute(
        select(DeliveryAttempt.number, DeliveryAttempt.outcome, DeliveryAttempt.detail)
        .where(DeliveryAttempt.delivery_id == delivery_id)
        .order_by(DeliveryAttempt.number)
    ).all()
    assert [tuple(row) for row in rows] == [
        (1, DeliveryState.QUEUED, "HTTP 503"),
        (2, DeliveryState.REJECTED, "HTTP 422"),
    ]
