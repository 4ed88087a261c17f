"""Specimens as the laboratory finds them: by the number on the label, and by where they are; within the user's site."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, func, select, text

from clinic.db import db
from clinic.identifier import list_order_numbers, list_specimen_numbers
from clinic.laboratory_test import list_tests
from clinic.models import Applicant, Case, LabOrder, LabReferral, Specimen, User
from clinic.models.lab_order import LIVE
from clinic.queries.page import Page, Place, fetch_page

COUNT_LIMIT = 1000
NEWEST = 10


class Where(StrEnum):
    """Where specimens are, for the lists of hand-overs."""

    DRAWN = "drawn"  # in the clinic's hands, not handed over
    SENT = "sent"
    RECEIVED = "received"  # in the laboratory, not discarded


def find_specimen(user: User, scanned: str) -> Specimen | None:
    """The specimen of the user's site whose label says `scanned`."""
    numbers = list_specimen_numbers(scanned)
    if not numbers:
        return None
    return db.session.execute(
        select(Specimen).join(Case, Case.id == Specimen.case_id)
        .where(Specimen.number.in_(numbers), Case.site_id == user.site_id).order_by(Specimen.id.desc()).limit(1)
    ).scalar_one_or_none()


def find_case_of_order(user: User, scanned: str) -> str | None:
    """The case of the user's site whose order or referral has the number `scanned`."""
    numbers = list_order_numbers(scanned)
    if not numbers:
        return None
    by_order = select(LabOrder.case_id).where(LabOrder.number.in_(numbers))
    by_referral = select(LabReferral.case_id).where(LabReferral.number.in_(numbers))
    return db.session.execute(
        select(Case.id).where(Case.site_id == user.site_id, Case.id.in_(by_order.union(by_referral))).limit(1)
    ).scalar_one_or_none()


def list_specimens_of(case: Case) -> list[Specimen]:
    """Every specimen of the case, newest first; withdrawn and rejected ones too."""
    return list(db.session.execute(
        select(Specimen).where(Specimen.case_id == case.id).order_by(Specimen.id.desc())).scalars())


def list_specimens_at(user: User, where: Where, after: Place | None = None, before: Place | None = None,
                      newest: bool = False) -> Page:
    """One page of (specimen, case number, the person's names and birth date), longest there first.

    `newest`: instead the few that came last.
    """
    query = select(
        Specimen, Case.number.label("case_number"), Case.applicant_id, Applicant.family_name, Applicant.given_names,
        Applicant.native_family_name, Applicant.native_given_names, Applicant.native_language, Applicant.birth_date,
    ).join(Case, Case.id == Specimen.case_id).join(Applicant, Applicant.id == Case.applicant_id).where(
        *_is_at(user, where))
    if newest:
        return fetch_page(query, Specimen.received_at, Specimen.id, descending=True, size=NEWEST)
    return fetch_page(query, Specimen.recorded_at, Specimen.id, after=after, before=before)


def count_specimens_at(user: User, where: Where) -> int:
    """How many there are, at most COUNT_LIMIT."""
    some = select(Specimen.id).join(Case, Case.id == Specimen.case_id).where(*_is_at(user, where)).limit(COUNT_LIMIT)
    return int(db.session.execute(select(func.count()).select_from(some.subquery())).scalar_one())


def list_specimens_by_id(user: User, ids: Iterable[str]) -> list[Specimen]:
    """Those of `ids` that are of the user's site, in the order of their numbers."""
    return list(db.session.execute(
        select(Specimen).join(Case, Case.id == Specimen.case_id)
        .where(Specimen.id.in_(list(ids)), Case.site_id == user.site_id).order_by(Specimen.number)).scalars())


def list_tests_by_specimen(ids: Iterable[str]) -> dict[str, list[str]]:
    """The names of the tests in work by specimen; a confidential one is not among them: these are for lists."""
    rows = list(db.session.execute(
        select(LabOrder.specimen_id, LabOrder.test, LabOrder.state).where(LabOrder.specimen_id.in_(list(ids)))
        .order_by(LabOrder.id)))
    found: dict[str, list[str]] = {}
    for specimen_id, test, state in rows:
        if specimen_id and state != "cancelled" and not list_tests()[test].sensitive:
            found.setdefault(specimen_id, []).append(list_tests()[test].label)
    return found


def _is_at(user: User, where: Where) -> list[ColumnElement[bool]]:
    in_work = select(LabOrder.specimen_id).where(text(f"lab_order.{LIVE}"), LabOrder.specimen_id.is_not(None))
    ordered = select(LabOrder.specimen_id).where(LabOrder.specimen_id == Specimen.id).correlate(Specimen).exists()
    there = [Case.site_id == user.site_id, Specimen.withdrawn_at.is_(None), Specimen.rejected_at.is_(None),
            Specimen.discarded_at.is_(None)]
    stage: dict[Where, list[Any]] = {
        Where.DRAWN: [Specimen.id.in_(in_work), Specimen.sent_at.is_(None), Specimen.received_at.is_(None)],
        Where.SENT: [Specimen.id.in_(in_work), Specimen.sent_at.is_not(None), Specimen.received_at.is_(None)],
        Where.RECEIVED: [ordered, Specimen.received_at.is_not(None)],
    }
    return [*there, *stage[where]]
