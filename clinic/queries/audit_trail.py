"""The audit as its readers need it: who looked at what and why, and what was changed; scoped to the reader's site."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, or_, select, type_coerce

from clinic.db import db
from clinic.models import Applicant, Case, User
from clinic.permissions import Permission, permissions_of
from clinic.rules.confidential import list_confidential_words
from clinic.seal.access import reading
from clinic.seal.table import CHANGE, READ, STREAMS, Stream
from clinic.services.confidential import list_confidential_links

PAGE_SIZE = 50
ROWS_AT_ONCE = 1000
_FIELDS = ("id", "happened_at", "actor_kind", "actor_id", "site_id", "action", "subject_kind", "subject_id", "case_id",
           "detail")


@dataclass(frozen=True)
class AuditEntry:
    """One row of either stream."""

    stream: str  # read, change
    id: str
    happened_at: datetime
    actor_kind: str
    actor_id: str
    site_id: str | None
    action: str
    subject_kind: str
    subject_id: str
    case_id: str | None
    authority_id: str | None
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AuditFilter:
    """What a reader asks for; everything empty: the whole site."""

    stream: Stream = READ
    case: Case | None = None
    applicant: Applicant | None = None
    person_id: str | None = None  # of staff
    happened_from: datetime | None = None
    happened_before: datetime | None = None
    emergency_id: str | None = None
    is_emergency: bool = False


def list_trail(user: User, wanted: AuditFilter, after: str | None, limit: int) -> list[AuditEntry]:
    """The newest rows first, from behind the id `after`."""
    query = _select(wanted.stream).where(*_narrow(user, wanted)).order_by(_rows(wanted.stream).id.desc()).limit(limit)
    if after:
        query = query.where(_rows(wanted.stream).id < after)
    may_know = Permission.SEE_CONFIDENTIAL in permissions_of(user)
    return [row if may_know else _veil(row) for row in _run(wanted.stream, query)]


def _veil(row: AuditEntry) -> AuditEntry:
    """A row without the answer to what is confidential; that somebody answered stays."""
    detail = row.detail
    if row.subject_kind == "circumstance" and row.subject_id in list_confidential_words():
        detail = {name: value for name, value in detail.items() if name not in ("from", "to")}
    links = list_confidential_links()  # which of a form's questions changed tells that one was answered by yes
    return replace(row, detail={
        name: [one for one in value if one not in links] if isinstance(value, list) else value
        for name, value in detail.items()})


def list_everything(happened_from: datetime | None, happened_before: datetime | None) -> Iterator[AuditEntry]:
    """Every row of both streams of the whole installation within a time, the oldest first; for the operator."""
    for stream in STREAMS:
        rows, after = _rows(stream), ""
        while True:
            query = _select(stream).where(rows.id > after, *_within(stream, happened_from, happened_before))
            page = _run(stream, query.order_by(rows.id).limit(ROWS_AT_ONCE))
            yield from page
            if len(page) < ROWS_AT_ONCE:
                break
            after = page[-1].id


def list_people(user: User) -> list[tuple[str, str]]:
    """(id, name) of the staff of the user's site."""
    query = select(User.id, User.name).where(User.site_id == user.site_id).order_by(User.name, User.id)
    return [(row.id, row.name) for row in db.session.execute(query)]


def find_cases(user: User, ids: set[str]) -> dict[str, Case]:
    """Cases of the user's site by id; another site's is left out."""
    query = select(Case).where(Case.site_id == user.site_id, Case.id.in_(ids))
    return {case.id: case for case in db.session.execute(query).unique().scalars()}


def _rows(stream: Stream) -> Any:
    return stream.rows.c


def _select(stream: Stream) -> Select[Any]:
    rows = _rows(stream)
    columns = [rows[name] for name in _FIELDS]
    return select(*columns, *([rows.authority_id] if stream is READ else []))


def _narrow(user: User, wanted: AuditFilter) -> list[ColumnElement[bool]]:
    rows = _rows(wanted.stream)
    conditions = _within(wanted.stream, wanted.happened_from, wanted.happened_before)
    if wanted.case is not None:
        conditions.append(rows.case_id == wanted.case.id)  # whoever looked, wherever they sit: the case is ours
    elif wanted.applicant is not None:
        conditions.append(_of_applicant(rows, wanted.applicant))
    else:
        people = [person_id for person_id, _name in list_people(user)]
        conditions.append(or_(rows.site_id == user.site_id, rows.actor_id.in_(people)))
    if wanted.person_id:
        conditions.append(rows.actor_id == wanted.person_id)
    if wanted.emergency_id:
        mark = f'"emergency":"{wanted.emergency_id}"'
        conditions.append(or_(rows.subject_id == wanted.emergency_id,
                              _text(wanted.stream).contains(mark, autoescape=True)))
    elif wanted.is_emergency:
        conditions.append(_text(wanted.stream).contains('"purpose":"BTG"', autoescape=True))
    return conditions


def _of_applicant(rows: Any, applicant: Applicant) -> ColumnElement[bool]:
    cases = list(db.session.execute(select(Case.id).where(Case.applicant_id == applicant.id)).scalars())
    own = and_(rows.subject_kind == "applicant", rows.subject_id == applicant.id)
    return or_(rows.case_id.in_(cases), and_(rows.case_id.is_(None), own))  # as the index of such looks says it


def _within(
    stream: Stream, happened_from: datetime | None, happened_before: datetime | None
) -> list[ColumnElement[bool]]:
    moment = _rows(stream).happened_at
    conditions = []
    if happened_from is not None:
        conditions.append(moment >= happened_from)
    if happened_before is not None:
        conditions.append(moment < happened_before)
    return conditions


def _text(stream: Stream) -> Any:
    """The detail as the text it is stored as."""
    return type_coerce(_rows(stream).detail, Text())


def _run(stream: Stream, query: Select[Any]) -> list[AuditEntry]:
    if stream is CHANGE:
        found = db.session.execute(query).all()
    else:
        with reading(READ) as connection:
            found = connection.execute(query).all()
    return [_to_entry(stream, row) for row in found]


def _to_entry(stream: Stream, row: Any) -> AuditEntry:
    detail = row.detail if isinstance(row.detail, dict) else json.loads(row.detail or "{}")
    return AuditEntry(
        stream.name, row.id, row.happened_at, row.actor_kind, row.actor_id or "", row.site_id, row.action,
        row.subject_kind, row.subject_id, row.case_id, row.authority_id if stream is READ else None, detail,
    )
