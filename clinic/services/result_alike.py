"""Tests that laboratories answer with the same codes (the second treponemal test): which of them is meant.

The order's number says it. Without one, an earlier word on the same result does; else a person, while more than one
may be meant.
"""

from __future__ import annotations

from sqlalchemy import select, text

from clinic.db import db
from clinic.identifier import list_order_numbers
from clinic.laboratory_test import LaboratoryTest, list_tests
from clinic.models import LabOrder, ReportedResult, ReportedState
from clinic.models.lab_order import LIVE
from clinic.services.result_match import Suggestion


def find_base(name: str) -> str:
    """The test whose codes a test has: itself, or the one that it repeats. Empty while no test is known."""
    return (list_tests()[name].repeats or name) if name else ""


def list_alike(name: str) -> list[LaboratoryTest]:
    """The tests that have the codes of test `name`, itself among them; empty where it is the only one."""
    found = [one for one in list_tests().values() if name and find_base(one.name) == find_base(name)]
    return found if len(found) > 1 else []


def find_ordered(test: LaboratoryTest, placer: str) -> LaboratoryTest | None:
    """Which of the tests with the codes of `test` our order asked for; None without an order of such a test."""
    alike = {one.name: one for one in list_alike(test.name)}
    if not (alike and placer):
        return None
    ordered = db.session.execute(
        select(LabOrder.test).where(LabOrder.number.in_(list_order_numbers(placer)))).scalar_one_or_none()
    return alike.get(ordered or "")


def find_told(row: ReportedResult, test: LaboratoryTest) -> LaboratoryTest | None:
    """Which of them an earlier word of the laboratory on the same result was taken for; None where it came of none."""
    alike = {one.name: one for one in list_alike(test.name)}
    if not (alike and row.filler):
        return None
    told = db.session.execute(
        select(ReportedResult.test).where(
            ReportedResult.laboratory_id == row.laboratory_id, ReportedResult.filler == row.filler,
            ReportedResult.test.in_(alike), ReportedResult.sub_id == row.sub_id, ReportedResult.id != row.id,
            ReportedResult.state == ReportedState.APPLIED).order_by(ReportedResult.id.desc()).limit(1)
    ).scalar_one_or_none()
    return alike.get(told or "")


def is_either(test: LaboratoryTest, certain: Suggestion) -> bool:
    """Whether a result without an order's number may be of more than one test that is open for its case, or its tube.

    One that repeats another being open is enough: the other may have its result, and this one be the repeat's.
    """
    repeats = [one.name for one in list_alike(test.name) if one.repeats]
    if not repeats or certain.order is not None:
        return False
    query = select(LabOrder.id).where(
        LabOrder.case_id == certain.case.id, LabOrder.test.in_(repeats), text(f"lab_order.{LIVE}"))
    if certain.specimen is not None:
        query = query.where(LabOrder.specimen_id.is_(None) | (LabOrder.specimen_id == certain.specimen.id))
    return db.session.execute(query.limit(1)).first() is not None
