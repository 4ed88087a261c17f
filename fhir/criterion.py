"""One condition of a search, read from its name and value into what the index can be asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from fhir.index import fold_text
from fhir.interval import read_span
from fhir.outcome import BadSearch, NotSupported
from fhir.parameter import (
    AUDIT_KIND,
    COMMON_PARAMETERS,
    META_PARAMETERS,
    PARAMETERS,
    PREFIXES,
    ParameterKind,
    SearchParameter,
    find_parameter,
    list_modifiers,
)

MOST_VALUES = 200  # alternatives in one condition
_PIECE = re.compile(r"(?:\\.|[^,\\])+", re.DOTALL)
_BAR = re.compile(r"(?<!\\)\|")
_COMMON = {parameter.name: parameter for parameter in COMMON_PARAMETERS}
_OF_META = {parameter.name for parameter in META_PARAMETERS}


@dataclass(frozen=True)
class TokenValue:
    """`system` None: any system; empty: none. `value` None: any code of that system."""

    system: str | None
    value: str | None


@dataclass(frozen=True)
class TextValue:
    """The folded beginning (or part) of a string, and the string as it was written."""

    text: str
    written: str


@dataclass(frozen=True)
class DateValue:
    """A span of time and how to compare with it."""

    prefix: str
    low: datetime
    high: datetime


@dataclass(frozen=True)
class ReferenceValue:
    """The forms `Type/id` that count as a match."""

    forms: tuple[str, ...]


Value = TokenValue | TextValue | DateValue | ReferenceValue


@dataclass(frozen=True)
class Criterion:
    """Values are alternatives; `missing` asks whether the parameter has none; `chain` holds for what it refers to."""

    parameter: SearchParameter
    values: tuple[Value, ...] = ()
    is_negated: bool = False  # :not
    is_inside: bool = False  # :contains
    is_exact: bool = False  # :exact
    missing: bool | None = None
    chain: Criterion | None = None
    targets: tuple[str, ...] = ()  # of a chain


def find_criterion(kind: str, name: str, value: str, base: str) -> Criterion | None:
    """The condition that `name=value` puts on resources of type `kind`; None when the type has no such parameter.

    `base` is our own FHIR address, which a reference may be written with. Raises BadSearch or NotSupported.
    """
    if "." in name:
        return _find_chain(kind, name, value, base)
    if name.startswith("_has"):
        raise NotSupported("Reverse chained search (_has) is not offered here.")
    bare, _, modifier = name.partition(":")
    common = None if kind == AUDIT_KIND and bare in _OF_META else _COMMON.get(bare)
    parameter = common or find_parameter(kind, bare)
    if parameter is None:
        return None
    if modifier and modifier not in list_modifiers(parameter):
        raise NotSupported(f"The modifier :{modifier[:20]} is not offered for {bare}.")
    if modifier == "missing":
        if value not in {"true", "false"}:
            raise BadSearch(f"{name} must be true or false.")
        return Criterion(parameter, missing=value == "true")
    pieces = _split(value)
    if not pieces:
        raise BadSearch(f"The search parameter {bare} needs a value.")
    values = tuple(_read(parameter, piece, modifier, base) for piece in pieces)
    return Criterion(parameter, values, is_negated=modifier == "not", is_inside=modifier == "contains",
                     is_exact=modifier == "exact")


def _find_chain(kind: str, name: str, value: str, base: str) -> Criterion | None:
    """`patient.identifier` or `subject:Patient.name`: one step, no further."""
    first, _, rest = name.partition(".")
    bare, _, target = first.partition(":")
    parameter = find_parameter(kind, bare)
    if parameter is None:
        return None
    targets = tuple(t for t in parameter.targets if not target or t == target)
    inner = [(t, find_criterion(t, rest, value, base)) for t in targets if "." not in rest]
    found = [(t, criterion) for t, criterion in inner if criterion is not None and not rest.startswith("_")]
    if parameter.kind is not ParameterKind.REFERENCE or not found:
        # To leave such a condition out would answer with more than was asked for.
        raise NotSupported(f"The chained parameter {name[:60]} is not offered here.")
    return Criterion(parameter, chain=found[0][1], targets=tuple(t for t, _ in found))


def _split(value: str) -> list[str]:
    """Alternatives, divided at commas that no backslash escapes."""
    pieces = [piece for piece in _PIECE.findall(value) if piece.strip()]
    if len(pieces) > MOST_VALUES:
        raise BadSearch(f"A search parameter takes at most {MOST_VALUES} values.")
    return pieces


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _read(parameter: SearchParameter, piece: str, modifier: str, base: str) -> Value:
    match parameter.kind:
        case ParameterKind.TOKEN:
            parts = [_unescape(part) for part in _BAR.split(piece, maxsplit=1)]
            if len(parts) == 1:
                return TokenValue(None, parts[0])
            if not any(parts):
                raise BadSearch(f"The search parameter {parameter.name} needs a system or a code.")
            return TokenValue(parts[0], parts[1] or None)
        case ParameterKind.STRING:
            return TextValue(fold_text(_unescape(piece)), _unescape(piece))
        case ParameterKind.DATE:
            return _read_date(parameter.name, piece)
        case ParameterKind.REFERENCE:
            return _read_reference(parameter, _unescape(piece), modifier, base)


def _read_date(name: str, piece: str) -> DateValue:
    prefix, literal = (piece[:2], piece[2:]) if piece[:2] in PREFIXES else ("eq", piece)
    try:
        low, high = read_span(literal.strip().replace(" ", "+"))  # an unencoded plus sign arrives as a space
    except ValueError:
        raise BadSearch(f"The search parameter {name} needs a date such as ge2026-01-31.") from None
    return DateValue(prefix, low, high)


def _read_reference(parameter: SearchParameter, text: str, modifier: str, base: str) -> ReferenceValue:
    text = text.removeprefix(base + "/").split("/_history/")[0]
    if "/" in text:
        kind = text.split("/")[0]
        fits = kind in PARAMETERS and (not modifier or kind == modifier)
        return ReferenceValue((text,) if fits else ())
    targets = (modifier,) if modifier else parameter.targets
    return ReferenceValue(tuple(f"{target}/{text}" for target in targets))
