"""Everything that goes wrong under /fhir becomes an OperationOutcome."""

from __future__ import annotations

from flask import Response, request
from werkzeug.exceptions import MethodNotAllowed

from clinic.errors import ClearwayError, InvalidInput, NotSignedIn
from fhir.encoder import encode

FHIR_JSON = "application/fhir+json; charset=utf-8"


class NotSupported(ClearwayError):
    """What was asked for exists in FHIR and not here."""

    status = 400
    code = "not-supported"
    next_step = "give-up"


class BadSearch(ClearwayError):
    """A search parameter, its modifier or its value cannot be read."""

    status = 400


class NotAcceptable(ClearwayError):
    """The client accepts nothing that we can send."""

    status = 406
    code = "not-supported"
    next_step = "give-up"


def build_outcome(code: str, diagnostics: str, severity: str = "error") -> bytes:
    """An OperationOutcome of one issue, as bytes; `code` is of the R4 value set issue-type."""
    return encode(
        {
            "resourceType": "OperationOutcome",
            "issue": [{"severity": severity, "code": code, "diagnostics": diagnostics}],
        }
    )


def render_error(error: ClearwayError) -> Response:
    """The answer to any error of a path under /fhir; the application made a ClearwayError of it."""
    diagnostics = error.message
    if isinstance(error, InvalidInput):
        diagnostics = " ".join([diagnostics, *(s for sentences in error.fields.values() for s in sentences)])
    response = Response(build_outcome(error.code, diagnostics), error.status, content_type=FHIR_JSON)
    response.headers["Cache-Control"] = "no-store"
    if isinstance(error, NotSignedIn):
        response.headers["WWW-Authenticate"] = 'Bearer realm="fhir"'
    add_allow(response)
    return response


def add_allow(response: Response) -> None:
    """Name the methods that the address takes, when a wrong one was the error (RFC 9110, 15.5.6)."""
    if response.status_code == 405 and isinstance(request.routing_exception, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(sorted(request.routing_exception.valid_methods or ()))
