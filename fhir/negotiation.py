"""In which format a client wants its answer: we have one, FHIR R4 4.0.1 in JSON, under several names."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any

from flask import Request
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header, parse_etags, parse_list_header, parse_options_header

from fhir.outcome import NotAcceptable

LONGEST_USUAL = 200  # characters of a header

_NAMES = {"application/fhir+json", "application/json", "text/json", "json", "application/*", "*/*"}
_CONTENT = {"application/pdf", "application/*", "*/*"}
_VERSIONS = {"4.0", "4.0.1"}


def _remember(read: Callable[..., bool]) -> Callable[..., bool]:
    """Read a header of usual length once: machines send the same ones with every request."""
    remembered = lru_cache(maxsize=256)(read)

    @wraps(read)
    def recall(header: str, *rest: Any) -> bool:
        return remembered(header, *rest) if len(header) <= LONGEST_USUAL else read(header, *rest)

    return recall


def wants_content(request: Request) -> bool:
    """Whether a reader of a Binary wants its content: whenever FHIR JSON is not named (R4 http.html, Binary)."""
    if request.args.get("_format") is not None:
        return False
    names = [parse_options_header(name)[0].lower() for name in parse_list_header(request.headers.get("Accept", "*/*"))]
    named = set(names)
    return not named & (_NAMES - _CONTENT) and (not named or bool(named & _CONTENT))


def require_acceptable(request: Request) -> None:
    """Raise NotAcceptable unless FHIR 4.0 JSON is among what the request accepts; `_format` goes before Accept."""
    wanted = request.args.get("_format")
    if wanted is not None:
        # An unencoded plus sign in an address arrives as a space.
        is_met = _is_ours(wanted.replace(" ", "+") if "/" in wanted.split(";")[0] else wanted)
    else:
        is_met = accepts_json(request.headers.get("Accept", "*/*"))
    if not is_met:
        raise NotAcceptable("Only FHIR R4 (4.0.1) in JSON is spoken here: accept application/fhir+json.")


@_remember
def accepts_json(accept: str) -> bool:
    """Whether FHIR 4.0 JSON is among what an Accept header names."""
    return any(_is_ours(name) for name in parse_list_header(accept) or ["*/*"])


@_remember
def takes_gzip(encodings: str) -> bool:
    """Whether an Accept-Encoding header takes gzip."""
    return parse_accept_header(encodings, Accept).quality("gzip") > 0


@_remember
def names_version(tags: str, version: int) -> bool:
    """Whether an If-None-Match header names this version; FHIR entity tags are weak, the comparison is too."""
    return bool(tags) and parse_etags(tags).contains_weak(str(version))


def _is_ours(name: str) -> bool:
    kind, options = parse_options_header(name)
    try:
        quality = float(options.get("q", "1"))
    except ValueError:
        quality = 0.0
    return kind.lower() in _NAMES and options.get("fhirversion", "4.0") in _VERSIONS and quality > 0
