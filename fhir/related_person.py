"""A guardian as a RelatedPerson, and an emergency contact as the part of a Patient that names one.

Both stay in the clinic's own record: neither person consented to be known to an authority.
"""

from __future__ import annotations

from clinic.models import DocumentKind, RelatedPerson, Relation
from fhir.address import identifier_system
from fhir.code import concept
from fhir.element import Element, clean_text, drop_empty, identifier, to_instant
from fhir.encoder import Resource
from fhir.naming import Naming


def to_fhir(row: RelatedPerson, naming: Naming) -> Resource:
    """The RelatedPerson: who, what they are to the applicant, by which document, from when until when."""
    return drop_empty({
        "resourceType": "RelatedPerson",
        "id": naming.id_of("RelatedPerson", row.id),
        "identifier": [found for found in (_document(row),) if found],
        "active": row.ended_at is None,
        "patient": naming.refer("Patient", row.applicant_id),
        "relationship": _relationships(row),
        "name": [{"text": clean_text(row.name) or "guardian"}],
        "telecom": _telecom(row),
        "period": _period(row),
    })


def to_contact(row: RelatedPerson) -> Element:
    """Patient.contact of an emergency contact."""
    return drop_empty({
        "relationship": [concept("contact-role.emergency"), to_relationship(row.relation)],
        "name": {"text": clean_text(row.name) or "contact"},
        "telecom": _telecom(row),
        "period": {"start": to_instant(row.recorded_at)},
    })


def to_relationship(relation: Relation) -> Element:
    """What one person is to another; in words where HL7 has no code."""
    words = relation.value.replace("-", " ")
    return {"text": words} if relation is Relation.UNRELATED else concept(f"role-code.{relation.value}", words)


def _relationships(row: RelatedPerson) -> list[Element]:
    """The relation, and beside it that the person is guardian."""
    own = to_relationship(row.relation)
    if row.organisation:
        own["text"] = clean_text(f"{own['text']}, {row.organisation}") or own["text"]
    if row.relation is Relation.LEGAL_GUARDIAN:
        return [own]
    return [own, concept("role-code.legal-guardian", "guardian")]


def _document(row: RelatedPerson) -> Element | None:
    if row.document_kind is None:
        return None
    kind = concept("v2-0203.passport") if row.document_kind is DocumentKind.PASSPORT else {
        "text": row.document_kind.value.replace("-", " ")}
    return identifier(identifier_system(f"{row.document_kind.value}/seen"), row.document_number, kind)


def _telecom(row: RelatedPerson) -> list[Element]:
    phone = clean_text(row.phone)
    return [{"system": "phone", "value": phone}] if phone else []


def _period(row: RelatedPerson) -> Element:
    return drop_empty({
        "start": to_instant(row.recorded_at), "end": to_instant(row.ended_at) if row.ended_at else None})
