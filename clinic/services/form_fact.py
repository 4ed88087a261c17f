"""What completed forms establish for the rules; reads only, so that facts can be built without the form's services."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from clinic.db import db
from clinic.models import Case, FormResponse, FormStatus
from clinic.questionnaire import build_form_facts, get_questionnaire

COMPLETE = (FormStatus.COMPLETED, FormStatus.AMENDED)


def list_responses(case: Case) -> list[FormResponse]:
    """All answered forms of the case, drafts too, oldest first."""
    return list(db.session.execute(
        select(FormResponse).where(FormResponse.case_id == case.id).order_by(FormResponse.id)
    ).scalars())


def list_form_facts(case: Case) -> dict[str, Any]:
    """The part of the decision's `results` that completed forms establish; drafts count nothing."""
    facts: dict[str, Any] = {}
    for row in list_responses(case):
        if row.status in COMPLETE:
            facts |= build_form_facts(get_questionnaire(row.form), row.answers)
    return facts
