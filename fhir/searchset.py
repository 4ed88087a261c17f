"""Bundles that answer a search or a history, spliced from stored bytes without ever reading them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from fhir.released import Resource


def build_searchset(
    matches: Sequence[Resource], included: Sequence[Resource], base: str, links: Iterable[tuple[str, str]],
    total: int | None = None,
) -> bytes:  # fmt: skip
    """A searchset Bundle; `links` are (relation, absolute address)."""
    entries = [_search_entry(resource, base, b"match") for resource in matches]
    entries += [_search_entry(resource, base, b"include") for resource in included]
    return _bundle("searchset", entries, links, total)


def build_history(versions: Sequence[Resource], base: str, links: Iterable[tuple[str, str]]) -> bytes:
    """A history Bundle of released versions, in the order given."""
    entries = [_history_entry(version, base) for version in versions]
    return _bundle("history", entries, links, len(versions))


def format_instant(moment: datetime) -> str:
    """A FHIR instant in UTC, to the millisecond."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _bundle(kind: str, entries: list[bytes], links: Iterable[tuple[str, str]], total: int | None) -> bytes:
    head: dict[str, Any] = {"resourceType": "Bundle", "type": kind}
    if total is not None:
        head["total"] = total
    head["link"] = [{"relation": relation, "url": url} for relation, url in links]
    start = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()
    if not entries:  # an empty array has no place in FHIR JSON
        return start
    return b"".join((start[:-1], b',"entry":[', b",".join(entries), b"]}"))


def _search_entry(resource: Resource, base: str, mode: bytes) -> bytes:
    return b"".join(
        (_opening(resource, base), resource.body, b',"search":{"mode":"', mode, b'"}}')
    )


def _history_entry(version: Resource, base: str) -> bytes:
    created = version.version == 1
    tail = {
        "request": {"method": "PUT", "url": version.address},
        "response": {
            "status": "201" if created else "200",
            "etag": f'W/"{version.version}"',
            "lastModified": format_instant(version.released_at),
        },
    }
    return _opening(version, base) + version.body + b"," + json.dumps(tail, separators=(",", ":")).encode()[1:]


def _opening(resource: Resource, base: str) -> bytes:
    return f'{{"fullUrl":"{base}/{resource.address}","resource":'.encode()
