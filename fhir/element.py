"""Data types of FHIR R4 as plain dictionaries: nothing empty, nothing guessed."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from fhir.code import get_system, unit_code

Element = dict[str, Any]
_NUMBER = re.compile(r"\s*(<=|>=|<|>)?\s*(-?\d{1,12}(?:\.\d{1,8})?)\s*")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def drop_empty(members: Element) -> Element:
    """`members` without those that are None or empty, in the same order; depth one."""
    return {name: value for name, value in members.items() if value is not None and value not in ("", [], {})}


def clean_text(text: str | None) -> str | None:
    """`text` without control characters and outer white space, or None when nothing is left."""
    if text is None:
        return None
    return _CONTROL.sub("", text).strip() or None


def to_instant(moment: datetime) -> str:
    """An instant to the millisecond in UTC, e.g. 2026-11-22T02:17:05.120Z."""
    if moment.tzinfo is None:
        raise ValueError("a moment must be aware")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_date(day: date | None) -> str | None:
    """A calendar day."""
    return day.isoformat() if day else None


def identifier(system: str, value: str | None, kind: Element | None = None, use: str | None = None) -> Element | None:
    """An Identifier, or None without a value."""
    cleaned = clean_text(value)
    return drop_empty({"use": use, "type": kind, "system": system, "value": cleaned}) if cleaned else None


def quantity(value: str, unit: str | None) -> Element | None:
    """A Quantity with the digits as written and a comparator where one was written; None when it is no number.

    Raises InvalidInput for a unit outside our list.
    """
    found = _NUMBER.fullmatch(value)
    if not found:
        return None
    comparator, digits = found.groups()
    measured: Element = {"value": Decimal(digits)}
    if comparator:
        measured["comparator"] = comparator
    if unit:
        measured |= {"unit": unit, "system": get_system("ucum"), "code": unit_code(unit)}
    return measured


def note(text: str | None) -> list[Element] | None:
    """Annotation[] of one remark."""
    cleaned = clean_text(text)
    return [{"text": cleaned}] if cleaned else None


def country_concept(code: str) -> Element:
    """A country of citizenship; codes that ICAO adds for passports are no ISO codes and stand as text alone."""
    if code.startswith("X") or code in _NOT_ISO:
        return {"text": code}
    return {"coding": [{"system": get_system("country"), "code": code}], "text": code}


# ICAO Doc 9303 part 3 section 5: British kinds of nationality, United Nations papers, European Union, Kosovo.
_NOT_ISO = {"GBD", "GBN", "GBO", "GBP", "GBS", "UNO", "UNA", "UNK", "EUE", "RKS", "D"}
