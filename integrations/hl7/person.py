"""The applicant and those who speak for them as PID and NK1 segments (2.5.1, chapter 3)."""

from __future__ import annotations

from typing import Any

from integrations.hl7.coded import to_ce
from integrations.hl7.composer import Component, Field, Repetition, SegmentDraft
from integrations.hl7.moment import to_date
from integrations.hl7.word import APPLICATION, LOCAL

Resource = dict[str, Any]
SEXES = {"male": "M", "female": "F", "other": "O", "unknown": "U"}  # table 0001
PASSPORT_SYSTEM = "http://hl7.org/fhir/sid/passport-"
CITIZENSHIP = "http://hl7.org/fhir/StructureDefinition/patient-citizenship"


def to_pid(patient: Resource, case_number: str, authority: str) -> SegmentDraft:
    """PID of the released Patient.

    `case_number` is our number of the case: one patient record a case, so that nothing tells two cases apart but
    the numbers of this one. `authority` is the namespace of the destination's own number.
    """
    identifiers: list[Repetition] = [(case_number, None, None, APPLICATION, "MR")]
    identifiers += [_to_cx(one, authority) for one in patient.get("identifier", [])]
    return SegmentDraft("PID", {
        1: "1",
        3: identifiers,
        5: [to_xpn(name) for name in patient["name"]],
        7: to_date(patient["birthDate"]),
        8: SEXES[patient["gender"]],
        11: [_to_xad(one) for one in patient.get("address", [])] or None,
        13: [_to_xtn(one) for one in patient.get("telecom", [])] or None,
        15: _language(patient),
        26: _citizenships(patient),
    })  # fmt: skip


def to_nk1(related: Resource, number: int) -> SegmentDraft:
    """NK1 of a guardian or other person who speaks for the applicant."""
    relationship: Resource = next(iter(related.get("relationship", [])), {})
    return SegmentDraft("NK1", {
        1: str(number),
        2: [to_xpn(name) for name in related.get("name", [])] or None,
        3: to_ce(relationship) if relationship else None,
        5: [_to_xtn(one) for one in related.get("telecom", [])] or None,
    })  # fmt: skip


def to_xpn(name: Resource) -> Repetition:
    """A name: type L as in the passport, or representation I in the person's own script."""
    given = name.get("given", [])
    first, further = (given[0] if given else None), " ".join(given[1:]) or None
    native = name.get("use") == "usual"
    family = name.get("family") or (None if given else name.get("text"))
    return (family, first, further, None, None, None, "L", "I" if native else None)


def to_xcn(practitioner: Resource | None) -> Repetition:
    """A member of staff: licence number where there is one, and the name as one text."""
    if practitioner is None:
        return None
    number = next((one["value"] for one in practitioner.get("identifier", [])), None)
    name: Resource = next(iter(practitioner.get("name", [])), {})
    return (number, name.get("family") or name.get("text"), " ".join(name.get("given", [])) or None)


def _to_cx(identifier: Resource, authority: str) -> Repetition:
    system, value = identifier.get("system", ""), identifier["value"]
    if system.startswith(PASSPORT_SYSTEM):
        country = system.removeprefix(PASSPORT_SYSTEM)
        return (value, None, None, (None, country, "ISO3166"), "PPN")
    if identifier.get("use") == "official":
        return (value, None, None, authority, "AN")
    kind = next((coding["code"] for coding in identifier.get("type", {}).get("coding", [])), "U")
    return (value, None, None, (system.rsplit("/", 1)[-1], system, "URI"), kind)


def _to_xad(address: Resource) -> Repetition:
    lines = address.get("line") or ([address["text"]] if address.get("text") else [])
    street = ", ".join(part.strip() for line in lines for part in line.splitlines() if part.strip())
    return (street or None, None, address.get("city"), None, address.get("postalCode"), address.get("country"), "H")


def _to_xtn(contact: Resource) -> Repetition:
    """Only XTN-12 holds a telephone number: 5 to 8 are numeric in 2.5.1, and numeric loses leading zeros."""
    parts: list[Component] = [None] * 12
    if contact.get("system") == "email":
        parts[1], parts[2], parts[3] = "NET", "Internet", contact["value"]
    else:
        parts[1], parts[2], parts[11] = "PRN", "PH", contact["value"]
    return tuple(parts)


def _language(patient: Resource) -> Field:
    codes = [coding["code"] for one in patient.get("communication", []) for coding in one["language"].get("coding", [])]
    return (codes[0], None, LOCAL) if codes else None


def _citizenships(patient: Resource) -> Field:
    found: list[Repetition] = []
    for extension in patient.get("extension", []):
        if extension.get("url") == CITIZENSHIP:
            for part in extension.get("extension", []):
                coding = next(iter(part.get("valueCodeableConcept", {}).get("coding", [])), None)
                if coding:
                    found.append((coding["code"], coding.get("display"), "ISO3166"))
    return found or None
