"""What laboratories reported, as far as the user's site is concerned: the inbox, and what a result of ours came of."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import Select, and_, func, select, union_all
from sqlalchemy.orm import aliased, defer, selectinload

from clinic.db import db
from clinic.errors import NotFound
from clinic.models import (
    FOR_A_PERSON,
    InboundMessage,
    InboundState,
    InboundWay,
    LabDocument,
    Laboratory,
    ReportedResult,
    ReportedState,
    User,
)
from clinic.queries.inbound import is_in

PAGE_SIZE = 50
COUNT_LIMIT = 1000


def list_reported(
    user: User, state: ReportedState, after: str | None = None, limit: int = PAGE_SIZE
) -> list[ReportedResult]:
    """One page of the site's reported results in a state, oldest first; `after` is the last id of the page before."""
    query = (select(ReportedResult).where(ReportedResult.site_id == user.site_id, ReportedResult.state == state)
             .options(selectinload(ReportedResult.case)))
    if after:
        query = query.where(ReportedResult.id > after)
    return list(db.session.execute(query.order_by(ReportedResult.id).limit(limit)).unique().scalars())


def count_reported(user: User, states: Collection[ReportedState]) -> dict[ReportedState, int]:
    """How many of the site's stand in each state, at most COUNT_LIMIT."""
    counts = {}
    for state in states:
        some = select(ReportedResult.id).where(
            ReportedResult.site_id == user.site_id, ReportedResult.state == state).limit(COUNT_LIMIT).subquery()
        counts[state] = db.session.execute(select(func.count()).select_from(some)).scalar_one()
    return counts


def get_reported(user: User, reported_id: str) -> ReportedResult:
    """One reported result of the user's site. Raises NotFound."""
    row = db.session.get(ReportedResult, reported_id)
    if row is None or row.site_id != user.site_id:
        raise NotFound(_("There is no such reported result at your site."), reported=reported_id)
    return row


def find_way(row: ReportedResult) -> InboundWay:
    """By which door a reported result came; its message's bytes are not read."""
    return db.session.execute(select(InboundMessage.way).where(InboundMessage.id == row.message_id)).scalar_one()


def list_of_message(message: InboundMessage) -> list[ReportedResult]:
    """What a message reported, with what became of it; what was read again since is left out."""
    return list(db.session.execute(
        select(ReportedResult).where(ReportedResult.message_id == message.id,
                                     ReportedResult.state != ReportedState.REPLACED).order_by(ReportedResult.id)
    ).unique().scalars())


def count_undecided(message_ids: Collection[str]) -> dict[str, int]:
    """How many results of each of these messages wait for a person now; those without any are left out."""
    rows = db.session.execute(
        select(ReportedResult.message_id, func.count()).where(
            ReportedResult.message_id.in_(message_ids), ReportedResult.state.in_(FOR_A_PERSON))
        .group_by(ReportedResult.message_id))
    return {row[0]: row[1] for row in rows}


@dataclass(frozen=True)
class Twin:
    """Another message that came under the same number."""

    id: str
    received_at: datetime


@dataclass(frozen=True)
class Origin:
    """What a result of ours came of: the reported result, of which laboratory, by which door and when."""

    reported_id: str
    laboratory: str
    way: InboundWay
    received_at: datetime
    later_id: str | None = None  # a later word of the laboratory on the same result that waits for a person


def list_origins(result_ids: Collection[str]) -> dict[str, Origin]:
    """What each of these results of ours came of first, by result; those typed in have none."""
    rows = db.session.execute(
        select(ReportedResult.result_id, ReportedResult.id, Laboratory.name, InboundMessage.way,
               ReportedResult.received_at)
        .join(Laboratory, Laboratory.id == ReportedResult.laboratory_id)
        .join(InboundMessage, InboundMessage.id == ReportedResult.message_id)
        .where(ReportedResult.result_id.in_(result_ids)).order_by(ReportedResult.id.desc()))
    found = {str(result_id): Origin(reported_id, name, way, received_at)
             for result_id, reported_id, name, way, received_at in rows}
    for result_id, later_id in _list_later(found) if found else ():
        found[result_id] = replace(found[result_id], later_id=later_id)
    return found


