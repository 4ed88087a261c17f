"""Vital signs and growth of an answered form, by the rules of the HL7 vital signs profiles (R4).

The profiles fix code, unit and components; a panel says of a missing component why (vs-2, vs-3).
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal

from fhir.canonical import local_concept
from fhir.code import coding, concept, get_code
from fhir.element import Element, clean_text, quantity
from fhir.form_slot import Answers, FormSlot

CATEGORY = "category.vital-signs"
# linkId in every form: words, rows of LOINC, row of UCUM.
MEASURED: dict[str, tuple[str, tuple[str, ...], str]] = {
    "vital.pulse": ("Heart rate", ("loinc.heart-rate",), "ucum.per-minute"),
    "vital.respiration": ("Respiratory rate", ("loinc.respiratory-rate",), "ucum.per-minute"),
    "vital.temperature": ("Body temperature", ("loinc.body-temperature",), "ucum.degree-celsius"),
    "vital.saturation": (
        "Oxygen saturation", ("loinc.oxygen-saturation", "loinc.oxygen-saturation-pulse"), "ucum.percent"),
    "vital.height": ("Body height", ("loinc.body-height",), "ucum.centimetre"),
    "vital.weight": ("Body weight", ("loinc.body-weight",), "ucum.kilogram"),
    "vital.head": ("Head circumference", ("loinc.head-circumference",), "ucum.centimetre"),
}
PRESSURE = {
    "vital.systolic": ("Systolic blood pressure", "loinc.systolic"),
    "vital.diastolic": ("Diastolic blood pressure", "loinc.diastolic"),
}
PRESSURE_UNIT = "ucum.mercury"
_HEIGHT, _WEIGHT = "vital.height", "vital.weight"
_EYES = {
    "vital.acuity-right": "visual-acuity-right", "vital.acuity-left": "visual-acuity-left",
    "vital.acuity-right-corrected": "visual-acuity-right-corrected",
    "vital.acuity-left-corrected": "visual-acuity-left-corrected",
}
_CORRECTED = "vital.acuity-corrected"  # of forms before version 2026-11-22.2, which asked it of both eyes at once


def list_slots(answers: Answers) -> Iterator[FormSlot]:
    """Every vital sign that we can record, answered or not, and the acuity of the eyes."""
    yield _build_pressure(answers)
    for link, (words, rows, unit) in MEASURED.items():
        value = answers.get(link)
        said = {"valueQuantity": quantity(str(value), get_code(unit))} if value else None
        yield FormSlot(link, CATEGORY, {"coding": [coding(row) for row in rows], "text": words}, (link,), said)
    yield _build_mass_index(answers)
    yield _build_acuity(answers)


def _build_pressure(answers: Answers) -> FormSlot:
    """The panel; a half that was not measured says that it is unknown."""
    parts: list[Element] = []
    for link, (words, row) in PRESSURE.items():
        value = answers.get(link)
        said = ({"valueQuantity": quantity(str(value), get_code(PRESSURE_UNIT))} if value
                else {"dataAbsentReason": concept("absent-reason.unknown")})
        parts.append({"code": concept(row, words)} | said)
    is_measured = any(answers.get(link) for link in PRESSURE)
    return FormSlot("vital.pressure", CATEGORY, concept("loinc.blood-pressure", "Blood pressure"), tuple(PRESSURE),
                    {"component": parts} if is_measured else None)


def _build_mass_index(answers: Answers) -> FormSlot:
    """Weight in kg through the square of height in m, to one decimal."""
    said, height, weight = None, answers.get(_HEIGHT), answers.get(_WEIGHT)
    if height and weight and Decimal(height):
        metres = Decimal(height) / 100
        index = (Decimal(weight) / (metres * metres)).quantize(Decimal("0.1"), ROUND_HALF_UP)
        said = {"valueQuantity": quantity(str(index), get_code("ucum.body-mass-index"))}
    return FormSlot("vital.mass-index", CATEGORY, concept("loinc.body-mass-index", "Body mass index"),
                    (_HEIGHT, _WEIGHT), said, derived=(_HEIGHT, _WEIGHT))


def _build_acuity(answers: Answers) -> FormSlot:
    """Both eyes as the examiner wrote them (6/6, 20/20, counts fingers), and whether glasses were worn."""
    parts: list[Element] = [
        {"code": local_concept("observation", code), "valueString": text}
        for link, code in _EYES.items() if (text := clean_text(answers.get(link)))
    ]
    said = {"component": parts} if parts else None
    if parts and isinstance(answers.get(_CORRECTED), bool):
        parts.append({"code": local_concept("observation", "with-correction"), "valueBoolean": answers[_CORRECTED]})
    return FormSlot("vital.acuity", "category.exam", concept("loinc.visual-acuity", "Visual acuity"),
                    (*_EYES, _CORRECTED), said)
