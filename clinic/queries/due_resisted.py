"""Medicines of a treatment that goes on, which a result since then says the bacilli resist."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, exists, literal, or_, select, type_coerce

from clinic.models import Case, LabComponent, LabResult, ResultStatus, Task, TbCase, TbPhase
from clinic.queries.due_source import Moment, columns, last_moment
from clinic.tb_course import FLUOROQUINOLONES

KIND, TESTS, RESISTANT, CLASS = "resisted-medicine", ("dst", "sputum-naat"), "resistant", "fluoroquinolone"
COUNTING = (ResultStatus.FINAL, ResultStatus.CORRECTED)
# How long ago a case may have been registered, so that not every one there ever was is read each minute.
LONGEST = timedelta(days=3 * 365)


def select_resisted(moment: Moment) -> Select[*tuple[Any, ...]]:
    """By the confirmation of the result. What was known when the phase was begun, its physician confirmed then."""
    return select(*columns(LabResult.id, LabResult.id, LabResult.confirmed_at)).select_from(TbCase).join(
        Case, Case.id == TbCase.case_id).join(LabResult, LabResult.case_id == TbCase.case_id).where(
        TbCase.site_id.in_(moment.sites), TbCase.registered_on >= moment.today - LONGEST, _is_given_all_the_same(),
        LabResult.confirmed_at <= last_moment(KIND, moment))


def is_resisted() -> ColumnElement[bool]:
    """The result stands, and so does the phase that gives what it names."""
    return exists(select(LabResult.id).join(TbCase, TbCase.case_id == LabResult.case_id).where(
        LabResult.id == Task.subject_id, _is_given_all_the_same()))


def _is_given_all_the_same() -> ColumnElement[bool]:
    of_class = (_is_given(drug) for drug in FLUOROQUINOLONES)
    return and_(
        TbCase.outcome.is_(None), TbCase.refused_on.is_(None), LabResult.test.in_(TESTS),
        LabResult.superseded_at.is_(None), LabResult.status.in_(COUNTING),
        exists(select(TbPhase.id).join(LabComponent, LabComponent.result_id == LabResult.id).where(
            TbPhase.case_id == LabResult.case_id, TbPhase.is_void.is_(False), TbPhase.ended_on.is_(None),
            TbPhase.recorded_at < LabResult.confirmed_at, LabComponent.value == RESISTANT,
            or_(_is_given(LabComponent.name), and_(LabComponent.name == CLASS, or_(*of_class)))).correlate(
                LabResult)))


def _is_given(drug: Any) -> ColumnElement[bool]:
    """Whether the phase gives it: the medicines are the names of a JSON object."""
    return type_coerce(TbPhase.drugs, Text).like(literal('%"').concat(drug).concat('":%'))
