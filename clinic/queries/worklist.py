"""Lists of cases and their counters: what waits for whom, and every case by what it is; within the user's site."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, or_, select, text, union

from clinic import clock
from clinic.db import db
from clinic.identifier import IdentifierKind, classify_identifier, to_key
from clinic.models import (
    Applicant,
    Case,
    CaseState,
    User,
)
from clinic.models.case import OPEN_STATES
from clinic.queries.name import find_few_named, fits_name
from clinic.queries.page import Page, Place, Way, fetch_page, find_page, order_page
from clinic.queries.waiting import CONDITIONS, Asker, View, lead, list_conditions, list_walked
from clinic.ready_query import ReadyQuery, given

COUNT_LIMIT = 1000  # a counter says "1000+" rather than count a hundred thousand rows for every page


@dataclass(frozen=True)
class Filter:
    """What a reader narrowed the list of all cases to; without a state, every open case."""

    state: CaseState | None = None
    ended: bool = False  # with the ended ones
    programme: str | None = None
    category: str | None = None
    waits_for: View | None = None
    opened_from: datetime | None = None
    opened_before: datetime | None = None
    number: str = ""  # a case's own or its authority's, as typed
    name: str = ""  # beginnings of names, as typed


def _list_programmes(user: User, views: Iterable[View | None]) -> tuple[str, ...]:
    if View.SIGN not in views:
        return ()
    today = clock.today(user.site.time_zone)
    return tuple(sorted({row.programme for row in user.authorisations
                         if row.valid_from <= today and (row.valid_until is None or today <= row.valid_until)}))


def _anybody(programmes: tuple[str, ...] = (), walked: frozenset[View] = frozenset()) -> Asker:
    return Asker(given("site_id"), given("user_id"), programmes, walked)


def _name(user: User, view: View | None) -> Asker:
    return Asker(user.site_id, user.id, walked=list_walked((view,)))


def list_waiting(user: User, view: View, today_from: datetime, after: Place | None = None,
                 before: Place | None = None) -> Page:
    """One page of a kind of work, longest waiting first; `today_from` is the moment the site's day began."""
    build = partial(_page_waiting, view, _list_programmes(user, [view]), list_walked((view,)))
    return find_page(build, after, before, site_id=user.site_id, user_id=user.id, today_from=today_from,
                     today=_to_day(user, today_from))


@lru_cache(maxsize=256)
def _page_waiting(view: View, programmes: tuple[str, ...], walked: frozenset[View], way: Way) -> ReadyQuery:
    query = select_rows().where(*list_conditions(_anybody(programmes, walked), view))
    return order_page(query, Case.updated_at, Case.id, way)


def count_waiting(user: User, view: View, today_from: datetime) -> int:
    """How many cases wait with that kind of work, at most COUNT_LIMIT."""
    return count_mine(user, (view,), today_from)


def count_mine(user: User, views: Iterable[View], today_from: datetime) -> int:
    """How many cases wait with any of these kinds of work, each counted once, at most COUNT_LIMIT."""
    kinds = tuple(views)
    if not kinds:
        return 0
    query = build_count(user, kinds)
    return int(query.find_value(site_id=user.site_id, user_id=user.id, today_from=today_from,
                                today=_to_day(user, today_from)))


def _to_day(user: User, today_from: datetime) -> date:
    """The day that began at the site at that moment."""
    return clock.to_day(today_from, user.site.time_zone)


def build_count(user: User, kinds: tuple[View, ...]) -> ReadyQuery:
    """The query behind count_mine, given site_id, user_id, today_from and today; `kinds` are one at least."""
    return _count_waiting(kinds, _list_programmes(user, kinds), list_walked(kinds))


@lru_cache(maxsize=1024)
def _count_waiting(views: tuple[View, ...], programmes: tuple[str, ...], walked: frozenset[View]) -> ReadyQuery:
    # Each part stops at the limit as well: a union would otherwise read every row of every part first.
    asker = _anybody(programmes, walked)
    parts = [select(select(Case.id).where(*list_conditions(asker, view)).limit(COUNT_LIMIT).subquery().c.id)
             for view in views]
    return ReadyQuery(_count(select(union(*parts).subquery().c.id) if len(parts) > 1 else parts[0]))


