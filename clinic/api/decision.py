"""`POST /api/v1/decisions`: the decision function for any signed-in user; nothing is stored."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request
from flask_babel import gettext as _

from clinic.errors import InvalidInput, WrongMediaType
from clinic.permissions import Permission, requires
from clinic.read_audit import shows_nobody
from clinic.rules import FactError, decide
from clinic.rules.line import parse_json
from clinic.unit import reads_only

blueprint = Blueprint("api_decision", __name__, url_prefix="/api/v1")
MOST_OBJECTS = 5000  # in one request; beside MAX_CONTENT_LENGTH, so that one caller cannot keep a worker for minutes


@blueprint.post("/decisions")
@requires(Permission.ASK_RULES)
@reads_only
@shows_nobody("the facts come with the request and nothing is stored or looked up")
def create() -> tuple[Response, int]:
    """One object of facts, or a list; the answers stand in the same order.

    An object that is not valid facts is answered by `{"id", "error"}` in its place and nothing else is lost; the
    status is then 422 for a single object and 207 for a list.
    """
    if not request.is_json:
        raise WrongMediaType(_("Send JSON, and say so: Content-Type: application/json."))
    try:
        raw = parse_json(request.get_data())
    except FactError as error:
        raise InvalidInput(error.message) from None
    if not isinstance(raw, list):
        answer = answer_facts(raw)
        return jsonify(answer), 422 if "error" in answer else 200
    if len(raw) > MOST_OBJECTS:
        raise InvalidInput(_("Send at most %(most)s objects in one request.", most=MOST_OBJECTS))
    answers = [answer_facts(each) for each in raw]
    return jsonify(answers), 207 if any("error" in answer for answer in answers) else 200


def answer_facts(raw: Any) -> dict[str, Any]:
    """The decision, or `{"id", "error"}` with one sentence that names the field and what is wrong."""
    try:
        return decide(raw)
    except FactError as error:
        name = raw.get("id") if isinstance(raw, dict) else None
        return {"id": name if isinstance(name, str) else None, "error": error.message}
    except RecursionError:
        return {"id": None, "error": "facts: nested too deeply."}
