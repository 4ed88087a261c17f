"""Asks the rules about a case and brings its requirements, status and progress up to date."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from clinic import clock, workflow
from clinic.db import db
from clinic.models import (
    Answer,
    Case,
    CaseState,
    LabResult,
    Requirement,
    RequirementReason,
    RequirementSource,
    RequirementState,
    ResultStatus,
)
from clinic.progress import find_progress
from clinic.rules import decide
from clinic.services.completion import is_exam_done
from clinic.services.fact import build_facts

SIGNABLE = {"final", "physician-decision", "not-cleared"}  # product.md, "Signable"


@dataclass(frozen=True)
class Preview:
    """What a change of facts would do, before it is saved."""

    before: dict[str, Any]
    after: dict[str, Any]
    added: list[dict[str, Any]]  # requirements with their reasons
    removed: list[dict[str, Any]]

    @property
    def changes_anything(self) -> bool:
        """Whether the decision would differ at all."""
        return self.before != self.after


def assess(case: Case) -> dict[str, Any]:
    """The rules' decision on `case` as it stands (decide-contract.md, "Decision")."""
    return decide(build_facts(case))


def refresh(case: Case) -> dict[str, Any]:
    """Decide again and write down what follows: requirement rows, status, edition, progress, in review or not.

    A signed case keeps its decision; for it nothing is written. Returns the decision.
    """
    db.session.flush()
    decision = assess(case)
    if case.state not in workflow.RECORDING:
        return decision
    _sync_requirements(case, decision)
    case.edition, case.status = decision["edition"], decision["status"]
    db.session.flush()
    complete = is_ready_for_review(case, decision)
    if complete and case.state is CaseState.IN_PROGRESS:
        workflow.move(case, CaseState.IN_REVIEW, "everything is in")
    elif not complete and case.state is CaseState.IN_REVIEW:
        workflow.move(case, CaseState.IN_PROGRESS, "something is outstanding again")
    case.progress, case.progress_detail = find_progress(case, decision)
    db.session.flush()
    return decision


def preview(case: Case, answers: dict[str, Answer], changes: dict[str, Any] | None = None) -> Preview:
    """What answering `answers` and replacing the facts in `changes` would change; nothing is written."""
    facts = build_facts(case)
    changed = copy.deepcopy(facts) | (changes or {})
    for word, answer in answers.items():
        changed["yes"] = [w for w in changed["yes"] if w != word] + ([word] if answer is Answer.YES else [])
        changed["unknown"] = [w for w in changed["unknown"] if w != word] + (
            [word] if answer is Answer.UNKNOWN else []
        )
    before, after = decide(facts), decide(changed)
    was = {item["exam"] for item in before["required"]}
    will = {item["exam"] for item in after["required"]}
    return Preview(
        before=before, after=after,
        added=[item for item in after["required"] if item["exam"] not in was],
        removed=[item for item in before["required"] if item["exam"] not in will],
    )


def list_requirements(case: Case) -> list[Requirement]:
    """The case's requirements in the order of the rules, withdrawn ones last."""
    rows = db.session.execute(
        select(Requirement).where(Requirement.case_id == case.id).order_by(Requirement.position, Requirement.exam)
    ).scalars()
    return sorted(rows, key=lambda row: row.state is RequirementState.WITHDRAWN)


def has_unconfirmed_result(case: Case) -> bool:
    """Whether a result waits for its second person."""
    return db.session.execute(
        select(LabResult.id).where(
            LabResult.case_id == case.id, LabResult.superseded_at.is_(None),
            LabResult.status == ResultStatus.PRELIMINARY,
        ).limit(1)
    ).first() is not None


def is_ready_for_review(case: Case, decision: dict[str, Any]) -> bool:
    """Whether a physician may sign: the decision allows it and nothing of the case's own work is open."""
    if decision["status"] not in SIGNABLE or has_unconfirmed_result(case):
        return False
    if decision["status"] == "not-cleared":
        return True  # stated by the physician as what it is; treatment and the rest stay open
    return all(row.state is not RequirementState.OPEN for row in list_requirements(case))


def _sync_requirements(case: Case, decision: dict[str, Any]) -> None:
    """Bring the rows in line with the rules; what a person or an authority added stays."""
    known = {row.exam: row for row in list_requirements(case)}
    # What is due now because of a result (a repeat, a replacement) is a requirement of this case too.
    demanded = {item["exam"]: (item, RequirementSource.RULE) for item in decision["required"]}
    for item in decision["next"]:
        demanded.setdefault(item["exam"], (item, RequirementSource.REFLEX))
    for position, (exam, (item, source)) in enumerate(demanded.items()):
        row = known.get(exam)
        if row is None:
            row = Requirement(case_id=case.id, exam=exam, source=source, added_at=clock.now())
            db.session.add(row)
        row.position = position
        _sync_reasons(row, item["because"], decision["edition"])
        _set_state(row, RequirementState.DONE if is_exam_done(case, exam, decision) else RequirementState.OPEN)
    for exam, row in known.items():
        if exam in demanded:
            continue
        done = is_exam_done(case, exam, decision)
        if row.source in (RequirementSource.AUTHORITY, RequirementSource.PHYSICIAN):
            _set_state(row, RequirementState.DONE if done else RequirementState.OPEN)
        elif row.source is RequirementSource.REFLEX and done and row.state is not RequirementState.WITHDRAWN:
            _set_state(row, RequirementState.DONE)  # a repeat that was made
        else:
            _set_state(row, RequirementState.WITHDRAWN)


def _sync_reasons(row: Requirement, because: list[dict[str, str]], edition: str) -> None:
    known = {reason.rule: reason for reason in row.reasons}
    wanted = {reason["rule"]: reason for reason in because}
    for rule, kept in known.items():
        if rule not in wanted:
            row.reasons.remove(kept)
    for rule, reason in wanted.items():
        found = known.get(rule)
        if found is None:
            row.reasons.append(RequirementReason(
                rule=rule, says=reason["says"], source=reason["source"], edition=edition))
        else:
            found.says, found.source, found.edition = reason["says"], reason["source"], edition


def _set_state(row: Requirement, state: RequirementState) -> None:
    if row.state is not state:
        row.state = state
        row.done_at = clock.now() if state is RequirementState.DONE else None
