"""What a case must have examined in the laboratory or by X-ray, as ServiceRequests that results are based on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache

from clinic.laboratory_test import list_tests
from clinic.models import Requirement, RequirementSource, RequirementState
from fhir.address import identifier_system
from fhir.canonical import local_concept
from fhir.code import coding, concept
from fhir.element import Element, clean_text, drop_empty, identifier, note, to_instant
from fhir.encoder import Resource
from fhir.laboratory import get_test
from fhir.naming import Naming

FILM_EXAMS = ("chest-xray", "tb-child-workup")
_STATUS = {
    RequirementState.OPEN: "active", RequirementState.DONE: "completed", RequirementState.WITHDRAWN: "revoked",
}


def is_order(exam: str) -> bool:
    """Whether an examination is asked of the laboratory or of radiology; the others are done at a desk."""
    return exam in FILM_EXAMS or exam in _list_laboratory_exams()


def to_fhir(row: Requirement, naming: Naming) -> Resource:
    """The ServiceRequest of one examination; one that nobody asks for any more is revoked."""
    case = row.case
    label = _list_laboratory_exams().get(row.exam)
    reasons = [*(reason.says for reason in sorted(row.reasons, key=lambda one: one.rule)), row.added_reason]
    return drop_empty({
        "resourceType": "ServiceRequest",
        "id": naming.id_of("ServiceRequest", row.id),
        "meta": {"security": [coding(label)]} if label else None,
        "requisition": identifier(identifier_system(f"case/{case.site.code}"), case.number),
        "status": _STATUS[row.state],
        "intent": "reflex-order" if row.source is RequirementSource.REFLEX else "order",
        "category": _list_categories(row.exam),
        "code": local_concept("requirement", row.exam),
        "subject": naming.refer("Patient", case.applicant_id),
        "encounter": naming.refer("Encounter", case.id),
        "authoredOn": to_instant(row.added_at),
        "requester": (naming.refer("Practitioner", row.added_by_id)
                      or naming.refer("Organization", case.site_id)),
        "reasonCode": [{"text": text} for reason in reasons if (text := clean_text(reason))],
        "note": note(row.ended_reason),
    })


def refer_to_orders(
    orders: Iterable[Requirement], exams: Iterable[str], entered_at: datetime, naming: Naming
) -> list[Element]:
    """References to those of a case's `orders` for one of `exams` that stood when the result was entered."""
    wanted = set(exams)
    standing = sorted((row for row in orders if row.exam in wanted and row.added_at <= entered_at),
                      key=lambda row: row.exam)
    return [found for row in standing if (found := naming.refer("ServiceRequest", row.id))]


def _list_categories(exam: str) -> list[Element]:
    found = [concept("snomed.laboratory-procedure", "Laboratory")] if exam in _list_laboratory_exams() else []
    return [*found, concept("snomed.imaging-procedure", "Imaging")] if exam in FILM_EXAMS else found


@cache
def _list_laboratory_exams() -> dict[str, str | None]:
    """Examinations that a test of the catalogue serves, with the label of the first sensitive one."""
    found: dict[str, str | None] = {}
    for test in list_tests().values():
        for exam in test.exams:
            found[exam] = found.get(exam) or get_test(test.name).sensitivity
    return found
