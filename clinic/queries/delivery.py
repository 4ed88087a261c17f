"""Deliveries of the user's site: what is stuck, why and since when; what is on its way; what arrived."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import aliased, defer

from clinic.db import db
from clinic.errors import NotFound
from clinic.models import Authority, Case, Delivery, DeliveryState, Destination, User

PAGE_SIZE = 50
COUNT_LIMIT = 1000  # a tab says "1000+" rather than count what was sent in years


class DeliveryGroup(StrEnum):
    """The lists of the delivery page."""

    STUCK = "stuck"
    MOVING = "moving"
    ARRIVED = "arrived"
    ENDED = "ended"


# What waits for a person; `queued` after a fault counts too, because somebody should see an authority that is down.
GROUPS: dict[DeliveryGroup, ColumnElement[bool]] = {
    DeliveryGroup.STUCK: (
        Delivery.state.in_((DeliveryState.UNKNOWN, DeliveryState.REJECTED, DeliveryState.DEAD, DeliveryState.HELD))
        | ((Delivery.state == DeliveryState.QUEUED) & (Delivery.attempts > 0))
    ),
    DeliveryGroup.MOVING: (
        Delivery.state.in_((DeliveryState.SENDING, DeliveryState.SENT))
        | ((Delivery.state == DeliveryState.QUEUED) & (Delivery.attempts == 0))
    ),
    DeliveryGroup.ARRIVED: Delivery.state == DeliveryState.ACCEPTED,
    DeliveryGroup.ENDED: Delivery.state.in_((DeliveryState.CANCELLED, DeliveryState.SUPERSEDED)),
}


HELD = exists().where(Destination.authority_id == Delivery.authority_id, Destination.held_at.is_not(None))
_before = aliased(Delivery)
# An older delivery of the same case to the same authority that has no answer yet keeps this one waiting.
BEHIND = exists().where(
    _before.authority_id == Delivery.authority_id, _before.case_id == Delivery.case_id, _before.id < Delivery.id,
    _before.state.in_((DeliveryState.QUEUED, DeliveryState.UNKNOWN, DeliveryState.SENDING, DeliveryState.SENT,
                       DeliveryState.HELD)),
)  # fmt: skip


@dataclass(frozen=True)
class DeliveryFilter:
    """What a list is narrowed to; empty: everything."""

    authority_id: str = ""
    state: DeliveryState | None = None

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        """The same as SQL."""
        found: list[ColumnElement[bool]] = [Delivery.authority_id == self.authority_id] if self.authority_id else []
        return found + ([Delivery.state == self.state] if self.state else [])


@dataclass(frozen=True)
class DeliveryRow:
    """One line of a delivery list; carries no name of a person."""

    id: str
    case_id: str
    case_number: str
    authority_id: str
    authority_name: str
    authority_held: bool
    is_behind: bool  # waits for an older version of the same exam
    state: DeliveryState
    state_reason: str
    attempts: int
    queued_at: datetime
    next_attempt_at: datetime | None
    accepted_at: datetime | None
    acknowledged_at: datetime | None


def list_deliveries(
    user: User, group: DeliveryGroup, after: str | None = None, limit: int = PAGE_SIZE,
    narrowed: DeliveryFilter | None = None,
) -> list[DeliveryRow]:
    """One page of a group at the user's site: what is stuck oldest first, all else newest first.

    `after` is the last id of the page before.
    """
    narrowed = narrowed or DeliveryFilter()
    oldest_first = group is DeliveryGroup.STUCK
    query = (
        select(
            Delivery.id, Delivery.case_id, Case.number, Delivery.authority_id, Authority.name, HELD, BEHIND,
            Delivery.state, Delivery.state_reason, Delivery.attempts, Delivery.queued_at, Delivery.next_attempt_at,
            Delivery.accepted_at, Delivery.acknowledged_at,
        )
        .join(Case, Case.id == Delivery.case_id)
        .join(Authority, Authority.id == Delivery.authority_id)
        .where(Delivery.site_id == user.site_id, GROUPS[group], *narrowed.conditions)
        .order_by(Delivery.id if oldest_first else Delivery.id.desc())
        .limit(limit)
    )
    if after:
        query = query.where(Delivery.id > after if oldest_first else Delivery.id < after)
    return [DeliveryRow(*tuple(row)) for row in db.session.execute(query)]


def list_chosen(user: User, ids: list[str]) -> list[Delivery]:
    """The deliveries of the user's site among `ids`, oldest first."""
    return list(
        db.session.execute(
            select(Delivery).where(Delivery.id.in_(ids), Delivery.site_id == user.site_id)
            .order_by(Delivery.id).options(defer(Delivery.body))
        ).scalars()
    )


def count_deliveries(user: User, narrowed: DeliveryFilter | None = None) -> dict[DeliveryGroup, int]:
    """How many deliveries of the user's site stand in each group, at most COUNT_LIMIT."""
    counts = {}
    for group, condition in GROUPS.items():
        wanted = (Delivery.site_id == user.site_id, condition, *(narrowed or DeliveryFilter()).conditions)
        some = select(Delivery.id).where(*wanted).limit(COUNT_LIMIT).subquery()
        counts[group] = db.session.execute(select(func.count()).select_from(some)).scalar_one()
    return counts


def get_delivery(user: User, delivery_id: str) -> Delivery:
    """One delivery of the user's site; raises NotFound."""
    delivery = db.session.execute(
        select(Delivery).where(Delivery.id == delivery_id, Delivery.site_id == user.site_id)
        .options(defer(Delivery.body))
    ).scalar_one_or_none()
    if delivery is None:
        raise NotFound(_("There is no such delivery at your site."), delivery=delivery_id)
    return delivery


def list_case_deliveries(user: User, case_id: str) -> list[Delivery]:
    """The deliveries of one case, oldest first."""
    return list(
        db.session.execute(
            select(Delivery).where(Delivery.case_id == case_id, Delivery.site_id == user.site_id)
            .order_by(Delivery.id).options(defer(Delivery.body))
        ).scalars()
    )
