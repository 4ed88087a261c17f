"""FHIR Observations and form answers as OBX segments: the value as it was written, its unit, status and day."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from integrations.hl7.coded import to_ce, to_cwe, to_yes_no
from integrations.hl7.composer import Field, Repetition, SegmentDraft
from integrations.hl7.moment import to_date, to_timestamp
from integrations.hl7.word import LOCAL

Resource = dict[str, Any]
LIMIT_ST = 199  # characters of data type ST (2.5.1, chapter 2A); longer text goes as TX

# HL7 table 0085 for FHIR's status; in an amended exam whatever was final goes as a correction.
STATUSES = {"final": "F", "corrected": "C", "amended": "C", "preliminary": "P", "cancelled": "X",
            "entered-in-error": "W"}  # fmt: skip
# HL7 table 0078 of 2.5.1, which does not know POS and NEG yet.
FLAGS = {"POS": "A", "RR": "A", "A": "A", "NEG": "N", "NR": "N", "N": "N", "H": "H", "L": "L", "HH": "HH", "LL": "LL",
         "R": "R", "S": "S", "I": "I"}  # fmt: skip


class Numbering:
    """Counts the OBX of one order: OBX-1 is the line, OBX-4 tells results of the same code apart."""

    def __init__(self, correcting: bool) -> None:
        self.correcting = correcting
        self._line = 0
        self._groups = 0

    def next_group(self) -> str:
        """The next OBX-4."""
        self._groups += 1
        return str(self._groups)

    def draft(self, values: dict[int, Field], formatted: frozenset[int] = frozenset()) -> SegmentDraft:
        """An OBX with the next OBX-1."""
        self._line += 1
        return SegmentDraft("OBX", {1: str(self._line), **values}, formatted)

    def status(self, fhir_status: str) -> str:
        """OBX-11."""
        status = STATUSES.get(fhir_status, "F")
        return "C" if self.correcting and status == "F" else status


def to_obx(observation: Resource, numbering: Numbering, observer: Repetition = None) -> Iterator[SegmentDraft]:
    """The OBX of an Observation's own value, then one of each component under the same OBX-4."""
    group = numbering.next_group()
    rest: dict[int, Field] = {
        4: group,
        11: numbering.status(observation["status"]),
        14: to_timestamp(find_day(observation)),
        16: observer,
    }
    kind, value, unit = read_value(observation)
    if kind or "component" not in observation:
        absent = {11: "X"} if not kind else {}  # a result that cannot be obtained (table 0085)
        values = {2: kind, 3: to_ce(observation["code"]), 5: value, 6: unit, 8: _flags(observation), **rest, **absent}
        yield numbering.draft(values, _formatted(kind))
    for part in observation.get("component", []):
        kind, value, unit = read_value(part)
        values = {2: kind, 3: to_ce(part["code"]), 5: value, 6: unit, 8: _flags(part), **rest}
        yield numbering.draft(values if kind else {**values, 11: "X"}, _formatted(kind))
    for note in observation.get("note", []):
        yield SegmentDraft("NTE", {1: "1", 2: "P", 3: note["text"]}, frozenset({3}))


def find_day(resource: Resource) -> str:
    """When something was seen; of a span its last day, which has all of it, or its first while it goes on."""
    span = resource.get("effectivePeriod", {})
    return str(resource.get("effectiveDateTime") or span.get("end") or span.get("start") or "")


def to_answers(response: Resource, numbering: Numbering) -> Iterator[SegmentDraft]:
    """One OBX for each answer of a form, named by the question's linkId and text."""
    for item in _list_answered(response.get("item", [])):
        for answer in item["answer"]:
            kind, value, unit = read_value(answer)
            if kind:
                name = (item["linkId"], item.get("text"), LOCAL)
                status = numbering.status("final")
                values: dict[int, Field] = {2: kind, 3: name, 4: numbering.next_group(), 5: value, 6: unit, 11: status}
                yield numbering.draft(values, _formatted(kind))


def read_value(node: Resource) -> tuple[str, Field, Field]:
    """OBX-2, OBX-5 and OBX-6 of whatever `value[x]` a node has; empty strings when it has none."""
    if quantity := node.get("valueQuantity"):
        code = quantity.get("code")
        unit = (code, quantity.get("unit") or code, "UCUM") if code else quantity.get("unit")
        if comparator := quantity.get("comparator"):
            return "SN", (comparator, str(quantity["value"])), unit
        return "NM", str(quantity["value"]), unit
    if concept := node.get("valueCodeableConcept"):
        return "CWE", to_cwe(concept), None
    if coding := node.get("valueCoding"):
        return "CWE", to_cwe({"coding": [coding]}), None
    for name in ("valueInteger", "valueDecimal"):
        if name in node:
            return "NM", str(node[name]), None
    if "valueBoolean" in node:
        return "CWE", to_yes_no(node["valueBoolean"]), None
    for name in ("valueDate", "valueDateTime"):
        if name in node:
            return _read_day(node[name])
    if text := node.get("valueString"):
        return ("ST" if len(text) <= LIMIT_ST and "\n" not in text else "TX"), text, None
    return "", None, None


def _read_day(literal: str) -> tuple[str, Field, Field]:
    return ("TS", to_timestamp(literal), None) if "T" in literal else ("DT", to_date(literal), None)


def _formatted(kind: str) -> frozenset[int]:
    return frozenset({5}) if kind == "TX" else frozenset()


def _flags(node: Resource) -> Field:
    codes = [coding["code"] for concept in node.get("interpretation", []) for coding in concept.get("coding", [])]
    return [FLAGS[code] for code in codes if code in FLAGS] or None


def _list_answered(items: list[Resource]) -> Iterator[Resource]:
    for item in items:
        if item.get("answer"):
            yield item
            for answer in item["answer"]:
                yield from _list_answered(answer.get("item", []))
        yield from _list_answered(item.get("item", []))
