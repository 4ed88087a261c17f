"""Reads ER7 without losing anything: segments, fields, repetitions, components, by the message's own delimiters.

No structure is imposed and nothing is rewritten, so `str(message)` gives back the very text that was read. Positions
count as the standard counts: MSH-1 is the field separator itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from integrations.hl7.charset import UnknownCharset, find_named_codec
from integrations.hl7.escape import Delimiters, unescape

_BREAK = re.compile(r"\r\n|\r|\n")
MOST_SEGMENTS = 6000  # of one message; what its size allows would fill the memory, the worker's hours and any page
MOST_PARTS = 200_000  # fields, repetitions, components and subcomponents of one message


class NotHl7(Exception):
    """The text does not begin with a message header, or is divided into more than anybody reads."""


@dataclass(frozen=True)
class Segment:
    """One line of a message."""

    name: str
    fields: tuple[str, ...]  # raw; fields[0] is the first after the name, for MSH the encoding characters
    delimiters: Delimiters

    def raw(self, position: int) -> str:
        """The field at `position` as it was sent, empty when it is not there."""
        if self.name == "MSH":
            if position == 1:
                return self.delimiters.field
            position -= 1
        return self.fields[position - 1] if 0 < position <= len(self.fields) else ""

    def repetitions(self, position: int) -> list[str]:
        """Every repetition of a field as it was sent."""
        raw = self.raw(position)
        return raw.split(self.delimiters.repetition) if raw else []

    def get(self, position: int, component: int = 1, subcomponent: int = 1, repetition: int = 1) -> str:
        """One value, unescaped; empty when it is not there."""
        part, marks = self.raw(position), self.delimiters
        for separator, number in (
            (marks.repetition, repetition), (marks.component, component), (marks.subcomponent, subcomponent),
        ):  # fmt: skip
            if number > 1 or separator in part:
                part = _take(part, separator, number)
        return unescape(part, marks) if part else ""

    def get_text(self, position: int, repetition: int = 1) -> str:
        """A repetition of free text (FT, TX), unescaped: it has no components, so a bare & or ^ is a letter of it."""
        found, marks = self.repetitions(position), self.delimiters
        return unescape(found[repetition - 1].rstrip(marks.component), marks) if repetition <= len(found) else ""

    def is_text(self, position: int) -> bool:
        """Whether the field there is free text without components."""
        return (self.name, position) == ("NTE", 3) or (
            (self.name, position) == ("OBX", 5) and self.get(2) in ("TX", "FT", "ST"))


@dataclass(frozen=True)
class Message:
    """A message as its segments."""

    segments: tuple[Segment, ...]
    text: str

    def __str__(self) -> str:
        return self.text

    @property
    def header(self) -> Segment:
        """MSH."""
        return self.segments[0]

    @property
    def control_id(self) -> str:
        """MSH-10."""
        return self.header.get(10)

    @property
    def kind(self) -> str:
        """MSH-9 as `ORU^R01`."""
        return "^".join(part for part in (self.header.get(9, 1), self.header.get(9, 2)) if part)

    def find(self, name: str) -> Segment | None:
        """The first segment of that name."""
        return next(self.list(name), None)

    def list(self, name: str) -> Iterator[Segment]:
        """All segments of that name, in order."""
        return (segment for segment in self.segments if segment.name == name)


def read_message(text: str) -> Message:
    """Split a message; CR, LF and CRLF all end a segment, empty lines are passed over. Raises NotHl7."""
    if not text.startswith("MSH") or len(text) < 8:
        raise NotHl7("the text does not begin with MSH and its separators")
    delimiters = _read_delimiters(text)
    if len(text) > MOST_SEGMENTS:
        _ensure_readable(text, delimiters)
    lines = [line for line in _BREAK.split(text) if line.strip()]
    segments = []
    for line in lines:
        name, *fields = line.split(delimiters.field)
        segments.append(Segment(name.strip(), tuple(fields), delimiters))
    return Message(tuple(segments), text)


def _ensure_readable(text: str, marks: Delimiters) -> None:
    if text.count("\r") + text.count("\n") > 2 * MOST_SEGMENTS:  # two for each where lines end with both
        raise NotHl7(f"it has more than {MOST_SEGMENTS} segments; divide it")
    if sum(map(text.count, (marks.field, marks.repetition, marks.component, marks.subcomponent))) > MOST_PARTS:
        raise NotHl7(f"it has more than {MOST_PARTS} fields and parts of fields; divide it")


def _read_delimiters(text: str) -> Delimiters:
    field = text[3]
    encoding = _BREAK.split(text[4:16], maxsplit=1)[0].split(field, 1)[0]
    encoding = "".join(dict.fromkeys(encoding))  # programs that escape too often write the backslash twice
    marks = (encoding + "^~\\&"[len(encoding) :])[:4]  # a fifth one (truncation, 2.7) has no meaning for reading
    if len(set(field + marks)) != 5:
        raise NotHl7("the separators are not five different characters")
    try:
        codec = find_named_codec(_BREAK.split(text, maxsplit=1)[0])
    except UnknownCharset:
        codec = "utf-8"  # whoever decoded the text knew better than its header
    component, repetition, mark, subcomponent = tuple(marks)
    return Delimiters(field, component, repetition, mark, subcomponent, codec)


def _take(text: str, separator: str, position: int) -> str:
    parts = text.split(separator)
    return parts[position - 1] if position <= len(parts) else ""
