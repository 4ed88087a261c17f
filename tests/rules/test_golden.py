"""Worked clinical cases: the shared ones and our own, compared as their README says."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from clinic.rules.decision import decide
from clinic.rules.igra import interpret_igra

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
TB = [
    "igra", "igra-or-tst", "igra-repeat", "chest-xray", "sputum-series", "sputum-replacement", "dst", "hiv",
    "tb-treatment-dot",
]
KEPT_IN_NEXT = {"us-tb": TB, "us-other": [*TB, "syphilis", "gonorrhoea"]}  # of the shared cases


def list_cases(folder: str) -> list[Any]:
    """Every case of a folder as a pytest parameter: family, facts, expectation."""
    return [
        pytest.param(path.stem, row["facts"], row["expect"], id=f"{path.stem}:{row['case']}")
        for path in sorted((GOLDEN / folder).glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
        for row in [json.loads(line, parse_float=Decimal)]
    ]


def compare(decision: dict[str, Any], expect: dict[str, Any], kept: list[str] | None) -> None:
    """Assert every expected key; lists in any order, examinations by their names."""
    found = {}
    for key in expect:
        value = decision[key]
        if key in ("required", "next", "suggested"):
            value = [entry["exam"] for entry in value]
            if key == "next" and kept is not None:
                value = [exam for exam in value if exam in kept]
        found[key] = sorted(value) if isinstance(value, list) else value
    assert found == {key: sorted(value) if isinstance(value, list) else value for key, value in expect.items()}


@pytest.mark.parametrize(("family", "facts", "expect"), list_cases("cases"))
def test_shared_case_gives_what_it_expects(family: str, facts: dict[str, Any], expect: dict[str, Any]) -> None:
    if family == "igra":
        assert interpret_igra(facts) == expect["interpretation"]
    else:
        compare(decide(facts), expect, KEPT_IN_NEXT.get(family))


@pytest.mark.parametrize(("family", "facts", "expect"), list_cases("cases-own"))
def test_own_case_gives_what_it_expects(family: str, facts: dict[str, Any], expect: dict[str, Any]) -> None:
    compare(decide(facts), expect, None)
