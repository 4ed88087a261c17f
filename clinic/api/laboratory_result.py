"""`POST /api/v1/laboratory-results`: results from a laboratory's own system, by its token.

As on every line: checked for form, stored as they came, answered, and worked on afterwards. What is doubtful waits for
a person of the clinic and is never an error here.
"""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Blueprint, Response, g, jsonify, request
from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock
from clinic.db import db
from clinic.errors import ClearwayError, InvalidInput, NotFound, NotSignedIn, WrongMediaType
from clinic.lab_report import MOST_DOCUMENTS, MOST_VALUES, holds_too_much
from clinic.models import InboundMessage, InboundState, InboundWay, Laboratory
from clinic.permissions import laboratory_client
from clinic.queries.reported import list_of_message
from clinic.rules import FactError
from clinic.rules.line import parse_json
from clinic.schemas.door import load
from clinic.schemas.laboratory_result import ResultsIn
from clinic.services.partner_laboratory import find_by_token

blueprint = Blueprint("api_laboratory_result", __name__, url_prefix="/api/v1/laboratory-results")
KIND = "JSON"
PREFIX = "/api/v1/laboratory-results"


@blueprint.post("")
@laboratory_client
def create() -> tuple[Response, int]:
    """Store a message of results: 202 with its address; the same again 200; the id with other content 409."""
    laboratory = _know()
    if not request.is_json:
        raise WrongMediaType(_("Send JSON, and say so: Content-Type: application/json."))
    raw = request.get_data()
    plain = _load(raw)
    if holds_too_much(plain["reports"]):
        raise InvalidInput(_("Send at most %(values)s values and %(documents)s printed reports in one message.",
                             values=MOST_VALUES, documents=MOST_DOCUMENTS))
    digest, sender = hashlib.sha256(raw).hexdigest(), _sender(laboratory)
    known = db.session.execute(select(InboundMessage).where(
        InboundMessage.sender == sender, InboundMessage.control_id == plain["id"])).scalar_one_or_none()
    if known is not None:
        if known.sha256 != digest:
            raise Conflict(_("This id came before with other content. Send a correction under an id of its own."))
        known.times += 1
        return _describe(known), 200
    row = InboundMessage(
        received_at=clock.now(), peer=(request.remote_addr or "")[:80], sender=sender, control_id=plain["id"],
        kind=KIND, way=InboundWay.API, sha256=digest, raw=raw, laboratory_id=laboratory.id, times=1,
        state=InboundState.NEW, state_reason="")
    db.session.add(row)
    db.session.flush()
    return _describe(row), 202


@blueprint.get("/<message_id>")
@laboratory_client
def show(message_id: str) -> Response:
    """What became of a message of the same laboratory: its state, and that of each result. No values come back."""
    laboratory = _know()
    row = db.session.execute(select(InboundMessage).where(
        InboundMessage.sender == _sender(laboratory), InboundMessage.control_id == message_id)).scalar_one_or_none()
    if row is None:
        raise NotFound(_("There is no such message of yours."), laboratory=laboratory.id)
    return _describe(row)


class Conflict(ClearwayError):
    """The id stands for something else."""

    status = 409
    code = "conflict"
    next_step = "correct"


class TokenUnknown(NotSignedIn):
    """The token that was sent is nobody's: 401 as for none, and the reason in the challenge (RFC 6750, 3.1)."""


def render_problem(error: ClearwayError) -> tuple[Response, int]:
    """An error as RFC 9457 says."""
    body: dict[str, Any] = {"type": f"about:blank#{error.code}", "title": type(error).__name__, "status": error.status,
                            "detail": error.message}
    if isinstance(error, InvalidInput) and error.fields:
        body["errors"] = error.fields
    answer = jsonify(body)
    answer.content_type = "application/problem+json"
    if isinstance(error, NotSignedIn):
        wrong = ', error="invalid_token"' if isinstance(error, TokenUnknown) else ""
        answer.headers["WWW-Authenticate"] = f'Bearer realm="laboratory-results"{wrong}'
    return answer, error.status


def _know() -> Laboratory:
    """The laboratory that the token belongs to. Raises NotSignedIn without one, TokenUnknown for any other."""
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotSignedIn(_("Send the laboratory's token: Authorization: Bearer …"))
    laboratory = find_by_token(token.strip())
    if laboratory is None:
        raise TokenUnknown(_("This token is none that is in use."))
    g.laboratory = laboratory
    return laboratory


def _load(raw: bytes) -> dict[str, Any]:
    try:
        found = parse_json(raw)
    except (FactError, RecursionError) as error:
        raise InvalidInput(getattr(error, "message", _("The body is nested too deeply."))) from None
    if not isinstance(found, dict):
        raise InvalidInput(_("Send one object."))
    plain: dict[str, Any] = load(ResultsIn(), found)
    return plain


def read_body(raw: bytes) -> dict[str, Any]:
    """A stored body as it was loaded when it came; raises InvalidInput."""
    return _load(raw)


def _sender(laboratory: Laboratory) -> str:
    return f"{laboratory.application}|{laboratory.facility}|{laboratory.our_facility}|api"[:200]


def _describe(row: InboundMessage) -> Response:
    results = [{"number": one.filler, "code": one.their_code, "state": one.state.value, "reason": one.reason}
               for one in list_of_message(row)]
    reason = row.state_reason if row.state is InboundState.HELD else ""  # what the laboratory itself can mend
    answer = jsonify({"id": row.control_id, "state": row.state.value, "reason": reason, "results": results})
    answer.headers["Location"] = f"{PREFIX}/{row.control_id}"
    return answer
