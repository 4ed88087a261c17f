"""The installation's signing key: P-384 with a certificate, one PEM; signs documents with a detached JWS."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from jwt import api_jws
from jwt.algorithms import ECAlgorithm

from clinic import clock
from clinic.config import Settings
from clinic.durable_file import write_once
from clinic.errors import Misconfigured

ALGORITHM = "ES384"
CERTIFICATE_DAYS = 3650


@dataclass(frozen=True)
class SigningKey:
    """A private key, its certificate, and the name (`kid`) by which the public half is found."""

    private: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    kid: str

    def sign_detached(self, payload: bytes) -> str:
        """A detached JWS (RFC 7515 appendix F, RFC 7797 `b64: false`) over exactly these bytes."""
        return api_jws.encode(payload, self.private, algorithm=ALGORITHM,
                              headers={"kid": self.kid, "b64": False, "crit": ["b64"]}, is_payload_detached=True)

    def public_jwk(self) -> dict[str, Any]:
        """The public half as a JWK, for /.well-known/jwks.json."""
        jwk: dict[str, Any] = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {**jwk, "kid": self.kid, "use": "sig", "alg": ALGORITHM}


def verify_detached(jws: str, payload: bytes, public_key: ec.EllipticCurvePublicKey) -> bool:
    """Whether `jws` is a signature over exactly `payload` by the holder of `public_key`."""
    from jwt.exceptions import InvalidTokenError

    try:
        api_jws.decode(jws, public_key, algorithms=[ALGORITHM], detached_payload=payload)
    except InvalidTokenError:
        return False
    return True


def load_signing_key(settings: Settings) -> SigningKey:
    """The key of the setting SIGNING_KEY, or one made on first use in the state folder.

    Raises Misconfigured when the file is not a P-384 key with its certificate.
    """
    path = Path(settings.signing_key) if settings.signing_key else settings.var_dir / "signing.pem"
    if not path.exists():
        if settings.signing_key:
            raise Misconfigured("CLEARWAY_SIGNING_KEY names a file that does not exist. Correct the path.")
        _make(path, settings.base_url)
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _read(path: Path, _changed_at: int) -> SigningKey:
    pem = path.read_bytes()
    try:
        private = serialization.load_pem_private_key(pem, password=None)
        certificate = x509.load_pem_x509_certificate(pem)
    except ValueError:
        raise Misconfigured("The signing key file must hold one P-384 private key and its certificate (PEM). "
                            "Nothing was signed. Put the file back from its copy.") from None
    if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP384R1):
        raise Misconfigured("The signing key must be on the curve P-384; make a new one.")
    return SigningKey(private, certificate, name_key(certificate))


def name_key(certificate: x509.Certificate) -> str:
    """The `kid` of the key that `certificate` belongs to."""
    return base64.urlsafe_b64encode(certificate.fingerprint(hashes.SHA256())[:12]).decode()


def _make(path: Path, base_url: str) -> None:
    """A new key with a self-signed certificate; a real installation brings its own by SIGNING_KEY."""
    private = ec.generate_private_key(ec.SECP384R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Clearway installation"),
                      x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, base_url[:60])])
    now = clock.now()
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=CERTIFICATE_DAYS)).sign(private, hashes.SHA384())
    )
    pem = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                serialization.NoEncryption())
    path.parent.mkdir(parents=True, exist_ok=True)
    write_once(path, pem + certificate.public_bytes(serialization.Encoding.PEM))  # another process may be first
