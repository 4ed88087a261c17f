"""Proof that a machine client is who it says: its signed assertion (SMART App Launch 2, private_key_jwt)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt
from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from clinic import clock
from clinic.errors import ClearwayError
from clinic.models import AuthorityClient
from clinic.services.authority_client import is_served
from fhir.table import UsedAssertion

ALGORITHMS = {"RS384": "RSA", "ES384": "EC"}
LONGEST_SECONDS = 300  # SMART: an assertion may live five minutes at most
CLOCK_TOLERANCE_SECONDS = 60  # a client whose clock runs ahead may say it began a little later than now
LONGEST_ASSERTION = 8192
LONGEST_JTI = 200  # of the column that remembers it


class ClientRefused(ClearwayError):
    """The assertion does not prove a client that we know and still serve."""

    status = 401
    code = "login"


@dataclass(frozen=True)
class Proof:
    """A verified assertion: whose it is, and what must be remembered so that it works only once."""

    client: AuthorityClient
    jti: str
    expires_at: datetime


@dataclass(frozen=True)
class KeyAddress:
    """Where the keys of an assertion's client are published, and the name of the one that it uses."""

    url: str
    kid: str


def find_key_address(session: Session, assertion: str) -> KeyAddress | None:
    """Where the keys must be asked for before this assertion can be verified; None when they are stored with us.

    Raises ClientRefused for what is no assertion of a client that we serve, so that nobody else makes us ask.
    """
    header, claims = _read(assertion)
    client = _get_client(session, claims)
    _check_key_named(client, header)
    return KeyAddress(client.jwks_url, header["kid"]) if client.jwks_url else None


def read_issuer(assertion: str) -> str:
    """The client_id that an assertion claims, before anything is proved. Raises ClientRefused for what is no assertion.
    """
    _header, claims = _read(assertion)
    return str(claims.get("iss", ""))


def verify_assertion(session: Session, assertion: str, audience: str, published: str | None = None) -> Proof:
    """Check every claim of `assertion`; raises ClientRefused with a sentence that says which one is wrong.

    `published` is the JWK Set of the client's address, if it has one.
    """
    header, claims = _read(assertion)
    client = _get_client(session, claims)
    _check_key_named(client, header)
    key = _get_key(client, header, published)
    try:
        jwt.decode(assertion, key, algorithms=[header["alg"]], options=_UNCHECKED)
    except (jwt.PyJWTError, ValueError, TypeError):
        raise ClientRefused("The assertion's signature does not fit the registered key.") from None
    _check_audience(claims, audience)
    expires_at = _check_times(claims)
    jti = claims.get("jti")
    if not isinstance(jti, str) or not jti.isprintable() or not 1 <= len(jti) <= LONGEST_JTI:
        raise ClientRefused(f"The assertion needs a jti of 1 to {LONGEST_JTI} characters.")
    used = session.get(UsedAssertion, (client.id, jti))
    if used is not None:
        raise ClientRefused("This assertion was used before; make a new one, with a new jti, for each token.")
    return Proof(client, jti, expires_at)


def remember_assertion(session: Session, proof: Proof) -> None:
    """Use the assertion up and forget expired ones; raises ClientRefused if it was used before."""
    table = UsedAssertion
    session.execute(delete(table).where(table.client_id == proof.client.id, table.expires_at < clock.now()))
    try:
        with session.begin_nested():
            session.execute(
                insert(table).values(client_id=proof.client.id, jti=proof.jti, expires_at=proof.expires_at)
            )
    except IntegrityError:
        raise ClientRefused("This assertion was used before; make a new one for each token.") from None


# The library would read the clock itself; times and audience are checked below, by ours.
_UNCHECKED: Any = {
    "verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False, "verify_iss": False,
    "verify_sub": False, "verify_jti": False,
}  # fmt: skip


def _read(assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
    if len(assertion) > LONGEST_ASSERTION:
        raise ClientRefused("The assertion is too long.")
    try:
        header = jwt.get_unverified_header(assertion)
        claims = jwt.decode(assertion, options={"verify_signature": False, **_UNCHECKED})
    except (jwt.PyJWTError, ValueError, TypeError):
        raise ClientRefused("The assertion is not a signed JWT.") from None
    if not isinstance(header.get("alg"), str) or header["alg"] not in ALGORITHMS:
        raise ClientRefused(f"Sign the assertion with one of {', '.join(ALGORITHMS)}.")
    if header.get("typ", "JWT") != "JWT":
        raise ClientRefused("The assertion's typ must be JWT.")
    if not isinstance(header.get("kid"), str) or not header["kid"]:
        raise ClientRefused("The assertion's header must name its key (kid).")
    if "crit" in header:
        raise ClientRefused("The assertion asks for an extension that we do not know (crit).")
    return header, claims


def _get_client(session: Session, claims: dict[str, Any]) -> AuthorityClient:
    name = claims.get("iss")
    if not isinstance(name, str) or not name.isprintable() or claims.get("sub") != name:
        raise ClientRefused("The assertion's iss and sub must both be the client_id.")
    client = session.execute(select(AuthorityClient).where(AuthorityClient.id == name)).scalar_one_or_none()
    if client is None or not is_served(client):
        raise ClientRefused("This client is not registered, or no longer.", client=name[:80])
    return client


def _check_key_named(client: AuthorityClient, header: dict[str, Any]) -> None:
    """An address named by the caller is never asked: it may only repeat the registered one."""
    if "jku" in header and (client.jwks_url is None or header["jku"] != client.jwks_url):
        raise ClientRefused("This jku is not registered; leave it out and use a registered key.", client=client.id)
    if client.jwks and client.keys_expire_on is not None and client.keys_expire_on < clock.today():
        raise ClientRefused("The registered keys have expired; send us new ones.", client=client.id)


def _get_key(client: AuthorityClient, header: dict[str, Any], published: str | None) -> jwt.PyJWK:
    """The registered key of the assertion's `kid`, if it is of the kind its algorithm needs."""
    text = published if client.jwks_url else client.jwks
    for entry in json.loads(text or '{"keys": []}')["keys"]:
        if entry.get("kid") != header["kid"] or entry.get("kty") != ALGORITHMS[header["alg"]]:
            continue
        if entry.get("alg", header["alg"]) != header["alg"] or entry.get("use", "sig") != "sig":
            continue
        return jwt.PyJWK(entry, algorithm=header["alg"])
    raise ClientRefused("No registered key fits the assertion's kid and alg.", client=client.id)


def _check_audience(claims: dict[str, Any], audience: str) -> None:
    named = claims.get("aud")
    if named not in (audience, [audience]):
        raise ClientRefused(f"The assertion's aud must be {audience}.")


def _check_times(claims: dict[str, Any]) -> datetime:
    now = clock.now().timestamp()
    expires: Any = claims.get("exp")
    if not _is_number(expires):
        raise ClientRefused("The assertion must say when it expires (exp).")
    if expires <= now:
        raise ClientRefused("The assertion has expired; make a new one.")
    if expires > now + LONGEST_SECONDS:
        raise ClientRefused("The assertion may live five minutes at most (exp).")
    for name in ("nbf", "iat"):
        moment = claims.get(name, now)
        if not _is_number(moment) or moment > now + CLOCK_TOLERANCE_SECONDS:
            raise ClientRefused(f"The assertion is not valid yet ({name}); check your clock.")
    return datetime.fromtimestamp(expires, UTC)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value
