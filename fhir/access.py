"""Access tokens: short-lived, signed by us, and worth nothing the moment their client is revoked."""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jwt
from flask import Flask, current_app
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from clinic import clock
from clinic.errors import NotAllowed, NotSignedIn
from clinic.key import new_id
from clinic.models import AuthorityClient
from clinic.services.authority_client import is_served
from fhir.endpoint import base_url, fhir_base
from fhir.scope import Grant, parse_scopes

LIFETIME_SECONDS = 300  # SMART Backend Services recommends five minutes
TYPE = "at+jwt"  # RFC 9068: no other token of ours can be taken for an access token
_REMEMBERED = 512
_clients: Any = AuthorityClient.__table__
# Built once: this is asked at every request.
_STANDING = select(_clients.c.active, _clients.c.expires_on, _clients.c.authority_id).where(
    _clients.c.id == bindparam("client_id")
)


@dataclass(frozen=True)
class Access:
    """Who asks, and what for: everything a route under /fhir may know about the caller."""

    client_id: str
    authority_id: str
    grant: Grant
    expires_at: int  # seconds since 1970

    def require(self, kind: str, letter: str) -> None:
        """Raise NotAllowed unless the token's scopes include `kind` with `letter`."""
        if not self.grant.allows(kind, letter):
            raise NotAllowed(
                f"The token's scopes do not include system/{kind}.{letter}.", client=self.client_id
            )


def issue_token(client: AuthorityClient, grant: Grant) -> str:
    """A signed token for `client`, good for LIFETIME_SECONDS from now."""
    now = int(clock.now().timestamp())
    claims = {
        "iss": base_url(), "aud": fhir_base(), "sub": client.id, "client_id": client.id,
        "authority_id": client.authority_id, "scope": str(grant), "jti": new_id(), "iat": now,
        "exp": now + LIFETIME_SECONDS,
    }  # fmt: skip
    return jwt.encode(claims, _key(), algorithm="HS256", headers={"typ": TYPE})


def check_token(session: Session, authorization: str) -> Access:
    """The access behind an Authorization header.

    The signature is verified once and remembered; expiry and the client's standing are checked at every use.
    Raises NotSignedIn when the token is missing, wrong, expired, or its client revoked.
    """
    token = read_bearer(authorization)
    if not token:
        raise NotSignedIn("Send an access token: ask for one at the token endpoint.")
    access = _find_verified(token)
    if access is None:
        raise NotSignedIn("The access token is not one of ours; ask for a new one.")
    if access.expires_at <= clock.now().timestamp():
        raise NotSignedIn("The access token has expired; ask for a new one.", client=access.client_id)
    standing = session.connection().execute(_STANDING, {"client_id": access.client_id}).one_or_none()
    if standing is None or not is_served(standing) or standing.authority_id != access.authority_id:
        raise NotSignedIn("This client is no longer registered.", client=access.client_id)
    return access


def read_bearer(authorization: str) -> str:
    """The token of an Authorization header; empty when there is none."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def find_remembered(app: Flask, authorization: str) -> Access | None:
    """The access of a header whose token `app` has verified before and is still good; says nothing of its client.

    Whoever takes it asks for the client's standing with what is handed out (`fhir.released.build_look_up`).
    """
    token = read_bearer(authorization)
    access = _remembered(app).get(_digest(token)) if token else None
    return access if access is not None and access.expires_at > clock.now().timestamp() else None


def _find_verified(token: str) -> Access | None:
    remembered = _remembered(current_app)
    digest = _digest(token)
    access = remembered.get(digest)
    if access is None:
        access = _verify(token)
        if access is not None:
            remembered[digest] = access
            if len(remembered) > _REMEMBERED:
                remembered.popitem(last=False)
    return access


def _remembered(app: Flask) -> OrderedDict[bytes, Access]:
    found: OrderedDict[bytes, Access] = app.extensions.setdefault("fhir_tokens", OrderedDict())
    return found


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _verify(token: str) -> Access | None:
    try:
        parsed = jwt.decode_complete(
            token, _key(), algorithms=["HS256"], audience=fhir_base(), issuer=base_url(),
            options={"verify_exp": False, "verify_iat": False, "require": ["exp", "client_id", "scope"]},
        )  # fmt: skip
    except (jwt.PyJWTError, ValueError):
        return None
    if parsed["header"].get("typ") != TYPE:
        return None
    claims = parsed["payload"]
    return Access(claims["client_id"], claims["authority_id"], parse_scopes(claims["scope"]), claims["exp"])


def _key() -> bytes:
    return derive_key(str(current_app.config["SECRET_KEY"]), "fhir access token")


@lru_cache(maxsize=32)
def derive_key(secret: str, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose, so that a signature made for another is worth nothing here."""
    return hmac.new(secret.encode(), f"clearway {purpose} v1".encode(), hashlib.sha256).digest()
