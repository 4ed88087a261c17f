"""Signing keys that do not fit, have ended, or are of another kind: each planted."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from clinic import clock
from clinic.config import Settings
from clinic.doctor.certificate import check_signing_key
from clinic.doctor.finding import Finding, Verdict

DAY = timedelta(days=1)


def write_pem(path: Path, begin: timedelta, end: timedelta, issuer: str = "Trust",
              curve: ec.EllipticCurve | None = None, own: bool = True) -> Settings:
    key, other = ec.generate_private_key(curve or ec.SECP384R1()), ec.generate_private_key(ec.SECP384R1())
    subject, by = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("Clinic", issuer))
    now = clock.now()
    certificate = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(by)
        .public_key((key if own else other).public_key()).serial_number(1)
        .not_valid_before(now + begin).not_valid_after(now + end).sign(key, hashes.SHA384())
    )
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
                     + certificate.public_bytes(Encoding.PEM))
    return Settings(var_dir=path.parent, signing_key=str(path))


def only(settings: Settings) -> Finding:
    found = list(check_signing_key(settings))
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(("begin", "end", "values", "verdict", "words"), [
    (-DAY, 900 * DAY, {}, Verdict.GOOD, "in time"), (-9 * DAY, -DAY, {}, Verdict.WRONG, "has ended"),
    (DAY, 9 * DAY, {}, Verdict.WRONG, "not valid yet"), (-DAY, 59 * DAY, {}, Verdict.WARNING, "ends in 58 days"),
    (-DAY, 900 * DAY, {"own": False}, Verdict.WRONG, "another key"),
    (-DAY, 900 * DAY, {"curve": ec.SECP256R1()}, Verdict.WRONG, "P-384"),
    (-DAY, 900 * DAY, {"issuer": "Clinic"}, Verdict.WARNING, "our own"),
])
def test_certificate_is_judged(
    tmp_path: Path, begin: timedelta, end: timedelta, values: dict[str, object], verdict: Verdict, words: str
) -> None:
    found = only(write_pem(tmp_path / "key.pem", begin, end, **values))  # type: ignore[arg-type]
    assert (found.verdict, words in found.words) == (verdict, True), found


def test_missing_or_unreadable_key_is_said_and_none_is_made(tmp_path: Path) -> None:
    assert only(Settings(var_dir=tmp_path)).verdict is Verdict.WARNING
    assert list(tmp_path.iterdir()) == []
    assert only(Settings(var_dir=tmp_path, signing_key=str(tmp_path / "none.pem"))).verdict is Verdict.WRONG
    (tmp_path / "bad.pem").write_text("not a key")
    assert only(Settings(var_dir=tmp_path, signing_key=str(tmp_path / "bad.pem"))).verdict is Verdict.WRONG
