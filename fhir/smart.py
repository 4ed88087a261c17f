"""SMART Backend Services: how an authority's machine gets a token, and where it learns how to ask."""

from __future__ import annotations

import json
from typing import Any, cast

from flask import Blueprint, Flask, Response, current_app, request
from flask.blueprints import BlueprintSetupState
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from clinic.audit import record_change
from clinic.db import read_unit, write_unit
from clinic.error_page import answer_errors_under
from clinic.errors import ClearwayError
from clinic.limit import Door, admit, forgive, list_buckets, tag_account
from clinic.permissions import public
from clinic.unit import manages_units
from fhir.access import LIFETIME_SECONDS, issue_token
from fhir.assertion import (
    ALGORITHMS,
    ClientRefused,
    find_key_address,
    read_issuer,
    remember_assertion,
    verify_assertion,
)
from fhir.endpoint import TOKEN_PATH, fhir_base, token_url
from fhir.key_fetch import KeyStore, KeysUnreachable
from fhir.outcome import add_allow
from fhir.parameter import OFFERED_KINDS
from fhir.scope import intersect, parse_scopes

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FORM = "application/x-www-form-urlencoded"
LONGEST_REQUEST = 32 * 1024

smart_blueprint = Blueprint("smart", __name__)


class TokenRefused(ClearwayError):
    """A token request that cannot be granted; `error` is the word of RFC 6749, section 5.2."""

    def __init__(self, error: str, message: str, **ids: object) -> None:
        super().__init__(message, **ids)
        self.error = error


@smart_blueprint.record_once
def _answer_errors(state: BlueprintSetupState) -> None:
    answer_errors_under(cast(Flask, state.app), "/oauth", render_oauth_error)


@smart_blueprint.get("/fhir/.well-known/smart-configuration")
@public
def show_configuration() -> Response:
    """What SMART App Launch 2 wants at the well-known address."""
    return _to_json(
        {
            "issuer": fhir_base(),
            "token_endpoint": token_url(),
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
            "scopes_supported": ["system/*.rs", *(f"system/{kind}.rs" for kind in OFFERED_KINDS)],
            "capabilities": ["client-confidential-asymmetric", "permission-v2"],
        }
    )


@smart_blueprint.post(TOKEN_PATH)
@public
@manages_units
def grant_token() -> Response:
    """A token for a proven client: the scopes it asked for, as far as it is allowed them.

    Keys that a client publishes are asked for between the two units: nothing is held open meanwhile.
    """
    form = _read_form()
    if form.get("grant_type") is None:
        raise TokenRefused("invalid_request", "Name the grant_type: client_credentials.")
    if form["grant_type"] != "client_credentials":
        raise TokenRefused("unsupported_grant_type", "The only grant_type here is client_credentials.")
    _check_proof(form)
    buckets = list_buckets(Door.TOKEN, tag_account(read_issuer(form["client_assertion"])), request.remote_addr or "")
    admit(buckets)
    with read_unit() as session:
        address = find_key_address(session, form["client_assertion"])
    published = _keys().get(address.url, address.kid) if address else None
    with write_unit() as session:
        granted = _grant(session, form, published)
    forgive(buckets)
    return granted


def _grant(session: Session, form: MultiDict[str, str], published: str | None) -> Response:
    proof = verify_assertion(session, form["client_assertion"], token_url(), published)
    if form.get("client_id", proof.client.id) != proof.client.id:
        raise ClientRefused("The client_id is not that of the assertion.", client=proof.client.id)
    grant = intersect(parse_scopes(form.get("scope", "")), parse_scopes(proof.client.scopes))
    if not grant.pairs:
        raise TokenRefused(
            "invalid_scope", "None of the scopes asked for can be granted; the widest is system/*.rs.",
            client=proof.client.id,
        )  # fmt: skip
    remember_assertion(session, proof)
    record_change(
        "grant-token", "client", proof.client.id, actor_id=proof.client.id, actor_kind="client",
        detail={"scope": str(grant), "authority": proof.client.authority_id},
    )  # fmt: skip
    return _to_json(
        {
            "access_token": issue_token(proof.client, grant),
            "token_type": "bearer",
            "expires_in": LIFETIME_SECONDS,
            "scope": str(grant),
        }
    )


def render_oauth_error(error: ClearwayError) -> Response:
    """The answer to any error of a path under /oauth, in the words of RFC 6749."""
    word = error.error if isinstance(error, TokenRefused) else "invalid_request"
    if isinstance(error, ClientRefused | KeysUnreachable):
        word = "invalid_client"
    elif error.status >= 500 or error.status == 429:
        word = "temporarily_unavailable" if error.status in (429, 503) else "server_error"
    response = _to_json({"error": word, "error_description": error.message}, error.status)
    add_allow(response)
    return response


def _read_form() -> MultiDict[str, str]:
    request.max_content_length = LONGEST_REQUEST
    if request.mimetype != FORM:
        raise TokenRefused("invalid_request", f"Send the request as {FORM}.")
    if request.args:
        raise TokenRefused("invalid_request", "Send the parameters in the body, not in the address.")
    if any(len(values) > 1 for _name, values in request.form.lists()):
        raise TokenRefused("invalid_request", "Send each parameter once.")
    return request.form


def _check_proof(form: MultiDict[str, str]) -> None:
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise TokenRefused("invalid_request", f"The client_assertion_type must be {ASSERTION_TYPE}.")
    if not form.get("client_assertion"):
        raise TokenRefused("invalid_request", "Send a signed client_assertion.")
    if "Authorization" in request.headers or "client_secret" in form:
        raise TokenRefused("invalid_request", "Prove the client in one way only: by the assertion.")


def _keys() -> KeyStore:
    store: KeyStore = current_app.extensions.setdefault("client_keys", KeyStore())
    return store


def _to_json(body: dict[str, Any], status: int = 200) -> Response:
    request.environ.pop("HTTP_ACCEPT_ENCODING", None)  # a token is never compressed (fhir.md section 7)
    response = Response(json.dumps(body), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    response.headers["Pragma"] = "no-cache"
    return response
