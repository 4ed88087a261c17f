"""Public: is this document valid, replaced or revoked? Asked by whoever holds it, by the address in its square code."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, jsonify, render_template, request
from flask_babel import LazyString, lazy_gettext

from clinic.audit import record_read
from clinic.config import get_settings
from clinic.permissions import public
from clinic.queries.verification import DocumentKind, Standing, Verification, find_verification
from clinic.signing_key import load_signing_key

blueprint = Blueprint("verify", __name__)

KIND_WORDS: dict[DocumentKind, LazyString] = {
    DocumentKind.REPORT: lazy_gettext("Report of a medical examination"),
    DocumentKind.CERTIFICATE: lazy_gettext("Certificate of tuberculosis screening"),
    DocumentKind.NO_CERTIFICATE: lazy_gettext("Statement that no certificate was issued; not a certificate"),
}
STANDING_WORDS: dict[Standing, tuple[LazyString, LazyString, str]] = {
    Standing.VALID: (
        lazy_gettext("Valid"), lazy_gettext("This document was issued by this clinic and stands."), "good"),
    Standing.REPLACED: (
        lazy_gettext("Replaced"),
        lazy_gettext("A newer version was signed. Ask the holder for the newest one."), "warn"),
    Standing.REVOKED: (
        lazy_gettext("Revoked"),
        lazy_gettext("The clinic has revoked this document. It must not be relied on."), "bad"),
}


@blueprint.get("/verify/<token>")
@public
def show(token: str) -> Response:
    """The answer as a page, or as JSON where that is asked for; 404 when no document has this token."""
    found = find_verification(token)
    if found is not None:
        record_read("public", "verify", "verify", "signed-exam", found.exam_id, case_id=found.case_id)
    wanted = request.accept_mimetypes.best_match(["text/html", "application/json"], "text/html")
    if wanted == "application/json":
        answer = jsonify(_to_json(found))
    else:
        page = render_template("verify/show.html", found=found, kind_words=KIND_WORDS, standing_words=STANDING_WORDS,
                               certificate=load_signing_key(get_settings(current_app)).subject)
        answer = Response(page, content_type="text/html; charset=utf-8")
    answer.status_code = 200 if found else 404
    answer.headers["X-Robots-Tag"] = "noindex"
    answer.headers["Vary"] = "Accept"
    return answer


def _to_json(found: Verification | None) -> dict[str, Any]:
    if found is None:
        return {"status": "unknown"}
    return {
        "status": found.standing.value, "document": found.kind.value, "initials": found.initials,
        "birth_year": found.birth_year, "destination": found.destination, "version": found.version,
        "signed_on": found.signed_on.isoformat(),
        "valid_until": found.valid_until.isoformat() if found.valid_until else None, "expired": found.has_expired,
        "changed_on": found.changed_on.isoformat() if found.changed_on else None,
    }
