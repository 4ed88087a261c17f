"""Resources made smaller on request (`_summary`, `_elements`), marked as such so that nobody takes them for whole.

Which elements make up a summary, and which must never be missing, are those of the R4 4.0.1 StructureDefinitions
(`isSummary`; `min` above 0 or `isModifier`), by the resource's own members: what is kept is kept whole.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fhir.code import coding
from fhir.encoder import decode, encode

_ALWAYS = {"resourceType", "id", "meta", "implicitRules", "modifierExtension"}

# type: (members of its summary, members that every subset keeps); `x*` stands for a choice of types.
_MEMBERS: dict[str, tuple[str, str]] = {
    "AuditEvent": (
        "type subtype action recorded outcome outcomeDesc purposeOfEvent", "type recorded agent source"),
    "Binary": ("contentType securityContext", "contentType"),
    "Bundle": ("identifier type timestamp total link entry signature", "type"),
    "Composition": (
        "identifier status type category subject encounter date author title confidentiality custodian event",
        "status type date author title"),
    "Condition": (
        "identifier clinicalStatus verificationStatus code bodySite subject encounter onset* recordedDate recorder "
        "asserter", "clinicalStatus verificationStatus subject"),
    "DiagnosticReport": (
        "identifier status category code subject encounter effective* issued performer resultsInterpreter media",
        "status code"),
    "DocumentReference": (
        "masterIdentifier identifier status docStatus type category subject date author relatesTo description "
        "securityLabel content context", "status content"),
    "Encounter": (
        "identifier status class type serviceType subject episodeOfCare participant appointment reasonCode "
        "reasonReference diagnosis", "status class"),
    "EpisodeOfCare": ("status type diagnosis patient managingOrganization period", "status patient"),
    "Flag": ("identifier status category code subject period encounter author", "status code subject"),
    "ImagingStudy": (
        "identifier status modality subject encounter started basedOn referrer interpreter endpoint numberOfSeries "
        "numberOfInstances procedureReference procedureCode location reasonCode reasonReference note description "
        "series", "status subject"),
    "Immunization": (
        "status vaccineCode patient occurrence* primarySource performer note isSubpotent",
        "status vaccineCode patient occurrence* isSubpotent"),
    "MedicationStatement": (
        "identifier basedOn partOf status category medication* subject context effective* dateAsserted",
        "status medication* subject"),
    "Observation": (
        "identifier basedOn partOf status code subject focus encounter effective* issued performer value* hasMember "
        "derivedFrom component", "status code"),
    "Organization": ("identifier active type name partOf", "active"),
    "Patient": (
        "identifier active name telecom gender birthDate deceased* address managingOrganization link",
        "active deceased* link"),
    "Practitioner": ("identifier active name telecom address gender birthDate", ""),
    "Provenance": ("target recorded", "target recorded agent"),
    "QuestionnaireResponse": (
        "identifier basedOn partOf questionnaire status subject encounter authored author source", "status"),
    "ServiceRequest": (
        "identifier instantiatesCanonical instantiatesUri basedOn replaces requisition status intent category "
        "priority doNotPerform code orderDetail quantity* subject encounter occurrence* asNeeded* authoredOn "
        "requester performerType performer locationCode locationReference reasonCode reasonReference specimen "
        "bodySite patientInstruction", "status intent doNotPerform subject"),
    "Specimen": ("identifier accessionIdentifier status type subject receivedTime condition", "status"),
}  # fmt: skip


class Summary(StrEnum):
    """The forms of `_summary` that send resources (R4 search, 3.1.1.5.6); `count` sends none."""

    TRUE = "true"
    TEXT = "text"
    DATA = "data"


@dataclass(frozen=True)
class Subset:
    """What of each resource is sent: a summary, or the named elements (of what was found, not of what is included)."""

    summary: Summary | None = None
    elements: tuple[str, ...] = ()

    def cut(self, kind: str, body: bytes, is_included: bool = False) -> bytes:
        """The resource's bytes with the rest left out and the tag SUBSETTED put in; unchanged if nothing is asked."""
        if self.summary is None and (is_included or not self.elements):
            return body
        resource = decode(body)
        kept = {name: value for name, value in resource.items() if self._keeps(kind, name)}
        return encode(_tag(kept))

    def _keeps(self, kind: str, name: str) -> bool:
        bare = name.removeprefix("_")  # `_birthDate` holds the extensions of `birthDate`
        summary, needed = _MEMBERS[kind]
        if bare in _ALWAYS or _is_among(bare, needed.split()):
            return True
        match self.summary:
            case Summary.TRUE:
                return _is_among(bare, summary.split())
            case Summary.TEXT:
                return bare == "text"
            case Summary.DATA:
                return bare != "text"
        return _is_among(bare, self.elements)


def _is_among(name: str, members: Collection[str]) -> bool:
    return name in members or any(
        member.endswith("*") and name.startswith(member[:-1]) and name[len(member) - 1:][:1].isupper()
        for member in members
    )


def _tag(resource: dict[str, Any]) -> dict[str, Any]:
    """`meta` with the tag that R4 asks for, its other members as they were."""
    meta = resource.get("meta", {})
    tagged = meta | {"tag": [*meta.get("tag", []), coding("observation-value.subsetted")]}
    head = {name: resource[name] for name in ("resourceType", "id") if name in resource}
    return head | {"meta": tagged} | {name: value for name, value in resource.items()
                                      if name not in ("resourceType", "id", "meta")}
