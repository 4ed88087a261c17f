"""Writes down what became of an attempt, and takes the case on when the authority has said enough.

Each function runs inside the caller's write unit.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session, defer

from clinic.audit import record_change
from clinic.delivery_reason import DeliveryReason, build_reason
from clinic.models import Case, CaseState, Delivery, DeliveryAttempt, DeliveryState, SignedExam
from clinic.workflow import move
from integrations.channel import Outcome
from integrations.claim import LEASE, Attempt, Claim, list_expired
from integrations.retry import ASK_EVERY, ASK_FOR, RetryPlan

log = logging.getLogger(__name__)

AWAITING = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.SENT, DeliveryState.UNKNOWN,
            DeliveryState.ACCEPTED)  # fmt: skip
ABANDONED = (DeliveryState.CANCELLED, DeliveryState.SUPERSEDED)
INTERRUPTED = Outcome(
    DeliveryState.UNKNOWN, DeliveryReason.INTERRUPTED, "the worker stopped before it wrote down what happened"
)


def record_outcome(session: Session, claim: Claim, outcome: Outcome, plan: RetryPlan, now: datetime) -> bool:
    """Write the attempt and the delivery's new state; False when the lease was lost meanwhile.

    An outcome that comes after the lease ended is kept in the history but decides nothing: whoever holds the
    delivery now will get the same answer under the same key.
    """
    delivery = _lock_delivery(session, claim.view.id)
    if delivery.lease_owner != claim.token or delivery.state is not DeliveryState.SENDING:
        log.warning(
            "delivery %s: outcome of attempt %d came after its lease", delivery.id, claim.attempt.number
        )
        _add_attempt(session, delivery, claim.attempt, outcome, f"late: {outcome.detail}", now)
        return False
    settle(session, delivery, claim.attempt, outcome, plan, now)
    return True


def settle(
    session: Session, delivery: Delivery, attempt: Attempt, outcome: Outcome, plan: RetryPlan, now: datetime
) -> None:
    """Give the delivery the state that `outcome` means, and plan its next attempt."""
    state, reason = outcome.state, build_reason(outcome.reason, outcome.words)
    if state is DeliveryState.QUEUED and attempt.uncertain:
        state = DeliveryState.UNKNOWN  # this attempt did not arrive; the one before it still may have
    if outcome.reason is DeliveryReason.DUPLICATE and attempt.uncertain:
        state, reason = DeliveryState.ACCEPTED, build_reason(DeliveryReason.ACCEPTED)  # the attempt before arrived
    delivery.next_attempt_at = None
    if state in (DeliveryState.QUEUED, DeliveryState.UNKNOWN):
        tries = _count_tries(session, delivery) + 1
        if plan.is_exhausted(outcome.reason, tries):
            state, reason = DeliveryState.DEAD, build_reason(DeliveryReason.GIVEN_UP, outcome.words)
        else:
            delivery.next_attempt_at = plan.next_attempt_at(now, tries, outcome.wait_seconds)
    delivery.state, delivery.state_reason = state, reason
    delivery.lease_owner = delivery.lease_until = None
    _add_attempt(session, delivery, attempt, replace(outcome, state=state), outcome.detail, now)
    if (
        state is not DeliveryState.QUEUED
    ):  # a delivery put back in the queue is no change that anybody must account for
        _audit(delivery, attempt.number)
    if state is DeliveryState.ACCEPTED:
        _accept(session, delivery, outcome, now)


def record_acknowledgement(session: Session, claim: Claim, outcome: Outcome | None, now: datetime) -> None:
    """Write down what came of asking for an acknowledgement: given, refused after all, or later."""
    delivery = _lock_delivery(session, claim.view.id)
    if delivery.lease_owner != claim.token or delivery.state is not DeliveryState.ACCEPTED:
        return
    delivery.lease_owner = delivery.lease_until = None
    delivery.next_attempt_at = _next_question(delivery, now)
    if outcome is None or not (outcome.acknowledged or outcome.state is DeliveryState.REJECTED):
        return
    delivery.attempts += 1
    delivery.state_reason = build_reason(outcome.reason, outcome.words)
    attempt = replace(claim.attempt, number=delivery.attempts)
    _add_attempt(session, delivery, attempt, outcome, f"asked: {outcome.detail}", now)
    if outcome.state is DeliveryState.REJECTED:
        delivery.state, delivery.next_attempt_at = DeliveryState.REJECTED, None
    else:
        _accept(session, delivery, outcome, now)
    _audit(delivery, delivery.attempts)


def record_own_word(session: Session, delivery: Delivery, outcome: Outcome, now: datetime) -> bool:
    """Write down the authority's own word that came by itself; False when it changes nothing any more.

    A positive word proves that the exam arrived, whatever the attempt's own connection said; a refusal ends what was
    only accepted by a machine. Neither touches a delivery that was acknowledged, or given up for a newer version.
    """
    delivery = _lock_delivery(session, delivery.id)
    if delivery.acknowledged_at is not None or delivery.state not in AWAITING:
        return False
    if outcome.state not in (DeliveryState.ACCEPTED, DeliveryState.REJECTED):
        return False
    delivery.attempts += 1
    delivery.state, delivery.state_reason = outcome.state, build_reason(outcome.reason, outcome.words)
    delivery.lease_owner = delivery.lease_until = delivery.next_attempt_at = None
    _add_attempt(session, delivery, Attempt(delivery.attempts, now, True), outcome, f"came: {outcome.detail}", now)
    _audit(delivery, delivery.attempts)
    if outcome.state is DeliveryState.ACCEPTED:
        _accept(session, delivery, outcome, now)
    return True


def sweep_expired(session: Session, plan: RetryPlan, now: datetime, lease: timedelta = LEASE) -> int:
    """Make every interrupted attempt `unknown`, so that the authority is asked; returns how many."""
    expired = list_expired(session, now)
    for delivery in expired:
        attempt = Attempt(delivery.attempts, (delivery.lease_until or now) - lease, uncertain=True)
        settle(session, delivery, attempt, INTERRUPTED, plan, now)
        if delivery.state is DeliveryState.UNKNOWN:
            delivery.next_attempt_at = now  # the wait was the lease
    return len(expired)


def advance_case(session: Session, case_id: str) -> None:
    """Take a signed case on once every delivery of its current version is accepted, and once each is
    acknowledged.

    See product.md, "A case's life"; does nothing for a case that is being amended.
    """
    case = session.execute(
        select(Case)
        .where(Case.id == case_id)
        .with_for_update(of=Case)
        .execution_options(populate_existing=True)
    ).scalar_one()
    current = (
        select(SignedExam.id)
        .where(SignedExam.case_id == case_id)
        .order_by(SignedExam.version.desc())
        .limit(1)
    ).scalar_subquery()
    session.flush()
    rows = session.execute(
        select(Delivery.state, Delivery.acknowledged_at).where(
            Delivery.signed_exam_id == current, Delivery.state.not_in(ABANDONED)
        )
    ).all()
    if not rows or any(row.state is not DeliveryState.ACCEPTED for row in rows):
        return
    if case.state is CaseState.SIGNED:
        move(case, CaseState.SUBMITTED, "every delivery of the signed exam was accepted")
    if case.state is CaseState.SUBMITTED and all(row.acknowledged_at for row in rows):
        move(case, CaseState.ACKNOWLEDGED, "the authority acknowledged the exam")


def _accept(session: Session, delivery: Delivery, outcome: Outcome, now: datetime) -> None:
    delivery.accepted_at = delivery.accepted_at or now
    delivery.receipt = outcome.receipt or delivery.receipt
    if outcome.acknowledged:
        delivery.acknowledged_at = delivery.acknowledged_at or now
        delivery.next_attempt_at = None
    else:
        delivery.next_attempt_at = _next_question(delivery, now)
    advance_case(session, delivery.case_id)


def _next_question(delivery: Delivery, now: datetime) -> datetime | None:
    accepted_at = delivery.accepted_at or now
    return now + ASK_EVERY if now < accepted_at + ASK_FOR else None


def _lock_delivery(session: Session, delivery_id: str) -> Delivery:
    return session.execute(
        select(Delivery)
        .where(Delivery.id == delivery_id)
        .with_for_update(of=Delivery)
        .execution_options(populate_existing=True)
        .options(defer(Delivery.body))
    ).scalar_one()


def _count_tries(session: Session, delivery: Delivery) -> int:
    """Attempts already in the history since the last person's act."""
    last_act = select(func.max(DeliveryAttempt.ended_at)).where(
        DeliveryAttempt.delivery_id == delivery.id, DeliveryAttempt.number == 0
    )
    moment = session.execute(last_act).scalar()
    tries = select(func.count()).where(DeliveryAttempt.delivery_id == delivery.id, DeliveryAttempt.number > 0)
    if moment is not None:
        tries = tries.where(DeliveryAttempt.started_at >= moment)
    return session.execute(tries).scalar_one()


def _add_attempt(
    session: Session, delivery: Delivery, attempt: Attempt, outcome: Outcome, detail: str, now: datetime
) -> None:
    session.add(
        DeliveryAttempt(
            delivery_id=delivery.id,
            number=attempt.number,
            started_at=attempt.started_at,
            ended_at=now,
            outcome=outcome.state,
            detail=detail,
            reply=outcome.reply,
        )
    )


def _audit(delivery: Delivery, attempt: int) -> None:
    record_change(
        "deliver",
        "delivery",
        delivery.id,
        case_id=delivery.case_id,
        site_id=delivery.site_id,
        detail={"state": delivery.state.value, "attempt": attempt, "authority": delivery.authority_id},
    )
