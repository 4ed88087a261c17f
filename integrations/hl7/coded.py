"""FHIR codings as CWE components: at most two, in the document's own order, the words as original text."""

from __future__ import annotations

from typing import Any

from integrations.hl7.composer import Component
from integrations.hl7.word import LOCAL, SYSTEMS

YES_NO_TABLE = "HL70136"


def to_cwe(concept: dict[str, Any]) -> tuple[Component, ...]:
    """A CodeableConcept: at most two codings go (CWE-1 to 6), the text into CWE-9."""
    codings = concept.get("coding", [])[:2]
    text = concept.get("text") or next((one["display"] for one in codings if one.get("display")), "")
    parts: list[Component] = []
    for one in codings:
        parts += [one["code"], one.get("display") or text, SYSTEMS.get(one.get("system", ""), LOCAL)]
    if not parts:
        parts = [None, text]
    return (*parts, *[None] * (8 - len(parts)), text)


def to_ce(concept: dict[str, Any]) -> tuple[Component, ...]:
    """A CodeableConcept where the standard has CE, which knows no original text: OBX-3, OBR-4."""
    return to_cwe(concept)[:6]


def to_yes_no(value: bool) -> tuple[Component, ...]:
    """A boolean by HL7 table 0136."""
    return ("Y", "Yes", YES_NO_TABLE) if value else ("N", "No", YES_NO_TABLE)
