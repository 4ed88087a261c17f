"""The signature on PDFs, judged by programs that others wrote (poppler, OpenSSL) and by our own check."""

from __future__ import annotations

import asyncio
import random
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask import Flask
from pyhanko.pdf_utils.generic import DictionaryObject, pdf_name, pdf_string
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from clinic import clock
from clinic.config import Settings
from clinic.db import db, set_mode, write_unit
from clinic.documents.pdf_check import SignatureBroken, check_pdf
from clinic.documents.pdf_signature import SignedAs, issue_document
from clinic.documents.printer import print_html
from clinic.errors import Misconfigured
from clinic.models import SignedExam, User
from clinic.services.revocation import revoke_exam
from clinic.services.signing import commit_signature
from clinic.signing_key import CertificateUnusable, SigningKey, load_signing_key
from tests.clinic.documents.paper import make_ca_case, make_uk_case, prepare, read_pages
from tests.us_case import Staff, make_complete_case, make_staff

NOW = datetime(2026, 3, 10, 8, 30, tzinfo=UTC)
SIGNED_AS = SignedAs(NOW, "Dr ขวัญใจ Ђорђевић المهدي", "Nairobi", "Exam 1, version 1")
PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
FLIPS = 40


@dataclass
class Issuer:
    """One that gives certificates, for this test alone."""

    private: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


def _build(name: str, public: ec.EllipticCurvePublicKey, issuer: Issuer | None, private: ec.EllipticCurvePrivateKey,
           first: datetime, last: datetime, is_issuer: bool, signs: bool = True) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = x509.KeyUsage(digital_signature=signs and not is_issuer, content_commitment=signs and not is_issuer,
                          key_encipherment=not signs, data_encipherment=False, key_agreement=False,
                          key_cert_sign=is_issuer, crl_sign=is_issuer, encipher_only=False, decipher_only=False)
    return (x509.CertificateBuilder().subject_name(subject).public_key(public)
            .issuer_name(issuer.certificate.subject if issuer else subject).serial_number(x509.random_serial_number())
            .not_valid_before(first).not_valid_after(last).add_extension(usage, critical=True)
            .add_extension(x509.BasicConstraints(ca=is_issuer, path_length=None), critical=True)
            .sign(issuer.private if issuer else private, hashes.SHA384()))


def make_issuer(name: str, above: Issuer | None = None) -> Issuer:
    private = ec.generate_private_key(ec.SECP384R1())
    ages = timedelta(days=4000)
    return Issuer(private, _build(name, private.public_key(), above, private, NOW - ages, NOW + ages, True))


def write_key(path: Path, issuer: Issuer, *others: Issuer, first: datetime = NOW - timedelta(days=30),
              last: datetime = NOW + timedelta(days=30), signs: bool = True) -> Settings:
    """A PEM as an operator has it: the key, its certificate, what stands above."""
    private = ec.generate_private_key(ec.SECP384R1())
    own = _build("Clinic of Nairobi", private.public_key(), issuer, private, first, last, False, signs)
    parts = [private.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
             own.public_bytes(PEM), *(one.certificate.public_bytes(PEM) for one in others)]
    path.write_bytes(b"".join(parts))
    return Settings(var_dir=path.parent, secret_key="x", signing_key=str(path))


def _document(body: str = "Text") -> str:
    return (f'<html lang="en"><head><title>One</title></head><body><p>{body}</p>'
            '<div id="signature-field">Signed by Dr ขวัญใจ Ђорђевић المهدي</div></body></html>')


@pytest.fixture
def own(tmp_path: Path) -> SigningKey:
    """The key an installation makes for itself."""
    return load_signing_key(Settings(var_dir=tmp_path / "own", secret_key="x"))


@pytest.fixture
def signed(own: SigningKey) -> bytes:
    """One page with its signature, made now."""
    return issue_document(_document(), replace(SIGNED_AS, signed_at=clock.now().replace(microsecond=0)), own)


def _run(*arguments: str) -> str:
    if shutil.which(arguments[0]) is None:
        pytest.fail(f"install {arguments[0]} (poppler-utils, libnss3-tools, openssl): make test does")
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def ask_poppler(pdf: bytes, certificate: x509.Certificate, folder: Path) -> str:
    """What `pdfsig` says of the file when it trusts `certificate`."""
    store = folder / "nss"
    if not store.exists():
        store.mkdir(parents=True)
        _run("certutil", "-N", "-d", f"sql:{store}", "--empty-password")
        (folder / "trusted.pem").write_bytes(certificate.public_bytes(PEM))
        _run("certutil", "-A", "-d", f"sql:{store}", "-n", "trusted", "-t", "CP,CP,CP",
             "-i", str(folder / "trusted.pem"))
    (folder / "asked.pdf").write_bytes(pdf)
    return _run("pdfsig", "-nssdir", f"sql:{store}", str(folder / "asked.pdf"))


