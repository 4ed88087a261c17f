"""The Composition: first resource of the document, its table of contents, and who answers for it."""

from __future__ import annotations

from clinic.ports import DocumentOrder
from fhir.code import concept, get_code, get_system
from fhir.dossier import Dossier
from fhir.element import Element, clean_text, drop_empty, to_instant
from fhir.encoder import Resource
from fhir.naming import ReleasedNaming
from fhir.section import build_heading, build_sections

TITLE = "Migration health examination"


def build_composition(order: DocumentOrder, dossier: Dossier, naming: ReleasedNaming) -> Resource:
    """The Composition of one signature; an amendment says which document it replaces, and why."""
    case, signer = order.case, naming.refer("Practitioner", order.signer.id)
    signed_at = to_instant(order.signed_at)
    return drop_empty({
        "resourceType": "Composition",
        "id": naming.id_of("Composition", case.id),
        "language": "en",
        "text": build_heading(dossier.frame[0], case.number),
        "identifier": document_identifier(order.bundle_id),
        "status": "amended" if order.replaces else "final",
        "type": concept("loinc.document", TITLE),
        "subject": naming.refer("Patient", case.applicant_id),
        "encounter": naming.refer("Encounter", case.id),
        "date": signed_at,
        "author": [signer],
        "title": clean_text(f"{TITLE}: {case.authority.name}"),
        "confidentiality": get_code("confidentiality.restricted"),
        "attester": [{"mode": "legal", "time": signed_at, "party": signer}],
        "custodian": naming.refer("Organization", case.site_id),
        "relatesTo": _replaced(order),
        "section": build_sections(dossier),
    })


def document_identifier(bundle_id: str) -> Element:
    """The identifier of a document: its own, never used again."""
    return {"system": get_system("uri"), "value": f"urn:uuid:{bundle_id}"}


def _replaced(order: DocumentOrder) -> list[Element] | None:
    if order.replaces is None:
        return None
    return [{"code": "replaces", "targetIdentifier": document_identifier(order.replaces.id)}]
