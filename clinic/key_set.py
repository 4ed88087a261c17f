"""The public keys of a machine client: which we accept, and at what addresses we would ask for them."""

from __future__ import annotations

import ipaddress
import json
from typing import Any
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from clinic.errors import InvalidInput

SMALLEST_RSA_BITS = 2048  # NIST SP 800-131A
LARGEST_RSA_BITS = 8192  # a larger one would cost us more than it proves
LONGEST_ADDRESS = 300
_PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


def check_key_set(text: str) -> str:
    """The JWK Set as we keep it; raises InvalidInput unless it holds public RSA or P-384 keys, each with a kid."""
    keys = _read_keys(text)
    names = [key.get("kid") for key in keys]
    if len(set(map(str, names))) != len(names) or not all(isinstance(name, str) and name for name in names):
        raise InvalidInput("Give every key of the JWK Set a kid of its own.")
    for key in keys:
        _check_key(key)
    return json.dumps({"keys": keys}, separators=(",", ":"))


def pick_key_set(text: str) -> str:
    """What we can use of a JWK Set published for several purposes; raises InvalidInput when that is nothing."""
    usable = []
    for key in _read_keys(text):
        try:
            _check_key(key)
        except InvalidInput:
            continue
        if isinstance(key.get("kid"), str) and key["kid"]:
            usable.append(key)
    if not usable:
        raise InvalidInput("The JWK Set holds no key that we can use.")
    return json.dumps({"keys": usable}, separators=(",", ":"))


def list_key_names(jwks: str) -> list[str]:
    """`kid (kind)` of each key of a set that was checked."""
    return [f"{key['kid']} ({key['kty']})" for key in json.loads(jwks)["keys"]]


def check_key_address(address: str) -> str:
    """The address as we keep it; raises InvalidInput unless it is https, or http to this machine itself.

    A caller never chooses it: it is registered by an administrator. To what machine it leads is checked again when
    it is asked (fhir/key_fetch.py).
    """
    try:
        parts = urlsplit(address.strip())
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise InvalidInput("Give the address of the JWK Set, beginning with https://.") from None
    if parts.username or parts.password or parts.fragment or len(address) > LONGEST_ADDRESS:
        raise InvalidInput("Give the address of the JWK Set without a user name and without “#”.")
    is_allowed = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    if not is_allowed or not host or not address.isascii() or any(c.isspace() for c in address.strip()):
        raise InvalidInput("Give the address of the JWK Set, beginning with https://.")
    return address.strip()


def is_loopback(host: str) -> bool:
    """Whether a host is written as this machine itself."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read_keys(text: str) -> list[dict[str, Any]]:
    try:
        keys = json.loads(text)["keys"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InvalidInput("Give a JWK Set: a JSON object with a list “keys”.") from None
    if not isinstance(keys, list) or not keys or not all(isinstance(key, dict) for key in keys):
        raise InvalidInput("The JWK Set holds no key.")
    return keys


def _check_key(key: dict[str, Any]) -> None:
    if _PRIVATE & set(key):
        raise InvalidInput("The JWK Set holds a private key. Keep that to yourself and register the public part.")
    try:
        public = jwt.PyJWK(key, algorithm={"RSA": "RS384", "EC": "ES384"}.get(str(key.get("kty")))).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        raise InvalidInput("A key of the JWK Set cannot be read.") from None
    if isinstance(public, RSAPublicKey) and SMALLEST_RSA_BITS <= public.key_size <= LARGEST_RSA_BITS:
        return
    if isinstance(public, EllipticCurvePublicKey) and isinstance(public.curve, SECP384R1):
        return
    raise InvalidInput("Use RSA keys of at least 2048 bits (RS384) or keys on the curve P-384 (ES384).")
