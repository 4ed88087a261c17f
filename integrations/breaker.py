"""Leaves a destination alone for a while after several faults in a row, so that a queue does not flood it.

Its state is the row `destination`: every worker obeys it, every screen shows it. Each function runs inside the
caller's write unit.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from clinic.delivery_reason import DeliveryReason
from clinic.models import Destination

log = logging.getLogger(__name__)

FAULTS_TO_OPEN = 5  # hl7-dicom.md 6.1
REST = timedelta(seconds=30)  # then one delivery goes ahead; whether it succeeds decides

FAULTS = frozenset({DeliveryReason.UNREACHABLE, DeliveryReason.BUSY, DeliveryReason.NO_ANSWER})


@dataclass(frozen=True)
class Breaker:
    """When a destination is left alone, and for how long."""

    rest: timedelta = REST
    faults_to_open: int = FAULTS_TO_OPEN

    def note(self, session: Session, authority_id: str, reason: DeliveryReason, now: datetime) -> None:
        """Count a fault, or forget all of them: an answer of any other kind shows that somebody is there."""
        if reason is DeliveryReason.INTERRUPTED:
            return  # a fault of ours says nothing of the destination; a trial that was on its way ends with its lease
        if reason not in FAULTS:
            _close(session, authority_id)
            return
        row = _lock(session, authority_id) or _create(session, authority_id)
        row.faults += 1
        row.last_fault, row.faulty_since, row.trying_since = reason.value, row.faulty_since or now, None
        if row.faults >= self.faults_to_open:
            if row.opened_at is None:
                log.warning("%s is left alone after %d faults in a row (%s)", authority_id, row.faults, reason.value)
            row.opened_at, row.resting_until = row.opened_at or now, now + self.rest


def begin_trial(session: Session, authority_id: str, now: datetime, lease: timedelta) -> bool:
    """Whether a delivery may be sent now; after a rest only the first that asks gets a yes, until it is decided.

    A trial whose worker died is over when its `lease` is.
    """
    resting = select(Destination.resting_until).where(Destination.authority_id == authority_id)
    if session.execute(resting).scalar() is None:
        return True
    row = _lock(session, authority_id)
    if row is None or row.resting_until is None:
        return True
    if row.resting_until > now:
        return False
    row.trying_since, row.resting_until = now, now + lease
    return True


def _close(session: Session, authority_id: str) -> None:
    if not session.execute(select(Destination.faults).where(Destination.authority_id == authority_id)).scalar():
        return
    row = _lock(session, authority_id)
    assert row is not None
    if row.opened_at is not None:
        log.warning("%s answers again after %d faults in a row", authority_id, row.faults)
    row.faults, row.last_fault = 0, ""
    row.faulty_since = row.opened_at = row.resting_until = row.trying_since = None


def _lock(session: Session, authority_id: str) -> Destination | None:
    return session.execute(
        select(Destination).where(Destination.authority_id == authority_id).with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()


def _create(session: Session, authority_id: str) -> Destination:
    row = Destination(authority_id=authority_id, faults=0)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        found = _lock(session, authority_id)
        assert found is not None  # another worker made the row this very moment
        return found
    return row
