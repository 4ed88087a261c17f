"""Checks a sender's signature as a receiving authority does: with the public key that the sender publishes."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import jwt
from jwt import api_jws

from integrations.transport.http import NoAnswer, NotSent, Patience, exchange

ALGORITHMS = ["ES384"]

FetchKeys = Callable[[], dict[str, Any]]


class SignatureState(StrEnum):
    """What is known of the signature over a received document."""

    VALID = "valid"
    INVALID = "invalid"
    MISSING = "missing"
    NOT_CHECKED = "not-checked"  # the sender's keys could not be fetched


class Verifier:
    """Knows a sender's published keys; fetches them again when a signature names one it has not seen."""

    def __init__(self, fetch: FetchKeys) -> None:
        self._fetch = fetch
        self._keys: dict[str, Any] = {}

    def check(self, jws: str, body: bytes) -> SignatureState:
        """Whether `jws` (detached, RFC 7797) is the sender's signature over exactly `body`."""
        if not jws:
            return SignatureState.MISSING
        try:
            kid = str(jwt.get_unverified_header(jws).get("kid"))
        except jwt.InvalidTokenError:
            return SignatureState.INVALID
        if kid not in self._keys:
            try:
                found = self._fetch()
            except (NotSent, NoAnswer, ValueError):
                return SignatureState.NOT_CHECKED
            self._keys = {str(key.get("kid")): key for key in found.get("keys", []) if isinstance(key, dict)}
        if kid not in self._keys:
            return SignatureState.INVALID
        try:
            api_jws.decode(jws, jwt.PyJWK(self._keys[kid]), algorithms=ALGORITHMS, detached_payload=body)
        except jwt.InvalidTokenError:
            return SignatureState.INVALID
        return SignatureState.VALID


def fetch_from(base_url: str) -> FetchKeys:
    """How to fetch the JWK Set (RFC 7517) that the clinic at `base_url` publishes."""

    def fetch() -> dict[str, Any]:
        answer = exchange("GET", f"{base_url}/.well-known/jwks.json", {}, None, Patience(2, 3))
        if answer.status != 200:
            raise NoAnswer(f"HTTP {answer.status}")
        body = json.loads(answer.body)
        return body if isinstance(body, dict) else {}

    return fetch
