"""Quantitative IGRA values at their limits, in decimal arithmetic."""

from __future__ import annotations

from decimal import Decimal

import pytest

from clinic.rules.fact import FactError
from clinic.rules.igra import interpret_igra


@pytest.mark.parametrize(
    ("nil", "tb1", "tb2", "mitogen", "call"),
    [
        ("0.05", "0.39", "0.05", "10", "negative"), ("0.05", "0.40", "0.05", "10", "positive"),
        ("8.0", "10.0", "8.0", "10", "positive"), ("8.01", "20", "20", "20", "indeterminate"),
        ("8.0", "9.99", "8.0", "8.5", "negative"), ("8.0", "9.99", "8.0", "8.49", "indeterminate"),
        ("0.1", "0.1", "0.1", "0.6", "negative"), ("0.1", "0.1", "0.1", "0.59", "indeterminate"),
        ("2.0", "2.49", "2.1", "10", "negative"), ("0.3", "0.1", "0.2", "10", "negative"),
    ],
)
def test_quantiferon_at_its_limits(nil: str, tb1: str, tb2: str, mitogen: str, call: str) -> None:
    values = {"nil": nil, "tb1": tb1, "tb2": tb2, "mitogen": mitogen}
    assert interpret_igra({"kind": "qft-plus", **{k: Decimal(v) for k, v in values.items()}}) == call


@pytest.mark.parametrize(
    ("nil", "panel_a", "panel_b", "control", "call"),
    [
        (10, 18, 0, 5, "positive"), (11, 30, 30, 50, "invalid"), (0, 7, 0, 50, "borderline"),
        (0, 5, 0, 5, "borderline"),
        (0, 4, 4, 19, "invalid"), (0, 4, 4, 20, "negative"), (2, 1, 0, 20, "negative"), (0, 0, 8, 0, "positive"),
    ],
)
def test_spots_at_their_limits(nil: int, panel_a: int, panel_b: int, control: int, call: str) -> None:
    values = {"nil": nil, "panel_a": panel_a, "panel_b": panel_b, "positive_control": control}
    assert interpret_igra({"kind": "t-spot", **values}) == call


def test_binary_floats_are_read_as_written() -> None:
    assert interpret_igra({"kind": "qft-plus", "nil": 0.05, "tb1": 0.4, "tb2": 0.3, "mitogen": 10}) == "positive"


@pytest.mark.parametrize(
    "values",
    [
        {}, {"kind": "elispot"}, {"kind": "qft-plus", "nil": "0.05", "tb1": 1, "tb2": 1, "mitogen": 1},
        {"kind": "t-spot", "nil": 0.5, "panel_a": 1, "panel_b": 1, "positive_control": 1},
        {"kind": "t-spot", "nil": 0, "panel_a": 1, "panel_b": 1, "positive_control": 1, "tb1": 1},
        {"kind": "qft-plus", "nil": -1, "tb1": 1, "tb2": 1, "mitogen": 1}, [], None,
    ],
)
def test_values_out_of_shape_are_refused(values: object) -> None:
    with pytest.raises(FactError):
        interpret_igra(values)
