"""What was taken from a person, as a Specimen."""

from __future__ import annotations

from clinic.models import Collection, Specimen
from clinic.tube import list_tubes
from fhir.address import identifier_system
from fhir.code import concept
from fhir.element import drop_empty, identifier, to_date, to_instant
from fhir.encoder import Resource
from fhir.naming import Naming

_LABELS = {
    "blood": "Blood",
    "serum": "Serum",
    "urine": "Urine",
    "sputum": "Sputum",
    "gastric-aspirate": "Gastric aspirate",
}

_COLLECTIONS = {
    Collection.EXPECTORATED: "Expectorated", Collection.INDUCED: "Induced sputum", Collection.ASPIRATE: "Aspirate",
}


def to_fhir(specimen: Specimen, naming: Naming) -> Resource:
    """The Specimen; one that the laboratory does not take is unsatisfactory, with the reason as its condition."""
    number = identifier(identifier_system("specimen"), specimen.number, concept("v2-0203.accession"))
    return drop_empty({
        "resourceType": "Specimen",
        "id": naming.id_of("Specimen", specimen.id),
        "accessionIdentifier": number,
        "status": _find_status(specimen),
        "type": concept(f"snomed.{specimen.kind.value}", _LABELS[specimen.kind.value]),
        "subject": naming.refer("Patient", specimen.case.applicant_id),
        "receivedTime": to_instant(specimen.received_at) if specimen.received_at else None,
        "collection": drop_empty({
            "collector": naming.refer("Practitioner", specimen.recorded_by_id),
            "collectedDateTime": to_instant(specimen.collected_at) if specimen.collected_at
            else to_date(specimen.collected_on),
            "method": {"text": _COLLECTIONS[specimen.collection]} if specimen.collection else None,
        }),
        "container": [{"type": {"text": list_tubes()[specimen.tube].label}}] if specimen.tube else None,
        "condition": [{"text": specimen.rejected_reason.value.replace("-", " ").capitalize()}]
        if specimen.rejected_reason else None,
    })


def _find_status(specimen: Specimen) -> str:
    """R4 specimen-status: recorded by mistake, not taken by the laboratory, thrown away, else still there."""
    if specimen.withdrawn_at:
        return "entered-in-error"
    if specimen.rejected_at:
        return "unsatisfactory"
    return "unavailable" if specimen.discarded_at else "available"
