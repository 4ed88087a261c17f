"""Lists of cases and their counters: what waits for whom, and every case by what it is; within the user's site."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache, partial
from time import monotonic
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, Select, and_, exists, false, func, or_, select, text, union
from sqlalchemy.orm import aliased

from clinic import clock, workflow
from clinic.db import db
from clinic.identifier import IdentifierKind, classify_identifier, to_key
from clinic.laboratory_test import list_tests
from clinic.models import (
    AmendmentRequest,
    Applicant,
    Case,
    CaseState,
    Film,
    FormResponse,
    LabOrder,
    LabOrderState,
    LabResult,
    Requirement,
    ResultStatus,
    User,
)
from clinic.models.amendment import OPEN_REQUEST
from clinic.models.case import OPEN_STATES, UNDECIDED
from clinic.models.film import HELD, READABLE
from clinic.models.form import DRAFT
from clinic.models.lab_order import LIVE as LIVE_ORDER
from clinic.models.laboratory import SENT_BACK
from clinic.models.laboratory import WAITING as WAITING_RESULT
from clinic.models.requirement import OPEN as OPEN_REQUIREMENT
from clinic.progress import SPUTUM, XRAY
from clinic.queries.name import find_few_named, fits_name
from clinic.queries.page import Page, Place, Way, fetch_page, find_page, order_page
from clinic.ready_query import ReadyQuery, given

COMMON = 2000  # open requirements of a kind; what is found is the same on either side, only the way differs
ASK_AGAIN = 60.0  # seconds until it is looked again how many are open
WALKED = "clearway_walked"  # key of the application's extensions: what was found
COUNT_LIMIT = 1000  # a counter says "1000+" rather than count a hundred thousand rows for every page
EXAMINING = ("medical-exam", "limited-medical-exam", "tb-clinical-review", "tb-interview")


class View(StrEnum):
    """One kind of waiting work; which of them a user gets follows from the permissions (clinic/web/worklist.py)."""

    SENT_BACK = "sent-back"
    SIGN = "sign"
    AMEND = "amend"  # signed, and somebody found something wrong
    CONFIRM = "confirm"  # what somebody else entered
    READ = "read"
    HELD = "held"
    TAKE = "take"
    DRAW = "draw"  # blood and urine to be taken
    ENTER = "enter"
    SPUTUM = "sputum"
    EXAMINE = "examine"
    VACCINATE = "vaccinate"
    NEW = "new"
    FACTS = "facts"
    MINE = "mine"  # what the user has begun and not completed


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


@dataclass(frozen=True, eq=False)
class _Asker:
    """What a query needs to know of the user: values, or what stands for them where the query is built once for all."""

    site_id: Any
    id: Any
    programmes: tuple[str, ...] = ()  # that the user may sign for today; filled in where a query asks
    walked: frozenset[View] = frozenset()  # kinds of work so common that the cases are walked to find it


def _list_programmes(user: User, views: Iterable[View | None]) -> tuple[str, ...]:
    if View.SIGN not in views:
        return ()
    today = clock.today(user.site.time_zone)
    return tuple(sorted({row.programme for row in user.authorisations
                         if row.valid_from <= today and (row.valid_until is None or today <= row.valid_until)}))


def _anybody(programmes: tuple[str, ...] = (), walked: frozenset[View] = frozenset()) -> _Asker:
    return _Asker(given("site_id"), given("user_id"), programmes, walked)


def _name(user: User, view: View | None) -> _Asker:
    return _Asker(user.site_id, user.id, walked=_list_walked((view,)))


def list_waiting(user: User, view: View, today_from: datetime, after: Place | None = None,
                 before: Place | None = None) -> Page:
    """One page of a kind of work, longest waiting first; `today_from` is the moment the site's day began."""
    build = partial(_page_waiting, view, _list_programmes(user, [view]), _list_walked((view,)))
    return find_page(build, after, before, site_id=user.site_id, user_id=user.id, today_from=today_from)


@lru_cache(maxsize=256)
def _page_waiting(view: View, programmes: tuple[str, ...], walked: frozenset[View], way: Way) -> ReadyQuery:
    query = select_rows().where(*_waiting(_anybody(programmes, walked), view))
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
    return int(query.find_value(site_id=user.site_id, user_id=user.id, today_from=today_from))


def build_count(user: User, kinds: tuple[View, ...]) -> ReadyQuery:
    """The query behind count_mine, given site_id, user_id and today_from; `kinds` are one at least."""
    return _count_waiting(kinds, _list_programmes(user, kinds), _list_walked(kinds))


