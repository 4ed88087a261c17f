"""That somebody may be infectious, as a Flag: since when, until when, by which cause; a physician's words stay here."""

from __future__ import annotations

from clinic.models import InfectionHold
from fhir.canonical import local_concept
from fhir.code import concept
from fhir.element import Element, drop_empty, to_instant
from fhir.encoder import Resource
from fhir.naming import Naming


def to_fhir(row: InfectionHold, naming: Naming) -> Resource:
    """The Flag of one hold; inactive once it ended. What it rests on stands in results, readings and diagnoses."""
    return drop_empty({
        "resourceType": "Flag",
        "id": naming.id_of("Flag", row.id),
        "status": "inactive" if row.ended_at else "active",
        "category": [concept("flag-category.safety")],
        "code": local_concept("infection-hold", row.cause),
        "subject": naming.refer("Patient", row.applicant_id),
        "period": _period(row),
        "encounter": naming.refer("Encounter", row.case_id),
        "author": naming.refer("Practitioner", row.began_by_id) or naming.refer("Organization", row.site_id),
    })


def _period(row: InfectionHold) -> Element:
    return drop_empty({
        "start": to_instant(row.began_at), "end": to_instant(row.ended_at) if row.ended_at else None})
