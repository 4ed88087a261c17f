"""FHIR R4 over HTTP, as a receiving authority sees it: read, search, history and documents, by its token."""

from __future__ import annotations

import re
from datetime import datetime

from flask import Blueprint, Response, current_app, g, request

from clinic.db import db
from clinic.errors import NotFound, WrongMediaType
from clinic.permissions import AUTHORITY_CLIENT, PUBLIC, authority_client, public
from clinic.unit import reads_only
from fhir.access import Access, check_token, find_remembered
from fhir.answer import (
    DOCUMENT_VERSION,
    has_version,
    send_bytes,
    send_content,
    send_document,
    send_packed,
    send_resource,
)
from fhir.audit_event import AuditLog
from fhir.canonical import list_canonical_resources
from fhir.capability import DEFINITION_KINDS, build_capability
from fhir.disclosure import record_listing
from fhir.document_desk import DeskClosed, find_desk
from fhir.encoder import encode
from fhir.endpoint import FHIR_PATH, fhir_base
from fhir.interval import read_span
from fhir.listing import build_listing
from fhir.negotiation import require_acceptable, wants_content
from fhir.outcome import BadSearch
from fhir.parameter import AUDIT_KIND, OFFERED_KINDS
from fhir.released import DOCUMENT_KIND, PRINT_KIND, Document, Released, Resource
from fhir.searchset import build_history, build_searchset

FORM = "application/x-www-form-urlencoded"
_WHOLE = (DOCUMENT_KIND, PRINT_KIND)  # the exam as one piece: fetched by itself, not among its parts
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")  # the FHIR type `id`
_VERSION = re.compile(r"[1-9][0-9]{0,8}")
READ = "fhir.read"

fhir_blueprint = Blueprint("fhir", __name__, url_prefix=FHIR_PATH)


@fhir_blueprint.before_request
def admit() -> Response | None:
    """Let a request through to its view only as the view's mark says; a view without a mark is shut.

    A signed document that nothing speaks against is handed out at once: one question finds it and asks for the client.
    """
    if (request.view_args or {}).get("kind") != PRINT_KIND or not wants_content(request):
        require_acceptable(request)
    mark = getattr(current_app.view_functions.get(request.endpoint or ""), "permission", None)
    if mark == AUTHORITY_CLIENT:
        if request.endpoint == READ and (answer := _hand_out(**(request.view_args or {}))) is not None:
            return answer
        g.fhir_access = check_token(db.session(), request.headers.get("Authorization", ""))
    elif mark != PUBLIC:
        raise NotFound("There is nothing at this address.")
    return None


def _hand_out(kind: str, resource_id: str) -> Response | None:
    """The answer with a signed document, its disclosure durable; None for all else, which `read` answers or refuses."""
    desk = find_desk(current_app)
    if kind != DOCUMENT_KIND or desk is None or request.method == "OPTIONS" or not _ID.fullmatch(resource_id):
        return None
    access = find_remembered(current_app, request.headers.get("Authorization", ""))
    if access is None or not access.grant.allows(kind, "r"):
        return None
    try:
        found = desk.hand_out(access, resource_id, has_version(DOCUMENT_VERSION))
    except DeskClosed:  # the view meets the same trouble and says what to do
        return None
    return send_packed(found.packed, found.signed_at) if found is not None else None


@fhir_blueprint.get("/metadata")
@public
def show_capability() -> Response:
    """What this server can do, made from what exists."""
    return send_bytes(build_capability(), cache="public, max-age=300")


@fhir_blueprint.get(f"/<any({','.join(DEFINITION_KINDS)}):kind>/<name>")
@public
def read_definition(kind: str, name: str) -> Response:
    """One of our own published definitions: vocabulary, nothing of any person."""
    for resource in list_canonical_resources():
        if resource["resourceType"] == kind and resource["id"] == name:
            return send_bytes(encode(resource), cache="public, max-age=300")
    raise NotFound("No such definition is published here.")


@fhir_blueprint.get("/<kind>/<resource_id>")
@authority_client
def read(kind: str, resource_id: str) -> Response:
    """The current version of a resource."""
    _require(kind, "r")
    if kind == DOCUMENT_KIND:
        return send_document(_get_document(resource_id), _access())
    resource = _get(kind, resource_id)
    if kind == PRINT_KIND and wants_content(request):
        return send_content(resource, _released().get_print(resource), _access())
    return send_resource(resource, _access(), "read")


@fhir_blueprint.get("/<kind>/<resource_id>/_history/<version>")
@authority_client
def read_version(kind: str, resource_id: str, version: str) -> Response:
    """One version of a resource, also one that was amended since."""
    _require(kind, "r")
    if not _VERSION.fullmatch(version):
        raise NotFound("There is no such version.")
    if kind == DOCUMENT_KIND and int(version) == DOCUMENT_VERSION:
        return send_document(_get_document(resource_id), _access())
    return send_resource(_get(kind, resource_id, int(version)), _access(), "vread")


