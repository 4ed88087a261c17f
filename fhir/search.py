"""A search as the client wrote it, read once into what the released resources can be asked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from fhir.criterion import Criterion, find_criterion
from fhir.outcome import BadSearch, NotSupported
from fhir.parameter import PARAMETERS, find_parameter, list_references
from fhir.subset import Subset, Summary

DEFAULT_COUNT = 50
MOST_COUNT = 200  # resources of one page; a larger wish is answered with this
MOST_PARAMETERS = 40
LONGEST_VALUE = 8000
CURSOR = "_cursor"
_ELEMENT = re.compile(r"(?:[A-Z][A-Za-z]+\.)?[a-z][A-Za-z]*")


@dataclass(frozen=True)
class Include:
    """`kind:parameter:target` of _include or _revinclude; `parameters` holds every one that a `*` stands for."""

    kind: str
    parameters: tuple[str, ...]
    target: str | None


@dataclass
class SearchQuery:
    """Everything one search says; `used` are the parameters that we understood, in their order."""

    kind: str
    criteria: list[Criterion] = field(default_factory=list)
    includes: list[Include] = field(default_factory=list)
    reverse_includes: list[Include] = field(default_factory=list)
    count: int = DEFAULT_COUNT
    is_descending: bool = False
    is_count_only: bool = False
    subset: Subset = field(default_factory=Subset)
    has_total: bool = True
    cursor: str | None = None
    used: list[tuple[str, str]] = field(default_factory=list)


def parse_query(kind: str, pairs: Iterable[tuple[str, str]], base: str, is_strict: bool = False) -> SearchQuery:
    """Read the parameters of a search of `kind`.

    A parameter that we do not know is left out (and so missing in `used`), or refused when `is_strict`.
    Raises BadSearch or NotSupported, both answered 400.
    """
    query = SearchQuery(kind)
    pairs = list(pairs)
    if len(pairs) > MOST_PARAMETERS:
        raise BadSearch(f"A search takes at most {MOST_PARAMETERS} parameters.")
    for name, value in pairs:
        if len(value) > LONGEST_VALUE or "\x00" in value:
            raise BadSearch(f"The value of {name[:40]!r} cannot be searched for.")
        if name == CURSOR:
            query.cursor = value
        elif _read_control(query, name, value) or _read_criterion(query, name, value, base):
            query.used.append((name, value))
        elif is_strict:
            raise BadSearch(f"{kind} has no search parameter {name[:40]!r} here; see /fhir/metadata.")
    if query.subset.summary is Summary.TEXT and (query.includes or query.reverse_includes):
        raise BadSearch("_summary=text goes together with neither _include nor _revinclude.")
    if query.subset.summary and query.subset.elements:
        raise BadSearch("Send either _summary or _elements.")
    return query


def _read_criterion(query: SearchQuery, name: str, value: str, base: str) -> bool:
    criterion = find_criterion(query.kind, name, value, base)
    if criterion is not None:
        query.criteria.append(criterion)
    return criterion is not None


def _read_control(query: SearchQuery, name: str, value: str) -> bool:
    """Take a parameter that speaks about the answer; False when it is none."""
    match name:
        case "_count":
            query.count = _read_count(value)
            query.is_count_only = query.is_count_only or query.count == 0
        case "_sort":
            if value not in {"_lastUpdated", "-_lastUpdated"}:
                raise NotSupported("Only _sort=_lastUpdated and _sort=-_lastUpdated are offered.")
            query.is_descending = value.startswith("-")
        case "_summary":
            _read_summary(query, value)
        case "_elements":
            _read_elements(query, value)
        case "_total":
            if value not in {"none", "estimate", "accurate"}:
                raise BadSearch("_total must be none, estimate or accurate.")
            query.has_total = value != "none"
        case "_include" | "_revinclude":
            _read_include(query, name, value)
        case "_format" | "_pretty":
            pass
        case _ if name.startswith(("_include:", "_revinclude:")):
            raise NotSupported(f"The modifier of {name[:30]} is not offered.")
        case _:
            return False
    return True


def _read_count(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise BadSearch("_count must be a whole number.")
    return min(int(value), MOST_COUNT)


def _read_summary(query: SearchQuery, value: str) -> None:
    if value == "count":
        query.is_count_only = True
    elif value in set(Summary):
        query.subset = replace(query.subset, summary=Summary(value))
    elif value != "false":
        raise BadSearch("_summary must be true, text, data, count or false.")


def _read_elements(query: SearchQuery, value: str) -> None:
    """`status,subject` or, with the type before it, `Observation.status`; of another type it says nothing here."""
    names = [name.strip() for name in value.split(",") if name.strip()]
    if not names or not all(_ELEMENT.fullmatch(name) for name in names):
        raise BadSearch("_elements must name elements of the resource itself, such as status,subject.")
    wanted = [name.removeprefix(f"{query.kind}.") for name in names]
    query.subset = replace(query.subset, elements=(*query.subset.elements, *wanted))


def _read_include(query: SearchQuery, name: str, value: str) -> None:
    """`Observation:subject`, `Observation:subject:Patient`, `Observation:*`, and `*` for every reference."""
    kind, _, rest = value.partition(":")
    if name == "_include" and value == "*":
        kind, rest = query.kind, "*"
    parameter, _, target = rest.partition(":")
    if kind not in PARAMETERS or (target and target not in PARAMETERS):
        raise BadSearch(f"{name} must be written Type:parameter, with types that are offered here.")
    known = [reference.name for reference in list_references(kind)]
    if parameter != "*" and parameter not in known:
        hint = "is not a reference" if find_parameter(kind, parameter) else "does not exist"
        raise BadSearch(f"{name}: the search parameter {parameter[:40]!r} of {kind} {hint} here.")
    include = Include(kind, tuple(known) if parameter == "*" else (parameter,), target or None)
    (query.includes if name == "_include" else query.reverse_includes).append(include)
