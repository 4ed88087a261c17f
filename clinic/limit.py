"""Who guesses waits: attempts counted by account and by network address, in the database, with growing delays.

Counted before anything secret is compared, in one statement, so that no number of processes or simultaneous requests
gets more guesses than the table allows; what turns out right is taken back. Nobody is locked out for good:

- an account on a browser that signed in to it before has a count of its own (a device cookie, OWASP "Slow Down Online
  Guessing Attacks with Device Cookies"): whoever guesses elsewhere never makes the clinician wait who has a queue;
- from anywhere else the pair of account and address is counted strictly, the account alone softly (a minute at most,
  whatever a stranger does), the address alone after many.

The rows lie beside the audit of reads: on SQLite an own file, so that a guesser neither waits for the clinic's writers
nor makes them wait. They name accounts by a keyed hash, so that an address nobody has an account under is kept as such
by nobody.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import Column, Connection, Integer, String, Table, case, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from clinic import clock
from clinic.audit import audit_engine, reads_metadata
from clinic.errors import ClearwayError
from clinic.models.column import Instant

attempt_count = Table(
    "attempt_count", reads_metadata,
    Column("id", String(64), primary_key=True),  # hash of what is counted
    Column("door", String(20), nullable=False),
    Column("kind", String(20), nullable=False),  # known, pair, account, address
    Column("account", String(64)),  # keyed hash
    Column("address", String(45)),
    Column("count", Integer, nullable=False),
    Column("last_at", Instant(), nullable=False, index=True),
    Column("until", Instant(), nullable=False, index=True),  # nothing is tried before
)
_count = attempt_count.c
AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)  # no wait
FORGOTTEN_AFTER = timedelta(hours=1)  # without an attempt: counting begins anew


class TooManyAttempts(ClearwayError):
    """Somebody tried too often; `seconds` until they may try again."""

    status = 429
    code = "throttled"
    next_step = "retry"

    def __init__(self, seconds: int, **ids: object) -> None:
        super().__init__(_("Too many attempts. Wait %(time)s, then try again. Nothing was checked or saved.",
                           time=say_time(seconds)), **ids)
        self.seconds = seconds


class Door(StrEnum):
    """What is guarded; each is counted by itself."""

    SIGN_IN = "sign-in"  # with second factor and recovery: guesses at one account add up wherever they are made
    AGAIN = "again"  # the signed-in person proves who they are; unlocks the screen
    TOKEN = "token"  # noqa: S105  a machine's
    PUBLIC = "public"  # pages for anybody
    READING = "reading"  # records, by a member of staff (clinic/reading_limit.py)


@dataclass(frozen=True)
class Schedule:
    """`free` attempts, then a wait of `first` seconds that doubles with each further attempt up to `most` seconds."""

    free: int
    first: float
    most: float

    def find_wait(self, count: int) -> timedelta:
        """How long nothing is tried after the attempt number `count`."""
        if count < self.free:
            return timedelta(0)
        return timedelta(seconds=min(self.most, self.first * 2 ** min(count - self.free, 30)))


STRICT = Schedule(free=5, first=30, most=15 * 60)
SOFT = Schedule(free=20, first=5, most=60)  # a stranger can make an unknown browser wait a minute, never more
CROWD = Schedule(free=50, first=30, most=15 * 60)  # a clinic's staff share one address and mistype too
MACHINE = Schedule(free=40, first=5, most=5 * 60)  # whoever sets up a client tries often; a key cannot be guessed
VISITORS = 120  # requests of a public page from one address within a minute


@dataclass(frozen=True)
class Bucket:
    """One count: of whom, and by which schedule."""

    door: Door
    kind: str
    account: str | None
    address: str | None
    schedule: Schedule
    device: str = ""

    @property
    def id(self) -> str:
        """Its key in the table."""
        parts = "\0".join((self.door, self.kind, self.account or "", self.address or "", self.device))
        return hashlib.sha256(parts.encode()).hexdigest()


def list_buckets(door: Door, account: str | None, address: str, device: str = "") -> list[Bucket]:
    """What an attempt counts towards: `account` a tag (`tag_account`), `address` of the network, `device` a browser
    that is known to the account (a sign-in of it, or its device cookie)."""
    place = widen(address)
    if door is Door.TOKEN:
        # The client's name is public and its key cannot be guessed: counting by name would only let strangers stop it.
        return [Bucket(door, "pair", account, place, MACHINE), Bucket(door, "address", None, place, CROWD)]
    if account and device:
        return [Bucket(door, "known", account, None, STRICT, device)]
    found = [Bucket(door, "address", None, place, CROWD)]
    if account:
        found += [Bucket(door, "pair", account, place, STRICT), Bucket(door, "account", account, None, SOFT)]
    return found


def admit(buckets: list[Bucket]) -> list[Bucket]:
    """Count an attempt that is about to be made; returns those of `buckets` that it brought to their limit.

    Raises TooManyAttempts, and counts nothing, while any of them has to wait.
    """
    now = clock.now()
    full = []
    with audit_engine().begin() as connection:
        for bucket in sorted(buckets, key=lambda one: one.id):  # in one order, so that none waits in a ring
            count = _add(connection, bucket, now)
            if count is None:
                until = connection.execute(select(_count.until).where(_count.id == bucket.id)).scalar_one()
                raise TooManyAttempts(max(1, int((until - now).total_seconds() + 0.999)))
            wait = bucket.schedule.find_wait(count)
            if wait:
                connection.execute(update(attempt_count).where(_count.id == bucket.id).values(until=now + wait))
                full.append(bucket)
    return full


def forgive(buckets: list[Bucket], attempts: int = 1) -> None:
    """It was right: what counts its own person begins anew, what counts others too has these `attempts` taken back."""
    with audit_engine().begin() as connection:
        for bucket in sorted(buckets, key=lambda one: one.id):
            if bucket.kind in ("known", "pair"):
                connection.execute(delete(attempt_count).where(_count.id == bucket.id))
            else:
                left = case((_count.count > attempts, _count.count - attempts), else_=0)
                connection.execute(update(attempt_count).where(_count.id == bucket.id)
                                   .values(count=left, until=AT_ONCE))


def count_visit(address: str) -> None:
    """Count a request of a public page. Raises TooManyAttempts above a modest number a minute from one address."""
    now = clock.now()
    minute = now.replace(second=0, microsecond=0)
    bucket = Bucket(Door.PUBLIC, "address", None, widen(address), SOFT, minute.isoformat())
    with audit_engine().begin() as connection:
        count = _add(connection, bucket, now)
    if count is not None and count > VISITORS:
        raise TooManyAttempts(max(1, 60 - now.second))


def make_wait(bucket: Bucket, until: datetime) -> None:
    """Let it be known that `bucket` has to wait until then, for whoever looks at who waits."""
    with audit_engine().begin() as connection:
        connection.execute(delete(attempt_count).where(_count.id == bucket.id))
        connection.execute(attempt_count.insert().values(
            id=bucket.id, door=bucket.door, kind=bucket.kind, account=bucket.account, address=bucket.address, count=1,
            last_at=clock.now(), until=until))


def is_waiting(count_id: str) -> bool:
    """Whether the count has to wait now, and nobody lifted it."""
    with audit_engine().connect() as connection:
        return connection.execute(
            select(_count.id).where(_count.id == count_id, _count.until > clock.now())).first() is not None


def find_lifting(count_id: str) -> datetime | None:
    """When an administrator let this reader go on, if that was lately."""
    with audit_engine().connect() as connection:
        return connection.execute(
            select(_count.last_at).where(_count.id == count_id, _count.until == AT_ONCE)).scalar_one_or_none()


def tag_account(name: str) -> str:
    """An account as the counts know it: a keyed hash of what was typed as its name, whether it exists or not."""
    secret = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.new(secret, b"account " + name.strip().lower().encode(), hashlib.sha256).hexdigest()


def widen(address: str) -> str:
    """The network address as it is counted: an IPv6 subscriber has a whole /64 and would be a new one every time."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:45]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def list_waiting() -> list[Any]:
    """The counts that make somebody wait now, the longest wait first."""
    with audit_engine().connect() as connection:
        return list(connection.execute(
            select(attempt_count).where(_count.until > clock.now(), _count.door != Door.PUBLIC)
            .order_by(_count.until.desc()).limit(200)))


