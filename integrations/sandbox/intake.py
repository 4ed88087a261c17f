"""What a receiving authority checks of a document Bundle before it takes it, and what it notes of it."""

from __future__ import annotations

import hashlib
import json
from typing import Any


class Refused(Exception):
    """The Bundle cannot be taken; `code` is a FHIR issue type, the message a sentence for the sender."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def read_bundle(body: bytes, claimed: str | None) -> dict[str, Any]:
    """The Bundle in `body`, if it is a document (FHIR R4 3.3) and its `claimed` SHA-256 is right; raises Refused."""
    if claimed and claimed.lower() != hashlib.sha256(body).hexdigest():
        raise Refused("security", "The digest does not fit the bytes that arrived.")
    try:
        bundle = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused("structure", "The body is no JSON.") from None
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle" or bundle.get("type") != "document":
        raise Refused("invalid", "The body is no document Bundle.")
    entries = bundle.get("entry")
    first = entries[0].get("resource") if isinstance(entries, list) and entries and isinstance(entries[0], dict) else {}
    if not isinstance(first, dict) or first.get("resourceType") != "Composition":
        raise Refused("invalid", "The first entry of a document is its Composition.")
    if not bundle.get("id") and not bundle.get("identifier"):
        raise Refused("required", "A document carries an identifier.")
    return bundle


def describe_bundle(bundle: dict[str, Any]) -> str:
    """One line of what the authority sees at a glance: the document's title, its date, and who it is about."""
    resources = [e.get("resource") or {} for e in bundle.get("entry", []) if isinstance(e, dict)]
    composition = resources[0]
    patient = next((r for r in resources if r.get("resourceType") == "Patient"), {})
    parts = [
        str(composition.get("title") or "Untitled document"),
        str(composition.get("date") or "")[:10],
        _name(patient),
        str(patient.get("birthDate") or ""),
        f"{len(resources)} resources",
    ]
    return " · ".join(part for part in parts if part)


def get_bundle_id(bundle: dict[str, Any]) -> str:
    """The Bundle's id, else its identifier's value."""
    identifier = bundle.get("identifier")
    value = identifier.get("value") if isinstance(identifier, dict) else None
    return str(bundle.get("id") or value or "")


def _name(patient: dict[str, Any]) -> str:
    names = patient.get("name") or [{}]
    chosen = names[0] if isinstance(names, list) and isinstance(names[0], dict) else {}
    given = " ".join(str(part) for part in chosen.get("given") or [])
    return ", ".join(part for part in (str(chosen.get("family") or "").upper(), given) if part)
