"""What a physician concluded, as Observations: classes, the overall result, grades and the certificate's outcome.

Each stands in a slot of its case, so that a later conclusion amends what an earlier one said in the same place.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from clinic.models import Case, Conclusion
from fhir.canonical import local_concept
from fhir.code import concept
from fhir.element import Element, clean_text, drop_empty, note, to_date, to_instant
from fhir.encoder import Resource
from fhir.naming import Naming

_TITLES = {
    "tb-class": "Tuberculosis class",
    "exam-class": "Class",
    "overall-class": "Result of the examination",
    "grade": "Grade",
    "certificate": "Certificate",
}


def list_slots(said: dict[str, Any]) -> dict[str, Element]:
    """Slot name to its coded value, from the physician's conclusion (decide-contract.md, "Decision")."""
    slots = {}
    for position, tb_class in enumerate(said.get("classes") or [], start=1):
        slots[f"tb-class.{position}"] = local_concept("us-tb-class", tb_class)
    for other in said.get("other_classes") or []:
        slots[f"exam-class.{other.split(':')[0]}"] = local_concept("us-exam-class", other)
    if overall := said.get("overall"):
        slots["overall-class"] = local_concept("us-exam-class", overall)
    for exam, grade in (said.get("grades") or {}).items():
        slots[f"grade.{exam}"] = local_concept("exam-grade", _read_grade(grade))
    if certificate := said.get("certificate"):
        slots["certificate"] = local_concept("exam-grade", certificate)
    return slots


def _read_grade(grade: Any) -> str:
    """The grade the physician gave, or the suggested one where nobody changed it."""
    return str(grade.get("given") or grade["suggested"]) if isinstance(grade, dict) else str(grade)


def to_fhir(
    conclusion: Conclusion, case: Case, naming: Naming, earlier: Iterable[Conclusion] = ()
) -> list[Resource]:
    """One Observation for each slot that this or an earlier conclusion of the case filled, in their order."""
    slots = list_slots(conclusion.conclusion)
    before: dict[str, Element] = {}
    for old in earlier:
        before |= list_slots(old.conclusion)
    return [
        _observation(conclusion, case, naming, slot, slots.get(slot), before.get(slot)) for slot in {**before, **slots}
    ]


def _observation(
    conclusion: Conclusion, case: Case, naming: Naming, slot: str, value: Element | None, before: Element | None
) -> Resource:
    name, _, part = slot.partition(".")
    status = "entered-in-error" if value is None else "amended" if before else "final"
    return drop_empty({
        "resourceType": "Observation",
        "id": naming.id_of("Observation", case.id, slot),
        "status": status,
        "category": [concept("category.exam")],
        "code": _code(name, part),
        "subject": naming.refer("Patient", case.applicant_id),
        "encounter": naming.refer("Encounter", case.id),
        "effectiveDateTime": to_date(case.exam_date) or to_instant(conclusion.decided_at),
        "issued": to_instant(conclusion.decided_at),
        "performer": [naming.refer("Practitioner", conclusion.decided_by_id)],
        "valueCodeableConcept": value or before,
        "note": note(conclusion.reason) if status != "entered-in-error" else None,
        "component": _validity(conclusion) if name in ("overall-class", "certificate") else None,
    })


def _code(name: str, part: str) -> Element:
    found = local_concept("observation", name)
    if name == "grade":
        found["coding"] += local_concept("requirement", part)["coding"]
    label = part.replace("-", " ") if name in ("exam-class", "grade") else ""
    return found | {"text": clean_text(f"{_TITLES[name]} {label}")}


def _validity(conclusion: Conclusion) -> list[Element]:
    found = []
    for name, value in (("valid-from", "valid_from"), ("valid-until", "valid_until")):
        if day := conclusion.conclusion.get(value):
            found.append({"code": local_concept("observation", name), "valueDateTime": day})
    found.append({"code": local_concept("observation", "rule-edition"), "valueString": conclusion.edition})
    return found
