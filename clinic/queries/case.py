"""Cases as screens need them: one to open, the worklist's rows and counters; always within the user's site."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, and_, func, select, text, tuple_
from sqlalchemy.engine import Row

from clinic import workflow
from clinic.db import db
from clinic.errors import NotFound
from clinic.laboratory_test import list_tests
from clinic.models import AmendmentRequest, Applicant, Case, CaseState, LabResult, Requirement, User
from clinic.models.amendment import OPEN_REQUEST
from clinic.models.case import OPEN_STATES
from clinic.models.laboratory import WAITING as WAITING_RESULT
from clinic.models.requirement import OPEN as OPEN_REQUIREMENT

PAGE = 50
COUNT_LIMIT = 1000  # a counter says "1000+" rather than count a hundred thousand rows for every page

EXAMINING = ("medical-exam", "limited-medical-exam", "tb-clinical-review", "tb-interview")
SPUTUM = ("sputum-series", "sputum-replacement")


class View(StrEnum):
    """One cut of the worklist; which of them a user gets follows from the permissions (clinic/web/worklist.py)."""

    SIGN = "sign"
    AMEND = "amend"  # signed, and somebody found something wrong
    EXAMINE = "examine"
    CONFIRM = "confirm"
    ENTER = "enter"
    SPUTUM = "sputum"
    XRAY = "xray"
    VACCINATE = "vaccinate"
    FACTS = "facts"
    TODAY = "today"
    OPEN = "open"
    STATE = "state"  # every case in one state, the ended ones too


@dataclass(frozen=True)
class Filter:
    """What the reader narrowed the list to; `today_from` is the moment the site's day began."""

    today_from: datetime
    state: CaseState | None = None
    programme: str | None = None


Cursor = tuple[datetime, str]


def get_case(case_id: str, user: User) -> Case:
    """The case, if it belongs to the user's site. Raises NotFound: another site's case looks like none."""
    case = db.session.execute(
        select(Case).where(Case.id == case_id, Case.site_id == user.site_id)
    ).unique().scalar_one_or_none()
    if case is None:
        raise NotFound(_("There is no such case at your site. Search for its number or the applicant."), case=case_id)
    return case


def list_recording_cases(applicant_id: str) -> list[Case]:
    """The applicant's cases that are not signed or ended: what a corrected birth date still changes."""
    return list(db.session.execute(
        select(Case).where(Case.applicant_id == applicant_id, Case.state.in_(workflow.RECORDING))
    ).unique().scalars())


def list_worklist(
    user: User, view: View, narrowed: Filter, after: Cursor | None = None, before: Cursor | None = None
) -> tuple[list[Row[Any]], bool]:
    """One page of rows in the view's order, and whether more follow in the direction of reading.

    Rows that wait come longest waiting first; the lists of everything come newest change first.
    """
    query = _select_rows(user, view, narrowed)
    place = tuple_(Case.updated_at, Case.id)
    newest_first = view in (View.OPEN, View.TODAY, View.STATE)
    backwards = before is not None
    edge = before or after
    descending = newest_first != backwards
    if edge is not None:
        query = query.where(place < tuple_(*edge) if descending else place > tuple_(*edge))
    order = (Case.updated_at.desc(), Case.id.desc()) if descending else (Case.updated_at, Case.id)
    rows = list(db.session.execute(query.order_by(*order).limit(PAGE + 1)))
    more = len(rows) > PAGE
    rows = rows[:PAGE]
    return (rows[::-1] if backwards else rows), more


def count_worklist(user: User, view: View, narrowed: Filter) -> int:
    """How many rows a view holds, at most COUNT_LIMIT."""
    some = select(Case.id).where(*_conditions(user, view, narrowed)).limit(COUNT_LIMIT).subquery()
    return db.session.execute(select(func.count()).select_from(some)).scalar_one()


def _select_rows(user: User, view: View, narrowed: Filter) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Case.id, Case.number, Case.programme, Case.category, Case.state, Case.status, Case.progress,
            Case.progress_detail, Case.opened_at, Case.updated_at, Case.authority_case_number,
            Applicant.id.label("applicant_id"), Applicant.family_name, Applicant.given_names,
            Applicant.native_family_name, Applicant.native_given_names, Applicant.native_language,
            Applicant.birth_date, Applicant.sex,
        )
        .join(Applicant, Applicant.id == Case.applicant_id)
        .where(*_conditions(user, view, narrowed))
    )


def _conditions(user: User, view: View, narrowed: Filter) -> Sequence[ColumnElement[bool]]:
    # OPEN_STATES stands word for word: only so may the partial index of the open cases serve the query.
    conditions: list[Any] = [Case.site_id == user.site_id]
    if view not in (View.STATE, View.AMEND):  # what is amended is signed, perhaps acknowledged
        conditions.append(text(OPEN_STATES))
    if view is View.TODAY:
        conditions.append(Case.opened_at >= narrowed.today_from)
    elif view in _WAITING:
        conditions.append(_WAITING[view]())
    if narrowed.state is not None or view is View.STATE:
        conditions.append(Case.state == narrowed.state)
    if narrowed.programme:
        conditions.append(Case.programme == narrowed.programme)
    return conditions


def _has_open(exams: Sequence[str]) -> ColumnElement[bool]:
    # The WHERE stands as the partial index has it; its rows are few, so they lead to the cases and not the reverse.
    return and_(Case.state.in_(workflow.RECORDING), Case.id.in_(
        select(Requirement.case_id).where(Requirement.exam.in_(exams), text(f"requirement.{OPEN_REQUIREMENT}"))))


def _has_unconfirmed() -> ColumnElement[bool]:
    return Case.id.in_(select(LabResult.case_id).where(text(WAITING_RESULT)))


def _laboratory_exams() -> list[str]:
    return sorted({exam for test in list_tests().values() for exam in test.exams} - set(SPUTUM))


_WAITING: dict[View, Callable[[], ColumnElement[bool]]] = {
    View.SIGN: lambda: Case.state == CaseState.IN_REVIEW,
    View.AMEND: lambda: Case.id.in_(select(AmendmentRequest.case_id).where(text(OPEN_REQUEST))),
    View.EXAMINE: lambda: _has_open(EXAMINING),
    View.CONFIRM: _has_unconfirmed,
    View.ENTER: lambda: _has_open(_laboratory_exams()),
    View.SPUTUM: lambda: _has_open(SPUTUM),
    View.XRAY: lambda: _has_open(("chest-xray", "tb-child-workup")),
    View.VACCINATE: lambda: _has_open(("vaccination-review",)),
    View.FACTS: lambda: and_(Case.state.in_(workflow.RECORDING), Case.status == "undecided"),
}