def lift(count_id: str) -> bool:
    """Let one of them try again at once; whether there was such a count. Of a reader it stays known when that was."""
    with audit_engine().begin() as connection:
        if connection.execute(update(attempt_count).where(_count.id == count_id, _count.door == Door.READING).values(
                until=AT_ONCE, last_at=clock.now())).rowcount:
            return True
        return bool(connection.execute(delete(attempt_count).where(_count.id == count_id)).rowcount)


def sweep_counts() -> int:
    """Forget what is over; returns how many. For the worker."""
    now = clock.now()
    with audit_engine().begin() as connection:
        return int(connection.execute(delete(attempt_count).where(
            _count.last_at < now - FORGOTTEN_AFTER, _count.until < now)).rowcount)


def say_time(seconds: int) -> str:
    """A wait in words: seconds up to two minutes, then minutes, never too few."""
    if seconds <= 120:
        return ngettext("%(num)s second", "%(num)s seconds", seconds)
    minutes = -(-seconds // 60)
    return ngettext("%(num)s minute", "%(num)s minutes", minutes)


def _add(connection: Connection, bucket: Bucket, now: datetime) -> int | None:
    """Count one more in a single statement and return the count; None, uncounted, while the bucket has to wait."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    stale = _count.last_at < now - FORGOTTEN_AFTER
    statement = insert(attempt_count).values(
        id=bucket.id, door=bucket.door, kind=bucket.kind, account=bucket.account, address=bucket.address, count=1,
        last_at=now, until=AT_ONCE)
    longest = now + timedelta(seconds=bucket.schedule.most)  # beyond it the clock was wrong when it was written
    return connection.execute(statement.on_conflict_do_update(
        index_elements=[_count.id], where=or_(_count.until <= now, _count.until > longest),
        set_={"count": case((stale, 1), else_=_count.count + 1), "last_at": now},
    ).returning(_count.count)).scalar_one_or_none()
