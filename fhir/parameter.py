"""Which search parameters each released resource type has, and where in the resource their values stand."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ParameterKind(StrEnum):
    """How a parameter's values are written and compared (R4 search, section 3.1.1.4)."""

    TOKEN = "token"  # noqa: S105  a kind of parameter, no secret
    STRING = "string"
    DATE = "date"
    REFERENCE = "reference"


@dataclass(frozen=True)
class SearchParameter:
    """One row of the table.

    `paths` are dotted names of elements from the resource downwards, arrays are walked. `targets` are the
    resource types that a reference may point to; a value that is a bare id may be any of them.
    """

    name: str
    kind: ParameterKind
    paths: tuple[str, ...]
    targets: tuple[str, ...] = ()


def _token(name: str, *paths: str) -> SearchParameter:
    return SearchParameter(name, ParameterKind.TOKEN, paths or (name,))


def _string(name: str, *paths: str) -> SearchParameter:
    return SearchParameter(name, ParameterKind.STRING, paths or (name,))


def _date(name: str, *paths: str) -> SearchParameter:
    return SearchParameter(name, ParameterKind.DATE, paths or (name,))


def _reference(name: str, targets: str, *paths: str) -> SearchParameter:
    return SearchParameter(name, ParameterKind.REFERENCE, paths or (name,), tuple(targets.split()))


def _patient(element: str = "subject") -> tuple[SearchParameter, ...]:
    """`patient`, and `subject` where R4 has both."""
    patient = _reference("patient", "Patient", element)
    return (patient, _reference("subject", "Patient", element)) if element == "subject" else (patient,)


_IDENTIFIER = _token("identifier")
_STATUS = _token("status")
_CODE = _token("code")
_CATEGORY = _token("category")
_ENCOUNTER = _reference("encounter", "Encounter")
_PART_OF = _reference("part-of", "MedicationStatement", "partOf")

# The types that a signature releases; every name is one of the R4 SearchParameters of its type (4.0.1).
PARAMETERS: dict[str, tuple[SearchParameter, ...]] = {
    "Binary": (),  # a printed packet; found through its DocumentReference
    "Bundle": (
        _IDENTIFIER, _token("type"), _date("timestamp"), _reference("composition", "Composition", "entry.resource"),
    ),
    "Composition": (
        _IDENTIFIER, _STATUS, _token("type"), _date("date"), *_patient(), _ENCOUNTER,
        _reference("author", "Practitioner Organization"),
        _reference("attester", "Practitioner Organization", "attester.party"),
        _reference(
            "entry",
            "Observation Condition DiagnosticReport Flag Immunization MedicationStatement QuestionnaireResponse",
            "section.entry",
        ),
    ),
    "Condition": (
        _IDENTIFIER, _CODE, _CATEGORY, _token("clinical-status", "clinicalStatus"),
        _token("verification-status", "verificationStatus"), _date("recorded-date", "recordedDate"),
        _date("onset-date", "onsetDateTime", "onsetPeriod"), *_patient(), _ENCOUNTER,
    ),
    "DiagnosticReport": (
        _IDENTIFIER, _STATUS, _CODE, _CATEGORY, _date("date", "effectiveDateTime", "effectivePeriod"),
        _date("issued"), *_patient(), _ENCOUNTER, _reference("result", "Observation"),
        _reference("based-on", "ServiceRequest", "basedOn"),
        _reference("specimen", "Specimen"),
        _reference("performer", "Practitioner Organization"),
    ),
    "DocumentReference": (
        _token("identifier", "masterIdentifier", "identifier"), _STATUS, _token("type"), _CATEGORY, _date("date"),
        _date("period", "context.period"), *_patient(),
        _reference("encounter", "Encounter", "context.encounter"),
        _reference("author", "Practitioner Organization"), _reference("custodian", "Organization"),
        _reference("related", "Bundle", "context.related"),
    ),
    "Encounter": (
        _IDENTIFIER, _STATUS, _token("class"), _token("type"), _date("date", "period"), *_patient(),
        _reference("episode-of-care", "EpisodeOfCare", "episodeOfCare"),
        _reference("service-provider", "Organization", "serviceProvider"),
        _reference("participant", "Practitioner", "participant.individual"),
    ),
    "EpisodeOfCare": (
        _IDENTIFIER, _STATUS, _token("type"), _date("date", "period"), *_patient("patient"),
        _reference("organization", "Organization", "managingOrganization"),
    ),
    "Flag": (_IDENTIFIER, _date("date", "period"), *_patient(), _ENCOUNTER,
             _reference("author", "Practitioner Organization")),
    "ImagingStudy": (
        _IDENTIFIER, _STATUS, _date("started"), _token("modality", "series.modality"),
        _token("bodysite", "series.bodySite"), _token("series", "series.uid"),
        _token("instance", "series.instance.uid"), _token("dicom-class", "series.instance.sopClass"),
        *_patient(), _ENCOUNTER, _reference("basedon", "ServiceRequest", "basedOn"),
    ),
    "Immunization": (
        _IDENTIFIER, _STATUS, _token("vaccine-code", "vaccineCode"), _date("date", "occurrenceDateTime"),
        _token("status-reason", "statusReason"), *_patient("patient"),
        _reference("performer", "Practitioner Organization", "performer.actor"),
    ),
    "MedicationStatement": (
        _IDENTIFIER, _STATUS, _token("code", "medicationCodeableConcept"), _date("effective", "effectivePeriod"),
        *_patient(), _reference("context", "Encounter"), _reference("source", "Practitioner", "informationSource"),
        _PART_OF,
    ),
    "Observation": (
        _IDENTIFIER, _STATUS, _CODE, _CATEGORY,
        _date("date", "effectiveDateTime", "effectivePeriod", "effectiveInstant"),
        _token("value-concept", "valueCodeableConcept"), *_patient(), _ENCOUNTER,
        _reference("specimen", "Specimen"), _reference("has-member", "Observation", "hasMember"),
        _reference("derived-from", "Observation QuestionnaireResponse", "derivedFrom"),
        _reference("based-on", "ServiceRequest", "basedOn"), _PART_OF,
        _reference("performer", "Practitioner Organization"),
    ),
    "Organization": (_IDENTIFIER, _string("name", "name", "alias"), _token("type")),
    "Patient": (
        _IDENTIFIER, _token("gender"), _date("birthdate", "birthDate"),
        _string("family", "name.family"), _string("given", "name.given"),
        _string("name", "name.text", "name.family", "name.given", "name.prefix", "name.suffix"),
        _reference("organization", "Organization", "managingOrganization"),
    ),
    "Practitioner": (
        _IDENTIFIER, _string("family", "name.family"), _string("given", "name.given"),
        _string("name", "name.text", "name.family", "name.given", "name.prefix", "name.suffix"),
    ),
    "Provenance": (
        _date("recorded"), _reference("target", "Composition Bundle"),
        _reference("agent", "Practitioner Organization", "agent.who"),
        _reference("entity", "Bundle", "entity.what"),
    ),
    "QuestionnaireResponse": (
        _IDENTIFIER, _STATUS, _date("authored"), *_patient(), _ENCOUNTER,
        _reference("author", "Practitioner Patient"),
    ),
    "ServiceRequest": (
        _IDENTIFIER, _token("requisition"), _STATUS, _token("intent"), _CODE, _CATEGORY,
        _date("authored", "authoredOn"), *_patient(), _ENCOUNTER,
        _reference("requester", "Practitioner Organization"),
    ),
    "Specimen": (
        _IDENTIFIER, _STATUS, _token("accession", "accessionIdentifier"), _token("type"),
        _date("collected", "collection.collectedDateTime", "collection.collectedPeriod"), *_patient(),
    ),
}  # fmt: skip

