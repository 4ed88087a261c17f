"""The public half of the installation's signing key, so that anybody can check a signature."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, jsonify

from clinic.config import get_settings
from clinic.permissions import public
from clinic.signing_key import build_jwk, load_former_certificates, load_signing_key

blueprint = Blueprint("key", __name__)


@blueprint.get("/.well-known/jwks.json")
@public
def jwks() -> Response:
    """A JWK Set (RFC 7517) with the key that signs documents, then those that did before."""
    settings = get_settings(current_app)
    former = [build_jwk(one) for one in load_former_certificates(settings)]
    return jsonify(keys=[load_signing_key(settings).public_jwk(), *former])
