"""JSON bytes exactly as built: decimals stay as written (`0.40`), nothing empty is ever written.

FHIR R4 json.html forbids null, empty strings, empty arrays and empty objects; a float would lose digits.
"""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any

Resource = dict[str, Any]


class Unencodable(ValueError):
    """A programmer's error: the value has no place in FHIR JSON; the message carries the path, never the value."""


def encode(value: Any) -> bytes:
    """UTF-8 JSON of `value`, members in the order given; raises Unencodable with the path of what is wrong."""
    parts: list[str] = []
    _write(value, "$", parts)
    return "".join(parts).encode()


def decode(body: bytes | str) -> Any:
    """The value of JSON bytes, numbers with a fraction as Decimal so that their digits survive."""
    return json.loads(body, parse_float=Decimal)


def digest(body: bytes) -> str:
    """SHA-256 of exact bytes, hexadecimal."""
    return hashlib.sha256(body).hexdigest()


def _write(value: Any, path: str, parts: list[str]) -> None:
    match value:
        case bool():
            parts.append("true" if value else "false")
        case str():
            parts.append(_text(value, path))
        case int():
            parts.append(str(int(value)))
        case Decimal():
            parts.append(_number(value, path))
        case dict():
            _write_members(value, path, parts)
        case list() | tuple():
            _write_elements(value, path, parts)
        case _:
            raise Unencodable(f"{path}: {type(value).__name__} has no place in FHIR JSON")


def _write_members(value: dict[str, Any], path: str, parts: list[str]) -> None:
    if not value:
        raise Unencodable(f"{path}: an empty object")
    separator = "{"
    for name, member in value.items():
        parts.append(f"{separator}{encode_basestring(name)}:")
        _write(member, f"{path}.{name}", parts)
        separator = ","
    parts.append("}")


def _write_elements(value: list[Any] | tuple[Any, ...], path: str, parts: list[str]) -> None:
    if not value:
        raise Unencodable(f"{path}: an empty array")
    separator = "["
    for position, element in enumerate(value):
        parts.append(separator)
        _write(element, f"{path}[{position}]", parts)
        separator = ","
    parts.append("]")


def _text(value: str, path: str) -> str:
    if not value.strip():
        raise Unencodable(f"{path}: an empty string")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Unencodable(f"{path}: half a character (lone surrogate)") from None
    return encode_basestring(value)


def _number(value: Decimal, path: str) -> str:
    if not value.is_finite():
        raise Unencodable(f"{path}: not a finite number")
    return format(value, "f")  # never an exponent: 1E+2 is written 100
