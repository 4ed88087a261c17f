"""The printed packet as a Binary: its bytes lie with the signed exam once, and become this resource when asked for."""

from __future__ import annotations

import base64
from datetime import datetime

from fhir.element import to_instant
from fhir.encoder import encode

CONTENT_TYPE = "application/pdf"


def build_binary(binary_id: str, signed_at: datetime, pdf: bytes) -> bytes:
    """The resource's exact bytes; the same whenever they are built, since a printed packet never changes."""
    return encode({
        "resourceType": "Binary",
        "id": binary_id,
        "meta": {"versionId": "1", "lastUpdated": to_instant(signed_at)},
        "contentType": CONTENT_TYPE,
        "data": base64.b64encode(pdf).decode(),
    })
