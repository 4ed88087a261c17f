"""The transfer syntaxes a film may have (DICOM PS3.6 annex A; hl7-dicom.md 5.3)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TransferSyntax:
    """One way a film's pixels are written; `is_lossy`: what was compressed away does not come back."""

    uid: str
    name: str
    is_lossy: bool = False
    is_encapsulated: bool = True


EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"

TRANSFER_SYNTAXES: dict[str, TransferSyntax] = {
    syntax.uid: syntax
    for syntax in (
        TransferSyntax("1.2.840.10008.1.2", "Implicit VR Little Endian", is_encapsulated=False),
        TransferSyntax(EXPLICIT_LITTLE, "Explicit VR Little Endian", is_encapsulated=False),
        TransferSyntax("1.2.840.10008.1.2.1.99", "Deflated Explicit VR Little Endian", is_encapsulated=False),
        TransferSyntax("1.2.840.10008.1.2.2", "Explicit VR Big Endian", is_encapsulated=False),
        TransferSyntax("1.2.840.10008.1.2.4.50", "JPEG Baseline", is_lossy=True),
        TransferSyntax(JPEG_EXTENDED, "JPEG Extended", is_lossy=True),
        TransferSyntax("1.2.840.10008.1.2.4.57", "JPEG Lossless"),
        TransferSyntax("1.2.840.10008.1.2.4.70", "JPEG Lossless, First-Order Prediction"),
        TransferSyntax("1.2.840.10008.1.2.4.80", "JPEG-LS Lossless"),
        TransferSyntax("1.2.840.10008.1.2.4.81", "JPEG-LS Near-Lossless", is_lossy=True),
        TransferSyntax("1.2.840.10008.1.2.4.90", "JPEG 2000 Lossless"),
        TransferSyntax("1.2.840.10008.1.2.4.91", "JPEG 2000", is_lossy=True),
        TransferSyntax("1.2.840.10008.1.2.5", "RLE Lossless"),
    )
}


def label_transfer_syntax(uid: str) -> str:
    """Its name in the standard; the UID itself when we do not know it."""
    found = TRANSFER_SYNTAXES.get(uid)
    return found.name if found else uid
