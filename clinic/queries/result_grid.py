"""Worklists of the laboratory by test and bench, and the rows of one test's grid; always within the user's site."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, Select, func, select, text

from clinic import workflow
from clinic.db import db
from clinic.laboratory_test import LaboratoryTest, list_tests
from clinic.models import Applicant, Case, LabOrder, LabOrderState, LabResult, ResultStatus, Specimen, User
from clinic.models.lab_order import LIVE
from clinic.models.laboratory import WAITING
from clinic.queries.prior_value import is_comparable

MOST = 200  # rows of a grid; the rest follows when these are done
IN_WORK = (LabOrderState.COLLECTED, LabOrderState.SENT, LabOrderState.RECEIVED)


@dataclass(frozen=True)
class BenchCount:
    """How much of one test waits: values to be entered, entered ones for a second person, the oldest draw."""

    test: LaboratoryTest
    to_enter: int
    to_confirm: int
    oldest: date | None


@dataclass
class GridRow:
    """One specimen in a test's grid: the order, the person, what is entered, and the person's value before."""

    order: LabOrder
    specimen: Specimen
    case_number: str
    person: Applicant
    result: LabResult | None = None
    prior: LabResult | None = None


def is_gridable(test: LaboratoryTest) -> bool:
    """Whether one value says it all: no measured parts, no answers by drug, no medium of its own."""
    return not test.components and not test.drugs and not test.by_method and bool(test.tube or test.specimen)


def list_benches() -> list[str]:
    """The sections of the laboratory, in the catalogue's order."""
    return list(dict.fromkeys(test.bench for test in list_tests().values() if test.bench))


def count_benches(user: User, bench: str = "", drawn_on: date | None = None) -> list[BenchCount]:
    """The tests with anything to enter or to confirm, in the catalogue's order."""
    entered = select(LabResult.id).where(
        LabResult.order_id == LabOrder.id, LabResult.superseded_at.is_(None),
        LabResult.status != ResultStatus.ENTERED_IN_ERROR).correlate(LabOrder).exists()
    enter = _in_work(user, select(LabOrder.test, func.count().label("many"), func.min(Specimen.collected_on)
                                  .label("oldest")), drawn_on).where(~entered).group_by(LabOrder.test)
    to_enter = {row.test: row for row in db.session.execute(enter)}
    confirm = _waiting(user, select(LabResult.test, func.count().label("many"))).group_by(LabResult.test)
    if drawn_on is not None:
        confirm = confirm.where(LabResult.performed_on == drawn_on)
    to_confirm = {row.test: row.many for row in db.session.execute(confirm)}
    found = []
    for test in list_tests().values():
        if bench and test.bench != bench:
            continue
        row = to_enter.get(test.name)
        if row is not None or test.name in to_confirm:
            found.append(BenchCount(test, row.many if row else 0,
                                    to_confirm.get(test.name, 0), row.oldest if row else None))
    return found


def list_grid(user: User, test: str, drawn_on: date | None = None) -> tuple[list[GridRow], bool]:
    """The specimens of the site in work for `test`, by their numbers, and whether more follow."""
    query = _in_work(user, select(LabOrder, Specimen, Case.number, Applicant), drawn_on)
    found = list(db.session.execute(
        query.join(Applicant, Applicant.id == Case.applicant_id).where(LabOrder.test == test)
        .order_by(Specimen.number).limit(MOST + 1)).unique())
    rows = [GridRow(*row) for row in found[:MOST]]
    _add_results(rows)
    _add_priors(user, test, rows)
    return rows, len(found) > MOST


def get_grid_row(user: User, test: str, order_id: str) -> GridRow | None:
    """One of these rows."""
    query = _in_work(user, select(LabOrder, Specimen, Case.number, Applicant), None)
    found = db.session.execute(
        query.join(Applicant, Applicant.id == Case.applicant_id)
        .where(LabOrder.test == test, LabOrder.id == order_id)).unique().one_or_none()
    if found is None:
        return None
    row = GridRow(*found)
    _add_results([row])
    _add_priors(user, test, [row])
    return row


def list_to_confirm(user: User, test: str, drawn_on: date | None = None) -> list[Row[Any]]:
    """(result, case number, person, who entered it, specimen's number or None) of one test, oldest first.

    They wait for a second person, who finds each on the instrument's printout by the number on the tube.
    """
    query = _waiting(user, select(LabResult, Case.number, Applicant, User.name, Specimen.number)).where(
        LabResult.test == test).outerjoin(LabOrder, LabOrder.id == LabResult.order_id).outerjoin(
        Specimen, Specimen.id == func.coalesce(LabResult.specimen_id, LabOrder.specimen_id))
    if drawn_on is not None:
        query = query.where(LabResult.performed_on == drawn_on)
    return list(db.session.execute(
        query.join(User, User.id == LabResult.entered_by_id).join(Applicant, Applicant.id == Case.applicant_id)
        .order_by(LabResult.entered_at, LabResult.id).limit(MOST)).unique())


def _in_work(user: User, query: Select[*tuple[Any, ...]], drawn_on: date | None) -> Select[*tuple[Any, ...]]:
    narrowed = (
        query.select_from(LabOrder).join(Specimen, Specimen.id == LabOrder.specimen_id)
        .join(Case, Case.id == LabOrder.case_id)
        .where(text(f"lab_order.{LIVE}"), LabOrder.state.in_(IN_WORK), Case.site_id == user.site_id,
               Case.state.in_(workflow.RECORDING), Specimen.withdrawn_at.is_(None), Specimen.rejected_at.is_(None))
    )
    return narrowed if drawn_on is None else narrowed.where(Specimen.collected_on == drawn_on)


def _waiting(user: User, query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return query.select_from(LabResult).join(Case, Case.id == LabResult.case_id).where(
        Case.site_id == user.site_id, Case.state.in_((*workflow.RECORDING, *workflow.SIGNED)),
        *(text(f"lab_result.{part}") for part in WAITING.split(" and ")))


def _add_results(rows: list[GridRow]) -> None:
    by_order = {row.order.id: row for row in rows}
    for result in db.session.execute(
        select(LabResult).where(LabResult.order_id.in_(by_order), LabResult.superseded_at.is_(None))
        .order_by(LabResult.id)
    ).unique().scalars():
        if result.order_id in by_order and (result.is_current or result.is_sent_back):
            by_order[result.order_id].result = result


def _add_priors(user: User, test: str, rows: list[GridRow]) -> None:
    """The newest confirmed value of each person until the day of the specimen; never of a confidential test."""
    if list_tests()[test].sensitive or not rows:
        return
    people = {row.person.id for row in rows}
    newest: dict[str, list[LabResult]] = {}
    for applicant_id, result in db.session.execute(
        select(Case.applicant_id, LabResult).join(Case, Case.id == LabResult.case_id)
        .where(Case.applicant_id.in_(people), Case.site_id == user.site_id, LabResult.test == test,
               LabResult.superseded_at.is_(None), LabResult.status.in_((ResultStatus.FINAL, ResultStatus.CORRECTED)))
        .order_by(LabResult.performed_on, LabResult.id)
    ).unique():
        newest.setdefault(applicant_id, []).append(result)
    for row in rows:
        before = [one for one in newest.get(row.person.id, [])
                  if (row.result is None or one.series_id != row.result.series_id)
                  and one.performed_on <= row.specimen.collected_on and is_comparable(one, row.specimen)]
        row.prior = before[-1] if before else None
