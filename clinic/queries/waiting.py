"""What waits for whom: for each kind of work the condition on a case, within the user's site, by whatever is fewer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, and_, exists, false, func, or_, select, text
from sqlalchemy.orm import aliased

from clinic import workflow
from clinic.db import db
from clinic.laboratory_test import list_tests
from clinic.models import (
    AmendmentRequest,
    Case,
    CaseState,
    Film,
    FormResponse,
    LabOrder,
    LabOrderState,
    LabResult,
    Requirement,
    ResultStatus,
    TbDose,
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
from clinic.queries.due_dose import select_without_dose_on
from clinic.queries.index_choice import LED_SITE, write_out
from clinic.ready_query import given

COMMON = 2000  # open requirements of a kind; what is found is the same on either side, only the way differs
ASK_AGAIN = 60.0  # seconds until it is looked again how many are open
WALKED = "clearway_walked"  # key of the application's extensions: what was found
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
    TREAT = "treat"  # a dose of today that nobody wrote down yet
    EXAMINE = "examine"
    VACCINATE = "vaccinate"
    NEW = "new"
    FACTS = "facts"
    MINE = "mine"  # what the user has begun and not completed


@dataclass(frozen=True, eq=False)
class Asker:
    """What a query needs to know of the user: values, or what stands for them where the query is built once for all."""

    site_id: Any
    id: Any
    programmes: tuple[str, ...] = ()  # that the user may sign for today; filled in where a query asks
    walked: frozenset[View] = frozenset()  # kinds of work so common that the cases are walked to find it


def list_conditions(user: Asker, view: View) -> list[ColumnElement[bool]]:
    """On the cases that wait with that kind of work; given today_from where the view is of new ones."""
    if view is View.NEW:
        return [_walk(user), Case.opened_at >= given("today_from", Case.opened_at.type)]
    return [CONDITIONS[view](user)]


def _walk(user: Asker) -> ColumnElement[bool]:
    """The site's open cases are read in their order until a page is full."""
    # OPEN_STATES stands word for word: only so may the partial index of the open cases serve the query.
    return and_(Case.site_id == user.site_id, text(OPEN_STATES))


def lead(user: Asker, key: Any, few: Any) -> ColumnElement[bool]:
    """The site's cases among the few that a select or a list names by `key`, a column of Case."""
    return and_(user.site_id == LED_SITE, key.in_(few))


def _has_open(user: Asker, view: View, *more: ColumnElement[bool], also: Any = None) -> ColumnElement[bool]:
    """Few open requirements lead to their cases; of many the first page's are found sooner by walking the cases.

    `also` is a select of ids of cases that are meant too.
    """
    # The WHERE stands as the partial index has it.
    waiting = select(Requirement.case_id).where(
        Requirement.exam.in_(EXAMS[view]()), text(f"requirement.{OPEN_REQUIREMENT}"), *more)
    recording = Case.state.in_(workflow.RECORDING)
    if view not in user.walked:
        return and_(recording, lead(user, Case.id, waiting if also is None else waiting.union(also)))
    # Not EXISTS: PostgreSQL would read all that is open first, to join it with the cases.
    has_one = waiting.where(Requirement.case_id == Case.id).correlate(Case).limit(1).scalar_subquery().is_not(None)
    return and_(recording, _walk(user), has_one if also is None else or_(has_one, Case.id.in_(also)))


def list_walked(views: Iterable[View | None]) -> frozenset[View]:
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
    return int(db.session.execute(select(func.count()).select_from(some.subquery())).scalar_one()) >= COMMON


def _has_film(where: str) -> ColumnElement[bool]:
    return exists().where(Film.case_id == Requirement.case_id, text(f"film.{where}"))


def _has_entered() -> ColumnElement[bool]:
    """A result that serves the requirement's examination waits for its second person."""
    serves = [and_(Requirement.exam == exam, LabResult.test.in_(
        [test.name for test in list_tests().values() if exam in test.exams])) for exam in list_laboratory_exams()]
    return exists().where(LabResult.case_id == Requirement.case_id, write_out(WAITING_RESULT, "lab_result"),
                          or_(*serves))


def _has_collected() -> ColumnElement[bool]:
    """What the requirement asks for has been drawn and is in work."""
    return exists().where(LabOrder.requirement_id == Requirement.id, LabOrder.state != LabOrderState.ORDERED,
                          text(f"lab_order.{LIVE_ORDER}"))


def _is_to_draw(user: Asker) -> ColumnElement[bool]:
    """Something is ordered and not drawn, or is still to be ordered."""
    ordered = select(LabOrder.case_id).where(
        text(f"lab_order.{LIVE_ORDER}"), LabOrder.state == LabOrderState.ORDERED,
        LabOrder.test.in_([test.name for test in list_tests().values() if test.tube]))
    return _has_open(user, View.DRAW, ~_has_entered(), ~_has_collected(), also=ordered)


def _has_sent_back(user: Asker) -> ColumnElement[bool]:
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
    refused = select(LabResult.case_id).where(write_out(SENT_BACK, "lab_result"), ~entered_again, still_open)
    return and_(Case.state.in_(workflow.RECORDING), lead(user, Case.id, refused))


def _has_unconfirmed(user: Asker) -> ColumnElement[bool]:
    """A result waits for its second person, and somebody else than `user` entered it."""
    waiting = select(LabResult.case_id).where(text(WAITING_RESULT), LabResult.entered_by_id != user.id)
    return and_(text(OPEN_STATES), lead(user, Case.id, waiting))


def _is_to_be_treated(user: Asker) -> ColumnElement[bool]:
    """A tuberculosis treatment goes on, and of today's dose nothing is written; given today."""
    few = select_without_dose_on(given("today", TbDose.day.type))
    return and_(text(OPEN_STATES), lead(user, Case.id, few))


def _may_be_signed(user: Asker) -> ColumnElement[bool]:
    if not user.programmes:
        return false()
    return and_(Case.site_id == user.site_id, Case.state == CaseState.IN_REVIEW,
                Case.programme.in_(user.programmes))


def _has_begun(user: Asker) -> ColumnElement[bool]:
    drafts = select(FormResponse.case_id).where(FormResponse.started_by_id == user.id, text(DRAFT))
    return and_(text(OPEN_STATES), lead(user, Case.id, drafts))


def _has_held(user: Asker) -> ColumnElement[bool]:
    held = select(Film.case_id).where(text(HELD))
    return and_(Case.state.in_(workflow.RECORDING), lead(user, Case.id, held))


def _is_to_be_amended(user: Asker) -> ColumnElement[bool]:
    """Asked for and not settled; what is amended is signed, perhaps acknowledged."""
    return lead(user, Case.id, select(AmendmentRequest.case_id).where(text(OPEN_REQUEST)))


def _lacks_facts(user: Asker) -> ColumnElement[bool]:
    return and_(Case.site_id == user.site_id, write_out(UNDECIDED, "health_case"))


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
CONDITIONS: dict[Any, Callable[[Asker], ColumnElement[bool]]] = {
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
    View.TREAT: _is_to_be_treated,
    View.EXAMINE: lambda user: _has_open(user, View.EXAMINE),
    View.VACCINATE: lambda user: _has_open(user, View.VACCINATE),
    View.FACTS: _lacks_facts,
    View.MINE: _has_begun,
}
