"""Asks the rules about a case and brings its requirements, status and progress up to date."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from clinic import workflow
from clinic.db import db
from clinic.models import (
    Answer,
    Case,
    CaseState,
    LabResult,
    RequirementState,
    ResultStatus,
)
from clinic.progress import find_progress
from clinic.rules import decide
from clinic.services.fact import build_facts
from clinic.services.hold import sync_holds
from clinic.services.requirement import list_requirements as list_requirements  # part of what this module answers
from clinic.services.requirement import sync_requirements

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
    facts = build_facts(case)
    decision = decide(facts)
    if case.state not in workflow.RECORDING:
        return decision
    sync_requirements(case, facts, decision)
    sync_holds(case, facts)
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