def list_cases(user: User, narrowed: Filter, after: Place | None = None, before: Place | None = None) -> Page:
    """One page of all cases, newest change first; with the ended ones or by the day of opening, newest opened first."""
    if narrowed == Filter():  # the list that everybody opens
        return find_page(_page_open, after, before, descending=True, site_id=user.site_id)
    query = select_rows().where(*_narrow(_name(user, narrowed.waits_for), narrowed))
    return fetch_page(query, order_of(narrowed), Case.id, descending=True, after=after, before=before)


@lru_cache(maxsize=8)
def _page_open(way: Way) -> ReadyQuery:
    return order_page(select_rows().where(*_narrow(_anybody(), Filter())), Case.updated_at, Case.id, way)


def order_of(narrowed: Filter) -> Any:
    """The column by which list_cases orders; its value and the id are a row's place."""
    return Case.opened_at if narrowed.ended or narrowed.opened_from or narrowed.opened_before else Case.updated_at


def count_cases(user: User, narrowed: Filter) -> int:
    """How many cases the filter leaves, at most COUNT_LIMIT."""
    if narrowed == Filter():  # what every page of a list asks
        return int(build_open_count().find_value(site_id=user.site_id))
    asker = _name(user, narrowed.waits_for)
    return _fetch_count(_count(select(Case.id).where(*_narrow(asker, narrowed))))


@lru_cache(maxsize=1)
def build_open_count() -> ReadyQuery:
    """The query that counts the open cases of a site, given site_id."""
    return ReadyQuery(_count(select(literal_column("1")).select_from(Case).where(*_narrow(_anybody(), Filter()))))


def _count(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return select(func.count()).select_from(query.limit(COUNT_LIMIT).subquery())


def _fetch_count(query: Select[*tuple[Any, ...]]) -> int:
    return int(db.session.execute(query).scalar_one())


def select_rows() -> Select[*tuple[Any, ...]]:
    """What a row of any list of cases shows of the case and its person."""
    return select(
        Case.id, Case.number, Case.programme, Case.category, Case.state, Case.status, Case.progress,
        Case.progress_detail, Case.opened_at, Case.updated_at, Case.authority_case_number,
        Applicant.id.label("applicant_id"), Applicant.family_name, Applicant.given_names,
        Applicant.native_family_name, Applicant.native_given_names, Applicant.native_language,
        Applicant.birth_date, Applicant.sex,
    ).join(Applicant, Applicant.id == Case.applicant_id)


def _narrow(user: Asker, narrowed: Filter) -> list[Any]:
    conditions: list[Any] = []
    if narrowed.name:
        conditions.append(_has_name(user, narrowed.name))
    if narrowed.waits_for in CONDITIONS:
        conditions.append(CONDITIONS[narrowed.waits_for](user))
    if not conditions:
        conditions.append(Case.site_id == user.site_id)
    if narrowed.state is not None:
        conditions.append(Case.state == narrowed.state)
    elif not narrowed.ended:
        conditions.append(text(OPEN_STATES))
    if narrowed.programme:
        conditions.append(Case.programme == narrowed.programme)
    if narrowed.category:
        conditions.append(Case.category == narrowed.category)
    if narrowed.opened_from:
        conditions.append(Case.opened_at >= narrowed.opened_from)
    if narrowed.opened_before:
        conditions.append(Case.opened_at < narrowed.opened_before)
    if narrowed.number:
        conditions.append(_has_number(narrowed.number))
    return conditions


def _has_number(typed: str) -> ColumnElement[bool]:
    candidates = classify_identifier(typed)
    own = [one.value for one in candidates if one.kind is IdentifierKind.CASE_NUMBER]
    keys = {one.value for one in candidates if one.kind is not IdentifierKind.MRZ} | {to_key(typed)}
    return or_(Case.number.in_(own), Case.authority_case_key.in_(keys))


def _has_name(user: Asker, typed: str) -> ColumnElement[bool]:
    """Few people lead to their cases; where many have such a name, the site's cases are walked in their order."""
    few = find_few_named(user.site_id, typed)
    if few is None:
        return and_(Case.site_id == user.site_id, fits_name(typed, Case.applicant_id))
    return lead(user, Case.applicant_id, few)
