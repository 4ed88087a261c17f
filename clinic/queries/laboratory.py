"""Laboratory results as lists need them, always within the user's site."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Result, Row

from clinic import workflow
from clinic.db import db
from clinic.models import Applicant, Case, LabResult, ResultStatus, User

PAGE = 100


def list_waiting_results(user: User) -> list[tuple[LabResult, Row[Any]]]:
    """Results of the user's site that wait for their second person, oldest first, each with its case and person."""
    rows: Result[Any] = db.session.execute(
        select(
            LabResult, Case.number, Applicant.family_name, Applicant.given_names, Applicant.native_family_name,
            Applicant.native_given_names, Applicant.native_language, Applicant.birth_date,
            User.name.label("entered_by"),
        )
        .join(Case, Case.id == LabResult.case_id)
        .join(Applicant, Applicant.id == Case.applicant_id)
        .join(User, User.id == LabResult.entered_by_id)
        .where(
            Case.site_id == user.site_id, Case.state.in_(workflow.RECORDING), LabResult.superseded_at.is_(None),
            LabResult.status == ResultStatus.PRELIMINARY,
        )
        .order_by(LabResult.entered_at).limit(PAGE)
    )
    return [(row[0], row) for row in rows]
