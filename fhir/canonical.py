"""Code systems and value sets of our own, as resources that anybody may read at their canonical addresses."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from fhir.address import canonical
from fhir.encoder import Resource

TABLE = Path(__file__).with_name("local.toml")
EDITION = "1.0.0"
PUBLISHED_ON = "2026-11-22"


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


@cache
def list_local_systems() -> dict[str, Any]:
    """Our code systems by short name: title, description and `code` (code to display)."""
    return tomllib.loads(TABLE.read_text())


def list_canonical_resources() -> list[Resource]:
    """Every definition that we publish: per system one CodeSystem and one ValueSet of all its codes."""
    found = []
    for name, system in list_local_systems().items():
        found.append(_code_system(name, system))
        found.append(_value_set(name, system))
    return found


def _code_system(name: str, system: dict[str, Any]) -> Resource:
    concepts = [{"code": code, "display": display} for code, display in system["code"].items()]
    return {
        **_heading("CodeSystem", name, system),
        "caseSensitive": True,
        "valueSet": canonical(f"ValueSet/{name}"),
        "content": "complete",
        "count": len(concepts),
        "concept": concepts,
    }


def _value_set(name: str, system: dict[str, Any]) -> Resource:
    return {
        **_heading("ValueSet", name, system),
        "compose": {"include": [{"system": canonical(f"CodeSystem/{name}")}]},
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
