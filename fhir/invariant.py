"""Invariants of R4 that neither the shape checker nor a code list enforces, each by the name the standard gives it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from fhir.code import get_code, get_system
from fhir.encoder import Resource
from fhir.interval import read_span
from fhir.vital_sign import CATEGORY, MEASURED, PRESSURE, PRESSURE_UNIT

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_ZONED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_TYPED_BY_PEOPLE = {"valueString", "text", "display", "conclusion", "description", "title", "div"}
# All that our own narratives are made of; anything else between angle brackets was not escaped.
_NARRATIVE_TAGS = re.compile(r'<div xmlns="http://www\.w3\.org/1999/xhtml">|</div>|</?(?:table|thead|tbody|tr|th|td|p)>')


def list_broken(resource: Resource, path: str) -> Iterator[str]:
    """Every invariant of its type that `resource` breaks, as `path: what is wrong`."""
    kind = resource["resourceType"]
    if "contained" in resource:
        yield f"{path}.contained: we emit no contained resource (dom-3)"
    if kind == "Observation":
        yield from _check_observation(resource, path)
    if kind == "Condition":
        yield from _check_condition(resource, path)
    if kind == "Consent" and not (resource.get("policy") or resource.get("policyRule")):
        yield f"{path}: neither a policy nor a policy rule (ppc-1)"
    if kind == "Patient" and not resource.get("name"):
        yield f"{path}: no name"
    if kind == "Patient" and not all(set(one) & {"name", "telecom", "address"} for one in resource.get("contact", [])):
        yield f"{path}: a contact without name, telecom and address (pat-1)"
    if kind == "Bundle":
        yield from _check_bundle(resource, path)


def list_broken_in(name: str, node: Any, path: str) -> Iterator[str]:
    """The same of one element or value, called `name`."""
    if node is None or node in ("", [], {}):
        yield f"{path}: empty (ele-1)"
    elif isinstance(node, dict):
        if isinstance(node.get("start"), str) and isinstance(node.get("end"), str):
            start, end = read_span(node["start"])[0], read_span(node["end"])[1]
            if start and end and start > end:
                yield f"{path}: it ends before it starts (per-1)"
        if "code" in node and "value" in node and "system" not in node and "unit" in node:
            yield f"{path}: a unit's code needs its system (qty-3)"
    elif isinstance(node, float):
        yield f"{path}: a number that has lost its digits"
    elif name == "div" and ("<" in _NARRATIVE_TAGS.sub("", node) or not node.startswith("<div ")):
        yield f"{path}: markup that we did not make (txt-1)"
    elif (isinstance(node, str) and name not in _TYPED_BY_PEOPLE and _MOMENT.match(node)
          and not _ZONED.fullmatch(node)):
        yield f"{path}: a time of day without its zone"


def _check_observation(resource: Resource, path: str) -> Iterator[str]:
    has_value = any(key.startswith("value") for key in resource)
    if "dataAbsentReason" in resource and has_value:
        yield f"{path}: a value and a reason for its absence (obs-6)"
    codes = _list_codes(resource.get("code"))
    parts = resource.get("component", [])
    if has_value and any(codes & _list_codes(part.get("code")) for part in parts):
        yield f"{path}: a component with the Observation's own code beside a value (obs-7)"
    if (get_system("category"), get_code(CATEGORY)) not in {
        one for category in resource.get("category", []) for one in _list_codes(category)
    }:
        return
    if not (has_value or parts or "dataAbsentReason" in resource):
        yield f"{path}: a vital sign with neither value nor reason (vs-2)"
    if any("dataAbsentReason" not in part and not any(key.startswith("value") for key in part) for part in parts):
        yield f"{path}: a part of a vital sign with neither value nor reason (vs-3)"
    if not str(resource.get("effectiveDateTime", ""))[8:10]:
        yield f"{path}: a vital sign without its day (vs-1)"
    yield from _check_units(resource, codes, path)


def _check_units(resource: Resource, codes: set[tuple[str, str]], path: str) -> Iterator[str]:
    """The profiles fix the unit of every vital sign that they name."""
    parts = ((part, _list_codes(part.get("code"))) for part in resource.get("component", []))
    for node, named in ((resource, codes), *parts):
        wanted = {_list_units().get(code) for _, code in named}
        if "valueQuantity" in node and node["valueQuantity"].get("code") not in wanted:
            yield f"{path}: not the unit of this vital sign"


@cache
def _list_units() -> dict[str, str]:
    """Code of a vital sign, or of a part of one, to its unit."""
    units = {get_code(row): get_code(unit) for _, rows, unit in MEASURED.values() for row in rows}
    units |= {get_code(row): get_code(PRESSURE_UNIT) for _, row in PRESSURE.values()}
    return units | {get_code("loinc.body-mass-index"): get_code("ucum.body-mass-index")}


def _list_codes(found: Any) -> set[tuple[str, str]]:
    return {(one.get("system", ""), one.get("code", "")) for one in (found or {}).get("coding", [])}


def _check_condition(resource: Resource, path: str) -> Iterator[str]:
    status = {code for _, code in _list_codes(resource.get("verificationStatus"))}
    if "entered-in-error" in status and "clinicalStatus" in resource:
        yield f"{path}: entered in error and yet a clinical status (con-5)"
    if "entered-in-error" not in status and "clinicalStatus" not in resource:
        yield f"{path}: no clinical status (con-3)"


def _check_bundle(bundle: Resource, path: str) -> Iterator[str]:
    urls = [entry.get("fullUrl") for entry in bundle.get("entry", [])]
    if len(urls) != len(set(urls)) or None in urls:
        yield f"{path}: a fullUrl is missing or not unique (bdl-7)"
    if bundle["type"] == "document":
        entries = bundle.get("entry") or [{}]
        if "identifier" not in bundle or "timestamp" not in bundle:
            yield f"{path}: a document needs identifier and timestamp (bdl-9, bdl-10)"
        if entries[0].get("resource", {}).get("resourceType") != "Composition":
            yield f"{path}: a document begins with its Composition (bdl-11)"
        else:
            yield from _check_sections(entries[0]["resource"], f"{path}.entry[0].resource")


def _check_sections(composition: Resource, path: str) -> Iterator[str]:
    """The International Patient Summary requires three sections; an empty one says why (IPS 2.0.0, cmp-1)."""
    sections = {code: one for one in composition.get("section", []) for _, code in _list_codes(one.get("code"))}
    for row in ("loinc.problems", "loinc.allergies", "loinc.medications"):
        if get_code(row) not in sections:
            yield f"{path}: the section {row} is missing"
    for one in sections.values():
        if bool(one.get("entry")) == bool(one.get("emptyReason")):
            yield f"{path}: a section needs either entries or the reason why it has none (cmp-1, cmp-2)"
