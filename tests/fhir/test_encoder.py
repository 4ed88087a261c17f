"""Exact bytes: digits as written, nothing empty, nothing that JSON of FHIR forbids."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fhir.encoder import Unencodable, decode, encode


def test_decimal_keeps_its_digits() -> None:
    assert encode({"value": Decimal("0.40")}) == b'{"value":0.40}'
    assert encode([Decimal("1E+2"), Decimal("-0.050")]) == b"[100,-0.050]"


def test_decoded_decimal_encodes_to_the_same_bytes() -> None:
    body = '{"a":"ሐና \\"q\\"","n":0.400,"i":3,"b":true,"l":[{"x":"y"}]}'.encode()
    assert encode(decode(body)) == body


@pytest.mark.parametrize(
    "value",
    [1.5, None, "", "  ", [], {}, {"a": None}, {"a": [""]}, {"a": {}}, Decimal("NaN"), "\ud800", b"x", {"a": {1}}],
)
def test_value_without_place_in_fhir_is_refused(value: object) -> None:
    with pytest.raises(Unencodable):
        encode(value)


def test_refusal_names_the_path_and_not_the_value() -> None:
    with pytest.raises(Unencodable, match=r"\$\.name\[1\]\.family"):
        encode({"name": [{"family": "Wanjiru"}, {"family": ""}]})
