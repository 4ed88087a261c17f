"""Laboratory results as lists need them, always within the user's site."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import joinedload

from clinic import workflow
from clinic.db import db
from clinic.models import Applicant, Case, LabResult, User
from clinic.models.laboratory import WAITING
from clinic.queries.page import Page, Place, fetch_page
from clinic.queries.worklist import COUNT_LIMIT


def list_waiting_results(user: User, after: Place | None = None, before: Place | None = None) -> Page:
    """One page of the results of the site that wait for their second person, oldest first.

    Each row is (result, case number, the person's names and birth date, `entered_by`: a name).
    """
    query = _join(
        select(
            LabResult, Case.number, Case.applicant_id, Applicant.family_name, Applicant.given_names,
            Applicant.native_family_name,
            Applicant.native_given_names, Applicant.native_language, Applicant.birth_date,
            User.name.label("entered_by"),
        ).join(User, User.id == LabResult.entered_by_id), user
    ).join(Applicant, Applicant.id == Case.applicant_id).options(joinedload(LabResult.specimen))
    return fetch_page(query, LabResult.entered_at, LabResult.id, after=after, before=before)


def count_waiting_results(user: User) -> int:
    """How many results wait for their second person, at most COUNT_LIMIT."""
    some = _join(select(LabResult.id), user).limit(COUNT_LIMIT).subquery()
    return db.session.execute(select(func.count()).select_from(some)).scalar_one()


def _join(query: Select[*tuple[Any, ...]], user: User) -> Select[*tuple[Any, ...]]:
    """The results of the user's site that wait, those corrected after the signature too.

    WAITING as the partial index has it, its columns named in full.
    """
    return query.join(Case, Case.id == LabResult.case_id).where(
        Case.site_id == user.site_id, Case.state.in_((*workflow.RECORDING, *workflow.SIGNED)),
        *(text(f"lab_result.{part}") for part in WAITING.split(" and ")))
