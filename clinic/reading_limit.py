"""Nobody reads a house's records one after the other: who opens very many within an hour is stopped, and it is told.

Different cases count, never the same one again, so that work is not timed. Counted in the memory of each process, which
costs nothing a page would notice; only from a share of the limit on is the audit itself asked, which knows what every
process showed. Lists count by themselves, as ten of whose rows tell less than a record. What is typed is still saved.
An administrator finds the stop under *Who has to wait*, lets the person go on there, and reads it in the audit; the
doctor and *Unusually many* tell of the day in any case (OWASP ASVS 11.1.4).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from flask import Flask, Response, current_app, g, request
from flask_babel import gettext as _
from sqlalchemy import func, select

from clinic import clock
from clinic.audit import LOOKED, audit_engine, audit_read, record_read
from clinic.config import Settings
from clinic.limit import Bucket, Door, Schedule, TooManyAttempts, find_lifting, is_waiting, make_wait, say_time
from clinic.permissions import find_signed_in
from clinic.read_audit import why_nobody
from clinic.session_life import find_standing
from clinic.unit import SAFE

log = logging.getLogger(__name__)
HOUR = timedelta(hours=1)
STOP = timedelta(minutes=15)
PROCESSES = 16  # of one installation, on all its machines: at each such share of the limit the audit is asked
LISTED = 10  # times as many rows of lists
MOST_READERS = 2000
NO_SCHEDULE = Schedule(free=0, first=0, most=STOP.total_seconds())


class TooManyRecords(TooManyAttempts):
    """Somebody opened more records than anybody's work asks for."""

    def __init__(self, seconds: int, **ids: object) -> None:
        super().__init__(seconds, **ids)
        self.message = _(
            "You opened very many records within an hour. Wait %(time)s, or ask the clinic administrator to let you go"
            " on (Administration, Who has to wait). What you save is still saved.", time=say_time(seconds))


@dataclass
class _Hour:
    """What one person was shown since."""

    since: datetime
    opened: set[str] = field(default_factory=set)
    listed: set[str] = field(default_factory=set)
    asked_at: int = 0  # cases opened when the audit was asked last
    until: datetime | None = None  # stopped


class ReadingLimit:
    """The counts of this process."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.stops = False  # anybody, ever: whether the standing of a reader need be asked
        self._hours: dict[str, _Hour] = {}
        self._lock = Lock()

    def count(self, reader: Any, looked: Sequence[dict[str, Any]], shown: Sequence[str]) -> None:
        """Count what an answer shows to `reader`, and stop them from the next one on when it is too much."""
        now = clock.now()
        with self._lock:
            hour = self._find_hour(reader.id, now)
            hour.opened.update(row["case_id"] for row in looked if row["case_id"] and row["action"] != "list")
            hour.listed.update(shown)
            opened, is_listing = len(hour.opened), len(hour.listed) > self.most * LISTED
            is_to_ask = opened - hour.asked_at >= max(self.most // PROCESSES, 1)
            if is_to_ask:
                hour.asked_at = opened
        if is_to_ask:
            since = max(now - HOUR, find_lifting(_bucket(reader.id).id) or now - HOUR)
            opened = count_opened(reader.id, since)
        if (is_to_ask and opened >= self.most) or is_listing:
            hour.until = now + STOP
            self.stops = True
            _tell(reader, hour.until, opened, len(hour.listed))

    def find_stop(self, reader_id: str) -> int:
        """For how many seconds more this person is shown no record; 0 when nothing stops them."""
        hour = self._hours.get(reader_id)
        if hour is None or hour.until is None:
            return 0
        left = (hour.until - clock.now()).total_seconds()
        if 0 < left <= STOP.total_seconds() and is_waiting(_bucket(reader_id).id):
            return max(1, int(left + 0.999))
        with self._lock:  # over, or an administrator let them go on: an hour anew
            self._hours.pop(reader_id, None)
        return 0

    def _find_hour(self, reader_id: str, now: datetime) -> _Hour:
        hour = self._hours.get(reader_id)
        if hour is None or not timedelta() <= now - hour.since < HOUR:
            if len(self._hours) >= MOST_READERS:
                self._hours.clear()
            hour = self._hours[reader_id] = _Hour(now)
        return hour


def count_opened(reader_id: str, since: datetime) -> int:
    """How many different cases a member of staff opened since then, by the audit, whichever process showed them; not by
    saving something."""
    row = audit_read.c
    with audit_engine().connect() as connection:
        return int(connection.execute(select(func.count(row.case_id.distinct())).where(
            row.happened_at >= since, row.actor_id == reader_id, row.actor_kind == "user", row.case_id.is_not(None),
            row.action != "list", row.detail.not_like('%"posted":1%'))).scalar_one())


def install_reading_limit(app: Flask, settings: Settings) -> None:
    """Watch every answer; comes before the audit of reads, whose rows it counts. A limit of 0 is none."""
    if settings.records_an_hour <= 0:
        return
    limit = app.extensions["clearway_reading_limit"] = ReadingLimit(settings.records_an_hour)

    @app.before_request
    def _stop() -> None:
        if not limit.stops or request.method not in SAFE or not _shows_somebody():
            return
        user_id = find_standing().user_id
        seconds = limit.find_stop(user_id) if user_id else 0
        if seconds:
            raise TooManyRecords(seconds, user=user_id)

    @app.after_request
    def _count(response: Response) -> Response:
        looked = request.environ.pop(LOOKED, None)
        if looked and request.method in SAFE:  # whoever saves one sample after the other reads nothing at their leisure
            limit.count(find_signed_in(), looked, g.get("read_shown", ()))
        return response


def _shows_somebody() -> bool:
    endpoint = request.endpoint or ""
    mark = getattr(current_app.view_functions.get(endpoint), "permission", None)
    return isinstance(mark, tuple) and not why_nobody(current_app, endpoint)


def _tell(reader: Any, until: datetime, opened: int, listed: int) -> None:
    log.warning("reading stopped user=%s opened=%s listed=%s", reader.id, opened, listed)
    make_wait(_bucket(reader.id), until)
    record_read("user", reader.id, "stopped-reading", "user", reader.id, site_id=reader.site_id,
                detail={"opened": opened, "listed": listed})


def _bucket(reader_id: str) -> Bucket:
    return Bucket(Door.READING, "reader", reader_id, None, NO_SCHEDULE)
