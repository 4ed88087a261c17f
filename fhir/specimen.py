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
    """The Specimen; one recorded by mistake is entered-in-error."""
    number = identifier(identifier_system("specimen"), specimen.number, concept("v2-0203.accession"))
    return drop_empty({
        "resourceType": "Specimen",
        "id": naming.id_of("Specimen", specimen.id),
        "accessionIdentifier": number,
        "status": "entered-in-error" if specimen.withdrawn_at else "available",
        "type": concept(f"snomed.{specimen.kind.value}", _LABELS[specimen.kind.value]),
        "subject": naming.refer("Patient", specimen.case.applicant_id),
        "receivedTime": to_instant(specimen.recorded_at),
        "collection": drop_empty({
            "collector": naming.refer("Practitioner", specimen.recorded_by_id),
            "collectedDateTime": to_instant(specimen.collected_at) if specimen.collected_at
            else to_date(specimen.collected_on),
            "method": {"text": _COLLECTIONS[specimen.collection]} if specimen.collection else None,
        }),
        "container": [{"type": {"text": list_tubes()[specimen.tube].label}}] if specimen.tube else None,
    })
