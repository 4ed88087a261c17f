"""The answer to a search: one page of stored bytes, what was asked to be included, and where the next page begins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import urlencode

from fhir.access import Access
from fhir.audit_event import AuditLog
from fhir.cursor import Position, read_cursor, write_cursor
from fhir.disclosure import record_disclosure, record_listing
from fhir.endpoint import fhir_base
from fhir.parameter import AUDIT_KIND
from fhir.released import Released, Resource
from fhir.search import CURSOR, SearchQuery, parse_query
from fhir.searchset import build_searchset


def build_listing(
    released: Released, access: Access, kind: str, pairs: Iterable[tuple[str, str]], is_strict: bool
) -> bytes:
    """The searchset Bundle for the parameters `pairs`, once its disclosure is written down.

    Raises BadSearch or NotSupported when a parameter cannot be read.
    """
    query = parse_query(kind, pairs, fhir_base(), is_strict)
    if query.is_count_only:
        counted = _count(released, access, query)
        record_disclosure(access, "count", kind, "", None, {"total": counted})
        return build_searchset([], [], fhir_base(), [("self", _address(query))], counted)
    matches, position = _find_page(released, access, query)
    included = _find_included(released, access, query, matches)
    links = [("self", _address(query, query.cursor))]
    if position is not None:
        links.append(("next", _address(query, write_cursor(position, _owner(access, query)))))
    total = _find_total(released, access, query, len(matches), has_more=position is not None)
    record_listing(access, "search", kind, "", [*matches, *included])
    matches = [replace(one, body=query.subset.cut(one.kind, one.body)) for one in matches]
    included = [replace(one, body=query.subset.cut(one.kind, one.body, is_included=True)) for one in included]
    return build_searchset(matches, included, fhir_base(), links, total)


def _find_page(released: Released, access: Access, query: SearchQuery) -> tuple[list[Resource], Position | None]:
    """The page asked for, and the place behind it if more follows."""
    after = read_cursor(query.cursor, _owner(access, query)) if query.cursor else None
    if query.kind == AUDIT_KIND:
        log = AuditLog(released, access.authority_id)
        found = log.search(query.criteria, query.count + 1, after, query.is_descending)
    else:
        found = released.search(query.kind, query.criteria, query.count + 1, after, query.is_descending)
    page = found[: query.count]
    return page, Position(page[-1].released_at, page[-1].id) if len(found) > query.count else None


def _find_included(
    released: Released, access: Access, query: SearchQuery, matches: list[Resource]
) -> list[Resource]:
    """What _include and _revinclude add, each once, and only types that the token may read."""
    addresses: dict[str, None] = {}
    for include in query.includes:
        addresses.update(dict.fromkeys(released.list_references(matches, include)))
    for include in query.reverse_includes:
        addresses.update(dict.fromkeys(released.list_referring(matches, include)))
    shown = {match.address for match in matches}
    wanted = [a for a in addresses if a not in shown and access.grant.allows(a.split("/")[0], "r")]
    return released.list_current(wanted)


def _count(released: Released, access: Access, query: SearchQuery) -> int:
    if query.kind == AUDIT_KIND:
        return AuditLog(released, access.authority_id).count(query.criteria)
    return released.count(query.kind, query.criteria)


def _find_total(
    released: Released, access: Access, query: SearchQuery, found: int, has_more: bool
) -> int | None:
    """Exact on the first page; later pages leave it out rather than count again over what has moved since."""
    if not query.has_total or query.cursor is not None:
        return None
    return _count(released, access, query) if has_more else found


def _owner(access: Access, query: SearchQuery) -> str:
    return "\n".join((access.authority_id, query.kind, urlencode(query.used)))


def _address(query: SearchQuery, cursor: str | None = None) -> str:
    pairs = [*query.used, (CURSOR, cursor)] if cursor else query.used
    return f"{fhir_base()}/{query.kind}" + (f"?{urlencode(pairs)}" if pairs else "")
