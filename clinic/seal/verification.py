"""Whether the audit is what was sealed: every row against its seal, every seal against its signature and neighbours.

Streams in pages; nothing is held but one line a seal. Findings name ids, never a person.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from jwt import get_unverified_header
from jwt.exceptions import InvalidTokenError
from sqlalchemy import Connection, and_, select, types
from sqlalchemy import type_coerce as coerce

from clinic import clock
from clinic.models import AuditChange
from clinic.seal.access import reading
from clinic.seal.head import Head, parse_head
from clinic.seal.row import LAYOUTS, digest_row, raw_columns, to_moment
from clinic.seal.sealing import GRACE, Tail
from clinic.seal.statement import Statement, digest_members
from clinic.seal.table import CHANGE, Stream, audit_seal, audit_seal_member, find_other
from clinic.signing_key import verify_detached

ROWS_AT_ONCE = 5000
SEALS_AT_ONCE = 200
EXPLAINED = "late-audit-row-explained"  # the action by which a person says why a row came late
_seal, _member = audit_seal.c, audit_seal_member.c
PublicKeys = Mapping[str, ec.EllipticCurvePublicKey]  # by kid


class Kind(StrEnum):
    """What can be wrong."""

    ROW_EDITED = "row edited after it was sealed"
    ROW_REMOVED = "row removed after it was sealed"
    ROW_LATE = "row came late: it says it is from before a seal that closed that time without it"
    MEMBER_REMOVED = "the seal's list lacks a row"
    MEMBERS_EDITED = "the seal's list of rows was changed"
    SEAL_EDITED = "seal edited, or not signed by this installation"
    SEAL_KEY = "seal signed with a key that is not known here (give its certificate with --certificate)"
    SEAL_REMOVED = "seal removed"
    SEAL_UNCHAINED = "seal does not follow the one before it"
    HEAD_DIFFERS = "seal is not the one whose hash was kept outside, or in the other stream"
    HEAD_MISSING = ("seal whose hash was kept outside, or in the other stream, is gone: the newest were cut off, or an "
                    "older backup was restored")


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is not as it was sealed: which, and which seal shows it."""

    stream: str
    seal: int  # 0: none
    kind: Kind
    id: str  # of the row; of the seal, its number
    note: str = ""

    def __str__(self) -> str:
        place = f" (seal {self.seal})" if self.seal and self.id != str(self.seal) else ""
        return f"{self.stream} {self.id}{place}: {self.kind.value}{'. ' + self.note if self.note else ''}"


@dataclass
class Report:
    """What the check of one stream saw."""

    stream: str
    rows: int = 0
    seals: int = 0
    head: Head | None = None
    tail: Tail = field(default_factory=lambda: Tail(0, None))
    clock_went_back: list[int] = field(default_factory=list)  # seals whose clock stood before that of the one before
    explained: list[str] = field(default_factory=list)  # late rows that a person explained


@dataclass(frozen=True)
class _Known:
    """What the check remembers of a seal that is there."""

    hash: str
    layout: int
    sealed_at: datetime
    floor: datetime | None  # a row from before this should have been in an earlier seal


