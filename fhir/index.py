"""The searchable values of one resource, read out of its JSON by the table of search parameters."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fhir.interval import read_span
from fhir.parameter import META_PARAMETERS, PARAMETERS, ParameterKind, SearchParameter

STRING_LENGTH = 300  # of the index column; a longer string is found by its beginning


@dataclass(frozen=True)
class IndexedValue:
    """One row of the search index, without the resource it belongs to; an open end of a period is None.

    A string stands folded in `value` and as it is in `written`.
    """

    parameter: str
    system: str | None = None
    value: str | None = None
    written: str | None = None
    low: datetime | None = None
    high: datetime | None = None


def fold_text(text: str) -> str:
    """Text as strings are compared in a search: no case, no accents, single spaces (R4 search 3.1.1.4.9)."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(plain.casefold().split())[:STRING_LENGTH]


def list_indexed_values(resource: dict[str, Any]) -> list[IndexedValue]:
    """Every searchable value of a resource given as parsed JSON, each once; unknown types have none."""
    found: dict[IndexedValue, None] = {}
    own = PARAMETERS.get(resource.get("resourceType", ""))
    for parameter in (*own, *META_PARAMETERS) if own is not None else ():
        for path in parameter.paths:
            for element in _walk(resource, path.split(".")):
                found.update(dict.fromkeys(_list_values(parameter, element)))
    return list(found)


def _walk(node: Any, names: list[str]) -> Iterator[Any]:
    if isinstance(node, list):
        for item in node:
            yield from _walk(item, names)
    elif not names:
        yield node
    elif isinstance(node, dict) and names[0] in node:
        yield from _walk(node[names[0]], names[1:])


def _list_values(parameter: SearchParameter, element: Any) -> Iterator[IndexedValue]:
    if parameter.kind is ParameterKind.TOKEN:
        for system, value in _list_tokens(element):
            yield IndexedValue(parameter.name, system, value)
    elif parameter.kind is ParameterKind.STRING:
        if folded := fold_text(str(element)):
            yield IndexedValue(parameter.name, value=folded, written=str(element)[:STRING_LENGTH])
    elif parameter.kind is ParameterKind.REFERENCE:
        reference = _read_held(parameter, element) or _read_reference(element)
        if reference and (parameter.name != "patient" or reference.startswith("Patient/")):
            yield IndexedValue(parameter.name, value=reference)
    else:
        low, high = _read_moments(element)
        if low or high:
            yield IndexedValue(parameter.name, low=low, high=high)


def _list_tokens(element: Any) -> Iterator[tuple[str | None, str]]:
    """Coding, CodeableConcept, Identifier, code, boolean and string as (system, value)."""
    if isinstance(element, bool):
        yield None, "true" if element else "false"
    elif isinstance(element, str):
        yield None, element
    elif isinstance(element, dict):
        if "coding" in element:
            for coding in element["coding"]:
                yield from _list_tokens(coding)
        value = element.get("code") or element.get("value")
        if isinstance(value, str):
            yield element.get("system"), value


def _read_held(parameter: SearchParameter, element: Any) -> str | None:
    """`Type/id` of a resource that stands there itself: the Composition in a document Bundle."""
    kind = element.get("resourceType") if isinstance(element, dict) else None
    return f"{kind}/{element['id']}" if kind in parameter.targets and "id" in element else None


def _read_reference(element: Any) -> str | None:
    """`Type/id` of a literal reference, without base address and version; None for a logical one."""
    literal = element.get("reference") if isinstance(element, dict) else None
    if not isinstance(literal, str) or literal.startswith(("#", "urn:")):
        return None
    parts = literal.split("/_history/")[0].rstrip("/").split("/")
    return "/".join(parts[-2:]) if len(parts) >= 2 else None


def _read_moments(element: Any) -> tuple[datetime | None, datetime | None]:
    if isinstance(element, str):
        return read_span(element)
    start, end = element.get("start"), element.get("end")
    return read_span(start)[0] if start else None, read_span(end)[1] if end else None
