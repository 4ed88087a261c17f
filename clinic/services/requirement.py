"""A case's requirements follow the decision: rules, findings, the authority and physicians ask; nothing is deleted."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from clinic import clock
from clinic.db import db
from clinic.models import Case, Requirement, RequirementReason, RequirementSource, RequirementState
from clinic.services.completion import REVIEWS, has_begun, is_exam_done
from clinic.services.reflex import list_reflexes

ASKED_BY_PEOPLE = (RequirementSource.AUTHORITY, RequirementSource.PHYSICIAN)


def list_requirements(case: Case) -> list[Requirement]:
    """The case's requirements in the order of the rules, withdrawn ones last."""
    rows = db.session.execute(
        select(Requirement).where(Requirement.case_id == case.id).order_by(Requirement.position, Requirement.exam)
    ).scalars()
    return sorted(rows, key=lambda row: row.state is RequirementState.WITHDRAWN)


def sync_requirements(case: Case, facts: dict[str, Any], decision: dict[str, Any]) -> None:
    """Bring the rows in line with `decision`, the rules' answer to `facts`; what a person or an authority added stays.

    What only a finding demands (a further test, a repeat, a replacement) is a reflex and names that finding. When the
    finding is corrected away, its examination is not required any more, unless work on it has begun.
    """
    known = {row.exam: row for row in list_requirements(case)}
    reflexes = list_reflexes(facts, decision)
    demanded: dict[str, list[dict[str, str]]] = {}
    for item in (*decision["required"], *decision["next"]):  # `next` may add a reason: the exam has expired
        demanded.setdefault(item["exam"], []).extend(item["because"])
    for position, (exam, because) in enumerate(demanded.items()):
        row = known.get(exam)
        if row is None:
            row = Requirement(case_id=case.id, exam=exam, added_at=clock.now(), source=RequirementSource.RULE)
            db.session.add(row)
        if row.source not in ASKED_BY_PEOPLE or row.ended_at is not None:
            row.source = RequirementSource.REFLEX if exam in reflexes else RequirementSource.RULE
            row.findings = reflexes.get(exam)
        if exam in REVIEWS and row.ceased_at is not None:
            row.added_at = clock.now()  # asked for anew, because of what was found now
        row.position, row.ceased_at = position, None
        row.ended_at = row.ended_by_id = row.ended_reason = None
        _sync_reasons(row, because, decision["edition"])
        done = is_exam_done(case, exam, decision, facts, row.added_at)
        _set_state(row, RequirementState.DONE if done else RequirementState.OPEN)
    for exam, row in known.items():
        if exam not in demanded:
            _keep_or_end(case, row, facts, decision)


def may_be_withdrawn(row: Requirement) -> bool:
    """Whether a physician may take `row` off the case: no rule and no authority asks for it."""
    return row.state is RequirementState.OPEN and (
        (row.source is RequirementSource.PHYSICIAN and not row.reasons) or row.ceased_at is not None)


def _keep_or_end(case: Case, row: Requirement, facts: dict[str, Any], decision: dict[str, Any]) -> None:
    """What no rule asks for now: a person's wish and work already begun are kept, the rest ends."""
    if row.source in ASKED_BY_PEOPLE:
        row.reasons.clear()  # a rule that asked for it too does so no more
    elif row.ceased_at is None:
        row.ceased_at = clock.now()
    is_kept = row.source in ASKED_BY_PEOPLE or (
        row.source is RequirementSource.REFLEX and row.state is not RequirementState.WITHDRAWN
        and has_begun(case, row.exam, row.added_at))
    if row.ended_at is not None or not is_kept:
        _set_state(row, RequirementState.WITHDRAWN)
    else:
        done = is_exam_done(case, row.exam, decision, facts, row.added_at)
        _set_state(row, RequirementState.DONE if done else RequirementState.OPEN)


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
