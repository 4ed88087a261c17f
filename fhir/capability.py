"""The CapabilityStatement, made from the tables by which the server works, so that it cannot promise more."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from fhir.encoder import encode
from fhir.endpoint import fhir_base, token_url
from fhir.parameter import (
    AUDIT_KIND,
    AUDIT_PARAMETERS,
    COMMON_PARAMETERS,
    PARAMETERS,
    PREFIXES,
    ROW_PARAMETERS,
    ParameterKind,
    SearchParameter,
    list_modifiers,
    list_references,
)

PUBLISHED_ON = "2026-11-22"
_OAUTH = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_SECURITY_SERVICE = "http://terminology.hl7.org/CodeSystem/restful-security-service"
_OPERATIONS = {
    "Composition": [("document", "http://hl7.org/fhir/OperationDefinition/Composition-document")],
    "Patient": [("everything", "http://hl7.org/fhir/OperationDefinition/Patient-everything")],
}
DEFINITION_KINDS = ("CodeSystem", "Questionnaire", "StructureDefinition", "ValueSet")  # open to everybody


def build_capability() -> bytes:
    """The statement for this installation, as bytes."""
    return _build(fhir_base(), token_url())


@lru_cache(maxsize=8)
def _build(base: str, token_address: str) -> bytes:
    return encode(
        {
            "resourceType": "CapabilityStatement",
            "url": f"{base}/metadata",
            "name": "ClearwayAuthorityApi",
            "title": "Signed migration health examinations, for the authority they are addressed to",
            "status": "active",
            "date": PUBLISHED_ON,
            "publisher": "Clearway",
            "kind": "instance",
            "software": {"name": "Clearway"},
            "implementation": {"description": "Reads what a signature released to the caller.", "url": base},
            "fhirVersion": "4.0.1",
            "format": ["application/fhir+json", "json"],
            "rest": [
                {
                    "mode": "server",
                    "documentation": (
                        "A client reads the resources of exams signed for its own authority, and none besides. "
                        "JSON only. _include and _revinclude are not iterated; one chained step is offered. Every "
                        "search takes _count, _sort (_lastUpdated, -_lastUpdated), _summary, _elements, _total, "
                        "_include, _revinclude and _format, by GET and by POST to _search, and Prefer: handling."
                    ),
                    "security": _describe_security(token_address),
                    "resource": [_describe(kind) for kind in sorted(PARAMETERS)]
                    + [_describe_audit()]
                    + [{"type": kind, "interaction": [{"code": "read"}]} for kind in DEFINITION_KINDS],
                }
            ],
        }
    )


def _describe_security(token_address: str) -> dict[str, Any]:
    return {
        "extension": [{"url": _OAUTH, "extension": [{"url": "token", "valueUri": token_address}]}],
        "cors": False,
        "service": [{"coding": [{"system": _SECURITY_SERVICE, "code": "SMART-on-FHIR"}]}],
        "description": "SMART Backend Services: private_key_jwt with RS384 or ES384.",
    }


def _describe(kind: str) -> dict[str, Any]:
    interactions = ("read", "vread", "history-instance", "search-type")
    found: dict[str, Any] = {
        "type": kind,
        "interaction": [{"code": code} for code in interactions],
        "versioning": "versioned",
        "readHistory": True,
        "conditionalRead": "not-match",
        "searchInclude": [f"{kind}:{reference.name}" for reference in list_references(kind)],
        "searchRevInclude": _list_reverse_includes(kind),
        "searchParam": [_describe_parameter(p) for p in (*COMMON_PARAMETERS, *PARAMETERS[kind])],
        "operation": [{"name": name, "definition": url} for name, url in _OPERATIONS.get(kind, [])],
    }
    return {name: value for name, value in found.items() if value != []}


def _describe_audit() -> dict[str, Any]:
    return {
        "type": AUDIT_KIND,
        "documentation": "What the clients of the caller's own authority looked at, besides this list itself.",
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "searchParam": [_describe_parameter(p) for p in (*ROW_PARAMETERS, *AUDIT_PARAMETERS)],
    }


def _describe_parameter(parameter: SearchParameter) -> dict[str, str]:
    found = {"name": parameter.name, "type": parameter.kind.value}
    said = []
    if parameter.kind is ParameterKind.DATE:
        said.append(f"Prefixes: {', '.join(PREFIXES)}.")
    if modifiers := list_modifiers(parameter):
        said.append(f"Modifiers: {', '.join(f':{modifier}' for modifier in modifiers)}.")
    return found | ({"documentation": " ".join(said)} if said else {})


def _list_reverse_includes(kind: str) -> list[str]:
    return [
        f"{other}:{reference.name}"
        for other in sorted(PARAMETERS) for reference in list_references(other) if kind in reference.targets
    ]  # fmt: skip
