"""Pulls back moments that were written while a clock was wrong, so that nothing waits a year for them.

Each moment has a farthest distance at which it can have been meant; what lies beyond was a clock set forward.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import InstrumentedAttribute, Session

from clinic.db import Base
from clinic.models import Delivery, DeliveryState, Destination
from integrations import retry

log = logging.getLogger(__name__)

LONGEST_WAIT = timedelta(seconds=2 * retry.LONGEST_WAIT)
LONGEST_LEASE = timedelta(hours=1)
LONGEST_REST = timedelta(hours=1)
OPEN = (DeliveryState.QUEUED, DeliveryState.UNKNOWN, DeliveryState.SENDING, DeliveryState.ACCEPTED)


def pull_back(session: Session, now: datetime) -> int:
    """Let everything that waits absurdly long be due at `now`; returns how many moments were changed."""
    of_open = Delivery.state.in_(OPEN)
    count = sum((
        _pull(session, Delivery, Delivery.next_attempt_at, now, LONGEST_WAIT, of_open),
        _pull(session, Delivery, Delivery.lease_until, now, LONGEST_LEASE, of_open),
        _pull(session, Destination, Destination.resting_until, now, LONGEST_REST),
    ))  # fmt: skip
    if count:
        log.warning("%d waiting times lay absurdly far ahead, as after a clock was set back: they are over now", count)
    return count


def _pull(
    session: Session, table: type[Base], column: InstrumentedAttribute[datetime | None], now: datetime,
    farthest: timedelta, *also: object,
) -> int:  # fmt: skip
    found = session.execute(
        update(table).where(column > now + farthest, *also)  # type: ignore[arg-type]
        .values({column.key: now}).execution_options(synchronize_session=False)
    )  # fmt: skip
    return int(found.rowcount)  # type: ignore[attr-defined]
