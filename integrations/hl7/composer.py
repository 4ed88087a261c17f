"""Writes ER7: values go in as plain text at their positions and come out escaped; a value can never forge structure.

A field is text, a tuple of components (each text or a tuple of sub-components), or a list of such repetitions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from integrations.hl7.escape import escape

Component: TypeAlias = "str | tuple[str | None, ...] | None"
Repetition: TypeAlias = "str | tuple[Component, ...] | None"
Field: TypeAlias = "Repetition | list[Repetition]"

ENCODING_CHARACTERS = "^~\\&"
SEGMENT_END = "\r"


@dataclass(frozen=True)
class SegmentDraft:
    """A segment to be written: the values by their position. `formatted` fields may hold line breaks."""

    name: str
    values: Mapping[int, Field]
    formatted: frozenset[int] = field(default_factory=frozenset)

    def write(self) -> str:
        """The segment's line without its end; trailing empty fields are left out."""
        last = max((position for position, value in self.values.items() if value), default=0)
        first = 3 if self.name == "MSH" else 1
        written = [self._write_field(position) for position in range(first, last + 1)]
        head = [self.name, ENCODING_CHARACTERS] if self.name == "MSH" else [self.name]
        return "|".join([*head, *written])

    def _write_field(self, position: int) -> str:
        value = self.values.get(position)
        formatted = position in self.formatted
        repetitions = value if isinstance(value, list) else [value]
        return "~".join(_write_repetition(one, formatted) for one in repetitions)


def compose(segments: Sequence[SegmentDraft]) -> str:
    """The message's text; every segment ends with a CR (2.5.1, chapter 2.5.4)."""
    return "".join(segment.write() + SEGMENT_END for segment in segments)


def _write_repetition(value: Repetition, formatted: bool) -> str:
    if value is None or isinstance(value, str):
        return escape(value or "", formatted=formatted)
    return "^".join(_write_component(part, formatted) for part in value).rstrip("^")


def _write_component(value: Component, formatted: bool) -> str:
    if value is None or isinstance(value, str):
        return escape(value or "", formatted=formatted)
    return "&".join(escape(part or "", formatted=formatted) for part in value).rstrip("&")