class Verification:
    """One check of one stream; iterate `run()` for its findings, then read `report`."""

    def __init__(self, stream: Stream, keys: PublicKeys, kept: Iterable[Head] = ()) -> None:
        self.stream = stream
        self.report = Report(stream.name)
        self._keys = keys
        self._kept = kept
        self._seals: dict[int, _Known] = {}
        self._floors: list[tuple[datetime, datetime]] = []  # (sealed_at, complete_to), both rising

    def run(self) -> Iterator[Finding]:
        """Check seals, then heads kept outside, then rows; each finding as it is met."""
        explained = _list_explained()
        with reading(self.stream) as connection:
            yield from self._check_seals(connection)
            yield from self._check_heads()
            yield from self._check_members(connection)
            yield from self._check_rows(connection, explained)

    def _check_seals(self, connection: Connection) -> Iterator[Finding]:
        previous, expected = "", 1
        raw = [coerce(column, types.NullType()).label(column.name) for column in audit_seal.columns]
        for row in _page(connection, select(*raw).where(_seal.stream == self.stream.name), _seal.number):
            if not isinstance(row.number, int):
                yield Finding(self.stream.name, 0, Kind.SEAL_EDITED, str(row.number))
                continue
            for missing in range(expected, min(row.number, expected + ROWS_AT_ONCE)):
                yield self._seal_finding(missing, Kind.SEAL_REMOVED)
            statement = _read_statement(row)
            broken = self._judge(row, statement) if statement else Kind.SEAL_EDITED
            if broken is not None:
                yield self._seal_finding(row.number, broken)
            elif row.number == expected and row.previous != previous:
                yield self._seal_finding(row.number, Kind.SEAL_UNCHAINED)
            self._remember(row.number, row.hash, row.layout, statement)
            previous, expected = row.hash, row.number + 1
            self.report.seals += 1
            self.report.head = Head(self.stream.name, row.number, row.hash)

    def _judge(self, row: Any, statement: Statement) -> Kind | None:
        if statement.layout not in LAYOUTS or statement.hash() != row.hash:
            return Kind.SEAL_EDITED
        try:
            key = self._keys.get(str(get_unverified_header(str(row.signature)).get("kid")))
        except InvalidTokenError:
            return Kind.SEAL_EDITED
        if key is None:
            return Kind.SEAL_KEY
        return None if verify_detached(row.signature, statement.to_bytes(), key) else Kind.SEAL_EDITED

    def _remember(self, number: int, hash_: str, layout: int, statement: Statement | None) -> None:
        """Keep the seal's floor: seals whose clock stood later than its own say nothing about its rows."""
        if statement is None:
            self._seals[number] = _Known(hash_, layout, clock.now(), None)
            return
        sealed_at, complete_to = statement.sealed_at, statement.complete_to
        if self._floors and self._floors[-1][0] > sealed_at:
            self.report.clock_went_back.append(number)
        floor = self._pop_floor(sealed_at)
        self._seals[number] = _Known(hash_, layout, sealed_at, floor)
        self._floors.append((sealed_at, max(floor, complete_to) if floor else complete_to))

    def _pop_floor(self, now: datetime) -> datetime | None:
        while self._floors and self._floors[-1][0] > now:
            self._floors.pop()
        return self._floors[-1][1] if self._floors else None

    def _check_heads(self) -> Iterator[Finding]:
        for head in self._kept:
            if head.stream != self.stream.name:
                continue
            known = self._seals.get(head.number)
            if known is None:
                yield self._seal_finding(head.number, Kind.HEAD_MISSING)
            elif known.hash != head.hash:
                yield self._seal_finding(head.number, Kind.HEAD_DIFFERS)

    def _check_members(self, connection: Connection) -> Iterator[Finding]:
        """Each seal's list of rows against its hash; a row that is listed and gone was removed."""
        numbers = sorted(self._seals)
        rows = self.stream.rows
        for start in range(0, len(numbers), SEALS_AT_ONCE):
            batch = numbers[start:start + SEALS_AT_ONCE]
            wanted = {row.number: row for row in connection.execute(
                select(_seal.number, _seal.members, _seal.count)
                .where(_seal.stream == self.stream.name, _seal.number.between(batch[0], batch[-1]))
            )}
            found: dict[int, list[Any]] = {number: [] for number in batch}
            for row in connection.execute(
                select(_member.number, _member.position, _member.row_id, _member.digest, rows.c.id.label("present"))
                .outerjoin_from(audit_seal_member, rows, rows.c.id == _member.row_id)
                .where(_member.stream == self.stream.name, _member.number.between(batch[0], batch[-1]))
                .order_by(_member.number, _member.position)
            ):
                if row.number in found:
                    found[row.number].append(row)
            for number in batch:
                if number in wanted:
                    yield from self._compare_members(number, wanted[number], found[number])

    def _compare_members(self, number: int, seal: Any, members: list[Any]) -> Iterator[Finding]:
        if digest_members((row.row_id, _to_bytes(row.digest)) for row in members) != seal.members:
            yield self._seal_finding(number, Kind.MEMBERS_EDITED)
            positions = {row.position for row in members}
            for position in range(min(seal.count, 10 * ROWS_AT_ONCE)):
                if position not in positions:
                    yield Finding(self.stream.name, number, Kind.MEMBER_REMOVED, f"position {position}")
        for row in members:
            if row.present is None:
                yield Finding(self.stream.name, number, Kind.ROW_REMOVED, row.row_id)

    def _check_rows(self, connection: Connection, explained: set[str]) -> Iterator[Finding]:
        newest = max(self._seals, default=0)
        now = clock.now()
        floor_now = self._find_floor(now)
        unsealed, oldest = 0, None
        younger: set[int] = set()  # seals that were not there when we began
        rows = self.stream.rows
        query = select(*raw_columns(self.stream), _member.number, _member.digest).outerjoin_from(
            rows, audit_seal_member, and_(_member.stream == self.stream.name, _member.row_id == rows.c.id)
        )
        for row in _page(connection, query, rows.c.id):
            self.report.rows += 1
            values, number, digest = row[:-2], row[-2], row[-1]
            happened = to_moment(row.happened_at)
            if number is None or (number > newest and number not in self._seals):
                # Not sealed yet, or while we looked.
                unsealed += 1
                if number is not None:
                    younger.add(number)
                oldest = min(filter(None, (oldest, happened)), default=None)
                known = _Known("", 0, now, floor_now)
            elif (seal := self._seals.get(number)) is None:
                continue  # its seal is gone, which was said
            else:
                known = seal
                if seal.layout in LAYOUTS and digest_row(self.stream, values, seal.layout) != _to_bytes(digest):
                    yield Finding(self.stream.name, number, Kind.ROW_EDITED, str(row.id))
                    continue
            if _is_late(happened, known):
                if row.id in explained:
                    self.report.explained.append(row.id)
                else:
                    yield Finding(self.stream.name, number or 0, Kind.ROW_LATE, str(row.id), _say_when(happened, known))
        self.report.tail = Tail(unsealed, oldest)
        there = set(connection.execute(
            select(_seal.number).where(_seal.stream == self.stream.name, _seal.number > newest)
        ).scalars())
        for gone in sorted(younger - there):
            yield self._seal_finding(gone, Kind.SEAL_REMOVED)

    def _find_floor(self, now: datetime) -> datetime | None:
        place = bisect.bisect_right([sealed_at for sealed_at, _floor in self._floors], now)
        return self._floors[place - 1][1] if place else None

    def _seal_finding(self, number: int, kind: Kind) -> Finding:
        return Finding(self.stream.name, number, kind, str(number))


