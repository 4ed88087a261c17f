"""What leaves and what comes in, in words: an HL7 message by its fields' names, a FHIR document by its sections."""

from __future__ import annotations

import base64
import json
from typing import Any

from clinic.ports import MessageField, MessageInWords, MessagePart
from integrations.hl7.charset import UnknownCharset, decode
from integrations.hl7.dictionary import name_component, name_field, name_segment
from integrations.hl7.escape import unescape
from integrations.hl7.reader import Message, NotHl7, Segment, read_message
from integrations.narrative import clean_narrative

LONGEST = 2000  # characters of one value; what is longer is data for machines
LEFT_OUT = "…"


def read_message_in_words(body: bytes) -> MessageInWords | None:
    """The bytes of a delivery, a reply or an inbound message in words; None when they are of no kind we know."""
    message = _find_hl7(body)
    if message is not None:
        parts = tuple(_read_segment(segment) for segment in message.segments)
        return MessageInWords(f"HL7 v2 · {message.kind}", parts, _write_text(message))
    document = _find_resource(body)
    return _read_resource(document) if document is not None else None


def find_report(body: bytes) -> bytes | None:
    """The printed report that a message carries (OBX of type ED with a PDF); None when there is none."""
    message = _find_hl7(body)
    found = next((one for one in message.list("OBX") if _is_report(one)), None) if message else None
    if found is None:
        return None
    try:
        return base64.b64decode(found.get(5, 5), validate=True)
    except ValueError:
        return None


def _find_hl7(body: bytes) -> Message | None:
    try:
        return read_message(decode(body))
    except (NotHl7, UnknownCharset, UnicodeDecodeError):
        return None


def _find_resource(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and found.get("resourceType") else None


def _is_report(segment: Segment) -> bool:
    return segment.get(2) == "ED" and segment.get(5, 3).lower() == "pdf"


def _read_segment(segment: Segment) -> MessagePart:
    count = len(segment.fields) + (1 if segment.name == "MSH" else 0)
    fields = [_read_field(segment, position) for position in range(1, count + 1) if segment.raw(position)]
    return MessagePart(segment.name, name_segment(segment.name), tuple(fields))


def _read_field(segment: Segment, position: int) -> MessageField:
    place, name = f"{segment.name}-{position}", name_field(segment.name, position)
    if segment.name == "MSH" and position <= 2:
        return MessageField(place, name, (((("", segment.raw(position))),),))
    if segment.name == "OBX" and position == 5 and _is_report(segment):
        return MessageField(place, name, (), is_report=True)
    kind = segment.get(2) if segment.name == "OBX" and position == 5 else ""
    if segment.is_text(position):
        lines = (segment.get_text(position, at) for at in range(1, len(segment.repetitions(position)) + 1))
        return MessageField(place, name, tuple((("", _shorten(line)),) for line in lines if line))
    values = tuple(_read_repetition(segment, position, one, kind) for one in segment.repetitions(position))
    return MessageField(place, name, tuple(value for value in values if value))


def _read_repetition(segment: Segment, position: int, raw: str, kind: str) -> tuple[tuple[str, str], ...]:
    marks = segment.delimiters
    pieces = raw.split(marks.component)
    if len(pieces) == 1 and marks.subcomponent not in raw:
        return ((("", _shorten(unescape(raw, marks))),)) if raw else ()
    found = []
    for number, piece in enumerate(pieces, 1):
        text = " · ".join(unescape(part, marks) for part in piece.split(marks.subcomponent) if part)
        if text:
            found.append((name_component(segment.name, position, number, kind), _shorten(text)))
    return tuple(found)


def _shorten(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + LEFT_OUT


def _write_text(message: Message) -> str:
    lines = []
    for segment in message.segments:
        mark = segment.delimiters.field
        fields = [raw if len(raw) <= LONGEST else raw[:60] + LEFT_OUT for raw in segment.fields]
        lines.append(mark.join((segment.name, *fields)))
    return "\n".join(lines)


def _read_resource(resource: dict[str, Any]) -> MessageInWords:
    kind = str(resource["resourceType"])
    entries = [one.get("resource") for one in resource.get("entry") or [] if isinstance(one, dict)]
    resources = [one for one in entries if isinstance(one, dict)] or [resource]
    composition = next((one for one in resources if one.get("resourceType") == "Composition"), None)
    parts = _read_sections(composition.get("section") or []) if composition else []
    title = str(composition.get("title", "")) if composition else ""
    return MessageInWords(" · ".join(filter(None, ("FHIR", kind, title))), tuple(parts),
                          json.dumps(resource, indent=2, ensure_ascii=False))


def _read_sections(sections: list[Any]) -> list[MessagePart]:
    found: list[MessagePart] = []
    for section in sections:
        if not isinstance(section, dict):
            continue
        text = section.get("text")
        narrative = clean_narrative(str(text.get("div", ""))) if isinstance(text, dict) else ""
        found.append(MessagePart("", str(section.get("title", "")), narrative=narrative))
        found += _read_sections(section.get("section") or [])
    return found
