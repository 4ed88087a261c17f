"""A laboratory result as an Observation, and back."""

from __future__ import annotations

from collections.abc import Container, Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from clinic.errors import InvalidInput
from clinic.laboratory_test import DETAIL, list_tests
from clinic.models import LabComponent, LabResult, Requirement, ResultStatus
from fhir.canonical import local_coding
from fhir.code import coding, concept, get_code
from fhir.element import Element, clean_text, drop_empty, note, quantity, to_date, to_instant
from fhir.encoder import Resource
from fhir.laboratory import (
    MARKS,
    PENDING,
    TESTS,
    VALUES,
    get_test,
    list_codings,
    method_label,
    part_coding,
    test_coding,
    value_label,
)
from fhir.naming import Naming
from fhir.service_request import refer_to_orders


def to_fhir(
    result: LabResult, naming: Naming, orders: Iterable[Requirement] = (), parents: Container[str] | None = None,
    specimen_id: str | None = None,
) -> Resource:
    """The Observation of one result's newest revision; raises Misconfigured for a test without codes.

    `orders` are the requirements of its case: it is based on those that it serves. `parents` are the series that the
    receiver gets as well: no other may be named as what the result was made on; None: any. `specimen_id` is what it
    was made on where the result does not say it itself: the tube of its order.
    """
    parent = result.parent_series_id if parents is None or result.parent_series_id in parents else None
    test = get_test(result.test)
    kind = result.specimen.kind if result.specimen else None
    performers = [naming.refer("Practitioner", key) for key in (result.entered_by_id, result.confirmed_by_id) if key]
    return drop_empty({
        "resourceType": "Observation",
        "id": naming.id_of("Observation", result.series_id),
        "meta": {"security": [coding(test.sensitivity)]} if test.sensitivity else None,
        "basedOn": refer_to_orders(orders, list_tests()[result.test].exams, result.entered_at, naming),
        "status": _status(result),
        "category": [concept("category.laboratory")],
        "code": {"coding": [test_coding(result.test, kind, result.method, result.unit)], "text": test.label},
        "subject": naming.refer("Patient", result.case.applicant_id),
        "encounter": naming.refer("Encounter", result.case_id),
        "effectiveDateTime": to_date(result.performed_on),
        "issued": to_instant(result.confirmed_at or result.entered_at),
        "performer": performers,
        **_value(result.value, result.unit),
        **({"interpretation": [concept(MARKS[result.mark])]} if result.mark else {}),
        "method": {"text": method_label(result.method)} if result.method else None,
        "note": note(result.remark),
        "specimen": naming.refer("Specimen", result.specimen_id or specimen_id),
        "derivedFrom": [naming.refer("Observation", parent)] if parent else None,
        "component": _components(result),
    })


def _status(result: LabResult) -> str:
    """Ours is FHIR's, except that a culture still growing is `registered`: it has no value yet."""
    if result.value == PENDING and result.status != ResultStatus.ENTERED_IN_ERROR:
        return "registered"
    return result.status.value


def _value(value: str, unit: str | None) -> Element:
    if value == PENDING:
        return {"dataAbsentReason": concept("absent-reason.pending", value_label(value))}
    if value in VALUES:
        row, interpretation = VALUES[value]
        found: Element = {"valueCodeableConcept": concept(row, value_label(value))}
        if interpretation:
            found["interpretation"] = [concept(interpretation)]
        return found
    return _measured(value, unit)


def _measured(value: str, unit: str | None) -> Element:
    amount = quantity(value, unit)
    return {"valueQuantity": amount} if amount else {"valueString": clean_text(value)}


def _components(result: LabResult) -> list[Element]:
    """The parts by name; what a drug's answer rests on stands in the words of that answer."""
    details = {part.name.removesuffix(DETAIL): part.value for part in result.components if part.name.endswith(DETAIL)}
    found = []
    for part in sorted(result.components, key=lambda one: one.name):
        if part.name.endswith(DETAIL):
            continue
        made = _component(result.test, part)
        if part.name in details and "valueCodeableConcept" in made:
            text = f"{value_label(part.value)} ({details[part.name]})"
            made["valueCodeableConcept"] = made["valueCodeableConcept"] | {"text": clean_text(text)}
        found.append(made)
    return found


def _component(test: str, component: LabComponent) -> Element:
    code = part_coding(test, component.name)
    if component.unit == get_code("ucum.spots") and component.name == "nil":
        code = local_coding("observation", "nil-control")  # the nil of a spot count is no concentration
    return {"code": {"coding": [code], "text": component.name}, **_part_value(component.value, component.unit)}


def _part_value(value: str, unit: str | None) -> Element:
    """A measured part: a quantity, a titre as a ratio, or a code such as the answer of one drug."""
    first, colon, second = value.partition(":")
    if colon and first.isdigit() and second.isdigit():
        return {"valueRatio": {"numerator": {"value": Decimal(first)}, "denominator": {"value": Decimal(second)}}}
    return _value(value, unit)


def from_fhir(resource: Resource) -> dict[str, Any]:
    """What the laboratory's door takes: test, value, unit, components, performed_on.

    Raises InvalidInput when the code is none of our tests or the value none of its codes.
    """
    test = _find_test(resource.get("code", {}))
    if test is None:
        raise InvalidInput("Send a test of our list; this code is not on it.", {"code": ["Unknown test."]})
    value, unit = _read_value(resource)
    performed = resource.get("effectiveDateTime", "")[:10]
    return {
        "test": test,
        "value": value,
        "unit": unit,
        "performed_on": date.fromisoformat(performed) if len(performed) == 10 else None,
        "components": [_read_component(test, component) for component in resource.get("component", [])],
    }


def _find_test(code: Element) -> str | None:
    for name in TESTS:
        if any(_is_same(ours, given) for ours in list_codings(name) for given in code.get("coding", [])):
            return name
    return None


def _read_value(resource: Element) -> tuple[str, str | None]:
    if "valueQuantity" in resource:
        amount = resource["valueQuantity"]
        return f"{amount.get('comparator', '')}{amount['value']}", amount.get("code")
    if "valueRatio" in resource:
        ratio = resource["valueRatio"]
        return f"{ratio['numerator']['value']}:{ratio['denominator']['value']}", None
    if "valueString" in resource:
        return resource["valueString"], None
    if "valueCodeableConcept" in resource:
        for value, (row, _) in VALUES.items():
            if any(_is_same(coding(row), given) for given in resource["valueCodeableConcept"].get("coding", [])):
                return value, None
        raise InvalidInput("Send a result of our list; this one is not on it.", {"value": ["Unknown result."]})
    return PENDING, None


def _read_component(test: str, component: Element) -> dict[str, Any]:
    given = component.get("code", {}).get("coding", [])
    names = [name for name in TESTS[test].parts if any(_is_same(part_coding(test, name), one) for one in given)]
    if not names and any(_is_same(local_coding("observation", "nil-control"), one) for one in given):
        names = ["nil"]
    if not names:
        raise InvalidInput("Send a part of our list; this one is not on it.", {"component": ["Unknown part."]})
    value, unit = _read_value(component)
    return {"name": names[0], "value": value, "unit": unit}


def _is_same(ours: Element, given: Element) -> bool:
    return ours["system"] == given.get("system") and ours["code"] == given.get("code")


