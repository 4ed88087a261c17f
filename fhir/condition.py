"""Conditions of a case: diagnoses of its forms, its tuberculosis case, the diseases behind its conclusions' classes.

A disease that several name is one Condition. What a later conclusion does not name any more is inactive; what an
amended form does not hold any more was entered in error.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clinic.models import Case, Conclusion, FormResponse, FormStatus, TbCase, TbOutcome
from fhir import diagnosis
from fhir.canonical import list_local_systems
from fhir.code import coding, concept
from fhir.diagnosis import Diagnosis
from fhir.element import Element, drop_empty, note, to_date, to_instant
from fhir.encoder import Resource
from fhir.naming import Naming

# A class without its own disease (NONE, B1 of suspicion alone) makes no condition.
_TB = {
    "A": ("snomed.tuberculosis", "Tuberculosis"),
    "A-W": ("snomed.tuberculosis", "Tuberculosis, waiver granted"),
    "B1E": ("snomed.extrapulmonary-tuberculosis", "Extrapulmonary tuberculosis"),
    "B2": ("icd10cm.latent-tuberculosis", "Latent tuberculosis infection"),
    "B3": ("snomed.tuberculosis-exposure", "Contact of tuberculosis"),
}
_OTHER = {
    "syphilis": "snomed.syphilis",
    "gonorrhoea": "snomed.gonorrhoea",
    "hansens": "snomed.leprosy",
    "pregnancy": "snomed.pregnant",
}
# Slot of a conclusion: the slots of forms that say the same disease more exactly.
_SAME = {
    "tb.A": ("tuberculosis", diagnosis.EXTRAPULMONARY), "tb.A-W": ("tuberculosis", diagnosis.EXTRAPULMONARY),
    **{kind: tuple(f"{kind}.{place}" for place in (1, 2, 3)) for kind in diagnosis.KINDS},
    "other": ("other.form",),
}
_COUNTING = (FormStatus.COMPLETED, FormStatus.AMENDED)
_WRONG = "entered-in-error"


@dataclass(frozen=True)
class _Problem:
    """A diagnosis and who stands for it."""

    found: Diagnosis
    asserter_id: str
    decided_at: datetime


def list_conditions(said: dict[str, Any]) -> dict[str, Element]:
    """Slot name to the condition's code, from the physician's conclusion."""
    found = {}
    for tb_class in said.get("classes") or []:
        if tb_class in _TB:
            found[f"tb.{tb_class}"] = concept(*_TB[tb_class])
    for other in said.get("other_classes") or []:
        name = other.split(":")[0]
        label = list_local_systems()["us-exam-class"]["code"][other]
        found[name] = concept(_OTHER[name], label) if name in _OTHER else {"text": label}
    return found


def to_current(
    case: Case, naming: Naming, forms: Iterable[FormResponse], conclusion: Conclusion | None = None,
    tb: TbCase | None = None,
) -> list[Resource]:
    """What forms, tuberculosis case and conclusion hold now, one Condition for each disease."""
    now = _list_problems(forms, conclusion, tb)
    return [_condition(case, naming, slot, problem) for slot, problem in now.items()]


def to_ended(
    case: Case, naming: Naming, forms: Sequence[FormResponse], conclusions: Sequence[Conclusion],
    tb: TbCase | None = None,
) -> list[Resource]:
    """An end for each disease that an earlier conclusion named or that a form could have held, and does not now."""
    now = _list_problems(forms, conclusions[-1] if conclusions else None, tb)
    ended = {
        slot: _Problem(Diagnosis(code, is_active=False), conclusions[-1].decided_by_id, old.decided_at)
        for old in conclusions for slot, code in list_conditions(old.conclusion).items() if slot not in now
    }
    wrong = [slot for slot in diagnosis.list_slots() if slot not in ended | now] if forms or tb else []
    return [
        *(_condition(case, naming, slot, problem) for slot, problem in ended.items()),
        *(_wrong(case, naming, slot) for slot in wrong),
    ]


def _list_problems(
    forms: Iterable[FormResponse], conclusion: Conclusion | None, tb: TbCase | None
) -> dict[str, _Problem]:
    problems: dict[str, _Problem] = {}
    for form in forms:
        if form.status in _COUNTING:
            by, at = form.completed_by_id or form.started_by_id, form.completed_at or form.saved_at
            for slot, found in diagnosis.list_diagnoses(form).items():
                problems[slot] = _Problem(found, by, at)
    if tb is not None and tb.outcome is not TbOutcome.NOT_TB:  # what was wrong is ended as such
        slot, found = diagnosis.read_tb_case(tb)
        problems[slot] = _Problem(found, tb.registered_by_id, tb.case.updated_at)  # the day stands in `since`
    for slot, code in list_conditions(conclusion.conclusion if conclusion else {}).items():
        if conclusion and slot not in problems and not any(same in problems for same in _SAME.get(slot, ())):
            problems[slot] = _Problem(Diagnosis(code), conclusion.decided_by_id, conclusion.decided_at)
    return problems


def _condition(case: Case, naming: Naming, slot: str, problem: _Problem) -> Resource:
    state = "active" if problem.found.is_active else "inactive"
    return _build(case, naming, slot, problem.found.code) | drop_empty({
        "clinicalStatus": concept(f"clinical-status.{state}"),
        "verificationStatus": concept("verification-status.confirmed"),
        "bodySite": [{"text": problem.found.body_site}] if problem.found.body_site else None,
        "recordedDate": to_date(problem.found.since or case.exam_date) or to_instant(problem.decided_at),
        "asserter": naming.refer("Practitioner", problem.asserter_id),
        "evidence": [{"code": [{"text": problem.found.evidence}]}] if problem.found.evidence else None,
        "note": note(problem.found.remark),
    })


def _wrong(case: Case, naming: Naming, slot: str) -> Resource:
    """con-5: what was entered in error has no clinical status."""
    return _build(case, naming, slot, diagnosis.describe_slot(slot)) | {
        "verificationStatus": concept("verification-status.entered-in-error")}


def _build(case: Case, naming: Naming, slot: str, code: Element) -> Resource:
    label = diagnosis.SENSITIVE.get(slot.split(".")[0])
    return drop_empty({
        "resourceType": "Condition",
        "id": naming.id_of("Condition", case.id, slot),
        "meta": {"security": [coding(label)]} if label else None,
        "category": [concept("condition-category.problem")],
        "code": code,
        "subject": naming.refer("Patient", case.applicant_id),
        "encounter": naming.refer("Encounter", case.id),
    })
