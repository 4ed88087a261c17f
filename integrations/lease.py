"""Who leads one kind of clock work: a row in the database, never a lock held by a connection."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from clinic.models import Heartbeat, Lease

FARTHEST = 10  # durations: a lease that ends later than this was taken while a clock was wrong, and holds nobody off


def acquire_lease(session: Session, name: str, owner: str, now: datetime, duration: timedelta) -> bool:
    """Take or renew the lease `name` inside the caller's write unit; False while somebody else holds it."""
    lease = session.execute(select(Lease).where(Lease.name == name).with_for_update()).scalar_one_or_none()
    if lease is None:
        try:
            with session.begin_nested():
                session.add(Lease(name=name, owner=owner, until=now + duration))
        except IntegrityError:
            return False  # another process made the row this very moment
        return True
    if _holds_off(lease, owner, now, duration):
        return False
    lease.owner, lease.until = owner, now + duration
    return True


def is_leased(session: Session, name: str, owner: str, now: datetime, duration: timedelta) -> bool:
    """Whether somebody else than `owner` holds the lease `name`, which is taken for `duration` at a time."""
    lease = session.execute(select(Lease).where(Lease.name == name)).scalar_one_or_none()
    return lease is not None and _holds_off(lease, owner, now, duration)


def _holds_off(lease: Lease, owner: str, now: datetime, duration: timedelta) -> bool:
    return lease.owner != owner and now < lease.until <= now + FARTHEST * duration


def release_lease(session: Session, name: str, owner: str, now: datetime) -> None:
    """Give the lease back, so that another process need not wait until it ends."""
    lease = session.execute(select(Lease).where(Lease.name == name).with_for_update()).scalar_one_or_none()
    if lease is not None and lease.owner == owner:
        lease.until = now


def beat_heart(session: Session, name: str, now: datetime) -> None:
    """Write down that a process is alive, inside the caller's write unit."""
    heart = session.get(Heartbeat, name)
    if heart is None:
        try:
            with session.begin_nested():
                session.add(Heartbeat(name=name, beat_at=now))
        except IntegrityError:
            return  # another worker beat first: somebody is alive, which is what the row says
    else:
        heart.beat_at = now
