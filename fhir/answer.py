"""How an answer leaves: stored bytes, with version, date and entity tag, or 304 when the client has them already."""

from __future__ import annotations

import zlib
from datetime import datetime

from flask import Response, request
from werkzeug.http import http_date

from fhir.access import Access
from fhir.binary import CONTENT_TYPE
from fhir.disclosure import record_disclosure
from fhir.negotiation import names_version, takes_gzip
from fhir.outcome import FHIR_JSON
from fhir.released import DOCUMENT_KIND, Document, Resource

DOCUMENT_VERSION = 1  # a document is never edited; an amendment is a new Bundle with an id of its own
VARY = "Accept, Accept-Encoding, Authorization"
_GZIP_WINDOW = 31  # zlib's number for "a gzip stream"


def send_bytes(body: bytes, cache: str = "no-store") -> Response:
    """A body that has no version: a list, a statement."""
    response = Response(body, content_type=FHIR_JSON)
    response.headers["Cache-Control"] = cache
    return response


def send_resource(resource: Resource, access: Access, action: str) -> Response:
    """One version of a resource, once its disclosure is written down."""
    is_known = has_version(resource.version)
    detail = {"version": resource.version, "unchanged": is_known}
    record_disclosure(access, action, resource.kind, resource.id, resource.case_id, detail)
    return _send(None if is_known else resource.body, resource.version, resource.released_at)


def send_content(resource: Resource, pdf: bytes, access: Access) -> Response:
    """The printed packet that a Binary stands for, as a PDF file."""
    is_known = has_version(resource.version)
    record_disclosure(access, "read", resource.kind, resource.id, resource.case_id, {"unchanged": is_known})
    response = _send(None if is_known else pdf, resource.version, resource.released_at)
    if not is_known:
        response.content_type = CONTENT_TYPE
        response.headers["Content-Disposition"] = f'attachment; filename="{resource.id}.pdf"'
    return response


def send_document(document: Document, access: Access) -> Response:
    """The exact bytes that were signed, packed as they lie when the client takes gzip."""
    is_known = has_version(DOCUMENT_VERSION)
    detail = {"sha256": document.sha256, "unchanged": is_known}
    record_disclosure(access, "document", DOCUMENT_KIND, document.id, document.case_id, detail)
    return send_packed(None if is_known else document.packed, document.signed_at)


def send_packed(packed: bytes | None, signed_at: datetime) -> Response:
    """A document whose disclosure is written down, from its gzip; 304 without one."""
    if packed is None:
        return _send(None, DOCUMENT_VERSION, signed_at)
    if takes_gzip(request.headers.get("Accept-Encoding", "")):
        response = _send(packed, DOCUMENT_VERSION, signed_at)
        response.headers["Content-Encoding"] = "gzip"
        return response
    return _send(unpack(packed), DOCUMENT_VERSION, signed_at)


def unpack(packed: bytes) -> bytes:
    """The exact bytes that were signed, of a document's gzip, whose end tells how many they are (RFC 1952, 2.3.1)."""
    return zlib.decompress(packed, _GZIP_WINDOW, int.from_bytes(packed[-4:], "little") or 1)


def has_version(version: int) -> bool:
    """Whether If-None-Match of the present request names this version."""
    return names_version(request.headers.get("If-None-Match", ""), version)


def _send(body: bytes | None, version: int, changed_at: datetime) -> Response:
    headers = [("ETag", f'W/"{version}"'), ("Last-Modified", http_date(changed_at)), ("Cache-Control", "no-store"),
               ("Vary", VARY)]
    if body is None:
        return Response(status=304, headers=headers)
    return Response(body, headers=[("Content-Type", FHIR_JSON), *headers])
