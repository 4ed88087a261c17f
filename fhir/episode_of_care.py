"""A health case for one destination, as an EpisodeOfCare."""

from __future__ import annotations

from clinic.models import Case, CaseState
from fhir.address import identifier_system
from fhir.code import concept
from fhir.element import drop_empty, identifier, to_instant
from fhir.encoder import Resource
from fhir.naming import Naming
from fhir.patient import case_number_system

# Our states in the words of R4 episode-of-care-status.
STATUS = {
    CaseState.REGISTERED: "planned",
    CaseState.IN_PROGRESS: "active",
    CaseState.IN_REVIEW: "active",
    CaseState.SIGNED: "active",
    CaseState.SUBMITTED: "active",
    CaseState.ACKNOWLEDGED: "finished",
    CaseState.CLOSED: "finished",
    CaseState.ON_HOLD: "onhold",
    CaseState.WITHDRAWN: "cancelled",
    CaseState.EXPIRED: "finished",
}


def to_fhir(case: Case, naming: Naming) -> Resource:
    """The EpisodeOfCare; released, it is finished, for what an authority reads is a signed examination."""
    theirs = identifier(case_number_system(case), case.authority_case_number, use="official")
    ours = identifier(
        identifier_system(f"case/{case.site.code}"), case.number, concept("v2-0203.visit"), use="usual"
    )
    return drop_empty({
        "resourceType": "EpisodeOfCare",
        "id": naming.id_of("EpisodeOfCare", case.id),
        "identifier": [number for number in (theirs, ours) if number],
        "status": "finished" if naming.is_released else STATUS[case.state],
        "type": [{"text": f"Migration health assessment: {case.programme.upper()}, {case.category}"}],
        "patient": naming.refer("Patient", case.applicant_id),
        "managingOrganization": naming.refer("Organization", case.site_id),
        "period": {"start": to_instant(case.opened_at)},
    })
