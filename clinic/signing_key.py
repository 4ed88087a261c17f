"""The installation's signing key: P-384 with its certificate, one PEM; signs documents with a detached JWS."""

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
from flask_babel import gettext as _
from jwt import api_jws
from jwt.algorithms import ECAlgorithm

from clinic import clock
from clinic.config import Settings
from clinic.durable_file import write_once
from clinic.errors import Misconfigured, NotNow

ALGORITHM = "ES384"
CERTIFICATE_DAYS = 3650
DAY = "%d-%b-%Y"


class CertificateUnusable(NotNow):
    """The installation's certificate is not valid at this moment, so nothing may be signed with it."""


@dataclass(frozen=True)
class SigningKey:
    """A private key, its certificate with what stands above it, and the name (`kid`) of the public half."""

    private: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    kid: str
    chain: tuple[x509.Certificate, ...] = ()  # intermediates, as they stood in the file

    @property
    def subject(self) -> str:
        """The common name of the certificate, or all of its subject when it has none."""
        return get_common_name(self.certificate)

    def ensure_usable(self) -> None:
        """Raise CertificateUnusable, saying what to do, unless every certificate is valid now."""
        now = clock.now()
        for one in (self.certificate, *self.chain):
            if now > one.not_valid_after_utc:
                raise CertificateUnusable(
                    _("The certificate “%(name)s” ended on %(day)s. Nothing was signed. Ask the administrator to put a "
                      "new one into the signing key's file.", name=get_common_name(one),
                      day=f"{one.not_valid_after_utc:{DAY}}"), kid=self.kid)
            if now < one.not_valid_before_utc:
                raise CertificateUnusable(
                    _("The certificate “%(name)s” is valid from %(day)s only. Nothing was signed. Ask the "
                      "administrator to check the computer's clock, or to take another certificate.",
                      name=get_common_name(one), day=f"{one.not_valid_before_utc:{DAY}}"), kid=self.kid)

    def sign_detached(self, payload: bytes) -> str:
        """A detached JWS (RFC 7515 appendix F, RFC 7797 `b64: false`) over exactly these bytes."""
        return api_jws.encode(payload, self.private, algorithm=ALGORITHM,
                              headers={"kid": self.kid, "b64": False, "crit": ["b64"]}, is_payload_detached=True)

    def public_jwk(self) -> dict[str, Any]:
        """The public half as a JWK, for /.well-known/jwks.json."""
        return build_jwk(self.certificate)


def get_common_name(certificate: x509.Certificate) -> str:
    """What a certificate calls its subject."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()


def build_jwk(certificate: x509.Certificate) -> dict[str, Any]:
    """The JWK of a certificate on P-384, with the certificate itself (RFC 7517, 4.7)."""
    public = certificate.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    jwk: dict[str, Any] = ECAlgorithm.to_jwk(public, as_dict=True)
    encoded = base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()
    return {**jwk, "kid": name_key(certificate), "use": "sig", "alg": ALGORITHM, "x5c": [encoded]}


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


def load_former_certificates(settings: Settings) -> list[x509.Certificate]:
    """The certificates this installation signed with before, from the setting SIGNING_FORMER; none without it.

    Raises Misconfigured when the file cannot be read or holds a certificate that is not on P-384.
    """
    if not settings.signing_former:
        return []
    try:
        found = x509.load_pem_x509_certificates(Path(settings.signing_former).read_bytes())
    except (OSError, ValueError):
        raise Misconfigured(
            "CLEARWAY_SIGNING_FORMER must name a PEM file with the certificates used before.") from None
    if not all(_is_on_curve(one.public_key()) for one in found):
        raise Misconfigured("CLEARWAY_SIGNING_FORMER holds a certificate that is not on the curve P-384; take it out.")
    return found


@lru_cache(maxsize=8)
def _read(path: Path, _changed_at: int) -> SigningKey:
    pem = path.read_bytes()
    try:
        private = serialization.load_pem_private_key(pem, password=None)
        certificates = x509.load_pem_x509_certificates(pem)
    except (ValueError, TypeError):  # TypeError: the key is locked with a pass phrase
        raise Misconfigured("The signing key file must hold one P-384 private key and its certificate (PEM), the key "
                            "without a pass phrase. Nothing was signed. Put the file back from its copy.") from None
    if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP384R1):
        raise Misconfigured("The signing key must be on the curve P-384; make a new one.")
    own = [one for one in certificates if one.public_key() == private.public_key()]
    if not own:
        raise Misconfigured("The certificate in the signing key file belongs to another key. Put in the one that fits.")
    _ensure_may_sign(own[0])
    chain = tuple(one for one in certificates if one is not own[0])
    return SigningKey(private, own[0], name_key(own[0]), chain)


def _ensure_may_sign(certificate: x509.Certificate) -> None:
    """Raise Misconfigured when the certificate's key usage (RFC 5280, 4.2.1.3) does not allow to sign documents."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return  # any use is allowed
    if not usage.digital_signature and not usage.content_commitment:
        raise Misconfigured("The key usage of the signing certificate allows neither digitalSignature nor "
                            "nonRepudiation. Ask its issuer for one that does.")


def _is_on_curve(key: object) -> bool:
    return isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP384R1)


def name_key(certificate: x509.Certificate) -> str:
    """The `kid` of the key that `certificate` belongs to."""
    return base64.urlsafe_b64encode(certificate.fingerprint(hashes.SHA256())[:12]).decode()


def _make(path: Path, base_url: str) -> None:
    """A new key with a self-signed certificate; a real installation brings its own by SIGNING_KEY.

    The certificate names no key usage: readers would take one without keyCertSign for unable to vouch for itself.
    """
    private = ec.generate_private_key(ec.SECP384R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Clearway installation"),
                      x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, base_url[:60])])
    now = clock.now()
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=CERTIFICATE_DAYS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
        .sign(private, hashes.SHA384())
    )
    pem = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                serialization.NoEncryption())
    path.parent.mkdir(parents=True, exist_ok=True)
    write_once(path, pem + certificate.public_bytes(serialization.Encoding.PEM))  # another process may be first
