"""When an examination that leaves no result key is done: on a real case its own work decides.

(decide-contract.md: an examination without a key under `results` counts as done for the rules.)
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from clinic.db import db
from clinic.laboratory_test import list_tests
from clinic.models import (
    Case,
    Film,
    FilmState,
    FormResponse,
    FormStatus,
    LabResult,
    Requirement,
    RequirementState,
    ResultStatus,
    Specimen,
    VaccineLine,
)
from clinic.rules import is_exam_outstanding
from clinic.services.fact import SPUTUM_KINDS, find_counting_reading, list_counting_results
from clinic.services.form_fact import COMPLETE

FORM_EXAMS = {  # examination -> the forms that serve it, by programme; the first is offered
    "medical-exam": {"us": "us-medical-exam", "": "medical-exam"},
    "limited-medical-exam": {"": "medical-exam"},
    "tb-interview": {"uk": "uk-tb-interview", "": "uk-tb-interview"},
    "tb-clinical-review": {"": "medical-exam"},
}

REVIEWS = ("tb-clinical-review",)  # of a finding: the physician answers the form again, or confirms it, knowing it
FILMED = ("chest-xray", "tb-child-workup")
REPEATS = ("igra-repeat", "sputum-replacement")  # when made, the rules ask for them no more
SPUTUM = ("sputum-series", "sputum-replacement", "tb-child-workup")


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


def is_answered_since(case: Case, form: str, since: datetime) -> bool:
    """Whether `form` was completed, amended or confirmed at or after `since`."""
    return _exists(select(FormResponse.id).where(
        FormResponse.case_id == case.id, FormResponse.form == form, FormResponse.status.in_(COMPLETE),
        FormResponse.completed_at >= since))


def is_review_open(case: Case, form: str) -> bool:
    """Whether a finding asks that the completed `form` be answered again, or confirmed."""
    return find_form_name(REVIEWS[0], case.programme) == form and _exists(select(Requirement.id).where(
        Requirement.case_id == case.id, Requirement.exam.in_(REVIEWS), Requirement.state == RequirementState.OPEN))


def list_open_vaccine_lines(case: Case, decision: dict[str, Any]) -> list[str]:
    """The required vaccine lines that have no outcome yet."""
    recorded = set(db.session.execute(select(VaccineLine.line).where(VaccineLine.case_id == case.id)).scalars())
    return [line for line in decision["vaccines"] if line not in recorded]


def is_exam_done(case: Case, exam: str, decision: dict[str, Any], facts: dict[str, Any], since: datetime) -> bool:
    """Whether `exam`, asked for `since`, is done on this case: by its form, worksheet or result, else by the rules.

    A review of a finding is not done by a form that was completed before the finding: it is answered after it.

    What no rule asks for (a physician does) is not in `next`: there the results themselves say.
    """
    is_next = any(item["exam"] == exam for item in decision["next"])
    form = find_form_name(exam, case.programme)
    if exam in REVIEWS and form is not None:
        return is_answered_since(case, form, since) and not is_next
    if form is not None:
        return has_completed_form(case, form) and not is_next  # next in spite of its form: it has expired
    if exam == "vaccination-review":
        return not list_open_vaccine_lines(case, decision)
    tests = {test.name for test in list_tests().values() if exam in test.exams and not test.fact and test.settles}
    if tests:
        return tests <= {row.test for row in list_counting_results(case)}
    if exam in SPUTUM and has_open_culture(decision, facts):
        return False  # the rules ask for nothing more, but somebody has to enter what grows, or it is lost
    is_asked = is_next or any(item["exam"] == exam for item in decision["required"])
    return not (is_next if is_asked or exam in REPEATS else is_exam_outstanding(facts, exam))


def has_open_culture(decision: dict[str, Any], facts: dict[str, Any]) -> bool:
    """Whether a culture is outstanding that the conclusion waits for."""
    waits = decision["status"] in ("pending-culture", "incomplete", "undecided")
    return waits and any(each["culture"] == "pending" for each in facts["results"].get("sputum", ()))


def has_begun(case: Case, exam: str, since: datetime) -> bool:
    """Whether anybody has begun work on `exam`, asked for `since`: a form or film at all, a later specimen or result.

    What somebody took back is no work.
    """
    form = find_form_name(exam, case.programme)
    if form is not None:
        started = select(FormResponse.id).where(
            FormResponse.case_id == case.id, FormResponse.form == form,
            FormResponse.status != FormStatus.ENTERED_IN_ERROR)
        return _exists(started)
    if exam in FILMED and (_exists(select(Film.id).where(
            Film.case_id == case.id, Film.state != FilmState.REJECTED)) or find_counting_reading(case)):
        return True
    if exam in SPUTUM and _exists(select(Specimen.id).where(
            Specimen.case_id == case.id, Specimen.withdrawn_at.is_(None), Specimen.kind.in_(SPUTUM_KINDS),
            Specimen.recorded_at > since)):
        return True
    tests = [test.name for test in list_tests().values() if exam in test.exams]
    later = select(LabResult.series_id).where(
        LabResult.case_id == case.id, LabResult.test.in_(tests), LabResult.revision == 1, LabResult.entered_at > since)
    return _exists(select(LabResult.id).where(
        LabResult.case_id == case.id, LabResult.series_id.in_(later), LabResult.superseded_at.is_(None),
        LabResult.status != ResultStatus.ENTERED_IN_ERROR))


def _exists(query: Select[Any]) -> bool:
    return db.session.execute(query.limit(1)).first() is not None
