"""When an examination that leaves no result key is done: on a real case its own work decides.

(decide-contract.md: an examination without a key under `results` counts as done for the rules.)
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from clinic.db import db
from clinic.laboratory_test import list_tests
from clinic.models import Case, FormResponse, VaccineLine
from clinic.services.fact import list_counting_results
from clinic.services.form_fact import COMPLETE

FORM_EXAMS = {  # examination -> the forms that serve it, by programme; the first is offered
    "medical-exam": {"us": "us-medical-exam", "": "medical-exam"},
    "limited-medical-exam": {"": "medical-exam"},
    "tb-interview": {"uk": "uk-tb-interview", "": "uk-tb-interview"},
    "tb-clinical-review": {"": "medical-exam"},
}


def find_form_name(exam: str, programme: str) -> str | None:
    """The form that serves `exam` in `programme`, or None when no form does."""
    forms = FORM_EXAMS.get(exam)
    return None if forms is None else forms.get(programme) or forms[""]


def has_completed_form(case: Case, form: str) -> bool:
    """Whether the case holds a completed answer to `form`."""
    return db.session.execute(
        select(FormResponse.id).where(
            FormResponse.case_id == case.id, FormResponse.form == form, FormResponse.status.in_(COMPLETE)
        ).limit(1)
    ).first() is not None


def list_open_vaccine_lines(case: Case, decision: dict[str, Any]) -> list[str]:
    """The required vaccine lines that have no outcome yet."""
    recorded = set(db.session.execute(select(VaccineLine.line).where(VaccineLine.case_id == case.id)).scalars())
    return [line for line in decision["vaccines"] if line not in recorded]


def is_exam_done(case: Case, exam: str, decision: dict[str, Any]) -> bool:
    """Whether `exam` is done on this case: by its form, worksheet or result, else by the rules' `next`."""
    form = find_form_name(exam, case.programme)
    if form is not None:
        return has_completed_form(case, form)
    if exam == "vaccination-review":
        return not list_open_vaccine_lines(case, decision)
    tests = {test.name for test in list_tests().values() if exam in test.exams and not test.fact}
    if tests:
        return any(row.test in tests for row in list_counting_results(case))
    return all(item["exam"] != exam for item in decision["next"])
