"""Who sends what next: deliveries are claimed with a lease, in order within a destination and case.

Each function runs inside the caller's unit of work. Several workers may claim at once: on PostgreSQL rows
that another one is claiming are skipped, on SQLite the write unit is exclusive; the conditional UPDATE
decides on both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, or_, select, update
from sqlalchemy.orm import Session, aliased

from clinic.key import new_id
from clinic.models import Authority, Delivery, DeliveryState, Destination, SignedExam
from integrations.breaker import begin_trial
from integrations.channel import DeliveryView

DUE = (DeliveryState.QUEUED, DeliveryState.UNKNOWN)
# An older delivery of the same case that may still leave (or may have arrived) keeps the younger one waiting.
BEFORE = (*DUE, DeliveryState.SENDING, DeliveryState.SENT, DeliveryState.HELD)


LEASE = timedelta(
    seconds=120
)  # longer than asking and sending may take together (transport/http.py: Patience)


@dataclass(frozen=True)
class Attempt:
    """One try: its number in the history, when it began, and whether an earlier one may have arrived."""

    number: int
    started_at: datetime
    uncertain: bool


@dataclass(frozen=True)
class Claim:
    """A delivery that is ours until the lease ends; `token` proves it when the outcome is recorded."""

    view: DeliveryView
    token: str
    attempt: Attempt


def list_due_destinations(session: Session, now: datetime) -> list[str]:
    """The authorities that have something to send, or to be asked about, at `now`."""
    rows = session.execute(
        select(Delivery.authority_id)
        .where(or_(_is_due(now), _is_unacknowledged(now)), _is_open(now))
        .distinct()
    )
    return sorted(rows.scalars())


def claim_next(
    session: Session, authority_id: str, worker: str, now: datetime, lease: timedelta
) -> Claim | None:
    """Claim the next delivery for an authority and mark it `sending`; None when there is none.

    `worker` names the process (at most 40 characters).
    """
    found = session.execute(
        select(Delivery.id, Delivery.state)
        .where(Delivery.authority_id == authority_id, _is_open(now), _is_due(now))
        .order_by(Delivery.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=Delivery)
    ).first()
    if found is None or not begin_trial(session, authority_id, now, lease):
        return None
    token = f"{worker}:{new_id()}"
    taken = session.execute(
        update(Delivery)
        .where(Delivery.id == found.id, Delivery.state == found.state)
        .values(
            state=DeliveryState.SENDING,
            attempts=Delivery.attempts + 1,
            lease_owner=token,
            lease_until=now + lease,
        )
        .execution_options(synchronize_session=False)
    )
    if taken.rowcount != 1:  # type: ignore[attr-defined]
        return None
    return _claim(session, found.id, token, now, uncertain=found.state is DeliveryState.UNKNOWN)


def claim_unacknowledged(
    session: Session, authority_id: str, worker: str, now: datetime, lease: timedelta
) -> Claim | None:
    """Claim an accepted delivery whose acknowledgement is to be asked for; it stays `accepted` meanwhile."""
    found = session.execute(
        select(Delivery.id)
        .where(Delivery.authority_id == authority_id, _is_open(now), _is_unacknowledged(now))
        .order_by(Delivery.next_attempt_at)
        .limit(1)
        .with_for_update(skip_locked=True, of=Delivery)
    ).scalar()
    if found is None:
        return None
    token = f"{worker}:{new_id()}"
    session.execute(
        update(Delivery)
        .where(Delivery.id == found)
        .values(lease_owner=token, lease_until=now + lease)
        .execution_options(synchronize_session=False)
    )
    return _claim(session, found, token, now, uncertain=True)


def list_expired(session: Session, now: datetime) -> list[Delivery]:
    """Deliveries in `sending` whose lease ran out: whoever sent them died before writing the outcome down."""
    return list(
        session.execute(
            select(Delivery)
            .where(Delivery.state == DeliveryState.SENDING, Delivery.lease_until < now)
            .order_by(Delivery.id)
            .with_for_update(skip_locked=True, of=Delivery)
        ).scalars()
    )


def _is_open(now: datetime) -> ColumnElement[bool]:
    """Nobody stopped deliveries to the destination, and it is not resting after faults."""
    return ~exists().where(
        Destination.authority_id == Delivery.authority_id,
        or_(Destination.held_at.is_not(None), Destination.resting_until > now),
    )


def _is_due(now: datetime) -> ColumnElement[bool]:
    other = aliased(Delivery)
    in_the_way = exists().where(
        other.authority_id == Delivery.authority_id,
        other.case_id == Delivery.case_id,
        other.id != Delivery.id,
        or_(other.state == DeliveryState.SENDING, and_(other.id < Delivery.id, other.state.in_(BEFORE))),
    )
    moment = or_(Delivery.next_attempt_at.is_(None), Delivery.next_attempt_at <= now)
    return and_(Delivery.state.in_(DUE), moment, ~in_the_way)


def _is_unacknowledged(now: datetime) -> ColumnElement[bool]:
    return and_(
        Delivery.state == DeliveryState.ACCEPTED,
        Delivery.acknowledged_at.is_(None),
        Delivery.next_attempt_at <= now,
        or_(Delivery.lease_until.is_(None), Delivery.lease_until < now),
    )


def _claim(session: Session, delivery_id: str, token: str, now: datetime, uncertain: bool) -> Claim:
    row = session.execute(
        select(
            Delivery.case_id,
            Delivery.authority_id,
            Delivery.channel,
            Authority.endpoint,
            Delivery.content_type,
            Delivery.body,
            Delivery.idempotency_key,
            Delivery.attempts,
            SignedExam.sha256,
            SignedExam.jws,
        )
        .join(Authority, Authority.id == Delivery.authority_id)
        .join(SignedExam, SignedExam.id == Delivery.signed_exam_id)
        .where(Delivery.id == delivery_id)
    ).one()
    view = DeliveryView(
        id=delivery_id,
        case_id=row.case_id,
        authority_id=row.authority_id,
        channel=row.channel,
        endpoint=row.endpoint,
        content_type=row.content_type,
        body=row.body,
        idempotency_key=row.idempotency_key,
        sha256=row.sha256,
        jws=row.jws,
    )
    return Claim(view, token, Attempt(row.attempts, now, uncertain))
