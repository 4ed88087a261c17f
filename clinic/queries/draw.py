"""What is to be drawn from the people of a list, read in a fixed number of queries however many they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from sqlalchemy import select

from clinic.db import db
from clinic.laboratory_test import list_tests
from clinic.models import (
    Case,
    Consent,
    ConsentState,
    LabOrder,
    LabOrderState,
    LabResult,
    Requirement,
    RequirementState,
    ResultStatus,
    User,
)
from clinic.queries.applicant import find_cases_by_number, find_people_by_number
from clinic.services.confidential import list_refused
from clinic.services.draw import DueTube, group_tubes
from clinic.services.lab_order import match_tests
from clinic.workflow import RECORDING


def list_due_by_case(case_ids: Collection[str]) -> dict[str, list[DueTube]]:
    """The containers due by case, as clinic.services.draw.list_due_tubes says for one."""
    exams = _group(case_ids, Requirement.exam, Requirement, [Requirement.state == RequirementState.OPEN])
    entered = _group(case_ids, LabResult.test, LabResult, [
        LabResult.superseded_at.is_(None), LabResult.status != ResultStatus.ENTERED_IN_ERROR])
    ordered: dict[str, list[Any]] = defaultdict(list)
    for row in db.session.execute(
        select(LabOrder.case_id, LabOrder.test, LabOrder.state, LabOrder.reason, LabOrder.replaces_id)
        .where(LabOrder.case_id.in_(case_ids), LabOrder.state.not_in((LabOrderState.RESULTED, LabOrderState.CANCELLED)))
        .order_by(LabOrder.id)
    ):
        ordered[row.case_id].append(row)
    found, refused = {}, list_refused(case_ids)
    for case_id in case_ids:
        waiting = [(list_tests()[row.test], row.reason if row.replaces_id else "") for row in ordered[case_id]
                   if row.state is LabOrderState.ORDERED and list_tests()[row.test].tube]
        new = match_tests(exams[case_id], {row.test for row in ordered[case_id]}, entered[case_id])
        found[case_id] = group_tubes([*waiting, *((test, "") for test, _exam in new)], refused.get(case_id, ()))
    return found


def list_consented(case_ids: Collection[str]) -> set[str]:
    """Those of the cases whose consent stands: from nobody else may anything be taken."""
    return set(db.session.execute(
        select(Consent.case_id).where(Consent.case_id.in_(case_ids), Consent.state == ConsentState.GIVEN)).scalars())


def find_case_to_draw(user: User, scanned: str) -> Case | None:
    """The one case in work of the user's site that a scanned label of a case, a specimen or a person means."""
    cases = [case for case in find_cases_by_number(user, scanned) if case.state in RECORDING]
    if not cases:
        people = [person.id for person in find_people_by_number(user, scanned)]
        cases = list(db.session.execute(select(Case).where(
            Case.site_id == user.site_id, Case.applicant_id.in_(people), Case.state.in_(RECORDING))).unique().scalars())
    return cases[0] if len(cases) == 1 else None


def _group(case_ids: Collection[str], column: Any, model: Any, conditions: list[Any]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = defaultdict(list)
    for case_id, value in db.session.execute(
        select(model.case_id, column).where(model.case_id.in_(case_ids), *conditions).order_by(model.id)
    ):
        grouped[case_id].append(value)
    return grouped
