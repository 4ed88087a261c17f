"""Whether a PDF is one of ours, whole and unchanged: for `verify-pdf`, and independent of what the database says."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from clinic.documents.apart import run_apart
from clinic.errors import InvalidInput
from clinic.signing_key import get_common_name

LARGEST = 64 * 1024 * 1024  # bytes; the largest packet of ours has less than one


class SignatureBroken(InvalidInput):
    """The file is not as this installation signed it; the sentence says in what way."""


@dataclass(frozen=True)
class SignatureFound:
    """What an unbroken signature of ours says."""

    certificate: str
    physician: str
    signed_at: datetime
    reason: str


def check_pdf(pdf: bytes, certificates: list[x509.Certificate]) -> SignatureFound:
    """The one signature of `pdf`, made by one of `certificates` (ours, now and before) over the whole file.

    Raises SignatureBroken for a file without signature, with several, changed, added to, or signed by anybody else.
    """
    if len(pdf) > LARGEST or not pdf.startswith(b"%PDF-"):
        raise SignatureBroken("This is no PDF of this installation.")
    silenced = logging.getLogger("pyhanko")
    level = silenced.level
    silenced.setLevel(logging.CRITICAL)  # what is wrong is said once, by us
    try:
        return _check(pdf, certificates)
    except SignatureBroken:
        raise
    except Exception as error:  # a stranger's bytes make the reader fail in many ways; each means the same
        raise SignatureBroken("The file is damaged: its signature cannot be read.",
                              fault=type(error).__name__) from None
    finally:
        silenced.setLevel(level)


def _check(pdf: bytes, certificates: list[x509.Certificate]) -> SignatureFound:
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation.status import SignatureCoverageLevel

    signatures = PdfFileReader(BytesIO(pdf)).embedded_signatures
    if len(signatures) != 1:
        raise SignatureBroken(f"The file must carry one signature; this one carries {len(signatures)}.")
    signature = signatures[0]
    own = _find_own(signature.signer_cert.dump(), certificates)
    if own is None:
        raise SignatureBroken("The signature is not by this installation. If it was made with an earlier certificate, "
                              "name that in CLEARWAY_SIGNING_FORMER.")
    signature.compute_integrity_info()
    if signature.coverage is not SignatureCoverageLevel.ENTIRE_FILE:
        raise SignatureBroken("Something was added to the file after it was signed.")
    if not _is_intact(signature, own) or _has_filling(signature.pkcs7_content):
        raise SignatureBroken("The file was changed after it was signed.")
    about, signed_at = signature.sig_object, signature.self_reported_timestamp
    assert signed_at is not None
    if not own.not_valid_before_utc <= signed_at <= own.not_valid_after_utc:
        raise SignatureBroken("The file says it was signed when the certificate was not valid.")
    return SignatureFound(get_common_name(own), str(about.get("/Name", "")), signed_at, str(about.get("/Reason", "")))


def _find_own(der: bytes, certificates: list[x509.Certificate]) -> x509.Certificate | None:
    return next((one for one in certificates if one.public_bytes(serialization.Encoding.DER) == der), None)


def _is_intact(signature: Any, own: x509.Certificate) -> bool:
    """Whether digest and signature are right; the certificate itself is known, so no path is built to a root."""
    from asn1crypto.x509 import Certificate
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko_certvalidator import ValidationContext

    trusted = Certificate.load(own.public_bytes(serialization.Encoding.DER))
    context = ValidationContext(trust_roots=[trusted], allow_fetching=False, moment=signature.self_reported_timestamp)
    status = run_apart(lambda: validate_pdf_signature(signature, signer_validation_context=context))
    return bool(status.intact and status.valid)


def _has_filling(content: bytes) -> bool:
    """Whether something lies behind the signature itself, in the room that was kept for it and that it cannot cover."""
    from asn1crypto.cms import ContentInfo

    return bool(content[len(ContentInfo.load(content).dump()):].strip(b"\0"))
