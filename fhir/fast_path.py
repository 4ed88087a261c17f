"""A signed document by its key, answered in front of Flask; `fhir.api.read` is its twin and answers everything else.

Only a request that the view would answer with 200 or 304 is answered here, with the same bytes and headers and the
same durable row of its disclosure. Whatever is unusual, refused or broken goes to Flask untouched, so that there is
one place that refuses (docs/decisions/0013-fast-path.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask
from werkzeug.http import http_date
from werkzeug.wsgi import host_is_trusted

from clinic.web.security_header import draw_nonce, list_security_headers
from fhir.access import Access, find_remembered
from fhir.answer import DOCUMENT_VERSION, VARY, unpack
from fhir.document_desk import DeskClosed, Found, open_desk
from fhir.endpoint import FHIR_PATH
from fhir.negotiation import LONGEST_USUAL, accepts_json, names_version, takes_gzip
from fhir.outcome import FHIR_JSON
from fhir.released import DOCUMENT_KIND

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Any], Iterable[bytes]]

_ADDRESS = re.compile(rf"{FHIR_PATH}/{DOCUMENT_KIND}/([A-Za-z0-9\-.]{{1,64}})")
_HOST = re.compile(r"[A-Za-z0-9.\-]+(:[0-9]{1,5})?")


def install_fast_path(app: Flask) -> None:
    """Put the fast path directly in front of `app`; does nothing for a database that only this process can see."""
    desk = open_desk(app)
    if desk is not None:
        app.wsgi_app = FastPath(app, app.wsgi_app, desk.hand_out)  # type: ignore[method-assign]


class FastPath:
    """The WSGI function; `hand_out` finds a document and writes its disclosure."""

    def __init__(self, app: Flask, inner: Wsgi, hand_out: Callable[[Access, str, bool], Found | None]) -> None:
        self._app = app
        self.inner = inner
        self._hand_out = hand_out

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answer a plain request for a document; pass on anything else."""
        answer = self._answer(environ) if environ["REQUEST_METHOD"] == "GET" else None
        if answer is None:
            return self.inner(environ, start_response)
        status, headers, body = answer
        start_response(status, headers)
        return [body]

    def _answer(self, environ: Environ) -> tuple[str, list[tuple[str, str]], bytes] | None:
        address = _ADDRESS.fullmatch(environ.get("PATH_INFO", ""))
        if address is None or not self._is_plain(environ):
            return None
        wish = _read_wish(environ.get("HTTP_ACCEPT", "*/*"), environ.get("HTTP_ACCEPT_ENCODING", ""),
                          environ.get("HTTP_IF_NONE_MATCH", ""))
        access = find_remembered(self._app, environ.get("HTTP_AUTHORIZATION", ""))
        if wish is None or access is None or not access.grant.allows(DOCUMENT_KIND, "r"):
            return None
        packs, is_known = wish
        try:
            found = self._hand_out(access, address[1], is_known)
        except DeskClosed:  # Flask will meet the same trouble and say what to do
            return None
        if found is None:
            return None
        return _build_answer(found, packs, environ.get("wsgi.url_scheme") == "https")

    def _is_plain(self, environ: Environ) -> bool:
        """Whether nothing in the request asks for more than the document: no parameter, body, cookie, strange host."""
        unusual = ("QUERY_STRING", "SCRIPT_NAME", "HTTP_COOKIE", "HTTP_TRANSFER_ENCODING")
        host = environ.get("HTTP_HOST", "")
        trusted = self._app.config.get("TRUSTED_HOSTS")
        return (
            not any(environ.get(name) for name in unusual)
            and environ.get("CONTENT_LENGTH") in (None, "", "0")
            and _HOST.fullmatch(host) is not None
            and (trusted is None or host_is_trusted(host, trusted))
        )


def _read_wish(accept: str, encoding: str, tags: str) -> tuple[bool, bool] | None:
    """(takes gzip, has the document already); None when the wish is unusual or cannot be met."""
    if max(len(accept), len(encoding), len(tags)) > LONGEST_USUAL or not accepts_json(accept):
        return None
    packs = takes_gzip(encoding)
    if not packs and encoding.strip().lower() not in ("", "identity"):
        return None
    return packs, names_version(tags, DOCUMENT_VERSION)


def _build_answer(found: Found, packs: bool, is_secure: bool) -> tuple[str, list[tuple[str, str]], bytes]:
    """What `fhir.answer.send_document` and the application's own hooks make of it."""
    common = [
        ("ETag", f'W/"{DOCUMENT_VERSION}"'), ("Cache-Control", "no-store"), ("Vary", VARY),
    ]  # fmt: skip
    if found.packed is None:
        return "304 NOT MODIFIED", [*common, *list_security_headers(draw_nonce(), is_secure)], b""
    body = found.packed if packs else unpack(found.packed)
    headers = [
        ("Content-Type", FHIR_JSON), ("Content-Length", str(len(body))), ("Last-Modified", http_date(found.signed_at)),
        *common, *list_security_headers("", is_secure, FHIR_JSON.partition(";")[0]),
    ]  # fmt: skip
    if packs:
        headers.append(("Content-Encoding", "gzip"))
    return "200 OK", headers, body
