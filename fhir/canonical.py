"""Definitions of our own, as resources that anybody may read at their canonical addresses."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from fhir.address import canonical
from fhir.encoder import Resource
from fhir.questionnaire import list_finding_items, list_form_codes, list_questionnaires

TABLE = Path(__file__).with_name("local.toml")
EDITION = "1.0.0"
PUBLISHED_ON = "2026-11-22"
ITEM_SYSTEM = "exam-item"


def local_coding(system: str, code: str) -> dict[str, str]:
    """The Coding of one of our own codes, with its display; KeyError when the system or the code is unknown."""
    return {
        "system": canonical(f"CodeSystem/{system}"),
        "code": code,
        "display": list_local_systems()[system]["code"][code],
    }


def local_concept(system: str, code: str, text: str | None = None) -> dict[str, Any]:
    """A CodeableConcept of one of our own codes."""
    coding = local_coding(system, code)
    return {"coding": [coding], "text": text or coding["display"]}


def item_coding(link: str) -> dict[str, str]:
    """The Coding of a question of our forms, by its linkId; the words that ask it stand beside it as text."""
    return {"system": canonical(f"CodeSystem/{ITEM_SYSTEM}"), "code": link}


@cache
def list_local_systems() -> dict[str, Any]:
    """Our code systems by short name: title, description and `code` (code to display)."""
    return {name: found for name, found in _table().items() if name != "extension"}


def list_canonical_resources() -> list[Resource]:
    """Every definition that we publish: code systems, a value set of each, our forms and what these need."""
    found = []
    for name, system in list_local_systems().items():
        concepts = [{"code": code, "display": display} for code, display in system["code"].items()]
        found.append(_code_system(name, system, concepts))
        found.append(_value_set(name, system))
    for name, system in _FORM_SYSTEMS.items():
        found.append(_code_system(name, system, _form_concepts(name)))
    found += [_extension(name, extension) for name, extension in _table()["extension"].items()]
    found += list_questionnaires().values()
    return found


_FORM_SYSTEMS = {
    "answer": {"title": "Answers", "description": "Answers that our forms offer."},
    "fact": {"title": "Facts", "description": "What an answer establishes for the rules."},
    ITEM_SYSTEM: {"title": "Exam items", "description": "Findings that our forms ask for, by the question's linkId."},
}


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(TABLE.read_text())


def _form_concepts(name: str) -> list[dict[str, Any]]:
    """A code that two questions word differently has the second wording as designation."""
    found = []
    used = list_finding_items() if name == ITEM_SYSTEM else list_form_codes(canonical(f"CodeSystem/{name}"))
    for code, displays in used.items():
        concept: dict[str, Any] = {"code": code}
        if displays:
            concept["display"] = displays[0]
        if displays[1:]:
            concept["designation"] = [{"value": other} for other in displays[1:]]
        found.append(concept)
    return found


def _code_system(name: str, system: dict[str, Any], concepts: list[dict[str, Any]]) -> Resource:
    valued = {"valueSet": canonical(f"ValueSet/{name}")} if name not in _FORM_SYSTEMS else {}
    return {
        **_heading("CodeSystem", name, system),
        "caseSensitive": True,
        **valued,
        "content": "complete",
        "count": len(concepts),
        "concept": concepts,
    }


def _value_set(name: str, system: dict[str, Any]) -> Resource:
    return {
        **_heading("ValueSet", name, system),
        "compose": {"include": [{"system": canonical(f"CodeSystem/{name}")}]},
    }


def _extension(name: str, extension: dict[str, Any]) -> Resource:
    """The definition of an extension of questions with one simple value (R4 defining-extensions.html)."""
    return {
        **_heading("StructureDefinition", name, extension),
        "fhirVersion": "4.0.1",
        "kind": "complex-type",
        "abstract": False,
        "context": [{"type": "element", "expression": "Questionnaire.item"}],
        "type": "Extension",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Extension",
        "derivation": "constraint",
        "differential": {"element": [
            {"id": "Extension", "path": "Extension", "short": extension["title"], "max": "1"},
            {"id": "Extension.extension", "path": "Extension.extension", "max": "0"},
            {"id": "Extension.url", "path": "Extension.url", "fixedUri": canonical(f"StructureDefinition/{name}")},
            {"id": "Extension.value[x]", "path": "Extension.value[x]", "min": 1, "type": [{"code": extension["type"]}]},
        ]},
    }


def _heading(kind: str, name: str, system: dict[str, Any]) -> Resource:
    return {
        "resourceType": kind,
        "id": name,
        "url": canonical(f"{kind}/{name}"),
        "version": EDITION,
        "name": name.title().replace("-", ""),
        "title": system["title"],
        "status": "active",
        "experimental": False,
        "date": PUBLISHED_ON,
        "publisher": "Clearway",
        "description": system["description"],
    }
