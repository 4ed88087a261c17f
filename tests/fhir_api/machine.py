"""A receiving authority's machine: its key, its assertions, its requests."""

from __future__ import annotations

import json
from datetime import date
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from flask import Flask
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from werkzeug.test import TestResponse

from clinic import clock
from clinic.key import new_id
from clinic.services.authority_client import add_client

TOKEN_URL = "http://localhost:8000/oauth/token"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALL = "system/*.rs"


@cache
def make_key(kind: str = "ES384", number: int = 0) -> dict[str, Any]:
    """A private key as a JWK; the same one for the same arguments, since RSA keys are slow to make."""
    if kind == "ES384":
        key = ECAlgorithm(ECAlgorithm.SHA384).to_jwk(ec.generate_private_key(ec.SECP384R1()), as_dict=True)
    else:
        key = RSAAlgorithm(RSAAlgorithm.SHA384).to_jwk(rsa.generate_private_key(65537, 2048), as_dict=True)
    return {**key, "kid": f"{kind}-{number}", "use": "sig", "alg": kind}


def to_public(key: dict[str, Any]) -> dict[str, Any]:
    """The part of a JWK that is registered."""
    private = {"d", "p", "q", "dp", "dq", "qi", "key_ops"}
    return {name: value for name, value in key.items() if name not in private}


class Machine:
    """One registered client over Flask's test client; commit before the first request."""

    def __init__(
        self, app: Flask, authority_id: str, kind: str = "ES384", scopes: str = ALL, jwks_url: str | None = None,
        expires_on: date | None = None, keys_expire_on: date | None = None,
    ) -> None:  # fmt: skip
        self.key = make_key(kind)
        jwks = None if jwks_url else json.dumps({"keys": [to_public(self.key)]})
        self.id = add_client(
            authority_id, jwks, scopes=scopes, jwks_url=jwks_url, expires_on=expires_on, keys_expire_on=keys_expire_on
        ).id
        self.http = app.test_client()
        self.token = ""

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Proper claims with `changes`; a change to None leaves the claim out."""
        now = int(clock.now().timestamp())
        claims = {"iss": self.id, "sub": self.id, "aud": TOKEN_URL, "exp": now + 240, "jti": new_id()} | changes
        return {name: value for name, value in claims.items() if value is not None}

    def sign(self, claims: dict[str, Any], key: dict[str, Any] | None = None, **header: Any) -> str:
        """An assertion by the machine's key, or another one."""
        key = key or self.key
        headers = {"kid": key["kid"], "typ": "JWT"} | header
        return jwt.encode(
            claims, jwt.PyJWK(key).key, algorithm=key["alg"],
            headers={name: value for name, value in headers.items() if value is not None},
        )  # fmt: skip

    def ask(self, assertion: str | None = None, scope: str | None = ALL, **form: str | None) -> TestResponse:
        """A token request; `form` replaces or (None) leaves out parameters."""
        fields = {
            "grant_type": "client_credentials", "scope": scope, "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion or self.sign(self.claims()),
        } | form  # fmt: skip
        return self.http.post("/oauth/token", data={k: v for k, v in fields.items() if v is not None})

    def sign_in(self, scope: str = ALL) -> Machine:
        """Fetch a token and keep it."""
        answer = self.ask(scope=scope)
        assert answer.status_code == 200, answer.text
        self.token = answer.json["access_token"]
        return self

    def get(self, path: str, **headers: str) -> TestResponse:
        """GET /fhir/… with the token; header names with _ for -."""
        return self.http.get(f"/fhir/{path}", headers=self._headers(headers))

    def post(self, path: str, data: dict[str, Any], **headers: str) -> TestResponse:
        """POST a form to /fhir/… with the token."""
        return self.http.post(f"/fhir/{path}", data=data, headers=self._headers(headers))

    def _headers(self, headers: dict[str, str]) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} | {k.replace("_", "-"): v for k, v in headers.items()}
