"""What the case page shows beside its requirements: history, who is at work, the last conclusion, namesakes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Row

from clinic.db import db
from clinic.laboratory_test import list_tests
from clinic.models import (
    Applicant,
    Case,
    CaseTransition,
    Conclusion,
    FormResponse,
    FormStatus,
    IdentityCheck,
    LabResult,
    ResultStatus,
    User,
)
from clinic.services.completion import FORM_EXAMS, find_form_name


def list_history(case: Case) -> list[Row[Any]]:
    """The case's changes of state, newest first, each with who made it."""
    return list(db.session.execute(
        select(CaseTransition.from_state, CaseTransition.to_state, CaseTransition.reason, CaseTransition.happened_at,
               User.name)
        .outerjoin(User, User.id == CaseTransition.by_id)
        .where(CaseTransition.case_id == case.id).order_by(CaseTransition.id.desc())
    ))


def list_looks(case: Case, most: int = 8) -> list[Row[tuple[IdentityCheck, str]]]:
    """The last times somebody looked who the person is, newest first, each with the name of who looked."""
    return list(db.session.execute(
        select(IdentityCheck, User.name).join(User, User.id == IdentityCheck.checked_by_id)
        .where(IdentityCheck.case_id == case.id).order_by(IdentityCheck.id.desc()).limit(most)
    ))


def find_conclusion(case: Case) -> Conclusion | None:
    """The physician's last conclusion on the case."""
    return db.session.execute(
        select(Conclusion).where(Conclusion.case_id == case.id).order_by(Conclusion.id.desc()).limit(1)
    ).scalar_one_or_none()


def has_namesake(applicant: Applicant) -> bool:
    """Whether somebody else of the site has the same folded name."""
    return db.session.execute(
        select(Applicant.id).where(
            Applicant.site_id == applicant.site_id, Applicant.search_name == applicant.search_name,
            Applicant.id != applicant.id, Applicant.merged_into_id.is_(None),
        ).limit(1)
    ).first() is not None


def list_staff_at_work(case: Case) -> dict[str, str]:
    """By examination: who has a form open, or entered a result that waits for its second person."""
    found: dict[str, str] = {}
    drafts = db.session.execute(
        select(FormResponse.form, User.name).join(User, User.id == FormResponse.started_by_id)
        .where(FormResponse.case_id == case.id, FormResponse.status == FormStatus.IN_PROGRESS)
    )
    by_form = {find_form_name(exam, case.programme): exam for exam in FORM_EXAMS}
    for form, name in drafts:
        if form in by_form:
            found[by_form[form]] = name
    unconfirmed = db.session.execute(
        select(LabResult.test, User.name).join(User, User.id == LabResult.entered_by_id)
        .where(LabResult.case_id == case.id, LabResult.status == ResultStatus.PRELIMINARY,
               LabResult.superseded_at.is_(None))
    )
    for test, name in unconfirmed:
        for exam in list_tests()[test].exams:
            found.setdefault(exam, name)
    return found
