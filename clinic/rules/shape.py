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
    "treatment.toml": ("", "label:text! found_by:table! decides:flag! least_share:number! source:text! confirmed:flag "
                           "regimens:table! stages:table"),
    "test.toml": ("", "label:text! source:text! panel:text values:list normal:list significant:list fact:text "
                      "exams:list kinds:list components:table unit:table reference:list methods:list "
                      "titre_for:list open:list sensitive:flag parts:table by_method:flag settles:flag whole:text "
                      "specimen:text drugs:list answers:list tube:text bench:text asked_after:list repeats:text "
                      "double_entry:flag guarded:flag"),
    "tube.toml": ("", "label:text! kind:text! count:number! within:number! notes:list! source:text!"),
    "hold.toml": ("", "says:text! source:text! confirmed:flag!"),
    "task.toml": ("", "role:text! work:list! work_by_key:table outcomes:list! explained:list recorded:list again:table "
                      "postpone:number! escalation:list! source:text! confirmed:flag! settled:text days:number "
                      "ahead:number"),
    "station.toml": ("", "records:list! opens:list consent:flag completes_later:flag after_signature:flag"),
}
# Files of tables in tables: by the way to a table ("*": whatever its name), its keys; "*" among them: any name.
NESTED: dict[str, dict[str, str]] = {
    "contact.toml": {
        "": "preventive_below_years:number! retest_days:number! us:table ca:table au:table nz:table uk:table",
        "*.*": "months:number! source:text! confirmed:flag! settings:list",
    },
    "tb_regimen.toml": {
        "": "effective_from:text! source:text! confirmed:flag! child_below_kg:number! days_per_week:list! "
            "regimen:table! drug:table! band:list! interruption:table! stop:table! monitoring:table! "
            "end_cultures:table! side_effect:table! action:table!",
        "regimen.*": "phase:table!",
        "regimen.*.phase.*": "weeks:number! drugs:list!",
        "drug.*": "per_kg:list! child:list! most:number!",
        "band.*": "from_kg:number! tablets:number!",
        "interruption": "intensive_restart_days:number! continuation_restart_days:number! least_share:number! "
                        "noticed_after_days:number!",
        "stop": "review_days:number!",
        "monitoring": "specimens_a_month:number! negative_months:number! extend_if_positive_month:number!",
        "end_cultures": "us:number! ca:number! au:number! nz:number! uk:number!",
        "side_effect": "*:text",
        "action": "*:text",
    },
    "egfr.toml": {
        "*": "label:text! effective_from:text! age:list! per_mg:text! origin:table! scale:text beta:text per_year:text "
             "by_sex:table per_cm:text",
        "*.origin": "source:text! confirmed:flag!",
        "*.by_sex": "female:list! male:list!",
    },
    "laboratory-code.toml": {"": "test:table! value:table! drug:table!", "test": "*:text", "value": "*:list",
                             "drug": "*:text"},
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
    if any_kind := known.pop("*", ""):
        known = dict.fromkeys(row, any_kind) | known
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


def list_tables(data: Mapping[str, Any], way: str) -> Iterator[tuple[str, int, Any]]:
    """(name as it stands in brackets, its place among those of that name, the table) of each table `way` leads to."""
    steps = way.split(".") if way else []
    found: list[tuple[str, int, Any]] = [("", 0, data)]
    for step in steps:
        further: list[tuple[str, int, Any]] = []
        for name, _place, table in found:
            if isinstance(table, list):
                further += [(name, place, row) for place, row in enumerate(table)]
            elif isinstance(table, Mapping):
                further += [(f"{name}.{key}".lstrip("."), 0, value) for key, value in table.items()
                            if key == step or (step == "*" and isinstance(value, dict | list))]
        found = further
    yield from found
