"""What a person may do with a delivery: send again, hold, release, cancel; each with a reason that is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from enum import StrEnum

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock
from clinic.audit import record_change
from clinic.db import db
from clinic.delivery_reason import DeliveryReason, build_reason
from clinic.errors import NotFound, NotNow
from clinic.models import Delivery, DeliveryAttempt, DeliveryState, User

S = DeliveryState


class Act(StrEnum):
    """A person's act on a delivery."""

    RETRY = "retry"
    HOLD = "hold"
    RELEASE = "release"
    CANCEL = "cancel"


# From which states each act is possible; what the page offers and what the service allows are this one table.
ALLOWED: dict[Act, frozenset[DeliveryState]] = {
    Act.RETRY: frozenset({S.QUEUED, S.UNKNOWN, S.REJECTED, S.DEAD}),
    Act.HOLD: frozenset({S.QUEUED, S.UNKNOWN, S.REJECTED, S.DEAD}),
    Act.RELEASE: frozenset({S.HELD}),
    Act.CANCEL: frozenset({S.QUEUED, S.HELD, S.REJECTED, S.DEAD}),
}
BETWEEN_SEVERAL = timedelta(seconds=2)
SETTLED = (S.ACCEPTED, S.REJECTED)
GONE = (S.CANCELLED, S.SUPERSEDED)
REASONS = {
    Act.RETRY: DeliveryReason.RETRIED,
    Act.HOLD: DeliveryReason.HELD,
    Act.RELEASE: DeliveryReason.RELEASED,
    Act.CANCEL: DeliveryReason.CANCELLED,
}


def list_acts(delivery: Delivery) -> list[Act]:
    """What a person may do with the delivery now."""
    return [act for act in Act if _is_possible(act, delivery)]


def retry_delivery(delivery_id: str, reason: str, actor: User | None = None) -> Delivery:
    """Make a delivery due now, with the same bytes and the same key.

    `actor` is None for a command on the server. Raises NotFound, or NotNow when its state does not allow it or a
    newer version of the exam was queued after it.
    """
    return _act(Act.RETRY, delivery_id, reason, actor, _resume)


def retry_several(deliveries: Sequence[Delivery], reason: str, actor: User) -> tuple[list[Delivery], list[Delivery]]:
    """Make several deliveries due, oldest first and one after the other, so that no authority is flooded.

    Gives those that will be sent, and those whose state does not allow it (any more).
    """
    sent: list[Delivery] = []
    passed_over: list[Delivery] = []
    for delivery in sorted(deliveries, key=lambda one: one.id):
        try:
            retry_delivery(delivery.id, reason, actor)
        except NotNow:
            passed_over.append(delivery)
            continue
        delivery.next_attempt_at = clock.now() + len(sent) * BETWEEN_SEVERAL
        sent.append(delivery)
    db.session.flush()
    return sent, passed_over


def hold_delivery(delivery_id: str, reason: str, actor: User | None = None) -> Delivery:
    """Keep a delivery from being attempted until it is released. Raises NotFound, NotNow."""
    return _act(Act.HOLD, delivery_id, reason, actor, lambda _delivery: S.HELD)


def release_delivery(delivery_id: str, reason: str, actor: User | None = None) -> Delivery:
    """Let a held delivery go on from where it was. Raises NotFound, NotNow."""
    return _act(Act.RELEASE, delivery_id, reason, actor, _resume)


def cancel_delivery(delivery_id: str, reason: str, actor: User | None = None) -> Delivery:
    """Never send it. Raises NotFound, or NotNow also while it may have arrived: nobody can take that back."""
    return _act(Act.CANCEL, delivery_id, reason, actor, lambda _delivery: S.CANCELLED)


ACTS: dict[Act, Callable[[str, str, User | None], Delivery]] = {
    Act.RETRY: retry_delivery,
    Act.HOLD: hold_delivery,
    Act.RELEASE: release_delivery,
    Act.CANCEL: cancel_delivery,
}


def may_have_arrived(delivery: Delivery) -> bool:
    """Whether an attempt went out to which no answer that decides anything came since."""
    for attempt in reversed(delivery.history):
        if attempt.number > 0 and attempt.outcome in SETTLED:
            return False
        if attempt.number > 0 and attempt.outcome is S.UNKNOWN:
            return True
    return False


def _act(
    act: Act, delivery_id: str, reason: str, actor: User | None, find_state: Callable[[Delivery], DeliveryState]
) -> Delivery:
    delivery = _lock(delivery_id, actor)
    _ensure_possible(act, delivery)
    before, now = delivery.state, clock.now()
    delivery.state = find_state(delivery)
    delivery.state_reason = build_reason(REASONS[act], reason)
    delivery.next_attempt_at = now if delivery.state in (S.QUEUED, S.UNKNOWN) else None
    db.session.add(DeliveryAttempt(
        delivery_id=delivery.id, number=0, started_at=now, ended_at=now, outcome=delivery.state, detail=reason,
        by_id=actor.id if actor else None,
    ))
    record_change(
        f"delivery-{act.value}", "delivery", delivery.id, case_id=delivery.case_id, site_id=delivery.site_id,
        detail={"from": before.value, "to": delivery.state.value, "reason": reason},
        actor_id=actor.id if actor else None,
    )
    db.session.flush()
    return delivery


def _lock(delivery_id: str, actor: User | None) -> Delivery:
    query = select(Delivery).where(Delivery.id == delivery_id).with_for_update(of=Delivery)
    if actor is not None:
        query = query.where(Delivery.site_id == actor.site_id)
    delivery = db.session.execute(query).scalar_one_or_none()
    if delivery is None:
        raise NotFound(_("There is no such delivery at your site."), delivery=delivery_id)
    return delivery


def _ensure_possible(act: Act, delivery: Delivery) -> None:
    ids = {"delivery": delivery.id, "state": delivery.state.value}
    if delivery.state is S.SENDING:
        raise NotNow(_("It is being sent at this moment. Look again in a minute."), **ids)
    if act is Act.CANCEL and (delivery.state is S.UNKNOWN or _is_held_unknown(delivery)):
        raise NotNow(_("It may have arrived, so it cannot be cancelled. Let the authority be asked again."), **ids)
    if delivery.state not in ALLOWED[act]:
        raise NotNow(_("The delivery has changed meanwhile and this is not possible any more. Look again."), **ids)
    if act in (Act.RETRY, Act.RELEASE) and _find_newer(delivery):
        raise NotNow(_("A newer version of this exam was queued after it; cancel this one instead."), **ids)


def _is_possible(act: Act, delivery: Delivery) -> bool:
    try:
        _ensure_possible(act, delivery)
    except NotNow:
        return False
    return True


def _is_held_unknown(delivery: Delivery) -> bool:
    return delivery.state is S.HELD and may_have_arrived(delivery)


def _resume(delivery: Delivery) -> DeliveryState:
    return S.UNKNOWN if may_have_arrived(delivery) else S.QUEUED


def _find_newer(delivery: Delivery) -> str | None:
    """A later delivery of the same case over the same channel: to send the older one after it would undo it."""
    if delivery.state in (S.QUEUED, S.UNKNOWN, S.HELD):
        return None  # it still stands before the newer one in the queue
    return db.session.execute(
        select(Delivery.id).where(
            Delivery.case_id == delivery.case_id, Delivery.channel == delivery.channel, Delivery.id > delivery.id,
            Delivery.state.not_in(GONE),
        ).limit(1)
    ).scalar_one_or_none()
