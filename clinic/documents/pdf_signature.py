"""Every official PDF leaves through here: printed, then signed with the installation's certificate (PAdES B-B).

The signature (ETSI EN 319 142-1, sub-filter ETSI.CAdES.detached) certifies the file and allows no later change. Its
field lies over the element `id="signature-field"`, which the page itself prints: no text of the field covers any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

from cryptography.hazmat.primitives import serialization

from clinic.documents.apart import run_apart
from clinic.documents.printer import Box, print_page_boxes
from clinic.signing_key import SigningKey

ANCHOR = "signature-field"
FIELD = "Signature"
DIGEST = "sha384"  # of the strength of the key's curve
ROOM = 2048  # bytes of a signature beside its certificates, which are about 600; more would raise, not be cut


@dataclass(frozen=True)
class SignedAs:
    """What the signature says of itself beside the certificate."""

    signed_at: datetime
    physician: str
    place: str
    reason: str


def issue_document(html: str, signed_as: SignedAs, key: SigningKey) -> bytes:
    """The signed PDF of a complete HTML text that has one element `id="signature-field"`; call it outside any unit.

    Raises Misconfigured, CertificateUnusable.
    """
    key.ensure_usable()
    pdf, boxes = print_page_boxes(html)
    return sign_pdf(pdf, boxes[ANCHOR], signed_as, key)


def sign_pdf(pdf: bytes, box: Box, signed_as: SignedAs, key: SigningKey) -> bytes:
    """`pdf` with one signature over all its bytes, its field at `box`."""
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import fields, signers
    from pyhanko.stamp import StaticStampStyle

    describe = signers.PdfSignatureMetadata(
        field_name=FIELD, md_algorithm=DIGEST, name=signed_as.physician, reason=signed_as.reason,
        location=signed_as.place, subfilter=fields.SigSeedSubFilter.PADES, certify=True,
        docmdp_permissions=fields.MDPPerm.NO_CHANGES,
    )
    spec = fields.SigFieldSpec(
        FIELD, on_page=box.page, box=box.corners, readable_field_name=f"Signature of {signed_as.physician}")
    frame = StaticStampStyle(background=None, border_width=1)

    class Signer(signers.PdfSigner):
        """One that takes the moment of the signature, not of the machine."""

        def init_signing_session(self, *args: Any, **options: Any) -> Any:
            session = super().init_signing_session(*args, **options)
            session.system_time = signed_as.signed_at
            return session

    signed = BytesIO()
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    signer = Signer(describe, _build_signer(key), stamp_style=frame, new_field_spec=spec)
    run_apart(lambda: signer.sign_pdf(writer, bytes_reserved=_count_digits(key), output=signed))
    return signed.getvalue()


def _count_digits(key: SigningKey) -> int:
    """Room for the signature, in hexadecimal digits; left to itself, the library signs once more to find it out."""
    return 2 * (ROOM + sum(len(one.public_bytes(serialization.Encoding.DER)) for one in (key.certificate, *key.chain)))


def _build_signer(key: SigningKey) -> Any:
    from asn1crypto.keys import PrivateKeyInfo
    from asn1crypto.x509 import Certificate
    from pyhanko.sign.signers import SimpleSigner
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    der = serialization.Encoding.DER
    private = key.private.private_bytes(der, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    own, *others = [Certificate.load(one.public_bytes(der)) for one in (key.certificate, *key.chain)]
    known = SimpleCertificateStore()
    known.register_multiple(others)
    return SimpleSigner(own, PrivateKeyInfo.load(private), known)
