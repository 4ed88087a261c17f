"""What the statements of clinic/queries/due.py share: the moment, the source of a kind of task, the days that count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, TextClause, and_, exists, literal, or_, text, true
from sqlalchemy.orm import aliased

from clinic.models import Case, CaseState, SignedExam, Task
from clinic.queries.index_choice import LED_SITE
from clinic.task_kind import list_task_kinds


@dataclass(frozen=True)
class Moment:
    """Now, as the sites of one calendar day see it."""

    now: datetime
    today: date
    sites: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """Where tasks of a kind come from.

    `select_due` gives rows of (key, subject_id, site_id, case_id, base), also of what was asked for before, which
    `select_new` leaves out: `base` is the day or moment from which the kind counts its days, and what its sentence
    names where no `told` follows. `is_waiting` is the condition on an open Task that what it waits for has not
    happened; `has_come` the one that it has, where it may also be that nobody waits for it any more: without, the two
    are one.
    """

    kind: str
    select_due: Callable[[Moment], Select[*tuple[Any, ...]]]
    is_waiting: Callable[[], ColumnElement[bool]]
    has_come: Callable[[], ColumnElement[bool]] = true


def last_day(kind: str, moment: Moment) -> date:
    """The latest day from which the kind's days have passed, or will have when the task appears."""
    row = list_task_kinds()[kind]
    return moment.today - timedelta(days=(row.days or 0) - row.ahead)


def last_moment(kind: str, moment: Moment) -> datetime:
    """The same for a moment."""
    row = list_task_kinds()[kind]
    return moment.now - timedelta(days=(row.days or 0) - row.ahead)


def was_asked(kind: str, key: Any, is_waiting: Callable[[], ColumnElement[bool]]) -> ColumnElement[bool]:
    """Whether the task of that key was opened before, closed or not; found by the unique index.

    Not where what ended it holds no more (the result was taken back, the diagnosis was wrong): it is asked for again.
    """
    return exists().where(Task.key == literal(f"{kind}:").concat(key),
                          or_(Task.closed_at.is_(None), ~ended_by_fact(kind), ~is_waiting()))


def ended_by_fact(kind: str) -> ColumnElement[bool]:
    """Whether a closed task ended by what was recorded elsewhere, and by nobody's word."""
    return or_(Task.closed_by_id.is_(None), Task.outcome.in_(sorted(list_task_kinds()[kind].recorded)))


def columns(key: Any, subject: Any, base: Any) -> tuple[Any, ...]:
    """What a statement of a source gives."""
    return (key.label("key"), subject.label("subject_id"), Case.site_id, Case.id.label("case_id"), base.label("base"))


def at_sites(moment: Moment) -> ColumnElement[bool]:
    """Whether the case is of one of the moment's sites."""
    return Case.site_id.in_(moment.sites)


def led_at_sites(moment: Moment) -> ColumnElement[bool]:
    """The same where another table's few rows lead to the cases."""
    return LED_SITE.in_(moment.sites)


def is_cultured() -> TextClause:
    """A specimen that is cultured and not lost; written out, so that the index of such specimens is used."""
    return text("specimen.kind in ('sputum', 'gastric-aspirate') and specimen.withdrawn_at is null "
                "and specimen.rejected_at is null")


def is_in_force() -> ColumnElement[bool]:
    """The signed exam is neither revoked nor replaced, and the person has no later case for the same destination."""
    newer, later = aliased(SignedExam), aliased(Case)
    return and_(
        SignedExam.revoked_at.is_(None), ~exists().where(newer.replaces_id == SignedExam.id),
        ~exists().where(later.applicant_id == Case.applicant_id, later.programme == Case.programme,
                        later.opened_at > SignedExam.signed_at, later.state != CaseState.WITHDRAWN))
