"""Checks every message that we compose before it may be queued: structure by hl7apy, values by ourselves.

hl7apy's `validate()` knows segments, cardinality and data type names of the version; it takes any text for a number
or a date, and drops segments that the structure does not know, so both are checked here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.core import Message as ParsedMessage
from hl7apy.exceptions import HL7apyException
from hl7apy.parser import parse_message

from clinic.errors import Misconfigured
from integrations.hl7.reader import Segment, read_message

NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
DATE = re.compile(r"\d{4}(\d{2}(\d{2})?)?")
MOMENT = re.compile(r"\d{4}(\d{2}(\d{2}(\d{6}[+-]\d{4})?)?)?")
NAME = re.compile(r"\b[A-Z][A-Z0-9]{2}(?:_[A-Z0-9]+)*(?:\.[A-Z0-9_]+)*\b")
OBX_TYPES = {"CWE", "DT", "ED", "NM", "SN", "ST", "TS", "TX"}  # those of table 0125 that we write
OBX_STATUSES = set("FCPXWDIORSU")
CONTROL_ID_LIMIT = 20  # MSH-10


def check(text: str) -> None:
    """Raise Misconfigured when `text` is not a message that any receiver must be able to take.

    The error's context names segment and field, never a value.
    """
    if faults := [*list_value_faults(text), *_list_structure_faults(text)]:
        raise Misconfigured(
            "The message for the authority could not be composed, so nothing was signed. Tell your administrator.",
            faults=faults[:10],
        )


def list_value_faults(text: str) -> Iterator[str]:
    """What is wrong with values, as `OBX-5 of line 3: no number`."""
    for number, segment in enumerate(read_message(text).segments, 1):
        for position, fault in _check_segment(segment):
            yield f"{segment.name}-{position} of line {number}: {fault}"


def _check_segment(segment: Segment) -> Iterator[tuple[int, str]]:
    if segment.name == "MSH" and not 0 < len(segment.get(10)) <= CONTROL_ID_LIMIT:
        yield 10, f"not 1 to {CONTROL_ID_LIMIT} characters"
    if segment.name == "PID" and not DATE.fullmatch(segment.get(7) or "0000"):
        yield 7, "no date"
    if segment.name == "OBX":
        yield from _check_obx(segment)


def _check_obx(segment: Segment) -> Iterator[tuple[int, str]]:
    kind, value = segment.get(2), segment.get(5)
    if segment.raw(5) and not kind:
        yield 2, "a value without its type"
    if kind and kind not in OBX_TYPES:
        yield 2, "not in table 0125"
    if kind == "NM" and not NUMBER.fullmatch(value):
        yield 5, "no number"
    if kind == "SN" and not NUMBER.fullmatch(segment.get(5, 2)):
        yield 5, "no number behind the comparator"
    if kind == "DT" and not DATE.fullmatch(value):
        yield 5, "no date"
    if kind == "TS" and not MOMENT.fullmatch(value):
        yield 5, "no time with its offset"
    if segment.get(11) not in OBX_STATUSES:
        yield 11, "not in table 0085"
    if not segment.raw(3):
        yield 3, "no code"


def _list_structure_faults(text: str) -> list[str]:
    try:
        parsed = parse_message(text, validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=True)
        parsed.validate()
    except (HL7apyException, AttributeError, IndexError, KeyError) as error:
        names = NAME.findall(str(error))  # only names of segments and fields: a value may be about a person
        return [f"{type(error).__name__}: {' '.join(names)}"[:200]]
    kept, written = _count(parsed), len(read_message(text).segments)
    return [] if kept == written else [f"the structure has no place for {written - kept} of {written} segments"]


def _count(node: ParsedMessage) -> int:
    """Segments below a message or group of hl7apy's."""
    return sum(1 if child.classname == "Segment" else _count(child) for child in node.children)