@lru_cache(maxsize=1024)
def _count_waiting(views: tuple[View, ...], programmes: tuple[str, ...], walked: frozenset[View]) -> ReadyQuery:
    # Each part stops at the limit as well: a union would otherwise read every row of every part first.
    asker = _anybody(programmes, walked)
    parts = [select(select(Case.id).where(*_waiting(asker, view)).limit(COUNT_LIMIT).subquery().c.id)
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
    return ReadyQuery(_count(select(Case.id).where(*_narrow(_anybody(), Filter()))))


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


def _waiting(user: _Asker, view: View) -> list[Any]:
    if view is View.NEW:
        return [_walk(user), Case.opened_at >= given("today_from", Case.opened_at.type)]
    return [_WAITING[view](user)]


def _walk(user: _Asker) -> ColumnElement[bool]:
    """The site's open cases are read in their order until a page is full."""
    # OPEN_STATES stands word for word: only so may the partial index of the open cases serve the query.
    return and_(Case.site_id == user.site_id, text(OPEN_STATES))


def _lead(user: _Asker, key: Any, few: Any) -> ColumnElement[bool]:
    """The site's cases among the few that a select or a list names by `key`, a column of Case."""
    # SQLite keeps no counts of rows and would walk the site's cases here too, were the site's index to be had.
    return and_(func.coalesce(Case.site_id, "") == user.site_id, key.in_(few))


def _narrow(user: _Asker, narrowed: Filter) -> list[Any]:
    conditions: list[Any] = []
    if narrowed.name:
        conditions.append(_has_name(user, narrowed.name))
    if narrowed.waits_for in _WAITING:
        conditions.append(_WAITING[narrowed.waits_for](user))
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


def _has_name(user: _Asker, typed: str) -> ColumnElement[bool]:
    """Few people lead to their cases; where many have such a name, the site's cases are walked in their order."""
    few = find_few_named(user.site_id, typed)
    if few is None:
        return and_(Case.site_id == user.site_id, fits_name(typed, Case.applicant_id))
    return _lead(user, Case.applicant_id, few)


def _has_open(user: _Asker, view: View, *more: ColumnElement[bool], also: Any = None) -> ColumnElement[bool]:
    """Few open requirements lead to their cases; of many the first page's are found sooner by walking the cases.

    `also` is a select of ids of cases that are meant too.
    """
    # The WHERE stands as the partial index has it.
    waiting = select(Requirement.case_id).where(
        Requirement.exam.in_(EXAMS[view]()), text(f"requirement.{OPEN_REQUIREMENT}"), *more)
    recording = Case.state.in_(workflow.RECORDING)
    if view not in user.walked:
        return and_(recording, _lead(user, Case.id, waiting if also is None else waiting.union(also)))
    has_one = waiting.where(Requirement.case_id == Case.id).correlate(Case).exists()
    return and_(recording, _walk(user), has_one if also is None else or_(has_one, Case.id.in_(also)))


def _list_walked(views: Iterable[View | None]) -> frozenset[View]:
    """Those of `views` for which more than a few requirements are open: asked again after a minute.

    Either way finds the same, so an answer of a minute ago costs time at most.
    """
    asked: dict[View, tuple[float, bool]] = current_app.extensions.setdefault(WALKED, {})
    walked = set()
    for view in EXAMS.keys() & set(views):
        until, is_common = asked.get(view, (0.0, False))
        if until < monotonic():
            is_common = _is_common(EXAMS[view]())
            asked[view] = monotonic() + ASK_AGAIN, is_common
        if is_common:
            walked.add(view)
    return frozenset(walked)


def _is_common(exams: Sequence[str]) -> bool:
    some = select(Requirement.case_id).where(
        Requirement.exam.in_(exams), text(f"requirement.{OPEN_REQUIREMENT}")).limit(COMMON)
    return _fetch_count(select(func.count()).select_from(some.subquery())) >= COMMON


def _has_film(where: str) -> ColumnElement[bool]:
    return exists().where(Film.case_id == Requirement.case_id, text(f"film.{where}"))


def _has_entered() -> ColumnElement[bool]:
    """A result that serves the requirement's examination waits for its second person."""
    serves = [and_(Requirement.exam == exam, LabResult.test.in_(
        [test.name for test in list_tests().values() if exam in test.exams])) for exam in list_laboratory_exams()]
    return exists().where(LabResult.case_id == Requirement.case_id, _write_out(WAITING_RESULT, "lab_result"),
                          or_(*serves))


def _has_collected() -> ColumnElement[bool]:
    """What the requirement asks for has been drawn and is in work."""
    return exists().where(LabOrder.requirement_id == Requirement.id, LabOrder.state != LabOrderState.ORDERED,
                          text(f"lab_order.{LIVE_ORDER}"))


def _is_to_draw(user: _Asker) -> ColumnElement[bool]:
    """Something is ordered and not drawn, or is still to be ordered."""
    ordered = select(LabOrder.case_id).where(
        text(f"lab_order.{LIVE_ORDER}"), LabOrder.state == LabOrderState.ORDERED,
        LabOrder.test.in_([test.name for test in list_tests().values() if test.tube]))
    return _has_open(user, View.DRAW, ~_has_entered(), ~_has_collected(), also=ordered)


def _has_sent_back(user: _Asker) -> ColumnElement[bool]:
    """A result of laboratory work still open was sent back, and nobody has entered it again."""
    later = aliased(LabResult)
    entered_again = exists().where(
        later.case_id == LabResult.case_id, later.test == LabResult.test, later.superseded_at.is_(None),
        later.entered_at > LabResult.entered_at, later.status != ResultStatus.ENTERED_IN_ERROR,
        func.coalesce(later.specimen_id, "") == func.coalesce(LabResult.specimen_id, ""),
        or_(LabResult.test.not_in(BY_METHOD), func.coalesce(later.method, "") == func.coalesce(LabResult.method, "")),
    )
    still_open = exists().where(
        Requirement.case_id == LabResult.case_id, Requirement.exam.in_(list_laboratory_exams() + list(SPUTUM)),
        text(f"requirement.{OPEN_REQUIREMENT}"))
    refused = select(LabResult.case_id).where(_write_out(SENT_BACK, "lab_result"), ~entered_again, still_open)
    return and_(Case.state.in_(workflow.RECORDING), _lead(user, Case.id, refused))


def _write_out(where: str, table: str) -> Any:
    """A partial index's condition with its columns named in full: they stand beside another row of the same table."""
    return text(" and ".join(f"{table}.{part}" for part in where.split(" and ")))


def _has_unconfirmed(user: _Asker) -> ColumnElement[bool]:
    """A result waits for its second person, and somebody else than `user` entered it."""
    waiting = select(LabResult.case_id).where(text(WAITING_RESULT), LabResult.entered_by_id != user.id)
    return and_(text(OPEN_STATES), _lead(user, Case.id, waiting))


def _may_be_signed(user: _Asker) -> ColumnElement[bool]:
    if not user.programmes:
        return false()
    return and_(Case.site_id == user.site_id, Case.state == CaseState.IN_REVIEW,
                Case.programme.in_(user.programmes))


def _has_begun(user: _Asker) -> ColumnElement[bool]:
    drafts = select(FormResponse.case_id).where(FormResponse.started_by_id == user.id, text(DRAFT))
    return and_(text(OPEN_STATES), _lead(user, Case.id, drafts))


def _has_held(user: _Asker) -> ColumnElement[bool]:
    held = select(Film.case_id).where(text(HELD))
    return and_(Case.state.in_(workflow.RECORDING), _lead(user, Case.id, held))


def _is_to_be_amended(user: _Asker) -> ColumnElement[bool]:
    """Asked for and not settled; what is amended is signed, perhaps acknowledged."""
    return _lead(user, Case.id, select(AmendmentRequest.case_id).where(text(OPEN_REQUEST)))


def _lacks_facts(user: _Asker) -> ColumnElement[bool]:
    return and_(Case.site_id == user.site_id, _write_out(UNDECIDED, "health_case"))


# Results of these by another method are other results.
BY_METHOD = [test.name for test in list_tests().values() if test.by_method]


def list_laboratory_exams() -> list[str]:
    """Every examination that a laboratory result serves, without sputum."""
    return sorted({exam for test in list_tests().values() for exam in test.exams} - set(SPUTUM))


def list_drawn_exams() -> list[str]:
    """Every examination for which blood or urine is taken first."""
    return sorted({exam for test in list_tests().values() if test.tube and not test.asked_after for exam in test.exams})


# The open examinations that make the work of a kind.
EXAMS: dict[View, Callable[[], Sequence[str]]] = {
    View.READ: lambda: XRAY, View.TAKE: lambda: XRAY, View.DRAW: list_drawn_exams, View.ENTER: list_laboratory_exams,
    View.SPUTUM: lambda: SPUTUM, View.EXAMINE: lambda: EXAMINING, View.VACCINATE: lambda: ("vaccination-review",),
}
_WAITING: dict[Any, Callable[[_Asker], ColumnElement[bool]]] = {
    View.SENT_BACK: _has_sent_back,
    View.SIGN: _may_be_signed,
    View.AMEND: _is_to_be_amended,
    View.CONFIRM: _has_unconfirmed,
    View.READ: lambda user: _has_open(user, View.READ, _has_film(READABLE)),
    View.HELD: _has_held,
    View.TAKE: lambda user: _has_open(user, View.TAKE, ~_has_film(READABLE)),
    View.DRAW: _is_to_draw,
    View.ENTER: lambda user: _has_open(user, View.ENTER, ~_has_entered()),
    View.SPUTUM: lambda user: _has_open(user, View.SPUTUM),
    View.EXAMINE: lambda user: _has_open(user, View.EXAMINE),
    View.VACCINATE: lambda user: _has_open(user, View.VACCINATE),
    View.FACTS: _lacks_facts,
    View.MINE: _has_begun,
}