def is_valid_for_poppler(told: str) -> bool:
    return "Signature is Valid." in told and "Total document signed" in told


def _covered(pdf: bytes) -> list[range]:
    found = re.search(rb"/ByteRange ?\[(\d+) (\d+) (\d+) (\d+)", pdf)
    assert found
    start, size, second, rest = map(int, found.groups())
    return [range(start, start + size), range(second, second + rest)]


def _flip(pdf: bytes, place: int) -> bytes:
    changed = bytearray(pdf)
    changed[place] ^= 1
    return bytes(changed)


def test_poppler_finds_the_signature_valid_trusted_and_over_the_whole_file(
        own: SigningKey, signed: bytes, tmp_path: Path) -> None:
    told = ask_poppler(signed, own.certificate, tmp_path)
    assert is_valid_for_poppler(told), told
    assert "Certificate is Trusted." in told and "ETSI.CAdES.detached" in told and "SHA-384" in told
    found = check_pdf(signed, [own.certificate])
    assert (found.physician, found.certificate) == (SIGNED_AS.physician, "Clearway installation")


def test_openssl_verifies_the_signature_taken_out_of_the_file(own: SigningKey, signed: bytes, tmp_path: Path) -> None:
    before, after = _covered(signed)
    content = bytes.fromhex(signed[before.stop + 1:after.start - 1].decode())
    (tmp_path / "signature.der").write_bytes(content)
    (tmp_path / "covered").write_bytes(signed[before.start:before.stop] + signed[after.start:after.stop])
    (tmp_path / "own.pem").write_bytes(own.certificate.public_bytes(PEM))
    command = ("openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", str(tmp_path / "signature.der"),
               "-content", str(tmp_path / "covered"), "-CAfile", str(tmp_path / "own.pem"), "-purpose", "any",
               "-cades", "-out", str(tmp_path / "out"))
    assert "CAdES Verification successful" in _run(*command)
    (tmp_path / "covered").write_bytes(_flip((tmp_path / "covered").read_bytes(), 700))
    assert "successful" not in _run(*command)


