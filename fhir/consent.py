"""A decision about the consent text, as a Consent; a refusal is one too."""

from __future__ import annotations

from clinic.models import Consent, ConsentState, Signer
from fhir.address import canonical
from fhir.code import coding, concept
from fhir.element import Element, clean_text, drop_empty, to_instant
from fhir.encoder import Resource
from fhir.naming import Naming

# consent-state-codes (FHIR R4, required).
_STATES = {
    ConsentState.GIVEN: "active", ConsentState.REFUSED: "rejected", ConsentState.WITHDRAWN: "inactive",
    ConsentState.REPLACED: "inactive",
}


def to_fhir(row: Consent, naming: Naming) -> Resource:
    """The Consent: which text in which version and language, who decided, and to whom results may go."""
    case = row.case
    authority = row.authority_name or case.authority.name
    patient = naming.refer("Patient", case.applicant_id)
    return drop_empty({
        "resourceType": "Consent",
        "id": naming.id_of("Consent", row.id),
        "status": _STATES[row.state],
        "scope": concept("consent-scope.privacy"),
        "category": [concept("loinc.consent", "Consent to the migration health examination")],
        "patient": patient,
        "dateTime": to_instant(row.decided_at),
        "performer": [patient if row.signer is Signer.APPLICANT else _describe_signer(row, naming)],
        "organization": [naming.refer("Organization", case.site_id)],
        # ppc-1: a policy or a policy rule; ours is the text itself, by version and language.
        "policy": [{"uri": canonical(f"consent/{row.text_version}/{row.text_language}")}],
        "verification": [_verify(row)] if row.witness_name else None,
        "provision": {
            "type": "permit" if row.state is ConsentState.GIVEN else "deny",
            "period": drop_empty({
                "start": to_instant(row.decided_at), "end": to_instant(row.ended_at) if row.ended_at else None}),
            "actor": [{"role": concept("participation.recipient"), "reference": {"display": authority}}],
            "purpose": [coding("act-reason.public-health")],
        },
    })


def _describe_signer(row: Consent, naming: Naming) -> Element:
    """Who signed for the applicant, in words; of a recorded guardian with the reference."""
    words = ", ".join(part for part in (clean_text(row.signer_name), clean_text(row.signer_relation)) if part)
    return (naming.refer("RelatedPerson", row.guardian_id) or {}) | {"display": words or row.signer.value}


def _verify(row: Consent) -> Element:
    return {"verified": True, "verifiedWith": {"display": clean_text(row.witness_name) or "witness"},
            "verificationDate": to_instant(row.decided_at)}
