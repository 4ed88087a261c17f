"""What a laboratory said before under the same number (OBR-3): of the same result, or of somebody else's.

A number that begins anew every morning, or was given to the wrong person, names two results; neither may change the
other.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from clinic.db import db
from clinic.identifier import list_order_numbers
from clinic.lab_report import ReportedPerson, from_plain
from clinic.models import FOR_A_PERSON, Case, ReportedResult, ReportedState
from clinic.services.result_match import is_somebody_else


def find_before(
    row: ReportedResult, person: ReportedPerson, case: Case | None
) -> tuple[list[ReportedResult], list[ReportedResult]]:
    """What it said of the same result, and what of somebody else's, each in the order it came."""
    if not row.filler or not row.test:
        return [], []
    rows = db.session.execute(
        select(ReportedResult).where(
            ReportedResult.laboratory_id == row.laboratory_id, ReportedResult.filler == row.filler,
            ReportedResult.test == row.test, ReportedResult.sub_id == row.sub_id, ReportedResult.id != row.id,
            ReportedResult.state.not_in((ReportedState.REPLACED, ReportedState.LATE)),
        ).order_by(ReportedResult.id)
    ).unique().scalars()
    same: list[ReportedResult] = []
    of_others: list[ReportedResult] = []
    for one in rows:
        is_other = one.case_id != case.id if case and one.case_id else is_somebody_else(
            from_plain(one.content)[0], person)
        (of_others if is_other else same).append(one)
    return same, of_others


def was_put_back(before: Sequence[ReportedResult]) -> bool:
    """Whether a person took an earlier word on the same result back and nobody has decided anew."""
    return any(one.decided_by_id is not None and one.state in FOR_A_PERSON for one in before)


def is_of_whom_unclear(row: ReportedResult, of_others: Sequence[ReportedResult]) -> bool:
    """Whether a word under somebody else's number may be meant for them: not a first answer to an order of its own."""
    own = list_order_numbers(row.placer)
    return any(row.status not in ("F", "") or not own or list_order_numbers(one.placer) in ([], own)
               for one in of_others)
