"""What a tuberculosis case itself waits for: its notification, and the new exam after a refusal and its year."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, cast, exists, select
from sqlalchemy.orm import aliased

from clinic.models import Case, CaseState, Task, TbCase, TbOutcome
from clinic.queries.due_source import Moment, columns, last_day

WAITING_YEAR = "us"  # the programme whose rules have it (us-addendum.md C3)
# How long ago a case may have been registered, so that not every one there ever was is read each minute.
NEWS, LONGEST_ABSENCE = timedelta(days=90), timedelta(days=5 * 365)  # of a notification; of a treatment and its year

_IS_UNNOTIFIED = and_(TbCase.notified_on.is_(None), TbCase.outcome.is_distinct_from(TbOutcome.NOT_TB))


def select_unnotified(moment: Moment) -> Select[*tuple[Any, ...]]:
    """By the day of registration: the health authority has not been told yet."""
    return select(*columns(TbCase.id, TbCase.id, TbCase.registered_on)).join(Case, Case.id == TbCase.case_id).where(
        _is_registered(moment, last_day("tb-notification", moment), NEWS), _IS_UNNOTIFIED)


def is_unnotified() -> ColumnElement[bool]:
    """Nobody has written down the notification, and the diagnosis stands."""
    return exists(select(TbCase.id).where(TbCase.id == Task.subject_id, _IS_UNNOTIFIED))


def was_notified() -> ColumnElement[bool]:
    """Somebody has written it down."""
    return exists(select(TbCase.id).where(TbCase.id == Task.subject_id, TbCase.notified_on.is_not(None)))


def select_returning(moment: Moment) -> Select[*tuple[Any, ...]]:
    """By the last dose elsewhere of who refused the site's treatment: the year of waiting ends, and nobody has come."""
    key = TbCase.id.concat(":").concat(cast(TbCase.elsewhere_ended_on, String))
    return select(*columns(key, TbCase.id, TbCase.elsewhere_ended_on)).join(Case, Case.id == TbCase.case_id).where(
        _is_registered(moment, moment.today, LONGEST_ABSENCE), _is_away(),
        TbCase.elsewhere_ended_on <= last_day("refusal-return", moment))


def is_away() -> ColumnElement[bool]:
    """The refusal stands, and no new case of the person was opened since."""
    return exists(select(TbCase.id).join(Case, Case.id == TbCase.case_id).where(
        TbCase.id == Task.subject_id, TbCase.elsewhere_ended_on.is_not(None), _is_away()))


def _is_registered(moment: Moment, until: date, since: timedelta) -> ColumnElement[bool]:
    return and_(TbCase.site_id.in_(moment.sites), TbCase.registered_on.between(moment.today - since, until))


def _is_away() -> ColumnElement[bool]:
    later = aliased(Case)
    return and_(TbCase.refused_on.is_not(None), Case.programme == WAITING_YEAR, ~exists().where(
        later.applicant_id == Case.applicant_id, later.programme == Case.programme, later.opened_at > Case.opened_at,
        later.state != CaseState.WITHDRAWN))
