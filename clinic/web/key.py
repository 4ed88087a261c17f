"""The public half of the installation's signing key, so that anybody can check a signature."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, jsonify

from clinic.config import get_settings
from clinic.permissions import public
from clinic.signing_key import load_signing_key

blueprint = Blueprint("key", __name__)


@blueprint.get("/.well-known/jwks.json")
@public
def jwks() -> Response:
    """A JWK Set (RFC 7517) with the key that signs documents."""
    return jsonify(keys=[load_signing_key(get_settings(current_app)).public_jwk()])
