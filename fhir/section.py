"""The sections of the document, shaped as the International Patient Summary: code, title, narrative, entries.

Problems, allergies and medications are required there; where we hold nothing coded, the section says why.
"""

from __future__ import annotations

from collections.abc import Iterable

from clinic.partial_date import format_clinically, parse_partial_date
from fhir.code import concept
from fhir.dossier import Dossier
from fhir.element import Element, drop_empty
from fhir.encoder import Resource
from fhir.narrative import build_narrative, build_sentence

_IN_HISTORY = "No coded list is kept; see the medical history of this document."


def build_sections(dossier: Dossier) -> list[Element]:
    """All sections in reading order; an optional one without entries is left out."""
    results = [*dossier.reports, *dossier.results, *dossier.exposures, *dossier.dose_counts]
    given = [*dossier.immunizations, *dossier.lines]
    optional = (
        _section("assessment", "Classification", dossier.classes, ("What", "Result", "Day")),
        _section("alerts", "Alerts", dossier.alerts, ("What", "State", "Since")),
        _section("results", "Results", results, ("Test", "Result", "Day")),
        _section("vital-signs", "Vital signs", dossier.vital_signs, ("What", "Result", "Day")),
        _section("physical-findings", "Physical findings", dossier.findings, ("What", "Result", "Day")),
        _section("pregnancy-history", "Pregnancy", dossier.pregnancy, ("What", "Result", "Day")),
        _section("immunizations", "Immunizations", given, ("Vaccine", "Outcome", "Day")),
        _section("history-and-physical", "History and physical examination", dossier.forms, ("Form", "Status", "Day")),
    )
    return [
        *(section for section in optional[:2] if section),
        _required("problems", "Problems", dossier.problems, "nil-known", "None found."),
        _required("allergies", "Allergies and intolerances", [], "unavailable", _IN_HISTORY),
        _required("medications", "Medications", dossier.treatments, "unavailable", _IN_HISTORY),
        *(section for section in optional[2:] if section),
    ]


def _required(row: str, title: str, resources: list[Resource], reason: str, sentence: str) -> Element:
    if found := _section(row, title, resources, ("Condition", "Status", "Day")):
        return found
    return {
        "title": title,
        "code": concept(f"loinc.{row}"),
        "text": build_sentence(sentence),
        "emptyReason": concept(f"empty-reason.{reason}"),
    }


def _section(row: str, title: str, resources: list[Resource], heading: tuple[str, ...]) -> Element | None:
    if not resources:
        return None
    return {
        "title": title,
        "code": concept(f"loinc.{row}"),
        "text": build_narrative((describe(one) for one in resources), heading),
        "entry": [{"reference": f"{one['resourceType']}/{one['id']}"} for one in resources],
    }


def describe(resource: Resource) -> tuple[str, str, str]:
    """What, its result and the day, as one line for people."""
    kind = resource["resourceType"]
    if kind == "QuestionnaireResponse":
        form = resource["questionnaire"].rsplit("/", 1)[-1].split("|")[0]
        return form, resource["status"], _day(resource["authored"])
    if kind == "Condition":
        return _words(resource["code"]), _words(resource["clinicalStatus"]), _day(resource.get("recordedDate"))
    if kind == "Flag":
        return _words(resource["code"]), resource["status"], _day(resource["period"]["start"])
    if kind == "Immunization":
        product = f"{resource['vaccineCode']['text']} (CVX {resource['vaccineCode']['coding'][0]['code']})"
        outcome = _words(resource["statusReason"]) if resource["status"] == "not-done" else "Given"
        outcome = " ".join(_texts((outcome, resource.get("lotNumber"))))
        return product, outcome, _day(resource["occurrenceDateTime"])
    if kind == "MedicationStatement":
        treated = f"{_words(resource['medicationCodeableConcept'])} for {_words(resource['reasonCode'][0])}"
        course = "; ".join(_texts((resource["status"], *(
            one["text"] for name in ("dosage", "note") for one in resource.get(name, [])))))
        return treated, course, _day(resource.get("effectivePeriod", {}).get("start"))
    if kind == "DiagnosticReport":
        count = len(resource.get("result", []))
        said = resource.get("conclusion") or (f"{count} results" if count != 1 else "1 result")
        return _words(resource["code"]), said, _day(resource.get("effectiveDateTime"))
    parts = "; ".join(f"{_words(part['code'])} {_value(part)}" for part in resource.get("component", []))
    result = " ".join(_texts((_value(resource), f"({parts})" if parts and _value(resource) else parts)))
    remark = "; ".join(one["text"] for one in resource.get("note", []))
    return _words(resource["code"]), ". ".join(_texts((result, remark))), _day(
        resource.get("effectiveDateTime") or resource.get("effectivePeriod", {}).get("start"))


def _value(node: Element) -> str:
    if "valueQuantity" in node:
        amount = node["valueQuantity"]
        return " ".join(_texts((f"{amount.get('comparator', '')}{amount['value']}", amount.get("unit"))))
    if "valueDateTime" in node:
        return _day(node["valueDateTime"])
    if "valuePeriod" in node:
        days = node["valuePeriod"]
        return f"{_day(days['start'])} – {_day(days['end'])}" if "end" in days else f"since {_day(days['start'])}"
    if "valueInteger" in node:
        return str(node["valueInteger"])
    if "valueBoolean" in node:
        return "yes" if node["valueBoolean"] else "no"
    if "valueString" in node:
        return str(node["valueString"])
    return _words(node.get("valueCodeableConcept") or node.get("dataAbsentReason") or {})


def _words(found: Element) -> str:
    coding: Element = next(iter(found.get("coding", [])), {})
    return str(found.get("text") or coding.get("display") or coding.get("code") or "")


def _texts(parts: Iterable[str | None]) -> list[str]:
    return [part for part in parts if part]


def _day(literal: str | None) -> str:
    return format_clinically(parse_partial_date(literal[:10])) if literal else ""


def build_heading(patient: Resource, order_number: str) -> Element:
    """The narrative of the whole: who was examined, by name, birth date and the authority's number."""
    numbers = ", ".join(one["value"] for one in patient["identifier"]) if patient.get("identifier") else order_number
    rows = drop_empty({
        "Name": patient["name"][0]["text"],
        "Born": _day(patient["birthDate"]),
        "Sex": patient["gender"],
        "Numbers": numbers,
    })
    return build_narrative(tuple(rows.items()))
