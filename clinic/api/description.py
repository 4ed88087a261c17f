"""What the JSON API offers: `/api/openapi.json` for machines, `/api/docs` for people."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, render_template
from flask_babel import gettext as _

from clinic.permissions import public
from clinic.rules.programme import list_exams, list_programmes, list_words

blueprint = Blueprint("api_description", __name__, url_prefix="/api")
VERSION = "1.0"
STATUSES = ("not-required", "not-cleared", "undecided", "incomplete", "pending-culture", "physician-decision", "final")
EXAMPLE = {
    "id": "demo-1", "programme": "us", "category": "IV", "exam_date": "2025-03-10", "birth_date": "1991-01-05",
    "residence": {"country": "PHL", "tb_incidence_per_100k": 643}, "yes": [], "unknown": [],
    "results": {"igra": [{"drawn": "2025-03-10", "result": "positive"}],
                "chest_xray": {"taken": "2025-03-10", "findings": ["NORMAL"]},
                "syphilis": {"nontreponemal": "nonreactive"}},
}


@blueprint.get("/openapi.json")
@public
def openapi() -> Response:
    """The description in OpenAPI 3.1."""
    return jsonify(build_description())


@blueprint.get("/docs")
@public
def docs() -> str:
    """The same for people."""
    from clinic.rules import decide

    return render_template("api/docs.html", programmes=list_programmes().values(), example=EXAMPLE,
                           answer=decide(EXAMPLE), title=_("JSON interface"))


def build_description() -> dict[str, Any]:
    """The OpenAPI document; its lists of words come from the rule files."""
    many = {"oneOf": [{"$ref": "#/components/schemas/Facts"},
                      {"type": "array", "items": {"$ref": "#/components/schemas/Facts"}}]}
    answers = {"oneOf": [{"$ref": "#/components/schemas/Answer"},
                         {"type": "array", "items": {"$ref": "#/components/schemas/Answer"}}]}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Clearway", "version": VERSION, "description": (
            "The decision function: what a person needs before migrating, by published rules. Nothing is stored.")},
        "paths": {"/api/v1/decisions": {"post": {
            "operationId": "decide", "summary": "Decide for one person, or for each of a list",
            "security": [{"session": []}],
            "requestBody": {"required": True, "content": {"application/json": {"schema": many, "example": EXAMPLE}}},
            "responses": {
                "200": {"description": "Every object was decided", "content": _json(answers)},
                "207": {"description": "Of a list, some objects carry an error in their place",
                        "content": _json(answers)},
                "400": {"description": "The CSRF token is missing: send it as X-CSRFToken"},
                "401": {"description": "Sign in first"},
                "415": {"description": "The body does not say that it is JSON"},
                "422": {"description": "The body is no JSON, or the single object no valid facts",
                        "content": _json({"$ref": "#/components/schemas/Problem"})},
            },
        }}} | _laboratory_paths(),
        "components": {
            "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": "clearway"},
                                "laboratory": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Facts": _facts_schema(), "Answer": {"anyOf": [
                {"$ref": "#/components/schemas/Decision"}, {"$ref": "#/components/schemas/Problem"}]},
                "Decision": _decision_schema(), "Problem": _problem_schema(), "Required": _required_schema(),
                "LaboratoryResults": _results_schema(),
                "LaboratoryState": _state_schema(), "ProblemDetails": _details_schema()},
        },
    }


def _laboratory_paths() -> dict[str, Any]:
    state = {"content": _json({"$ref": "#/components/schemas/LaboratoryState"})}
    problem = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}}
    refused = {"401": {"description": "No token, or one that is not in use (WWW-Authenticate says which)", **problem}}
    return {
        "/api/v1/laboratory-results": {"post": {
            "operationId": "sendResults", "summary": "Send results; stored as they came, worked on afterwards",
            "security": [{"laboratory": []}],
            "requestBody": {"required": True, "content": _json({"$ref": "#/components/schemas/LaboratoryResults"})},
            "responses": {
                "202": {"description": "Stored", **state}, "200": {"description": "The same came before", **state},
                "409": {"description": "The id came before with other content", **problem}, **refused,
                "415": {"description": "The body does not say that it is JSON", **problem},
                "422": {"description": "Not of this form; nothing was stored", **problem},
            }}},
        "/api/v1/laboratory-results/{id}": {"get": {
            "operationId": "showResults", "summary": "What became of a message; no values come back",
            "security": [{"laboratory": []}],
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "responses": {"200": {"description": "Its state", **state}, **refused,
                          "404": {"description": "No such message of this laboratory", **problem}}}},
    }


def _results_schema() -> dict[str, Any]:
    text = {"type": "string"}
    moment = {"type": "string", "description": "a day, or a time with its offset (ISO 8601)"}
    value = {"type": "object", "required": ["code"], "additionalProperties": False, "properties": {
        "code": text, "system": text, "text": text, "sub_id": text, "kind": {"enum": ["ST", "NM", "CWE", "SN", "TX"]},
        "value": text, "value_text": text, "unit": text, "flags": {"type": "array", "items": text}, "range": text,
        "method": text, "status": {"enum": ["F", "C", "P", "X", "D", "W", "I"], "description": "HL7 table 0085"},
        "observed_at": moment, "note": text}}
    panel = {"type": "object", "required": ["number"], "additionalProperties": False, "properties": {
        "order": text, "number": text, "specimen": text, "taken_at": moment, "reported_at": moment,
        "parent_number": text, "parent_sub_id": text, "note": text, "values": {"type": "array", "items": value},
        "report_pdf": {"type": "string", "contentEncoding": "base64"}}}
    identifier = {"type": "object", "required": ["value"], "additionalProperties": False,
                  "properties": {"value": text, "authority": text, "type": text}}
    person = {"type": "object", "additionalProperties": False, "properties": {
        "identifiers": {"type": "array", "items": identifier}, "family_name": text, "given_names": text,
        "birth_date": {"type": "string", "description": "1991, 1991-01 or 1991-01-05"},
        "sex": {"enum": ["M", "F", "O", "U", ""]}}}
    report = {"type": "object", "required": ["panels"], "additionalProperties": False,
              "properties": {"person": person, "panels": {"type": "array", "items": panel}}}
    return {"type": "object", "required": ["id", "reports"], "additionalProperties": False, "properties": {
        "id": {"type": "string", "description": "the laboratory's own, unique for ever"},
        "reports": {"type": "array", "items": report}}}


def _state_schema() -> dict[str, Any]:
    text = {"type": "string"}
    result = {"type": "object", "properties": {"number": text, "code": text, "state": text, "reason": text}}
    return {"type": "object", "properties": {"id": text, "state": {"enum": ["new", "applied", "held", "error"]},
                                             "reason": text | {"description": "Why it is held"},
                                             "results": {"type": "array", "items": result}}}


def _details_schema() -> dict[str, Any]:
    text = {"type": "string"}
    return {"type": "object", "properties": {"type": text, "title": text, "status": {"type": "integer"},
                                             "detail": text, "errors": {"type": "object"}}}


def _facts_schema() -> dict[str, Any]:
    day = {"type": "string", "format": "date"}
    country = {"type": "string", "pattern": "^[A-Z]{3}$", "description": "ISO 3166-1 alpha-3"}
    place = {"type": "object", "required": ["country"], "properties": {
        "country": country, "tb_incidence_per_100k": {"type": ["number", "null"]}}}
    words = {"type": "array", "items": {"enum": sorted(list_words())}}
    return {
        "type": "object", "required": ["programme", "category", "exam_date", "birth_date", "residence"],
        "properties": {
            "id": {"type": "string"}, "programme": {"enum": list(list_programmes())}, "category": {"type": "string"},
            "stay_months": {"type": ["number", "null"]}, "au_schedule": {"enum": [1, 2, None]}, "exam_date": day,
            "application_date": {**day, "type": ["string", "null"]}, "birth_date": day, "residence": place,
            "exam_country": {"anyOf": [place, {"type": "null"}]},
            "lived_in": {"type": "array", "items": {"type": "object", "required": ["country", "from", "to"],
                                                    "properties": {"country": country, "from": day, "to": day}}},
            "yes": words, "unknown": words, "results": {"type": "object"}, "flu_season": {"type": "boolean"},
        },
        "additionalProperties": False,
    }


def _decision_schema() -> dict[str, Any]:
    exams = {"type": "array", "items": {"$ref": "#/components/schemas/Required"}}
    texts = {"type": "array", "items": {"type": "string"}}
    day = {"type": ["string", "null"], "format": "date"}
    return {"type": "object", "properties": {
        "id": {"type": ["string", "null"]}, "programme": {"type": "string"}, "edition": {"type": "string"},
        "age_years": {"type": "integer"}, "required": exams, "next": exams, "suggested": exams,
        "status": {"enum": list(STATUSES)}, "needs": texts, "options": texts,
        "proposal": {"type": ["string", "null"]}, "reexam_not_before": day, "classes": texts, "other_classes": texts,
        "overall": {"enum": ["no-apparent-defect", "class-b", "class-a", None]}, "grades": {"type": "object"},
        "certificate": {"enum": ["issue", "refuse", None]}, "vaccines": texts, "valid_from": day, "valid_until": day,
        "alerts": texts,
    }}


def _required_schema() -> dict[str, Any]:
    text = {"type": "string"}
    return {"type": "object", "properties": {
        "exam": {"enum": list(list_exams())},
        "because": {"type": "array", "items": {"type": "object", "properties": {
            "rule": text, "says": text, "source": text}}},
    }}


def _problem_schema() -> dict[str, Any]:
    return {"type": "object", "required": ["error"], "properties": {
        "id": {"type": ["string", "null"]}, "error": {"type": "string", "description": "one sentence"}}}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