# Looks of the authority's own clients, made of audit rows when asked for (fhir/audit_event.py); released to nobody.
AUDIT_KIND = "AuditEvent"
AUDIT_PARAMETERS = (
    _date("date", "recorded"), _reference("patient", "Patient", "entity.what"), _reference("entity", "", "entity.what"),
    _token("altid", "agent.altId"),
)
OFFERED_KINDS = (*PARAMETERS, AUDIT_KIND)

# Answered for every type besides the table above: two by the row itself, two by what its `meta` holds.
ROW_PARAMETERS = (
    SearchParameter("_id", ParameterKind.TOKEN, ("id",)),
    SearchParameter("_lastUpdated", ParameterKind.DATE, ("meta.lastUpdated",)),
)
META_PARAMETERS = (
    SearchParameter("_tag", ParameterKind.TOKEN, ("meta.tag",)),
    SearchParameter("_security", ParameterKind.TOKEN, ("meta.security",)),
)
COMMON_PARAMETERS = (*ROW_PARAMETERS, *META_PARAMETERS)

# The modifiers that are answered, by kind; a reference takes the names of its target types besides.
MODIFIERS: dict[ParameterKind, tuple[str, ...]] = {
    ParameterKind.TOKEN: ("not", "missing"),
    ParameterKind.STRING: ("exact", "contains", "missing"),
    ParameterKind.DATE: ("missing",),
    ParameterKind.REFERENCE: ("missing",),
}
PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")  # of a date


def list_modifiers(parameter: SearchParameter) -> tuple[str, ...]:
    """What may stand behind the colon of a parameter; nothing where the row itself answers."""
    if parameter in (*ROW_PARAMETERS, *AUDIT_PARAMETERS):
        return ()
    return (*MODIFIERS[parameter.kind], *parameter.targets)


def find_parameter(kind: str, name: str) -> SearchParameter | None:
    """The parameter `name` of resource type `kind`, without the common ones."""
    offered = AUDIT_PARAMETERS if kind == AUDIT_KIND else PARAMETERS.get(kind, ())
    return next((parameter for parameter in offered if parameter.name == name), None)


def list_references(kind: str) -> list[SearchParameter]:
    """The reference parameters of a type: what `_include` may name."""
    return [parameter for parameter in PARAMETERS.get(kind, ()) if parameter.kind is ParameterKind.REFERENCE]
