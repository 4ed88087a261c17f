"""Specimens of which a result does not come: lost on the way, forgotten at a bench, or never reported.

A culture and its susceptibility have clocks of their own (due.py, due_susceptibility.py). Of everything else the days
count from the last step of the order: drawn and never received, received and never reported.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, select, text

from clinic import culture, workflow
from clinic.models import Case, LabOrder, LabOrderState, LabResult, ResultStatus, Task
from clinic.models.lab_order import LIVE
from clinic.queries.due_source import Moment, Source, at_sites, columns, last_moment

SPUTUM = ("sputum-smear", "sputum-naat")  # what is in within days
CLOCKED = (culture.TEST, "dst")
UNDER_WAY = (LabOrderState.COLLECTED, LabOrderState.SENT, LabOrderState.RECEIVED)


def _build_source(kind: str, tests: ColumnElement[bool]) -> Source:
    def is_waiting() -> ColumnElement[bool]:
        return exists(select(LabOrder.id).join(Case, Case.id == LabOrder.case_id).where(
            LabOrder.specimen_id == Task.subject_id, _is_awaited(tests)))

    def select_due(moment: Moment) -> Select[*tuple[Any, ...]]:
        """One task a specimen, however many tests are made of it."""
        return select(*columns(LabOrder.specimen_id, LabOrder.specimen_id, func.min(LabOrder.changed_at))).join(
            Case, Case.id == LabOrder.case_id
        ).where(
            LabOrder.specimen_id.is_not(None), LabOrder.changed_at <= last_moment(kind, moment), _is_awaited(tests),
            at_sites(moment)
        ).group_by(LabOrder.specimen_id, Case.site_id, Case.id)

    return Source(kind, select_due, is_waiting)


def _is_awaited(tests: ColumnElement[bool]) -> ColumnElement[bool]:
    """The order is under way, and nobody has entered a result of it, confirmed or not."""
    return and_(
        text(f"lab_order.{LIVE}"), LabOrder.state.in_(UNDER_WAY), tests, Case.state.in_(workflow.RECORDING),
        ~exists(select(LabResult.id).where(
            LabResult.order_id == LabOrder.id, LabResult.superseded_at.is_(None),
            LabResult.status != ResultStatus.ENTERED_IN_ERROR)))


SMEARS = _build_source("smear-awaited", LabOrder.test.in_(SPUTUM))
OTHERS = _build_source("result-awaited", LabOrder.test.not_in((*SPUTUM, *CLOCKED)))
