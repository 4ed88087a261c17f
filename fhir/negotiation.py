"""In which format a client wants its answer: we have one, FHIR R4 4.0.1 in JSON, under several names."""

from __future__ import annotations

from flask import Request
from werkzeug.http import parse_list_header, parse_options_header

from fhir.outcome import NotAcceptable

_NAMES = {"application/fhir+json", "application/json", "text/json", "json", "application/*", "*/*"}
_CONTENT = {"application/pdf", "application/*", "*/*"}
_VERSIONS = {"4.0", "4.0.1"}


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
        names = [wanted.replace(" ", "+") if "/" in wanted.split(";")[0] else wanted]
    else:
        names = _list_accepted(request.headers.get("Accept", "*/*"))
    if not any(_is_ours(name) for name in names):
        raise NotAcceptable("Only FHIR R4 (4.0.1) in JSON is spoken here: accept application/fhir+json.")


def accepts_json(accept: str) -> bool:
    """Whether FHIR 4.0 JSON is among what an Accept header names."""
    return any(_is_ours(name) for name in _list_accepted(accept))


def _list_accepted(accept: str) -> list[str]:
    return parse_list_header(accept) or ["*/*"]


def _is_ours(name: str) -> bool:
    kind, options = parse_options_header(name)
    try:
        quality = float(options.get("q", "1"))
    except ValueError:
        quality = 0.0
    return kind.lower() in _NAMES and options.get("fhirversion", "4.0") in _VERSIONS and quality > 0
