"""Observations of an answered form: vital signs, findings of the examination, pregnancy.

The QuestionnaireResponse stays the record of what was asked and answered; what is a measurement or a finding stands
beside it as an Observation, so that it is found by its code. An amendment amends those whose answers it changed; one
whose answer it took away was entered in error.
"""

from __future__ import annotations

from collections.abc import Iterable

from clinic.models import FormResponse, FormStatus
from clinic.services.form import AMENDED
from fhir import exam_finding, pregnancy, vital_sign
from fhir.code import coding, concept
from fhir.element import Element, drop_empty, to_instant
from fhir.encoder import Resource
from fhir.form_slot import Answers, FormSlot
from fhir.naming import Naming
from fhir.questionnaire import get_questionnaire

WRONG = "entered-in-error"
_EXAM_DATE = "visit.exam-date"  # in every form


def to_fhir(response: FormResponse, naming: Naming) -> list[Resource]:
    """One Observation for each thing the form can say; those that it does not say are entered in error."""
    return [_observation(response, slot, naming) for slot in _list_slots(response)]


def to_said(response: FormResponse, naming: Naming) -> list[Resource]:
    """Only what the form says."""
    return [_observation(response, slot, naming) for slot in _list_slots(response) if slot.said]


def _list_slots(response: FormResponse) -> Iterable[FormSlot]:
    questionnaire, answers = get_questionnaire(response.form), response.answers or {}
    yield from vital_sign.list_slots(answers)
    yield from exam_finding.list_slots(questionnaire, answers)
    yield from pregnancy.list_slots(questionnaire, answers)


def _observation(response: FormResponse, slot: FormSlot, naming: Naming) -> Resource:
    said = slot.said or {"dataAbsentReason": concept("absent-reason.unknown")}
    sources = [naming.refer("Observation", response.id, name) for name in slot.derived] if slot.said else []
    return drop_empty({
        "resourceType": "Observation",
        "id": naming.id_of("Observation", response.id, slot.name),
        "meta": {"security": [coding(slot.sensitivity)]} if slot.sensitivity else None,
        "status": _status(response, slot),
        "category": [concept(slot.category)],
        "code": slot.code,
        "subject": naming.refer("Patient", response.case.applicant_id),
        "encounter": naming.refer("Encounter", response.case_id),
        "effectiveDateTime": _find_day(response, response.answers or {}),
        "performer": [naming.refer("Practitioner", response.completed_by_id or response.started_by_id)],
        **{name: said[name] for name in _BEFORE_DERIVED if name in said},
        "derivedFrom": [*sources, naming.refer("QuestionnaireResponse", response.id)],
        **{name: said[name] for name in _AFTER_DERIVED if name in said},
    })


# The order in which R4 lists the members of an Observation.
_BEFORE_DERIVED = ("valueQuantity", "valueCodeableConcept", "dataAbsentReason", "interpretation", "note")
_AFTER_DERIVED = ("component",)


def _status(response: FormResponse, slot: FormSlot) -> str:
    if slot.said is None or response.status is FormStatus.ENTERED_IN_ERROR:
        return WRONG
    changed = (response.answers or {}).get(AMENDED, ())
    return "amended" if any(link in changed for link in slot.links) else "final"


def _find_day(response: FormResponse, answers: Answers) -> Element | str:
    """The day of the examination as the form says it, else the moment of its completion."""
    return answers.get(_EXAM_DATE) or to_instant(response.completed_at or response.saved_at)
