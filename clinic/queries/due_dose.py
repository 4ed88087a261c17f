"""Who is under treatment for tuberculosis and has had no dose for some days: whoever stays away is asked for."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Date, Select, String, and_, case, cast, exists, func, or_, select

from clinic import clock
from clinic.models import Case, DoseState, PhaseName, ResultStatus, Task, TbDose, TbPhase, TbSideEffect, Treatment
from clinic.models.treatment import UNDER_WAY
from clinic.queries.due_source import Moment, columns, last_day, led_at_sites
from clinic.queries.index_choice import write_out
from clinic.tb_regimen import ALL_STOPPED, get_interruption_rule

END = "treatment-end"  # the kind of task
WEEKEND = 2  # days on which a treatment of five days a week gives nothing

_GIVEN = and_(TbDose.superseded_at.is_(None), TbDose.state == DoseState.GIVEN)
_LAST = func.coalesce(
    select(func.max(TbDose.day)).where(TbDose.case_id == Treatment.case_id, _GIVEN).correlate(Treatment)
    .scalar_subquery(), TbPhase.started_on)
_DONE = select(func.count()).select_from(TbDose).where(
    TbDose.phase_id == TbPhase.id, _GIVEN).correlate(TbPhase).scalar_subquery()
_GOES_ON = (TbPhase.ended_on.is_(None), TbPhase.is_void.is_(False),
            or_(TbPhase.name == PhaseName.INTENSIVE, TbPhase.planned_doses > _DONE))
# The doses of the last phase are given, and nobody has said how the treatment ended.
_IS_OVER = (TbPhase.name == PhaseName.CONTINUATION, TbPhase.is_void.is_(False), TbPhase.ended_on.is_(None),
            TbPhase.planned_doses > 0, TbPhase.planned_doses <= _DONE)
_LAST_OF_PHASE = select(func.max(TbDose.day)).where(
    TbDose.phase_id == TbPhase.id, _GIVEN).correlate(TbPhase).scalar_subquery()
_IS_CURRENT = and_(write_out(UNDER_WAY, "treatment"), Treatment.status != ResultStatus.ENTERED_IN_ERROR)
# All medicines are stopped and nobody has decided since (clinic/services/tb_given.py says the same of one case's days).
_IS_STOPPED = exists().where(
    TbSideEffect.case_id == Treatment.case_id, TbSideEffect.superseded_at.is_(None), TbSideEffect.ended_on.is_(None),
    TbSideEffect.action == ALL_STOPPED, TbSideEffect.recorded_at > TbPhase.recorded_at)
_WENT_ON = func.coalesce(
    select(func.max(func.date(TbSideEffect.superseded_at, type_=Date()))).where(
        TbSideEffect.case_id == Treatment.case_id, TbSideEffect.action == ALL_STOPPED).correlate(Treatment)
    .scalar_subquery(), TbPhase.started_on)


def select_without_doses(moment: Moment) -> Select[*tuple[Any, ...]]:
    """More whole days have passed than are noticed as an interruption: since the last dose given, the beginning of the
    phase, or the day on which stopped medicines went on. While all are stopped no dose is missed."""
    base = _find_later(_find_later(_LAST, _WENT_ON), TbPhase.started_on)
    key = Treatment.series_id.concat(":").concat(cast(base, String))
    return select(*columns(key, Treatment.series_id, base), case(
        (TbPhase.days_per_week < 7, _count_days() + WEEKEND), else_=_count_days()).label("days")).join(
        Case, Case.id == Treatment.case_id).join(TbPhase, TbPhase.case_id == Treatment.case_id).where(
        _is_due(moment.today, base), ~_IS_STOPPED, led_at_sites(moment))


def without_doses() -> ColumnElement[bool]:
    """The treatment goes on, and its last dose is as old as ever."""
    return exists(select(Treatment.id).join(TbPhase, TbPhase.case_id == Treatment.case_id).where(
        Treatment.series_id == Task.subject_id, _is_due(clock.today() + timedelta(days=1), _LAST)))


def select_without_dose_on(day: Any) -> Select[*tuple[Any, ...]]:
    """The cases under treatment for which nobody wrote down yet what became of the dose of that day."""
    return select(Treatment.case_id).join(TbPhase, TbPhase.case_id == Treatment.case_id).where(
        write_out(UNDER_WAY, "treatment"), Treatment.status != ResultStatus.ENTERED_IN_ERROR,
        Treatment.started_on <= day,  # by its index
        *_GOES_ON, TbPhase.started_on <= day, ~_IS_STOPPED,
        ~exists().where(TbDose.case_id == Treatment.case_id, TbDose.superseded_at.is_(None), TbDose.day == day))


def has_ended(before: date) -> ColumnElement[bool]:
    """Whether the last dose that was planned was given before that day: what is awaited is cultures, no month."""
    return exists(select(TbPhase.id).where(
        TbPhase.case_id == Treatment.case_id, *_IS_OVER, before > _LAST_OF_PHASE).correlate(Treatment))


def select_ended(moment: Moment) -> Select[*tuple[Any, ...]]:
    """By the last dose that was planned: how it ended is not written down, often since cultures are awaited."""
    return select(*columns(Treatment.series_id, Treatment.series_id, _LAST_OF_PHASE)).join(
        Case, Case.id == Treatment.case_id).join(TbPhase, TbPhase.case_id == Treatment.case_id).where(
        _IS_CURRENT, Treatment.started_on <= last_day(END, moment),  # by its index: no dose was given before
        *_IS_OVER, last_day(END, moment) >= _LAST_OF_PHASE, led_at_sites(moment))


def is_without_outcome() -> ColumnElement[bool]:
    """Every dose that was planned is given, and the treatment has no outcome."""
    return exists(select(Treatment.id).join(TbPhase, TbPhase.case_id == Treatment.case_id).where(
        Treatment.series_id == Task.subject_id, _IS_CURRENT, *_IS_OVER))


def has_outcome() -> ColumnElement[bool]:
    """The treatment has its outcome; else more doses were planned."""
    return ~exists(select(Treatment.id).where(Treatment.series_id == Task.subject_id, _IS_CURRENT))


def _find_later(one: Any, other: Any) -> Any:
    return case((one > other, one), else_=other)


def _count_days() -> int:
    """From the last dose to the day on which it is noticed: each day between has passed without one."""
    return get_interruption_rule().noticed_after_days + 2


def _is_due(today: date, base: Any) -> ColumnElement[bool]:
    usual = today - timedelta(days=_count_days())
    return and_(
        write_out(UNDER_WAY, "treatment"), Treatment.status != ResultStatus.ENTERED_IN_ERROR,
        Treatment.started_on <= usual,  # by its index: no dose was given before
        *_GOES_ON, or_(and_(TbPhase.days_per_week == 7, usual >= base), usual - timedelta(days=WEEKEND) >= base))
