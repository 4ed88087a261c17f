"""Closing what the audit wrote: batches of rows, each sealed once, whichever of several workers comes first.

A row is looked for by its absence from every seal, never by its place: what commits late, or is written by a clock that
went back, is sealed as well. Each seal says up to which moment it left nothing out (`complete_to`); a row from before
that moment which comes later is named by the check as having come late.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, exists, insert, select
from sqlalchemy.exc import IntegrityError

from clinic import clock
from clinic.config import Settings
from clinic.seal.access import reading, writing
from clinic.seal.head import Head, append_head, get_heads_path
from clinic.seal.row import LAYOUT, digest_row, raw_columns, to_moment
from clinic.seal.statement import Statement, digest_members
from clinic.seal.table import STREAMS, Stream, audit_seal, audit_seal_member, find_other
from clinic.signing_key import load_signing_key

log = logging.getLogger(__name__)

BATCH = 1000  # rows of one seal at most
BATCHES_AT_ONCE = 20  # of one turn of the worker: after a day's absence it catches up turn by turn
GRACE = timedelta(minutes=5)  # no transaction of ours is open as long; only what is older is claimed to be complete
SETTLED = timedelta(hours=1)  # a seal that the other stream names is as old: a backup copies one file after the other
LOOKED_BACK = timedelta(hours=1)  # how far behind the newest seal a usual turn looks; the thorough one looks everywhere
_seal, _member = audit_seal.c, audit_seal_member.c


@dataclass(frozen=True)
class Tail:
    """What is not sealed yet."""

    count: int  # counted up to a batch
    oldest_at: datetime | None

    def age(self, now: datetime) -> timedelta:
        """How long its oldest row has waited; nothing when there is none."""
        return max(now - self.oldest_at, timedelta()) if self.oldest_at else timedelta()


def seal_waiting(settings: Settings, at_least: timedelta = timedelta(), is_thorough: bool = False) -> int:
    """Seal what waits in every stream whose oldest row has waited `at_least`; returns how many rows were sealed.

    At most BATCHES_AT_ONCE batches of each stream. `is_thorough` looks for rows that belong far back, too.
    """
    sealed = 0
    for stream in STREAMS:
        for _turn in range(BATCHES_AT_ONCE):
            count = seal_batch(stream, settings, at_least, is_thorough)
            sealed += count
            if count < BATCH:
                break
    return sealed


def seal_batch(
    stream: Stream, settings: Settings, at_least: timedelta = timedelta(), is_thorough: bool = True
) -> int:
    """Seal one batch; 0 when nothing waits, when it has not waited `at_least`, or another worker was first."""
    with reading(stream) as connection:
        before = connection.execute(
            select(audit_seal).where(_seal.stream == stream.name).order_by(_seal.number.desc()).limit(1)
        ).one_or_none()
        rows = connection.execute(_select_unsealed(stream, before, is_thorough)).all()
    now = clock.now()
    if not rows or (len(rows) < BATCH and _measure(rows).age(now) < at_least):
        return 0
    witness = find_settled(find_other(stream), now - SETTLED)
    members = [(str(row[0]), digest_row(stream, row)) for row in rows]
    statement = Statement(
        stream=stream.name, number=before.number + 1 if before else 1, layout=LAYOUT, sealed_at=now,
        complete_to=_complete_to(rows, now), count=len(members), first_id=members[0][0], last_id=members[-1][0],
        members=digest_members(members), previous=before.hash if before else "",
        witness=str(witness) if witness else None,
    )
    if not _store(stream, statement, members, load_signing_key(settings).sign_detached(statement.to_bytes())):
        return 0
    head = Head(stream.name, statement.number, statement.hash())
    log.info("audit sealed: %s (%d rows)", head, statement.count)
    append_head(get_heads_path(settings), head, now)
    return statement.count


def find_settled(stream: Stream, until: datetime) -> Head | None:
    """The newest seal that was made by `until`."""
    with reading(stream) as connection:
        row = connection.execute(
            select(_seal.number, _seal.hash).where(_seal.stream == stream.name, _seal.sealed_at <= until)
            .order_by(_seal.number.desc()).limit(1)).one_or_none()
    return Head(stream.name, row.number, row.hash) if row else None


def find_tail(stream: Stream) -> Tail:
    """The rows not sealed yet, as far as a usual turn of the worker looks."""
    with reading(stream) as connection:
        before = connection.execute(
            select(audit_seal).where(_seal.stream == stream.name).order_by(_seal.number.desc()).limit(1)
        ).one_or_none()
        return _measure(connection.execute(_select_unsealed(stream, before, is_thorough=False)).all())


def find_tail_age() -> timedelta:
    """How long the oldest row of the audit has waited for its seal, over both streams; for `doctor`."""
    now = clock.now()
    return max(find_tail(stream).age(now) for stream in STREAMS)


def _measure(rows: Sequence[Any]) -> Tail:
    moments = [moment for row in rows if (moment := to_moment(row.happened_at))]
    return Tail(len(rows), min(moments, default=None))


def _select_unsealed(stream: Stream, before: Any, is_thorough: bool) -> Any:
    rows = stream.rows.c
    sealed = exists().where(and_(_member.stream == stream.name, _member.row_id == rows.id))
    query = select(*raw_columns(stream)).where(~sealed).order_by(rows.id).limit(BATCH)
    if before is None or is_thorough:
        return query
    return query.where(rows.id > _first_key_at(before.complete_to - LOOKED_BACK))


def _first_key_at(moment: datetime) -> str:
    """The lowest key that a row made at `moment` could have (clinic/key.py: keys begin with the millisecond)."""
    return str(uuid.UUID(int=max(int(moment.timestamp() * 1000), 0) << 80))


def _complete_to(rows: Sequence[Any], now: datetime) -> datetime:
    if len(rows) < BATCH:
        return now - GRACE
    last = to_moment(rows[-1].happened_at) or now
    return min(last, now) - GRACE


def _store(stream: Stream, statement: Statement, members: list[tuple[str, bytes]], signature: str) -> bool:
    """Whether this seal is the one that counts: its number and every member are given once, by the tables' keys."""
    try:
        with writing(stream) as connection:
            connection.execute(insert(audit_seal), [
                {**vars(statement), "hash": statement.hash(), "signature": signature}
            ])
            connection.execute(insert(audit_seal_member), [
                {"stream": stream.name, "row_id": row_id, "number": statement.number, "position": position,
                 "digest": digest}
                for position, (row_id, digest) in enumerate(members)
            ])
    except IntegrityError:
        log.info("audit: seal %s %d was made by another worker", stream.name, statement.number)
        return False
    return True
