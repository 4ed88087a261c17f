"""Receiving authorities and their machine clients: registered, listed, revoked."""

from __future__ import annotations

import json
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from sqlalchemy import select

from clinic import clock
from clinic.audit import record_change
from clinic.db import db
from clinic.errors import AlreadyDone, InvalidInput, NotFound
from clinic.key import new_id
from clinic.models import Authority, AuthorityClient

DEFAULT_SCOPES = "system/*.rs"
SMALLEST_RSA_BITS = 2048  # NIST SP 800-131A


def add_authority(authority_id: str, programme: str, name: str, channel: str, endpoint: str) -> Authority:
    """Register a destination's authority; raises AlreadyDone when the short name is taken."""
    if db.session.get(Authority, authority_id) is not None:
        raise AlreadyDone(f"There is an authority {authority_id} already.", authority=authority_id)
    authority = Authority(id=authority_id, programme=programme, name=name, channel=channel, endpoint=endpoint)
    db.session.add(authority)
    record_change("add-authority", "authority", authority_id)
    db.session.flush()
    return authority


def list_authorities() -> list[Authority]:
    """Every authority, by short name."""
    return list(db.session.execute(select(Authority).order_by(Authority.id)).scalars())


def add_client(
    authority_id: str, jwks: str, name: str = "", scopes: str = DEFAULT_SCOPES, client_id: str | None = None
) -> AuthorityClient:
    """Register a machine client that proves itself by a key of `jwks` (a JWK Set of public keys, as text).

    Raises NotFound for an unknown authority, AlreadyDone for a client id that is taken, InvalidInput for a key set
    that cannot be used.
    """
    authority = db.session.get(Authority, authority_id)
    if authority is None:
        raise NotFound("There is no such authority; see `authority list`.", authority=authority_id)
    client_id = client_id or f"{authority_id}-{new_id()}"
    if db.session.get(AuthorityClient, client_id) is not None:
        raise AlreadyDone("There is a client of this id already.", client=client_id)
    client = AuthorityClient(
        id=client_id, authority_id=authority_id, name=name or authority.name, jwks=check_key_set(jwks),
        scopes=scopes, active=True, created_at=clock.now(),
    )  # fmt: skip
    db.session.add(client)
    record_change("add-client", "client", client_id, detail={"authority": authority_id, "scopes": scopes})
    db.session.flush()
    return client


def revoke_client(client_id: str) -> None:
    """Let a client in no more; tokens that it holds end at once. Raises NotFound."""
    client = db.session.get(AuthorityClient, client_id)
    if client is None:
        raise NotFound("There is no such client; see `authority list`.", client=client_id)
    client.active = False
    record_change("revoke-client", "client", client_id, detail={"authority": client.authority_id})
    db.session.flush()


def check_key_set(text: str) -> str:
    """The JWK Set as we keep it; raises InvalidInput unless it holds public RSA or P-384 keys, each with a kid."""
    try:
        keys = json.loads(text)["keys"]
    except (ValueError, TypeError, KeyError):
        raise InvalidInput("Give a JWK Set: a JSON object with a list “keys”.") from None
    if not isinstance(keys, list) or not keys or not all(isinstance(key, dict) for key in keys):
        raise InvalidInput("The JWK Set holds no key.")
    names = [key.get("kid") for key in keys]
    if len(set(map(str, names))) != len(names) or not all(isinstance(name, str) and name for name in names):
        raise InvalidInput("Give every key of the JWK Set a kid of its own.")
    for key in keys:
        _check_key(key)
    return json.dumps({"keys": keys}, separators=(",", ":"))


def _check_key(key: dict[str, Any]) -> None:
    if "d" in key or "k" in key:
        raise InvalidInput("The JWK Set holds a private key. Keep that to yourself and register the public part.")
    try:
        public = jwt.PyJWK(key, algorithm={"RSA": "RS384", "EC": "ES384"}.get(str(key.get("kty")))).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        raise InvalidInput("A key of the JWK Set cannot be read.") from None
    if isinstance(public, RSAPublicKey) and public.key_size >= SMALLEST_RSA_BITS:
        return
    if isinstance(public, EllipticCurvePublicKey) and isinstance(public.curve, SECP384R1):
        return
    raise InvalidInput("Use RSA keys of at least 2048 bits (RS384) or keys on the curve P-384 (ES384).")
