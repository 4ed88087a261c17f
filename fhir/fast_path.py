"""A signed document by its key, answered in front of Flask; `fhir.api.read` is its twin and answers everything else.

Only a request that the view would answer with 200 or 304 is answered here, with the same bytes and headers and the
same durable row of its disclosure. Whatever is unusual, refused or broken goes to Flask untouched, so that there is
one place that refuses (docs/decisions/0013-fast-path.md).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from flask import Flask
from werkzeug.datastructures import Accept
from werkzeug.http import http_date, parse_accept_header, parse_etags
from werkzeug.wsgi import host_is_trusted

from clinic import clock
from clinic.web.security_header import draw_nonce, list_security_headers
from fhir.access import Access, find_remembered, read_bearer
from fhir.answer import DOCUMENT_VERSION, VARY
from fhir.document_desk import DeskClosed, Found, open_desk
from fhir.endpoint import FHIR_PATH
from fhir.negotiation import accepts_json
from fhir.outcome import FHIR_JSON
from fhir.released import DOCUMENT_KIND

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Any], Iterable[bytes]]

_ADDRESS = re.compile(rf"{FHIR_PATH}/{DOCUMENT_KIND}/([A-Za-z0-9\-.]{{1,64}})")
_HOST = re.compile(r"[A-Za-z0-9.\-]+(:[0-9]{1,5})?")
_LONGEST_HEADER = 200  # characters; what is longer is unusual and left to Flask
_GZIP_WINDOW = 31  # zlib's number for "a gzip stream"


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
        access = self._find_access(environ.get("HTTP_AUTHORIZATION", ""))
        if wish is None or access is None:
            return None
        takes_gzip, is_known = wish
        try:
            found = self._hand_out(access, address[1], is_known)
        except DeskClosed:  # Flask will meet the same trouble and say what to do
            return None
        if found is None:
            return None
        return _build_answer(found, takes_gzip, environ.get("wsgi.url_scheme") == "https")

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

    def _find_access(self, authorization: str) -> Access | None:
        """The access of a token that Flask has verified, still good; its client is asked with the document."""
        token = read_bearer(authorization)
        access = find_remembered(self._app, token) if token else None
        if access is None or access.expires_at <= clock.now().timestamp():
            return None
        return access if access.grant.allows(DOCUMENT_KIND, "r") else None


def _read_wish(accept: str, encoding: str, tags: str) -> tuple[bool, bool] | None:
    """(takes gzip, has the document already); None when the wish is unusual or cannot be met."""
    if max(len(accept), len(encoding), len(tags)) > _LONGEST_HEADER:
        return None
    return _parse_wish(accept, encoding, tags)


@lru_cache(maxsize=256)
def _parse_wish(accept: str, encoding: str, tags: str) -> tuple[bool, bool] | None:
    takes_gzip = parse_accept_header(encoding, Accept).quality("gzip") > 0
    if not accepts_json(accept) or not (takes_gzip or encoding.strip().lower() in ("", "identity")):
        return None
    return takes_gzip, bool(tags) and parse_etags(tags).contains_weak(str(DOCUMENT_VERSION))


def _build_answer(found: Found, takes_gzip: bool, is_secure: bool) -> tuple[str, list[tuple[str, str]], bytes]:
    """What `fhir.answer.send_document` and the application's own hooks make of it."""
    common = [
        ("ETag", f'W/"{DOCUMENT_VERSION}"'), ("Cache-Control", "no-store"), ("Vary", VARY),
    ]  # fmt: skip
    if found.packed is None:
        return "304 NOT MODIFIED", [*common, *list_security_headers(draw_nonce(), is_secure)], b""
    body = found.packed if takes_gzip else zlib.decompress(found.packed, _GZIP_WINDOW)
    headers = [
        ("Content-Type", FHIR_JSON), ("Content-Length", str(len(body))), ("Last-Modified", http_date(found.signed_at)),
        *common, *list_security_headers(draw_nonce(), is_secure, FHIR_JSON.partition(";")[0]),
    ]  # fmt: skip
    if takes_gzip:
        headers.append(("Content-Encoding", "gzip"))
    return "200 OK", headers, body
