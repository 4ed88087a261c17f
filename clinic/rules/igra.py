"""Reading quantitative IGRA values: QuantiFERON-Plus in IU/mL, T-SPOT in spots (us.md 1.3)."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from functools import cache
from typing import Any

from clinic.rules.fact import refuse_unknown, take, take_choice, take_number
from clinic.rules.programme import PROGRAMMES

QFT, SPOT = "qft-plus", "t-spot"
VALUES = {QFT: ("nil", "tb1", "tb2", "mitogen"), SPOT: ("nil", "panel_a", "panel_b", "positive_control")}
MOST = 100_000


@cache
def list_limits() -> dict[str, dict[str, Decimal]]:
    """The limits of each kind of test, exact."""
    data = tomllib.loads((PROGRAMMES / "reference" / "igra.toml").read_text(encoding="utf-8"))
    return {
        kind: {name: Decimal(value) for name, value in row.items() if name not in ("source", "confirmed")}
        for kind, row in data.items()
    }


def interpret_igra(raw: object) -> str:
    """positive, negative, indeterminate, borderline or invalid for one set of values.

    Takes `kind` (`qft-plus` or `t-spot`) and its four values; raises FactError naming the field.
    """
    row: dict[str, Any] = take(raw, dict, "values")
    kind = take_choice(row.get("kind"), VALUES, "kind")
    refuse_unknown(row, ("id", "kind", *VALUES[kind]), "")
    values = {name: take_number(row.get(name), name, MOST, whole=kind == SPOT) for name in VALUES[kind]}
    return _read_qft(**values) if kind == QFT else _read_spot(**values)


def _read_qft(nil: Decimal, tb1: Decimal, tb2: Decimal, mitogen: Decimal) -> str:
    limit = list_limits()[QFT]
    response = max(tb1, tb2) - nil
    if nil > limit["nil_max"]:
        return "indeterminate"
    if response >= limit["positive_difference"] and response >= limit["positive_share_of_nil"] * nil:
        return "positive"
    return "negative" if mitogen - nil >= limit["mitogen_difference"] else "indeterminate"


def _read_spot(nil: Decimal, panel_a: Decimal, panel_b: Decimal, positive_control: Decimal) -> str:
    limit = list_limits()[SPOT]
    response = max(panel_a, panel_b) - nil
    if nil > limit["nil_max"]:
        return "invalid"
    if response >= limit["positive_difference"]:
        return "positive"
    if response >= limit["borderline_difference"]:
        return "borderline"
    return "negative" if positive_control >= limit["positive_control_min"] else "invalid"
