"""The destinations as the clinic sees them: how sending goes, since when, what waits; and what is late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from flask_babel import gettext as _
from sqlalchemy import func, or_, select

from clinic.db import db
from clinic.errors import NotFound
from clinic.models import Authority, Delivery, DeliveryState, Destination, User

OPEN = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.SENT, DeliveryState.UNKNOWN, DeliveryState.HELD,
        DeliveryState.REJECTED, DeliveryState.DEAD)  # fmt: skip
FOR_A_PERSON = (DeliveryState.REJECTED, DeliveryState.DEAD, DeliveryState.HELD)
LATE_LIMIT = 1000  # more are not counted


class Condition(StrEnum):
    """How sending to a destination goes."""

    GOOD = "good"
    FAULTY = "faulty"  # the last attempts failed, not yet often enough to leave it alone
    RESTING = "resting"
    TRYING = "trying"  # one delivery decides
    HELD = "held"


@dataclass(frozen=True)
class DestinationRow:
    """One destination with what of the user's site is on its way to it."""

    authority_id: str
    name: str
    channel: str
    condition: Condition
    since: datetime | None
    faults: int
    last_fault: str
    resting_until: datetime | None
    held_reason: str
    waiting: int  # it is dealt with by itself
    stuck: int  # only a person can go on
    oldest_at: datetime | None


@dataclass(frozen=True)
class LateSummary:
    """What somebody should see on the first screen."""

    late: int  # on their way for longer than the first limit
    stuck: int  # refused, given up or held, however young
    count: int  # both together
    oldest_at: datetime | None


def list_destinations(user: User) -> list[DestinationRow]:
    """Every authority, by name."""
    open_ones = {
        row.authority_id: row
        for row in db.session.execute(
            select(
                Delivery.authority_id, func.count().label("all"), func.min(Delivery.queued_at).label("oldest_at"),
                func.count().filter(Delivery.state.in_(FOR_A_PERSON)).label("stuck"),
            ).where(Delivery.site_id == user.site_id, Delivery.state.in_(OPEN)).group_by(Delivery.authority_id)
        )
    }
    rows = db.session.execute(
        select(Authority.id, Authority.name, Authority.channel, Destination)
        .outerjoin(Destination, Destination.authority_id == Authority.id).order_by(Authority.name)
    )
    return [_build(row.id, row.name, row.channel, row.Destination, open_ones.get(row.id)) for row in rows]


def get_destination(user: User, authority_id: str) -> DestinationRow:
    """One of them; raises NotFound."""
    found = next((row for row in list_destinations(user) if row.authority_id == authority_id), None)
    if found is None:
        raise NotFound(_("There is no such authority."), authority=authority_id)
    return found


def summarise_late(user: User, before: datetime) -> LateSummary:
    """What of the user's site was queued before `before` and has not arrived, or waits for a person."""
    is_late, is_stuck = Delivery.queued_at <= before, Delivery.state.in_(FOR_A_PERSON)
    some = (
        select(Delivery.queued_at, is_late.label("late"), is_stuck.label("stuck"))
        .where(Delivery.site_id == user.site_id, Delivery.state.in_(OPEN), or_(is_late, is_stuck))
        .limit(LATE_LIMIT).subquery()
    )
    row = db.session.execute(select(
        func.count().filter(some.c.late).label("late"), func.count().filter(some.c.stuck).label("stuck"),
        func.count().label("count"), func.min(some.c.queued_at).label("oldest_at"),
    ).select_from(some)).one()
    late, stuck, count, oldest_at = row
    return LateSummary(late, stuck, count, oldest_at)


def _build(authority_id: str, name: str, channel: str, row: Destination | None, counts: object) -> DestinationRow:
    condition, since = _judge(row)
    stuck = getattr(counts, "stuck", 0)
    return DestinationRow(
        authority_id, name, channel, condition, since, row.faults if row else 0, row.last_fault if row else "",
        row.resting_until if row else None, row.held_reason if row else "", getattr(counts, "all", 0) - stuck, stuck,
        getattr(counts, "oldest_at", None),
    )


def _judge(row: Destination | None) -> tuple[Condition, datetime | None]:
    if row is None:
        return Condition.GOOD, None
    if row.held_at is not None:
        return Condition.HELD, row.held_at
    if row.trying_since is not None:
        return Condition.TRYING, row.opened_at
    if row.opened_at is not None:
        return Condition.RESTING, row.opened_at
    return (Condition.FAULTY, row.faulty_since) if row.faults else (Condition.GOOD, None)
