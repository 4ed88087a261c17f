"""Writes a valid machine readable zone: for synthetic people and tests, never for a real document."""

from __future__ import annotations

from datetime import date

from clinic.mrz.layout import FILLER, PLANS, Layout, compute_check_digit
from clinic.mrz.state import to_printed
from clinic.mrz.transliteration import to_zone_letters
from clinic.partial_date import PartialDate

_SEX = {"male": "M", "female": "F"}  # anything else is a filler (Doc 9303-4, 4.2.2.2)
_DEFAULT_CODE = {
    Layout.TD1: "I",
    Layout.TD2: "I",
    Layout.TD3: "P",
    Layout.VISA_A: "V",
    Layout.VISA_B: "V",
}


def build_mrz(
    layout: Layout,
    *,
    issuing_state: str,
    family_name: str,
    given_names: str = "",
    number: str,
    citizenship: str,
    birth: PartialDate | date | None,
    sex: str,
    expires_on: date | None,
    optional_data: str = "",
    document_code: str = "",
) -> str:
    """The lines of a zone with all check digits, one below the other.

    `issuing_state` and `citizenship` are ISO alpha-3 or a code of Doc 9303-3 section 5; `sex` as in
    `Mrz.sex`. Names are cut where the line ends. Raises ValueError when a field cannot hold its value.
    """
    plan = PLANS[layout]
    code = (document_code or _DEFAULT_CODE[layout]).ljust(2, FILLER)
    head = code + to_printed(issuing_state).ljust(3, FILLER)
    name = _name_field(family_name, given_names, plan.name.end - plan.name.start)
    number_field, optional = _number_fields(
        layout, number.upper().replace(" ", FILLER), optional_data.upper()
    )
    details = _with_check(_date_field(birth)) + _SEX.get(sex, FILLER) + _with_check(_date_field(expires_on))
    state = to_printed(citizenship).ljust(3, FILLER)
    if layout is Layout.TD1:
        first = head + number_field + _fill(optional, 15)
        second = details + state + _fill("", 11)
        return "\n".join([first, second + _composite(layout, (first, second)), name])
    room = plan.optional[0].end - plan.optional[0].start
    second = number_field + state + details + _fill(optional, room)
    if plan.optional_has_check:
        second += FILLER if not optional else compute_check_digit(_fill(optional, room))
    second += _composite(layout, (head + name, second))
    return f"{head}{name}\n{second}"


def _fill(value: str, width: int) -> str:
    if len(value) > width:
        raise ValueError(f"{len(value)} characters do not fit into {width}")
    return value.ljust(width, FILLER)


def _with_check(value: str) -> str:
    return value + compute_check_digit(value)


def _composite(layout: Layout, lines: tuple[str, str]) -> str:
    plan = PLANS[layout]
    if plan.composite_check is None:
        return ""
    return compute_check_digit("".join([span.cut(lines) for span in plan.composite]))


def _number_fields(layout: Layout, number: str, optional: str) -> tuple[str, str]:
    """Number with check digit, and the optional data, where a card continues a long number."""
    if len(number) <= 9:
        return _with_check(_fill(number, 9)), optional
    if layout not in (Layout.TD1, Layout.TD2):
        raise ValueError("a number of more than 9 characters does not fit into this layout")
    return number[:9] + FILLER, number[9:] + compute_check_digit(number) + FILLER + optional


def _date_field(day: PartialDate | date | None) -> str:
    if day is None:
        return FILLER * 6
    return "".join(
        FILLER * 2 if part is None else f"{part % 100:02}" for part in (day.year, day.month, day.day)
    )


def _name_field(family_name: str, given_names: str, width: int) -> str:
    """Family name, two fillers, given names; cut so that a letter stands last (Doc 9303-4, 4.2.3)."""
    primary, secondary = to_zone_letters(family_name), to_zone_letters(given_names)
    if not primary:
        raise ValueError("a zone needs a name")
    whole = f"{primary}{FILLER * 2}{secondary}" if secondary else primary
    while len(whole) > width and secondary:
        primary = primary[: width - 3].rstrip(FILLER)
        whole = f"{primary}{FILLER * 2}{secondary}"[:width]
        if whole.endswith(FILLER):
            primary = primary[:-1]
            whole = f"{primary}{FILLER * 2}{secondary}"
    return whole[:width].rstrip(FILLER).ljust(width, FILLER)
