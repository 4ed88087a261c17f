"""Why a case is where it is: ordered predicates, the first match wins, and every list says the same words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock
from clinic.db import db
from clinic.models import Case, CaseState, FormResponse, FormStatus, LabResult, Requirement, ResultStatus, Specimen
from clinic.models.requirement import RequirementState

CULTURE_DAYS = 56  # eight weeks; what applicants are told to expect (us-addendum.md section 2, Q12)

Found = tuple[str, str | None]
Predicate = Callable[[Case, dict[str, Any]], Found | None]


def find_progress(case: Case, decision: dict[str, Any]) -> Found:
    """The key of why `case` is where it is, and the variable part of its sentence."""
    for predicate in PREDICATES:
        found = predicate(case, decision)
        if found is not None:
            return found
    return "in-progress", None


def describe_progress(state: CaseState, key: str | None, detail: str | None, today: date) -> str:
    """The words of a progress line, the same on every list; `detail` as find_progress gave it."""
    if state in SETTLED:
        return SETTLED[state]()
    if key == "culture" and detail:
        day = (today - date.fromisoformat(detail)).days
        return _("Culture day %(day)s of %(days)s", day=max(day, 0), days=CULTURE_DAYS)
    say = WORDS.get(key or "")
    return say(detail) if say else _("In progress")


# Each sentence is a function: a list of fifty rows translates fifty sentences, not all of them fifty times.
SETTLED: dict[CaseState, Callable[[], str]] = {
    CaseState.SIGNED: lambda: _("Signed; waits to be delivered"),
    CaseState.SUBMITTED: lambda: _("Delivered; the authority has not answered yet"),
    CaseState.ACKNOWLEDGED: lambda: _("Acknowledged by the authority"),
    CaseState.CLOSED: lambda: _("Closed"),
    CaseState.ON_HOLD: lambda: _("On hold"),
    CaseState.WITHDRAWN: lambda: _("Withdrawn"),
    CaseState.EXPIRED: lambda: _("Expired"),
}
WORDS: dict[str, Callable[[str | None], str]] = {
    "not-required": lambda detail: _("No examination required"),
    "facts": lambda detail: _("Circumstances to establish: %(n)s", n=detail or "1"),
    "not-cleared": lambda detail: _("Not cleared; waits for the physician"),
    "second-person": lambda detail: _("Needs second person: %(exam)s", exam=label_exam(detail)),
    "draft": lambda detail: _("In progress: %(exam)s", exam=label_exam(detail)),
    "to-do": lambda detail: _("To do: %(exam)s", exam=label_exam(detail)),
    "physician": lambda detail: _("The physician decides"),
    "ready": lambda detail: _("Ready to sign"),
}


def label_exam(exam: str | None) -> str:
    """The examination's name in words; empty without one."""
    from clinic.rules import get_exam_label

    return str(get_exam_label(exam)) if exam else ""


def describe_requirement(requirement: Requirement, case: Case, decision: dict[str, Any]) -> tuple[str, str]:
    """A requirement's state as (code, words): done, not-required, second-person, draft, awaiting, or to-do."""
    if requirement.state is RequirementState.DONE:
        return "done", _("Done")
    if requirement.state is RequirementState.WITHDRAWN:
        return "not-required", _("Not required any more")
    if requirement.exam in _list_exams_awaiting_second_person(case):
        return "second-person", _("Needs second person")
    if requirement.exam in ("sputum-series", "sputum-replacement"):
        started = _find_culture_start(case)
        if started:
            today = clock.today(case.site.time_zone)
            return "awaiting", describe_progress(CaseState.IN_PROGRESS, "culture", started.isoformat(), today)
    if _has_draft(case, requirement.exam):
        return "draft", _("In progress")
    return "to-do", _("To do")


def _facts_missing(case: Case, decision: dict[str, Any]) -> Found | None:
    return ("facts", str(len(decision["needs"]))) if decision["status"] == "undecided" else None


def _not_required(case: Case, decision: dict[str, Any]) -> Found | None:
    return ("not-required", None) if decision["status"] == "not-required" else None


def _not_cleared(case: Case, decision: dict[str, Any]) -> Found | None:
    return ("not-cleared", None) if decision["status"] == "not-cleared" else None


def _second_person(case: Case, decision: dict[str, Any]) -> Found | None:
    exams = _list_exams_awaiting_second_person(case)
    return ("second-person", exams[0]) if exams else None


def _to_do(case: Case, decision: dict[str, Any]) -> Found | None:
    rows = db.session.execute(
        select(Requirement).where(Requirement.case_id == case.id, Requirement.state == RequirementState.OPEN)
        .order_by(Requirement.position)
    ).scalars().all()
    waiting = [row for row in rows if row.exam not in ("sputum-series", "sputum-replacement")]
    if waiting:
        kind = "draft" if _has_draft(case, waiting[0].exam) else "to-do"
        return kind, waiting[0].exam
    if rows:
        started = _find_culture_start(case)
        return ("culture", started.isoformat()) if started else ("to-do", rows[0].exam)
    return None


def _pending_culture(case: Case, decision: dict[str, Any]) -> Found | None:
    if decision["status"] != "pending-culture":
        return None
    started = _find_culture_start(case)
    return ("culture", started.isoformat() if started else None)


def _ready(case: Case, decision: dict[str, Any]) -> Found | None:
    if decision["status"] == "physician-decision":
        return "physician", None
    return ("ready", None) if decision["status"] == "final" else None


PREDICATES: tuple[Predicate, ...] = (
    _not_required, _not_cleared, _second_person, _facts_missing, _to_do, _pending_culture, _ready,
)


def _list_exams_awaiting_second_person(case: Case) -> list[str]:
    from clinic.laboratory_test import list_tests

    tests = db.session.execute(
        select(LabResult.test).where(
            LabResult.case_id == case.id, LabResult.superseded_at.is_(None),
            LabResult.status == ResultStatus.PRELIMINARY,
        ).order_by(LabResult.id)
    ).scalars().all()
    return [exam for test in tests for exam in list_tests()[test].exams]


def _find_culture_start(case: Case) -> date | None:
    """The collection day of the oldest specimen whose culture is outstanding."""
    specimens = db.session.execute(
        select(Specimen).where(Specimen.case_id == case.id, Specimen.withdrawn_at.is_(None))
        .order_by(Specimen.collected_on)
    ).scalars()
    for specimen in specimens:
        cultures = [row for row in specimen.results if row.test == "sputum-culture" and row.is_current]
        if not cultures:
            return specimen.collected_on
    return None


def _has_draft(case: Case, exam: str) -> bool:
    from clinic.services.completion import find_form_name

    form = find_form_name(exam, case.programme)
    return form is not None and db.session.execute(
        select(FormResponse.id).where(
            FormResponse.case_id == case.id, FormResponse.form == form, FormResponse.status == FormStatus.IN_PROGRESS
        ).limit(1)
    ).first() is not None
