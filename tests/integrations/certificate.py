"""A certificate authority of the test's own, with a server and a client that it vouches for."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class CertificateFiles:
    """PEM files: the authority's certificate; certificate and key together of the two others."""

    authority: Path
    server: Path
    client: Path
    other: Path  # another client
    ended: Path  # a client whose certificate has ended


def make_authority_and_leaves(folder: Path) -> CertificateFiles:
    """Write the files into `folder`; all but the ended one are valid for a day, for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Test authority")
    root = _build(name, name, key.public_key(), True).sign(key, hashes.SHA256())
    (folder / "authority.pem").write_bytes(root.public_bytes(Encoding.PEM))
    for leaf in ("server", "client", "other", "ended"):
        own = ec.generate_private_key(ec.SECP256R1())
        days = -1 if leaf == "ended" else 1
        certificate = _build(_name(leaf), name, own.public_key(), False, days).sign(key, hashes.SHA256())
        private = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / f"{leaf}.pem").write_bytes(certificate.public_bytes(Encoding.PEM) + private)
    return CertificateFiles(*(folder / f"{name}.pem" for name in ("authority", "server", "client", "other", "ended")))


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _build(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, is_authority: bool, days: int = 1
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    host = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    return (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=days)).add_extension(host, critical=False)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(_usage(is_authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )  # fmt: skip


def _usage(is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=is_authority, crl_sign=is_authority, encipher_only=False,
        decipher_only=False,
    )  # fmt: skip
