"""What a physician asks for beyond the rules: an examination is added with a reason, and may be taken back with one."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from clinic import clock, workflow
from clinic.audit import record_change
from clinic.db import db
from clinic.errors import InvalidInput, NotFound, NotNow
from clinic.models import Case, Requirement, RequirementSource, RequirementState, User
from clinic.rules.programme import list_exams
from clinic.services import assessment
from clinic.services.requirement import list_requirements, may_be_withdrawn

# A variant of another examination, or one that only makes sense after it: for these only the rules ask, or suggest.
NOT_ORDERED = frozenset({
    "igra-or-tst", "igra-repeat", "tb-screening-test", "tb-child-workup", "sputum-replacement", "limited-medical-exam",
    "tb-clinical-review", "dst", "tb-treatment-dot", "tb-interview", "vaccination-review",
})


def list_orderable(case: Case, decision: dict[str, Any] | None = None) -> list[str]:
    """Examinations that a physician may add to `case`: those nobody asks for yet; a variant where it is suggested.

    `decision` is the one on the case as it stands, when it is known.
    """
    asked = {row.exam for row in list_requirements(case) if row.state is not RequirementState.WITHDRAWN}
    suggested = {item["exam"] for item in (decision or assessment.assess(case))["suggested"]}
    return [exam for exam in list_exams() if exam not in asked | (NOT_ORDERED - suggested)]


def add_requirement(case: Case, exam: str, reason: str, actor: User) -> Requirement:
    """Ask for `exam` in the physician's own name; it must be done before the case can be signed.

    Raises InvalidInput for an examination that is asked for already or cannot be added, NotNow once signed.
    """
    workflow.ensure_recording(case)
    if exam not in list_orderable(case):
        raise InvalidInput(_("Please correct what is marked."), fields={
            "exam": [_("Choose an examination that the case does not have yet.")]}, case=case.id)
    workflow.mark_touched(case)
    row = next((one for one in list_requirements(case) if one.exam == exam), None)
    if row is None:
        row = Requirement(case_id=case.id, exam=exam, position=len(list_exams()))
        db.session.add(row)
    row.source, row.state = RequirementSource.PHYSICIAN, RequirementState.OPEN
    row.added_at, row.added_by_id, row.added_reason = clock.now(), actor.id, reason
    row.ceased_at = row.ended_at = row.ended_by_id = row.ended_reason = row.findings = row.done_at = None
    row.reasons.clear()
    db.session.flush()
    _finish(case, row, "add-requirement", actor, reason)
    return row


def withdraw_requirement(row: Requirement, reason: str, actor: User) -> None:
    """Take an examination off the case that only a physician asks for, or that was kept because work had begun.

    Raises NotNow while a rule or the authority asks for it, or when it is done.
    """
    workflow.ensure_recording(row.case)
    if not may_be_withdrawn(row):
        raise NotNow(_("This examination is done, or asked for by a rule or the authority: it cannot be withdrawn."),
                     requirement=row.id)
    workflow.mark_touched(row.case)
    row.ended_at, row.ended_by_id, row.ended_reason = clock.now(), actor.id, reason
    row.state = RequirementState.WITHDRAWN
    db.session.flush()
    _finish(row.case, row, "withdraw-requirement", actor, reason)


def get_requirement(case: Case, requirement_id: str) -> Requirement:
    """A requirement of `case`. Raises NotFound."""
    row = db.session.get(Requirement, requirement_id)
    if row is None or row.case_id != case.id:
        raise NotFound(_("There is no such examination on this case."), case=case.id, requirement=requirement_id)
    return row


def _finish(case: Case, row: Requirement, action: str, actor: User, reason: str) -> None:
    record_change(action, "requirement", row.id, case_id=case.id, site_id=case.site_id, actor_id=actor.id,
                  actor_kind="user", detail={"exam": row.exam, "reason": reason})
    assessment.refresh(case)
