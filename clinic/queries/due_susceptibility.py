"""Cultures that grew the M. tuberculosis complex without a report of their susceptibility: each has its own clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, select

from clinic import culture, workflow
from clinic.laboratory_test import NEEDED_DRUG
from clinic.models import Case, LabComponent, LabResult, ResultStatus, Specimen, Task
from clinic.queries.due_source import Moment, at_sites, columns, is_cultured, last_day, was_asked

KIND, TEST = "susceptibility-awaited", "dst"
COUNTING = (ResultStatus.FINAL, ResultStatus.CORRECTED)
# How long ago a specimen may have been taken, so that not every one there ever was is read each minute.
LONGEST = timedelta(days=365)

_COUNTS = and_(LabResult.specimen_id == Specimen.id, LabResult.superseded_at.is_(None),
               LabResult.status.in_(COUNTING))
_GREW = and_(_COUNTS, LabResult.test == culture.TEST, LabResult.value == "mtb")
_REPORTED_ON = select(func.min(func.coalesce(LabResult.reported_on, LabResult.performed_on))).where(
    _GREW).correlate(Specimen).scalar_subquery()


def select_untested(moment: Moment) -> Select[*tuple[Any, ...]]:
    """By the report of the culture: the laboratory has not said which medicines the bacilli resist."""
    last = last_day(KIND, moment)
    return select(*columns(Specimen.id, Specimen.id, _REPORTED_ON)).join(Case, Case.id == Specimen.case_id).where(
        Specimen.collected_on.between(moment.today - LONGEST, last), _is_untested(), last >= _REPORTED_ON,
        at_sites(moment), ~was_asked(KIND, Specimen.id, is_untested))


def is_untested() -> ColumnElement[bool]:
    """The culture stands, and so does the question."""
    return exists(select(Specimen.id).join(Case, Case.id == Specimen.case_id).where(
        Specimen.id == Task.subject_id, _is_untested()))


def was_answered() -> ColumnElement[bool]:
    """The susceptibility was reported."""
    return exists(select(Specimen.id).where(Specimen.id == Task.subject_id, _has_answer()))


def _has_answer() -> ColumnElement[bool]:
    return exists(select(LabResult.id).join(LabComponent, LabComponent.result_id == LabResult.id).where(
        _COUNTS, LabResult.test == TEST, LabComponent.name == NEEDED_DRUG))


def _is_untested() -> ColumnElement[bool]:
    """Grown, and not tested as bacilli of a culture are. What a molecular test says of rifampicin alone, as the first
    specimen's often does, does not stand for that: the question is about isoniazid too."""
    return and_(
        is_cultured(), Case.state.in_(workflow.RECORDING), exists(select(LabResult.id).where(_GREW)),
        ~_has_answer())
