"""What FHIR R4 demands and the shape checker does not see: required codes, reference targets, guards and invariants.

The checker (`fhir.resources`) enforces no code list and no reference type, and takes some things of R4B that R4 forbids
(fhir.md sections 1 and 4.2).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from fhir.address import canonical
from fhir.canonical import ITEM_SYSTEM, list_local_systems
from fhir.code import list_rows, list_systems
from fhir.encoder import Resource
from fhir.invariant import list_broken, list_broken_in
from fhir.questionnaire import list_finding_items

# R4 required value sets, of the elements that we emit.
REQUIRED_CODES: dict[str, dict[str, str]] = {
    "Bundle": {"type": "document searchset history collection"},
    "Composition": {"status": "preliminary final amended entered-in-error"},
    "Consent": {"status": "draft proposed active rejected inactive entered-in-error"},
    "DiagnosticReport": {
        "status": "registered partial preliminary final amended corrected appended cancelled entered-in-error unknown"
    },
    "DocumentReference": {"status": "current superseded entered-in-error"},
    "Encounter": {
        "status": "planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown"
    },
    "EpisodeOfCare": {"status": "planned waitlist active onhold finished cancelled entered-in-error"},
    "Flag": {"status": "active inactive entered-in-error"},
    "Group": {"type": "person animal practitioner device medication substance"},
    "ImagingStudy": {"status": "registered available cancelled entered-in-error unknown"},
    "Immunization": {"status": "completed entered-in-error not-done"},
    "MedicationStatement": {
        "status": "active completed entered-in-error intended stopped on-hold unknown not-taken"
    },
    "Observation": {
        "status": "registered preliminary final amended corrected cancelled entered-in-error unknown"
    },
    "Patient": {"gender": "male female other unknown"},
    "QuestionnaireResponse": {"status": "in-progress completed amended entered-in-error stopped"},
    "ServiceRequest": {
        "status": "draft active on-hold revoked completed entered-in-error unknown",
        "intent": "proposal plan directive order original-order reflex-order filler-order instance-order option",
    },
    "Specimen": {"status": "available unavailable unsatisfactory entered-in-error"},
    "CodeSystem": {"status": "draft active retired unknown", "content": "not-present example fragment complete"},
    "ValueSet": {"status": "draft active retired unknown"},
}
_ELEMENT_CODES = {
    "clinicalStatus": "active recurrence relapse inactive remission resolved",
    "verificationStatus": "unconfirmed provisional differential confirmed refuted entered-in-error",
    "comparator": "< <= >= >",
    "use": "usual official temp nickname anonymous old maiden secondary home work mobile",
    "mode": "personal professional legal official",
}

# R4 reference targets, of the elements that we emit.
TARGETS = {
    "subject": "Patient",
    "patient": "Patient",
    "encounter": "Encounter",
    "episodeOfCare": "EpisodeOfCare",
    "managingOrganization": "Organization",
    "serviceProvider": "Organization",
    "custodian": "Organization",
    "performer": "Practitioner PractitionerRole Organization",
    "resultsInterpreter": "Practitioner PractitionerRole Organization",
    "actor": "Practitioner PractitionerRole Organization",
    "authenticator": "Practitioner PractitionerRole Organization",
    "asserter": "Practitioner PractitionerRole Patient",
    "author": "Practitioner PractitionerRole Organization",
    "party": "Practitioner PractitionerRole Organization Patient",
    "collector": "Practitioner PractitionerRole",
    "specimen": "Specimen",
    "result": "Observation",
    "derivedFrom": "Observation QuestionnaireResponse",
    "basedOn": "ServiceRequest",
    "partOf": "MedicationStatement",
    "requester": "Practitioner PractitionerRole Organization",
    "imagingStudy": "ImagingStudy",
    "organization": "Organization",
    "entity": "Patient",
    "managingEntity": "Organization",
    "Consent.performer": "Patient Practitioner PractitionerRole Organization RelatedPerson",
}

# R4B has these, R4 has not.
_GUARDED_ELEMENTS = {"valueCodeableReference", "valueRatioRange", "subjectCanonical"}
KINDS = frozenset(REQUIRED_CODES) | {
    "Binary", "Condition", "Organization", "Practitioner", "Provenance", "RelatedPerson",
}


def list_faults(resource: Resource) -> list[str]:
    """Every rule that `resource` breaks, as `path: what is wrong`; never a value that a person typed."""
    return list(_check_resource(resource, resource.get("resourceType", "?")))


def _check_resource(resource: Resource, path: str) -> Iterator[str]:
    kind = resource.get("resourceType")
    if kind not in KINDS:
        yield f"{path}: a resource type that we do not emit"
        return
    for element, codes in REQUIRED_CODES.get(str(kind), {}).items():
        if element in resource and resource[element] not in codes.split():
            yield f"{path}.{element}: not a code of the required list"
    yield from list_broken(resource, path)
    for name, member in resource.items():
        yield from _check_node(name, member, f"{path}.{name}")


def _check_node(name: str, node: Any, path: str) -> Iterator[str]:
    yield from list_broken_in(name, node, path)
    if isinstance(node, list):
        for position, element in enumerate(node):
            yield from _check_node(name, element, f"{path}[{position}]")
    elif isinstance(node, dict):
        if name == "resource":
            yield from _check_resource(node, path)
            return
        yield from _check_element(name, node, path)
        for member, value in node.items():
            if member in _GUARDED_ELEMENTS:
                yield f"{path}.{member}: R4 has no such element"
            yield from _check_node(member, value, f"{path}.{member}")
    elif name in _ELEMENT_CODES and isinstance(node, str) and node not in _ELEMENT_CODES[name].split():
        yield f"{path}: not a code of the required list"
    elif name in _GUARDED_ELEMENTS:
        yield f"{path}: R4 has no such element"


def _check_element(name: str, node: dict[str, Any], path: str) -> Iterator[str]:
    if name in ("clinicalStatus", "verificationStatus"):
        codes = {coding.get("code") for coding in node.get("coding", [])}
        if not codes <= set(_ELEMENT_CODES[name].split()):
            yield f"{path}: not a code of the required list"
    allowed = TARGETS.get(f"{path.split('.')[0]}.{name}") or TARGETS.get(name)
    if isinstance(node.get("reference"), str) and allowed:
        target = node["reference"].split("/")[-2:][0]
        if target not in allowed.split():
            yield f"{path}: a reference to {target} is not allowed here"
    if "system" in node and "code" in node and name != "valueCoding":  # an answer's code belongs to its form
        yield from _check_coding(node, path)


def _check_coding(node: dict[str, Any], path: str) -> Iterator[str]:
    system, code = node["system"], node["code"]
    ours = canonical("CodeSystem/")
    if system == ours + ITEM_SYSTEM:
        if code not in list_finding_items():
            yield f"{path}: no finding that a form of ours asks for"
    elif system.startswith(ours):
        if code not in list_local_systems().get(system.removeprefix(ours), {}).get("code", {}):
            yield f"{path}: no code of our own system"
    elif system not in list_systems():
        yield f"{path}: a code system that is not in codes.toml"
    elif (system, code) not in _known_codes() and not system.startswith("urn:"):
        yield f"{path}: a code that is not in codes.toml"


@cache
def _known_codes() -> frozenset[tuple[str, str]]:
    return frozenset((row.system, row.code) for row in list_rows().values())
