"""A passkey in software: what a browser and its key answer to a page's question (WebAuthn Level 2, no attestation)."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import bytes_to_base64url

PRESENT_AND_VERIFIED, WITH_KEY = 0x05, 0x40  # flags of the authenticator data
IDENT = b"fuzz-passkey-one"


class SoftKey:
    """One key of one person; `origin` is where people reach the house."""

    def __init__(self, origin: str = "http://localhost:8000", host: str = "localhost", ident: bytes = IDENT) -> None:
        self.origin, self.host, self.ident = origin, host, ident
        self._private = ec.derive_private_key(7193, ec.SECP256R1())
        self._uses = 0

    def register(self, asked: dict[str, Any]) -> str:
        """What the hidden field holds after the browser has made this key, asked by `options_add`."""
        data = self._describe(WITH_KEY) + bytes(16) + len(self.ident).to_bytes(2, "big") + self.ident
        data += self.describe_public()
        statement = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(asked, {"attestationObject": bytes_to_base64url(statement),
                                    "clientDataJSON": bytes_to_base64url(self._say("webauthn.create", asked))})

    def prove(self, asked: dict[str, Any]) -> str:
        """What the hidden field holds after this key has signed the question."""
        data, said = self._describe(0), self._say("webauthn.get", asked)
        signature = self._private.sign(data + sha256(said).digest(), ec.ECDSA(SHA256()))
        return self._answer(asked, {"authenticatorData": bytes_to_base64url(data),
                                    "clientDataJSON": bytes_to_base64url(said),
                                    "signature": bytes_to_base64url(signature)})

    def describe_public(self) -> bytes:
        """Its public half as a COSE key."""
        numbers = self._private.public_key().public_numbers()
        return cbor2.dumps(
            {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})

    def _describe(self, more: int) -> bytes:
        self._uses += 1
        flags = bytes([PRESENT_AND_VERIFIED | more])
        return sha256(self.host.encode()).digest() + flags + self._uses.to_bytes(4, "big")

    def _say(self, kind: str, asked: dict[str, Any]) -> bytes:
        return json.dumps({"type": kind, "challenge": asked["options"]["challenge"], "origin": self.origin}).encode()

    def _answer(self, asked: dict[str, Any], response: dict[str, str]) -> str:
        ident = bytes_to_base64url(self.ident)
        credential = {"id": ident, "rawId": ident, "type": "public-key", "response": response,
                      "clientExtensionResults": {}}
        return json.dumps({"challenge": asked["challenge"], "credential": credential})