def test_one_flipped_bit_anywhere_under_the_signature_is_refused_by_both(
        own: SigningKey, signed: bytes, tmp_path: Path) -> None:
    draw = random.Random(5)
    places = [place for part in _covered(signed) for place in (part.start, part.stop - 1)]
    places += [draw.choice(part) for part in _covered(signed) for _ in range(FLIPS // 2)]
    for place in places:
        changed = _flip(signed, place)
        with pytest.raises(SignatureBroken):
            check_pdf(changed, [own.certificate])
        assert not is_valid_for_poppler(ask_poppler(changed, own.certificate, tmp_path)), place


def test_what_is_written_behind_the_signature_in_its_room_is_refused(own: SigningKey, signed: bytes) -> None:
    room = _covered(signed)[1].start - 4
    assert signed[room:room + 1] == b"0", "the room is larger than the signature"
    with pytest.raises(SignatureBroken, match="changed"):
        check_pdf(_flip(signed, room), [own.certificate])


def test_what_is_added_to_the_file_later_is_refused_by_both(own: SigningKey, signed: bytes, tmp_path: Path) -> None:
    writer, added = IncrementalPdfFileWriter(BytesIO(signed)), BytesIO()
    writer.set_info(writer.add_object(_note()))
    writer.write(added)
    for changed in (added.getvalue(), signed + b"\n% one more line\n"):
        assert changed.startswith(signed)
        with pytest.raises(SignatureBroken, match=r"added|changed|damaged"):
            check_pdf(changed, [own.certificate])
        assert not is_valid_for_poppler(ask_poppler(changed, own.certificate, tmp_path))


def _note() -> object:
    return DictionaryObject({pdf_name("/Subject"): pdf_string("another person")})


def test_signature_of_another_installation_and_none_at_all_are_refused(
        own: SigningKey, signed: bytes, tmp_path: Path) -> None:
    other = load_signing_key(Settings(var_dir=tmp_path / "other", secret_key="x"))
    with pytest.raises(SignatureBroken, match="not by this installation"):
        check_pdf(signed, [other.certificate])
    assert check_pdf(signed, [other.certificate, own.certificate]), "an earlier certificate still counts"
    with pytest.raises(SignatureBroken, match="carries 0"):
        check_pdf(print_html(_document()), [own.certificate])
    for junk in (b"", b"%PDF-", b"%PDF-1.7\n" + bytes(400), b"<html>%PDF-1.7"):
        with pytest.raises(SignatureBroken):
            check_pdf(junk, [own.certificate])


def test_certificate_of_an_issuer_is_trusted_through_its_chain(tmp_path: Path) -> None:
    root = make_issuer("Root")
    middle = make_issuer("Middle", root)
    with clock.stopped_at(NOW):
        settings = write_key(tmp_path / "key.pem", middle, middle,
                             last=datetime.now(UTC) + timedelta(days=300))
        key = load_signing_key(settings)
        pdf = issue_document(_document(), SIGNED_AS, key)
    assert key.subject == "Clinic of Nairobi" and [one.subject for one in key.chain] == [middle.certificate.subject]
    told = ask_poppler(pdf, root.certificate, tmp_path)
    assert is_valid_for_poppler(told) and "Certificate is Trusted." in told, told
    assert check_pdf(pdf, [key.certificate]).signed_at == NOW


@pytest.mark.parametrize(("first", "last", "says"), [
    (NOW - timedelta(days=60), NOW - timedelta(days=1), "ended on 09-Mar-2026"),
    (NOW + timedelta(days=1), NOW + timedelta(days=60), "valid from 11-Mar-2026 only"),
])
def test_certificate_out_of_its_time_signs_nothing_and_says_what_to_do(
        tmp_path: Path, first: datetime, last: datetime, says: str) -> None:
    root = make_issuer("Root")
    with clock.stopped_at(NOW):
        key = load_signing_key(write_key(tmp_path / "key.pem", root, first=first, last=last))
        with pytest.raises(CertificateUnusable, match=says) as refused:
            issue_document(_document(), SIGNED_AS, key)
    assert "Ask the administrator" in refused.value.message


def test_key_file_that_cannot_sign_is_named_when_it_is_read(tmp_path: Path) -> None:
    root = make_issuer("Root")
    with pytest.raises(Misconfigured, match="nonRepudiation"):
        load_signing_key(write_key(tmp_path / "usage.pem", root, signs=False))
    good = write_key(tmp_path / "good.pem", root)
    pem = (tmp_path / "good.pem").read_bytes()
    (tmp_path / "stranger.pem").write_bytes(pem[:pem.index(b"-----BEGIN CERT")] + root.certificate.public_bytes(PEM))
    with pytest.raises(Misconfigured, match="belongs to another key"):
        load_signing_key(Settings(var_dir=tmp_path, signing_key=str(tmp_path / "stranger.pem")))
    assert load_signing_key(good).subject == "Clinic of Nairobi"


def test_every_official_paper_is_signed_and_its_field_covers_no_text(app: Flask, tmp_path: Path) -> None:
    staff = make_staff()
    key = load_signing_key(app.config["CLEARWAY"])
    for make in (make_complete_case, make_uk_case, make_ca_case):
        set_mode("write")
        made = prepare(make(staff), staff)  # type: ignore[operator]
        found = check_pdf(made.pdf, [key.certificate])
        assert made.sha256 in found.reason and found.signed_at == made.signed_at
        told = ask_poppler(made.pdf, key.certificate, tmp_path)
        assert is_valid_for_poppler(told), told
        assert all(made.sha256 in re.sub(r"\s", "", page) for page in read_pages(made.pdf, tmp_path))
        appearance = re.search(rb"/AP\s*<<[^>]*>>", made.pdf)
        assert appearance, "the field can be seen"


def test_command_tells_a_good_file_from_a_broken_and_a_revoked_one(app: Flask, tmp_path: Path) -> None:
    staff: Staff = make_staff()
    case = make_complete_case(staff)
    made = prepare(case, staff)
    exam_id = commit_signature(made)
    good, bad = tmp_path / "good.pdf", tmp_path / "bad.pdf"
    good.write_bytes(made.pdf)
    bad.write_bytes(_flip(made.pdf, 900))
    runner = app.test_cli_runner()
    told = runner.invoke(args=["verify-pdf", str(good)])
    assert told.exit_code == 0 and "Valid." in told.output and f"Exam {exam_id}" in told.output, told.output
    assert "stands today as: valid" in told.output
    refused = runner.invoke(args=["verify-pdf", str(bad)])
    assert refused.exit_code == 1 and "changed after it was signed" in refused.output
    with write_unit() as session:
        exam, physician = session.get_one(SignedExam, exam_id), session.get_one(User, made.signer_id)
        revoke_exam(exam, "another person's film", physician)
    assert "stands today as: revoked" in runner.invoke(args=["verify-pdf", str(good)]).output
    db.session.rollback()


def test_where_an_event_loop_runs_already_it_is_checked_all_the_same(own: SigningKey, signed: bytes) -> None:
    async def check() -> str:
        return check_pdf(signed, [own.certificate]).physician

    with ThreadPoolExecutor(1) as thread:  # the browser's tests leave a loop in the thread of the suite
        assert thread.submit(lambda: asyncio.run(check())).result() == check_pdf(signed, [own.certificate]).physician