@fhir_blueprint.get("/<kind>/<resource_id>/_history")
@authority_client
def read_history(kind: str, resource_id: str) -> Response:
    """Every version that was released, the newest first."""
    _require(kind, "r")
    since = _read_since()
    versions = _released().list_history(kind, _to_id(resource_id))
    if not versions:
        raise NotFound("Nothing of that type and id was released to you.")
    shown = [version for version in versions if since is None or version.released_at >= since]
    record_listing(_access(), "history", kind, resource_id, shown)
    return send_bytes(build_history(shown, fhir_base(), [("self", _self_address())]))


@fhir_blueprint.get("/<kind>")
@authority_client
def search(kind: str) -> Response:
    """A search by address."""
    return _search(kind, list(request.args.items(multi=True)))


@fhir_blueprint.post("/<kind>/_search")
@reads_only
@authority_client
def search_by_form(kind: str) -> Response:
    """A search by form, so that identifiers stay out of addresses; parameters of the address count too."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise WrongMediaType("Send the search as it is, without Content-Encoding.")  # or its conditions would be lost
    if request.mimetype != FORM and (request.mimetype or request.content_length):
        raise WrongMediaType(f"Send the search as {FORM}.")
    return _search(kind, [*request.args.items(multi=True), *request.form.items(multi=True)])


@fhir_blueprint.get("/Composition/<resource_id>/$document")
@authority_client
def read_document(resource_id: str) -> Response:
    """The signed document that a Composition opens: exactly the bytes that were signed."""
    _require("Composition", "r")
    _require(DOCUMENT_KIND, "r")
    composition = _get("Composition", resource_id)
    return send_document(_get_document(composition.signed_exam_id), _access())


@fhir_blueprint.get("/Patient/<resource_id>/$everything")
@authority_client
def read_everything(resource_id: str) -> Response:
    """The Patient and whatever else was released of the case and its context, as far as the scopes go."""
    _require("Patient", "r")
    patient = _get("Patient", resource_id)
    since = _read_since()
    kinds = {kind for text in request.args.getlist("_type") for kind in text.split(",") if kind}
    shown = [
        resource for resource in _list_everything(patient)
        if _access().grant.allows(resource.kind, "r") and (not kinds or resource.kind in kinds)
        and (since is None or resource.released_at >= since)
    ]  # fmt: skip
    record_listing(_access(), "everything", "Patient", resource_id, shown)
    body = build_searchset(shown, [], fhir_base(), [("self", _self_address())], len(shown))
    return send_bytes(body)


def _list_everything(patient: Resource) -> list[Resource]:
    """The Patient first, the case's other resources, then what those refer to outside the case; no document."""
    released = _released()
    found = [r for r in released.list_case(patient.case_id) if r.kind not in (*_WHOLE, "Patient")]
    known = {resource.address for resource in found}
    others = released.list_current(a for a in released.list_references(found) if a not in known)
    return [patient, *found, *(r for r in others if r.kind not in (*_WHOLE, "Patient"))]


def _search(kind: str, pairs: list[tuple[str, str]]) -> Response:
    _require(kind, "s")
    is_strict = "handling=strict" in request.headers.get("Prefer", "").replace(" ", "").lower()
    return send_bytes(build_listing(_released(), _access(), kind, pairs, is_strict))


def _require(kind: str, letter: str) -> None:
    if kind not in OFFERED_KINDS:
        raise NotFound("This type of resource is not offered here; see /fhir/metadata.")
    _access().require(kind, letter)


def _get(kind: str, resource_id: str, version: int | None = None) -> Resource:
    if kind == AUDIT_KIND:
        resource = AuditLog(_released(), _access().authority_id).find(_to_id(resource_id)) if version is None else None
    else:
        resource = _released().find(kind, _to_id(resource_id), version)
    if resource is None:
        raise NotFound("Nothing of that type and id was released to you.")
    return resource


def _get_document(bundle_id: str) -> Document:
    document = _released().find_document(_to_id(bundle_id))
    if document is None:
        raise NotFound("Nothing of that type and id was released to you.")
    return document


def _to_id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise NotFound("There is nothing at this address; see /fhir/metadata for what is offered.")
    return text


def _read_since() -> datetime | None:
    text = request.args.get("_since")
    if text is None:
        return None
    try:
        return read_span(text.replace(" ", "+"))[0]  # an unencoded plus sign arrives as a space
    except ValueError:
        raise BadSearch("_since must be a moment such as 2026-01-31T09:00:00Z.") from None


def _self_address() -> str:
    query = request.query_string.decode("ascii", "replace")
    return fhir_base() + request.path.removeprefix(FHIR_PATH) + (f"?{query}" if query else "")


def _access() -> Access:
    access: Access = g.fhir_access
    return access


def _released() -> Released:
    return Released(db.session(), _access().authority_id)
