"""Values that two people typed and that differ: the first of them is asked to look at the report again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, exists, select
from sqlalchemy.orm import aliased

from clinic.models import Case, LabResult, ResultStatus, SecondEntry, Task
from clinic.models.laboratory import WAITING
from clinic.queries.due_source import Moment, columns, led_at_sites
from clinic.queries.index_choice import write_out

KIND = "entries-differ"


def select_differing(moment: Moment) -> Select[*tuple[Any, ...]]:
    """By the second entry. It is asked for when that is typed (clinic/services/release.py); this finds what was not."""
    return select(*columns(LabResult.id, LabResult.id, SecondEntry.entered_at)).join(
        Case, Case.id == LabResult.case_id).join(SecondEntry, SecondEntry.result_id == LabResult.id).where(
        write_out(WAITING, "lab_result"), led_at_sites(moment), _is_last_and_differs())


def is_differing() -> ColumnElement[bool]:
    """The result waits, and what was typed last is not what the first person typed."""
    return exists(select(LabResult.id).join(SecondEntry, SecondEntry.result_id == LabResult.id).where(
        LabResult.id == Task.subject_id, LabResult.status == ResultStatus.PRELIMINARY,
        LabResult.superseded_at.is_(None), _is_last_and_differs()))


def _is_last_and_differs() -> ColumnElement[bool]:
    later = aliased(SecondEntry)
    return SecondEntry.agrees.is_(False) & ~exists().where(
        later.result_id == SecondEntry.result_id, later.id > SecondEntry.id)
