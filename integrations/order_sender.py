"""Sends orders to laboratories: strictly one after the other for each laboratory, claimed with a lease, sent outside.

As the dispatcher does for authorities: an attempt that may have arrived is repeated with the same bytes and number. A
refused order is for a person and keeps nobody waiting behind it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic import clock
from clinic.db import read_unit, write_unit
from clinic.delivery_reason import DeliveryReason, build_reason
from clinic.key import new_id
from clinic.models import DeliveryState, Laboratory, OrderAttempt, OrderMessage
from clinic.services.order_message import FOR_A_PERSON, tell_refused
from integrations.authorities.hl7_oru import CONTENT_TYPE, NAME, send
from integrations.channel import DeliveryView, Outcome
from integrations.dispatcher import name_process
from integrations.fault import describe_fault
from integrations.retry import RetryPlan
from integrations.transport.http import Patience

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=120)
WAITING = (DeliveryState.QUEUED, DeliveryState.UNKNOWN, DeliveryState.SENDING)
TURN_LIMIT = 50


@dataclass
class OrderSender:
    """One worker's hands; needs an application context."""

    worker: str = field(default_factory=name_process)
    patience: Patience = field(default_factory=Patience)
    plan: RetryPlan = field(default_factory=RetryPlan)

    def send_due(self) -> int:
        """Send what is due to every laboratory; returns how many attempts were made."""
        with read_unit() as session:
            due = list(session.execute(
                select(OrderMessage.laboratory_id).where(OrderMessage.state.in_(WAITING)).distinct()).scalars())
        return sum(self._drain(laboratory_id) for laboratory_id in due)

    def _drain(self, laboratory_id: str) -> int:
        count = 0
        while count < TURN_LIMIT and self.send_next(laboratory_id) is not None:
            count += 1
        return count

    def send_next(self, laboratory_id: str) -> DeliveryState | None:
        """Attempt the laboratory's oldest message; None when it has none, or that one is not due."""
        now = clock.now()
        with write_unit() as session:
            claimed = _claim(session, laboratory_id, self.worker, now)
        if claimed is None:
            return None
        view, token, number = claimed
        try:
            outcome = send(view, self.patience)
        except Exception as error:
            log.error("order message %s: sending failed: %s", view.id, describe_fault(error))
            outcome = Outcome(DeliveryState.UNKNOWN, DeliveryReason.INTERRUPTED, type(error).__name__)
        with write_unit() as session:
            state = _record(session, view.id, token, number, outcome, self.plan, now)
        log.info("order message %s attempt %d: %s", view.id, number, outcome.state.value)
        return state


def record_word(session: Session, row: OrderMessage, outcome: Outcome, now: datetime) -> bool:
    """The laboratory's own word on a message, which came by itself; False when it changes nothing any more."""
    if row.refused_at is not None or outcome.state not in (DeliveryState.ACCEPTED, DeliveryState.REJECTED):
        return False
    row.state, row.state_reason = outcome.state, build_reason(outcome.reason, outcome.words)
    row.lease_owner = row.lease_until = row.next_attempt_at = None
    if outcome.state is DeliveryState.ACCEPTED:
        row.accepted_at = row.accepted_at or now
    else:
        row.refused_at = now
        tell_refused(row)
    session.add(OrderAttempt(message_id=row.id, number=row.attempts, started_at=now, ended_at=now,
                             outcome=outcome.state, detail=f"came: {outcome.detail}", reply=outcome.reply))
    return True


def _claim(
    session: Session, laboratory_id: str, worker: str, now: datetime
) -> tuple[DeliveryView, str, int] | None:
    """The head of the laboratory's queue, marked as being sent: whoever is behind it waits."""
    row = session.execute(
        select(OrderMessage).where(OrderMessage.laboratory_id == laboratory_id, OrderMessage.state.in_(WAITING))
        .order_by(OrderMessage.id).limit(1).with_for_update(skip_locked=True, of=OrderMessage)
    ).unique().scalar_one_or_none()
    if row is None:
        return None
    if row.state is DeliveryState.SENDING and (row.lease_until is None or row.lease_until > now):
        return None
    if row.state is not DeliveryState.SENDING and row.next_attempt_at is not None and row.next_attempt_at > now:
        return None
    laboratory = session.get_one(Laboratory, laboratory_id)
    if not laboratory.active or not laboratory.endpoint:
        return None
    token = f"{worker}:{new_id()}"[:80]
    row.state, row.lease_owner, row.lease_until = DeliveryState.SENDING, token, now + LEASE
    row.attempts += 1
    address = f"{laboratory.endpoint.rstrip('/')}/{laboratory.application}/{laboratory.facility}"
    return DeliveryView(row.id, row.case_id, laboratory_id, NAME, address, CONTENT_TYPE, row.body, row.control_id,
                        "", ""), token, row.attempts


def _record(
    session: Session, message_id: str, token: str, number: int, outcome: Outcome, plan: RetryPlan, started: datetime
) -> DeliveryState:
    now = clock.now()
    row = session.execute(
        select(OrderMessage).where(OrderMessage.id == message_id).with_for_update(of=OrderMessage)
        .execution_options(populate_existing=True)).unique().scalar_one()
    session.add(OrderAttempt(message_id=row.id, number=number, started_at=started, ended_at=now,
                             outcome=outcome.state, detail=outcome.detail, reply=outcome.reply))
    if row.lease_owner != token or row.state is not DeliveryState.SENDING:
        return row.state  # the lease ended meanwhile, or the laboratory's own word came
    state, reason = outcome.state, build_reason(outcome.reason, outcome.words)
    row.next_attempt_at = None
    if outcome.reason is DeliveryReason.DUPLICATE and number > 1:
        state, reason = DeliveryState.ACCEPTED, build_reason(DeliveryReason.ACCEPTED)  # an attempt before arrived
    if state in (DeliveryState.QUEUED, DeliveryState.UNKNOWN):
        if plan.is_exhausted(outcome.reason, number):
            state, reason = DeliveryState.DEAD, build_reason(DeliveryReason.GIVEN_UP, outcome.words)
        else:
            row.next_attempt_at = plan.next_attempt_at(now, number, outcome.wait_seconds)
    if state is DeliveryState.ACCEPTED:
        row.accepted_at = now
    if state is DeliveryState.REJECTED:
        row.refused_at = now
    row.state, row.state_reason, row.lease_owner, row.lease_until = state, reason, None, None
    if state in FOR_A_PERSON:
        tell_refused(row)
    return state


