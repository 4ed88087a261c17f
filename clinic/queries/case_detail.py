"""What the case page shows beside its requirements: history, who is at work, the last conclusion, namesakes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.engine import Row

from clinic.db import db
from clinic.models import (
    Applicant,
    Case,
    CaseState,
    CaseTransition,
    Conclusion,
    IdentityCheck,
    User,
)

RETURN = (CaseState.IN_REVIEW, CaseState.IN_PROGRESS)
AT_ONCE = timedelta(seconds=10)


def list_history(case: Case) -> list[Row[Any]]:
    """The case's changes of state, newest first, each with who made it.

    Without those that every entry on a complete case makes by itself, out of the review and back at once: a treatment
    has two of them for each dose.
    """
    rows: list[Row[Any]] = list(db.session.execute(
        select(CaseTransition.from_state, CaseTransition.to_state, CaseTransition.reason, CaseTransition.happened_at,
               User.name)
        .outerjoin(User, User.id == CaseTransition.by_id)
        .where(CaseTransition.case_id == case.id).order_by(CaseTransition.id.desc())
    ))
    kept: list[Row[Any]] = []
    for row in rows:
        back = kept[-1] if kept else None
        if back is not None and back.name is None and row.name is None and (
                (row.from_state, row.to_state) == (back.to_state, back.from_state) == RETURN
                and back.happened_at - row.happened_at < AT_ONCE):
            kept.pop()
        else:
            kept.append(row)
    return kept


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


def count_namesakes(applicant: Applicant) -> int:
    """How many others of the site have the same folded name."""
    return db.session.execute(
        select(func.count()).select_from(Applicant).where(
            Applicant.site_id == applicant.site_id, Applicant.search_name == applicant.search_name,
            Applicant.id != applicant.id, Applicant.merged_into_id.is_(None),
        )
    ).scalar_one()
