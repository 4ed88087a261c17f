"""How an answer leaves: stored bytes, with version, date and entity tag, or 304 when the client has them already."""

from __future__ import annotations

from datetime import datetime

from flask import Response, request
from werkzeug.http import http_date

from fhir.access import Access
from fhir.binary import CONTENT_TYPE
from fhir.disclosure import record_disclosure
from fhir.outcome import FHIR_JSON
from fhir.released import DOCUMENT_KIND, Document, Resource

DOCUMENT_VERSION = 1  # a document is never edited; an amendment is a new Bundle with an id of its own
VARY = "Accept, Accept-Encoding, Authorization"


def send_bytes(body: bytes, cache: str = "no-store") -> Response:
    """A body that has no version: a list, a statement."""
    response = Response(body, content_type=FHIR_JSON)
    response.headers["Cache-Control"] = cache
    return response


def send_resource(resource: Resource, access: Access, action: str) -> Response:
    """One version of a resource, once its disclosure is written down."""
    is_known = _has_version(resource.version)
    detail = {"version": resource.version, "unchanged": is_known}
    record_disclosure(access, action, resource.kind, resource.id, resource.case_id, detail)
    return _send(None if is_known else resource.body, resource.version, resource.released_at)


def send_content(resource: Resource, pdf: bytes, access: Access) -> Response:
    """The printed packet that a Binary stands for, as a PDF file."""
    is_known = _has_version(resource.version)
    record_disclosure(access, "read", resource.kind, resource.id, resource.case_id, {"unchanged": is_known})
    response = _send(None if is_known else pdf, resource.version, resource.released_at)
    if not is_known:
        response.content_type = CONTENT_TYPE
        response.headers["Content-Disposition"] = f'attachment; filename="{resource.id}.pdf"'
    return response


def send_document(document: Document, access: Access) -> Response:
    """The exact bytes that were signed, packed as they lie when the client takes gzip."""
    is_known = _has_version(DOCUMENT_VERSION)
    detail = {"sha256": document.sha256, "unchanged": is_known}
    record_disclosure(access, "document", DOCUMENT_KIND, document.id, document.case_id, detail)
    if is_known:
        return _send(None, DOCUMENT_VERSION, document.signed_at)
    if request.accept_encodings.quality("gzip") > 0:
        response = _send(document.packed, DOCUMENT_VERSION, document.signed_at)
        response.headers["Content-Encoding"] = "gzip"
        return response
    return _send(document.unpack(), DOCUMENT_VERSION, document.signed_at)


def _has_version(version: int) -> bool:
    """Whether If-None-Match names this version; FHIR entity tags are weak, the comparison is too."""
    return bool(request.if_none_match) and request.if_none_match.contains_weak(str(version))


def _send(body: bytes | None, version: int, changed_at: datetime) -> Response:
    response = Response(status=304) if body is None else Response(body, content_type=FHIR_JSON)
    headers = response.headers
    headers["ETag"] = f'W/"{version}"'
    headers["Last-Modified"] = http_date(changed_at)
    headers["Cache-Control"] = "no-store"
    headers["Vary"] = VARY
    return response