def _list_later(result_ids: Collection[str]) -> list[tuple[str, str]]:
    """Of each result that its laboratory has said otherwise since, the newest word that waits for a person."""
    later = aliased(ReportedResult)
    series = ("laboratory_id", "filler", "test", "sub_id")
    same = [getattr(later, name) == getattr(ReportedResult, name) for name in series]
    rows = db.session.execute(
        select(ReportedResult.result_id, later.id)
        .join(later, and_(*same, later.state == ReportedState.WAITING, later.id > ReportedResult.id))
        .where(ReportedResult.result_id.in_(result_ids), ReportedResult.filler != "").order_by(later.id))
    return [(str(result_id), later_id) for result_id, later_id in rows]


def list_loose_documents(user: User, limit: int = PAGE_SIZE) -> list[LabDocument]:
    """The site's printed reports that are attached to no case, oldest first."""
    return list(db.session.execute(
        select(LabDocument).where(LabDocument.site_id == user.site_id, LabDocument.case_id.is_(None))
        .order_by(LabDocument.id).limit(limit)).unique().scalars())


def list_twins(rows: Collection[InboundMessage]) -> dict[str, list[Twin]]:
    """The other messages under the number of each of these, oldest first: of its laboratory, and with other content
    (the same content is the same message). Those without any are left out."""
    one, other = aliased(InboundMessage), aliased(InboundMessage)
    found = db.session.execute(
        select(one.id, other.id, other.received_at).join(other, and_(
            other.sender == one.sender, other.control_id == one.control_id, other.id != one.id,
            other.laboratory_id == one.laboratory_id))
        .where(one.id.in_([row.id for row in rows]), one.control_id != "").order_by(other.id))
    twins: dict[str, list[Twin]] = {}
    for message_id, twin_id, received_at in found:
        twins.setdefault(message_id, []).append(Twin(twin_id, received_at))
    return twins


def list_messages(
    user: User, laboratory_ids: Collection[str], state: InboundState, after: str | None = None, limit: int = PAGE_SIZE,
) -> list[InboundMessage]:  # fmt: skip
    """One page of what these laboratories sent, newest first, with the bytes left out."""
    columns = (InboundMessage.raw, InboundMessage.answer)
    # A page of each laboratory, of which the newest are taken: together they would be sorted, however many there are.
    pages = [select(_list_ids(one, state, after, limit).subquery().c.id) for one in laboratory_ids]
    if not pages:
        return []
    query = (select(InboundMessage).where(InboundMessage.id.in_(union_all(*pages)))
             .order_by(InboundMessage.id.desc()).limit(limit).options(*(defer(column) for column in columns)))
    return list(db.session.execute(query).scalars())


def _list_ids(laboratory_id: str, state: InboundState, after: str | None, limit: int) -> Select[str]:
    query = select(InboundMessage.id).where(InboundMessage.laboratory_id == laboratory_id, is_in(state))
    if after:
        query = query.where(InboundMessage.id < after)
    return query.order_by(InboundMessage.id.desc()).limit(limit)


def count_messages(laboratory_ids: Collection[str]) -> dict[InboundState, int]:
    """How many messages of these laboratories stand in each state, at most COUNT_LIMIT."""
    counts = {}
    for state in InboundState:
        some = select(InboundMessage.id).where(InboundMessage.laboratory_id.in_(laboratory_ids),
                                               is_in(state)).limit(COUNT_LIMIT).subquery()
        counts[state] = db.session.execute(select(func.count()).select_from(some)).scalar_one()
    return counts


def get_message(laboratory_ids: Collection[str], message_id: str) -> InboundMessage:
    """One message of these laboratories. Raises NotFound."""
    row = db.session.get(InboundMessage, message_id)
    if row is None or row.laboratory_id not in laboratory_ids:
        raise NotFound(_("There is no such message at your site."), inbound=message_id)
    return row
