"""The examination itself, as an Encounter: one for each case."""

from __future__ import annotations

from clinic.models import Case, CaseState
from fhir.code import coding, concept
from fhir.element import drop_empty, to_date
from fhir.encoder import Resource
from fhir.naming import Naming

_OPEN = {CaseState.REGISTERED, CaseState.IN_PROGRESS, CaseState.IN_REVIEW, CaseState.ON_HOLD}


def to_fhir(case: Case, naming: Naming) -> Resource:
    """The Encounter; planned until the day of the physical exam is known."""
    day = to_date(case.exam_date)
    return drop_empty({
        "resourceType": "Encounter",
        "id": naming.id_of("Encounter", case.id),
        "status": "finished" if naming.is_released else _status(case),
        "class": coding("act-code.ambulatory"),
        "type": [concept("icd10.administrative-examination", "Migration health assessment")],
        "subject": naming.refer("Patient", case.applicant_id),
        "episodeOfCare": [naming.refer("EpisodeOfCare", case.id)],
        "period": {"start": day, "end": day} if day else None,
        "serviceProvider": naming.refer("Organization", case.site_id),
    })


def _status(case: Case) -> str:
    if case.exam_date is None:
        return "cancelled" if case.state is CaseState.WITHDRAWN else "planned"
    return "in-progress" if case.state in _OPEN else "finished"
