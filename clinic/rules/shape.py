"""What a row of a rule or reference file may say: its keys, their kinds, and which must stand there.

A key that nobody reads says something that nobody does: it is refused, not passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

# File: the table whose rows these are, empty when every table of the file is a row; then name:kind, ! what must stand.
REFERENCE: dict[str, tuple[str, str]] = {
    "exam.toml": ("", "label:text! emedical:text result:list confirmed:flag"),
    "finding.toml": ("", "label:text! category:text! grade:text! source:text! infectious:flag confirmed:flag "
                         "programmes:list"),
    "vaccine_line.toml": ("line", "name:text! at_least:table! source:text! below:table through:table from:day "
                                  "until:day born_from:day season:flag confirmed:flag"),
    "authority_number.toml": ("number", "programme:text! name:text! pattern:text! looks:text! source:text! "
                                        "example:text from:day"),
    "igra.toml": ("", "source:text! confirmed:flag nil_max:text positive_difference:text positive_share_of_nil:text "
                      "mitogen_difference:text borderline_difference:text positive_control_min:text"),
    "treatment.toml": ("", "label:text! exams:list! least_share:number! source:text! confirmed:flag regimens:table! "
                           "stages:table"),
    "test.toml": ("", "label:text! source:text! panel:text values:list normal:list fact:text exams:list kinds:list "
                      "components:table unit:table reference:list methods:list titre_for:list open:list sensitive:flag "
                      "parts:table by_method:flag settles:flag whole:text specimen:text drugs:list "
                      "answers:list tube:text bench:text asked_after:list double_entry:flag guarded:flag"),
    "tube.toml": ("", "label:text! kind:text! count:number! within:number! notes:list! source:text!"),
    "hold.toml": ("", "says:text! source:text! confirmed:flag!"),
    "task.toml": ("", "role:text! outcomes:list! explained:list again:table postpone:number! escalation:list! "
                      "source:text! confirmed:flag! settled:text days:number ahead:number"),
    "station.toml": ("", "records:list! opens:list consent:flag completes_later:flag"),
}
# The rows within a row, by the key under which they stand.
PARTS: dict[str, str] = {
    "regimens": "label:text! doses:number",
    "parts": "for:list! values:list",
    "unit": "possible:list! usual:list decimals:number!",
    "reference": "unit:text! source:text! low:text high:text critical_low:text critical_high:text sex:text age:list",
}
NUMBERED_FINDING = "code:text! label:text! common:text!"
KINDS: dict[str, type] = {"text": str, "list": list, "table": dict, "flag": bool, "number": int, "day": date}


def is_kind(value: object, kind: type | tuple[type, ...]) -> bool:
    """Whether a TOML value is of that kind: a yes is no number, and a moment is no day."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, kind) and not isinstance(value, datetime)


def list_faults(row: Any, keys: str) -> Iterator[tuple[str, str]]:
    """(key, what is wrong with it) of one row; the key is empty when the row is none."""
    if not isinstance(row, Mapping):
        yield "", "is no table"
        return
    known: dict[str, str] = dict(word.split(":") for word in keys.split())
    for name, kind in known.items():
        value = row.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            if kind.endswith("!"):
                yield name, f"has no {name}"
        elif not is_kind(value, KINDS[kind.rstrip("!")]):
            yield name, f"{name} has the wrong type"
        elif name in PARTS and isinstance(value, dict | list):
            for part in value.values() if isinstance(value, dict) else value:
                yield from ((key, f"{name}: {fault}") for key, fault in list_faults(part, PARTS[name]))
    for name in row.keys() - known.keys():
        yield name, f"unknown key {name}"
