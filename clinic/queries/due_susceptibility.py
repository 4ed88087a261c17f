"""Cultures that grew the M. tuberculosis complex without a report of their susceptibility: each has its own clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, select
from sqlalchemy.orm import aliased

from clinic import culture, workflow
from clinic.laboratory_test import NEEDED_DRUG
from clinic.models import Case, LabComponent, LabResult, ResultStatus, Specimen, Task
from clinic.models.laboratory import GROWN
from clinic.queries.due_source import Moment, columns, is_cultured, last_day, led_at_sites
from clinic.queries.index_choice import write_out

KIND, TEST = "susceptibility-awaited", "dst"
COUNTING = (ResultStatus.FINAL, ResultStatus.CORRECTED)
# How long ago a specimen may have been taken, so that not every one there ever was is read each minute.
LONGEST = timedelta(days=365)

_COUNTS = and_(LabResult.specimen_id == Specimen.id, LabResult.superseded_at.is_(None),
               LabResult.status.in_(COUNTING))
_GREW = and_(_COUNTS, LabResult.test == culture.TEST, LabResult.value == "mtb")


def select_untested(moment: Moment) -> Select[*tuple[Any, ...]]:
    """By the report of the culture: the laboratory has not said which medicines the bacilli resist."""
    last, grown = last_day(KIND, moment), aliased(LabResult, name="grown")
    reported_on = func.min(func.coalesce(grown.reported_on, grown.performed_on))
    return select(*columns(Specimen.id, Specimen.id, reported_on)).select_from(grown).join(
        Specimen, Specimen.id == grown.specimen_id).join(Case, Case.id == Specimen.case_id).where(
        # By the index of what grew: neither specimens nor cases have a condition here that an index of theirs serves.
        write_out(GROWN, "grown"), grown.performed_on.between(moment.today - LONGEST, last),
        grown.status.in_(COUNTING), Specimen.withdrawn_at.is_(None),
        Specimen.rejected_at.is_(None), Case.state.in_(workflow.RECORDING), led_at_sites(moment), ~_has_answer()
    ).group_by(Specimen.id, Case.site_id, Case.id).having(reported_on <= last)


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
