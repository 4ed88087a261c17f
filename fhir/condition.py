"""Conditions that a conclusion names: the diseases behind class A and class B."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from clinic.models import Case, Conclusion
from fhir.canonical import list_local_systems
from fhir.code import concept
from fhir.element import Element, drop_empty, to_date, to_instant
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
_SENSITIVE = {"syphilis", "gonorrhoea"}


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


def to_fhir(
    conclusion: Conclusion, case: Case, naming: Naming, earlier: Iterable[Conclusion] = ()
) -> list[Resource]:
    """One Condition for each disease that this or an earlier conclusion named; what is gone is inactive."""
    now = list_conditions(conclusion.conclusion)
    before: dict[str, Element] = {}
    for old in earlier:
        before |= list_conditions(old.conclusion)
    return [
        _condition(conclusion, case, naming, slot, now.get(slot) or before[slot], slot in now)
        for slot in {**before, **now}
    ]


def _condition(
    conclusion: Conclusion, case: Case, naming: Naming, slot: str, code: Element, is_present: bool
) -> Resource:
    return drop_empty({
        "resourceType": "Condition",
        "id": naming.id_of("Condition", case.id, slot),
        "meta": {"security": [concept("act-code.std")["coding"][0]]} if slot in _SENSITIVE else None,
        "clinicalStatus": concept("clinical-status.active" if is_present else "clinical-status.inactive"),
        "verificationStatus": concept("verification-status.confirmed"),
        "category": [concept("condition-category.problem")],
        "code": code,
        "subject": naming.refer("Patient", case.applicant_id),
        "encounter": naming.refer("Encounter", case.id),
        "recordedDate": to_date(case.exam_date) or to_instant(conclusion.decided_at),
        "asserter": naming.refer("Practitioner", conclusion.decided_by_id),
    })