def list_witnesses(stream: Stream) -> Iterator[Head]:
    """The seals of `stream` that the other stream names; a name that was changed is found by the other's own check."""
    other = find_other(stream)
    with reading(other) as connection:
        named = select(_seal.witness).where(_seal.stream == other.name, _seal.witness.is_not(None)).distinct()
        for text in connection.execute(named).scalars():
            head = parse_head(str(text))
            if head is not None and head.stream == stream.name:
                yield head


def _read_statement(row: Any) -> Statement | None:
    """What the seal says; None when even its moments cannot be read."""
    values = {name: row._mapping[name] for name in Statement.__dataclass_fields__}
    sealed_at, complete_to = to_moment(row.sealed_at), to_moment(row.complete_to)
    if sealed_at is None or complete_to is None:
        return None
    return Statement(**values | {"sealed_at": sealed_at, "complete_to": complete_to})


def _to_bytes(value: Any) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else repr(value).encode()


def _is_late(happened: datetime | None, seal: _Known) -> bool:
    if seal.floor is None:
        return False
    return happened is None or (happened < seal.floor and happened < seal.sealed_at - GRACE)


def _say_when(happened: datetime | None, seal: _Known) -> str:
    said = f"{happened:%Y-%m-%d %H:%M:%S}" if happened else "unreadable"
    when = f"sealed {seal.sealed_at:%Y-%m-%d %H:%M:%S} UTC" if seal.hash else "not sealed yet"
    return f"It says {said} UTC, {when}"


def _page(connection: Connection, query: Any, place: Any) -> Iterator[Any]:
    """The rows of `query` in the order of `place`, in pages, so that neither side holds them all."""
    after: Any = None
    while True:
        page = query if after is None else query.where(place > after)
        rows = connection.execute(page.order_by(place).limit(ROWS_AT_ONCE)).all()
        yield from rows
        if len(rows) < ROWS_AT_ONCE:
            return
        after = rows[-1]._mapping[place.name]


def _list_explained() -> set[str]:
    changes = AuditChange.__table__.c
    with reading(CHANGE) as connection:
        return set(connection.execute(select(changes.subject_id).where(changes.action == EXPLAINED)).scalars())
