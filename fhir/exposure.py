"""Exposure to tuberculosis as an Observation of who was exposed: how, to what kind of it, from when until when.

The source is another person, perhaps of another authority: neither name, number nor case of theirs is said, and no
RelatedPerson is made of them.
"""

from __future__ import annotations

from clinic.models import ContactState, TbContact
from clinic.services.tb_contact import find_source_type
from fhir.canonical import local_concept
from fhir.code import concept
from fhir.element import drop_empty, to_date, to_instant
from fhir.encoder import Resource
from fhir.naming import Naming
from fhir.related_person import to_relationship

CODE = "tb-exposure"


def to_fhir(row: TbContact, naming: Naming, case_id: str | None = None) -> Resource:
    """The Observation of one confirmed contact; `case_id`: the case in which it is told."""
    stands = row.state is ContactState.CONFIRMED
    return drop_empty({
        "resourceType": "Observation",
        "id": naming.id_of("Observation", row.id),
        "status": "final" if stands else "entered-in-error",
        "category": [concept("category.social-history")],
        "code": local_concept("observation", CODE),
        "subject": naming.refer("Patient", row.applicant_id),
        "encounter": naming.refer("Encounter", case_id),
        "effectivePeriod": drop_empty({
            "start": to_date(row.first_exposed_on), "end": to_date(row.last_exposed_on)}) or None,
        "issued": to_instant(row.recorded_at),
        "performer": [naming.refer("Practitioner", row.recorded_by_id)],
        "valueCodeableConcept": local_concept("exposure-setting", row.setting.value),
        "component": [
            {"code": local_concept("observation", "exposure-relation"),
             "valueCodeableConcept": to_relationship(row.relation)},
            {"code": local_concept("observation", "source-tuberculosis"),
             "valueCodeableConcept": local_concept("source-tuberculosis", find_source_type(row).value)},
        ],
    })
