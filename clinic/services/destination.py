"""What a person may do with a whole destination: stop deliveries to it, let them go on, try it now."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock
from clinic.audit import record_change
from clinic.db import db
from clinic.errors import NotFound, NotNow
from clinic.models import Authority, Delivery, DeliveryState, Destination, User

WAITING = (DeliveryState.QUEUED, DeliveryState.UNKNOWN)


def hold_destination(authority_id: str, reason: str, actor: User) -> Destination:
    """Send nothing more to an authority, from any site, until it is released. Raises NotFound, NotNow."""
    row = _lock(authority_id)
    if row.held_at is not None:
        raise NotNow(_("Deliveries to this authority are stopped already."), authority=authority_id)
    row.held_at, row.held_reason, row.held_by_id = clock.now(), reason, actor.id
    _record("hold", row, reason, actor)
    return row


def release_destination(authority_id: str, reason: str, actor: User) -> Destination:
    """Let deliveries to an authority go on. Raises NotFound, NotNow."""
    row = _lock(authority_id)
    if row.held_at is None:
        raise NotNow(_("Deliveries to this authority are not stopped."), authority=authority_id)
    row.held_at, row.held_reason, row.held_by_id = None, "", None
    _record("release", row, reason, actor)
    return row


def try_destination(authority_id: str, reason: str, actor: User) -> Destination:
    """End the authority's rest: the oldest delivery that waits goes ahead at once, and decides about the others.

    Raises NotFound; NotNow while the authority is held, or when nothing of the actor's site waits for it.
    """
    row = _lock(authority_id)
    if row.held_at is not None:
        raise NotNow(_("Deliveries to this authority are stopped. Release it first."), authority=authority_id)
    head = db.session.execute(
        select(Delivery).where(
            Delivery.authority_id == authority_id, Delivery.site_id == actor.site_id, Delivery.state.in_(WAITING)
        ).order_by(Delivery.id).limit(1).with_for_update(of=Delivery)
    ).scalar_one_or_none()  # fmt: skip
    if head is None:
        raise NotNow(_("Nothing waits to be sent to this authority."), authority=authority_id)
    head.next_attempt_at = clock.now()
    if row.resting_until is not None:
        row.resting_until = clock.now()
    _record("try", row, reason, actor)
    return row


def _lock(authority_id: str) -> Destination:
    if db.session.get(Authority, authority_id) is None:
        raise NotFound(_("There is no such authority."), authority=authority_id)
    row = db.session.execute(
        select(Destination).where(Destination.authority_id == authority_id).with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if row is None:
        row = Destination(authority_id=authority_id, faults=0)
        db.session.add(row)
        db.session.flush()
    return row


def _record(act: str, row: Destination, reason: str, actor: User) -> None:
    record_change(
        f"destination-{act}", "destination", row.authority_id, site_id=actor.site_id, detail={"reason": reason},
        actor_id=actor.id, actor_kind="user",
    )
    db.session.flush()
