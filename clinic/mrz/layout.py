"""Where each field of a machine readable zone stands, and the check digit over it (ICAO Doc 9303-3 to 7)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

FILLER = "<"
_WEIGHTS = (7, 3, 1)
_VALUES = {FILLER: 0} | {str(n): n for n in range(10)} | {chr(55 + n): n for n in range(10, 36)}
_WEIGHTED = [{letter: value * weight for letter, value in _VALUES.items()} for weight in _WEIGHTS]


class Layout(StrEnum):
    """The five sizes of zone."""

    TD1 = "td1"
    TD2 = "td2"
    TD3 = "td3"
    VISA_A = "mrv-a"
    VISA_B = "mrv-b"


@dataclass(frozen=True)
class Span:
    """Part of one line: `line` counts from 0, `start` and `end` as in a slice."""

    line: int
    start: int
    end: int

    def cut(self, lines: tuple[str, ...]) -> str:
        """The characters of this part."""
        return lines[self.line][self.start : self.end]


@dataclass(frozen=True)
class Plan:
    """Positions of one layout; `composite` is what the last check digit is computed over."""

    line_count: int
    width: int
    name: Span
    number: Span
    citizenship: Span
    birth: Span
    sex: Span
    expiry: Span
    optional: tuple[Span, ...]
    optional_has_check: bool
    composite: tuple[Span, ...]
    composite_check: Span | None

    def check_after(self, span: Span) -> Span:
        """The check digit stands right behind what it checks."""
        return Span(span.line, span.end, span.end + 1)


def _second_line_plan(width: int, optional: Span, *, is_visa: bool, has_check: bool) -> Plan:
    """TD2, TD3 and the visas share all but the end of their second line (Doc 9303-4, -6, -7)."""
    return Plan(
        line_count=2,
        width=width,
        name=Span(0, 5, width),
        number=Span(1, 0, 9),
        citizenship=Span(1, 10, 13),
        birth=Span(1, 13, 19),
        sex=Span(1, 20, 21),
        expiry=Span(1, 21, 27),
        optional=(optional,),
        optional_has_check=has_check,
        composite=() if is_visa else (Span(1, 0, 10), Span(1, 13, 20), Span(1, 21, width - 1)),
        composite_check=None if is_visa else Span(1, width - 1, width),
    )


PLANS: dict[Layout, Plan] = {
    Layout.TD1: Plan(  # Doc 9303-5
        line_count=3,
        width=30,
        name=Span(2, 0, 30),
        number=Span(0, 5, 14),
        citizenship=Span(1, 15, 18),
        birth=Span(1, 0, 6),
        sex=Span(1, 7, 8),
        expiry=Span(1, 8, 14),
        optional=(Span(0, 15, 30), Span(1, 18, 29)),
        optional_has_check=False,
        composite=(Span(0, 5, 30), Span(1, 0, 7), Span(1, 8, 15), Span(1, 18, 29)),
        composite_check=Span(1, 29, 30),
    ),
    Layout.TD2: _second_line_plan(36, Span(1, 28, 35), is_visa=False, has_check=False),
    Layout.TD3: _second_line_plan(44, Span(1, 28, 42), is_visa=False, has_check=True),
    Layout.VISA_A: _second_line_plan(44, Span(1, 28, 44), is_visa=True, has_check=False),
    Layout.VISA_B: _second_line_plan(36, Span(1, 28, 36), is_visa=True, has_check=False),
}

DOCUMENT_CODE = Span(0, 0, 2)
ISSUING_STATE = Span(0, 2, 5)


def compute_check_digit(characters: str) -> str:
    """Weights 7, 3, 1 over 0-9, A-Z as 10-35 and filler as 0, modulo 10 (Doc 9303-3, 4.9).

    Raises KeyError for a character that no zone may hold.
    """
    total = 0
    for start, weighted in enumerate(_WEIGHTED):
        for letter in characters[start::3]:
            total += weighted[letter]
    return str(total % 10)
