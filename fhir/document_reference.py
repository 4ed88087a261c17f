"""The printed packet of a signature for its authority: a DocumentReference, one of each case, and its Binary."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime

from clinic.ports import AttachPrint, DocumentOrder, FrozenResource
from fhir.binary import CONTENT_TYPE, build_binary
from fhir.code import concept
from fhir.composition import TITLE, document_identifier
from fhir.document import get_released_versions, naming_of, session_of
from fhir.element import Element, clean_text, drop_empty, to_instant
from fhir.encoder import Resource
from fhir.endpoint import fhir_base
from fhir.frozen import freeze, freeze_bytes
from fhir.store import with_meta
from fhir.validation import validate


def prepare_print(order: DocumentOrder) -> AttachPrint:
    """What turns the PDF's bytes into its resources; reads the case now, nothing later. Raises InvalidResource.

    The DocumentReference keeps its id over all amendments and counts versions; each PDF is a Binary of its own.
    """
    naming = naming_of(order)
    binary_id = naming.id_of("Binary", order.bundle_id)
    reference = _build_reference(order)
    version = get_released_versions(session_of(order), order).get(("DocumentReference", reference["id"]), 0) + 1
    signed_at = order.signed_at

    def attach(pdf: bytes) -> tuple[FrozenResource, ...]:
        content = [{"attachment": _describe(binary_id, pdf, signed_at)}]
        described = with_meta(reference | {"content": content}, version, to_instant(signed_at))
        validate(described)
        return (
            freeze_bytes("Binary", binary_id, 1, build_binary(binary_id, signed_at, pdf)),
            freeze(described, version),
        )

    return attach


def _build_reference(order: DocumentOrder) -> Resource:
    """All but the content."""
    case, naming = order.case, naming_of(order)
    signer = naming.refer("Practitioner", order.signer.id)
    return drop_empty({
        "resourceType": "DocumentReference",
        "id": naming.id_of("DocumentReference", case.id),
        "masterIdentifier": document_identifier(naming.id_of("Binary", order.bundle_id)),
        "status": "current",
        "docStatus": "amended" if order.replaces else "final",
        "type": concept("loinc.document", TITLE),
        "subject": naming.refer("Patient", case.applicant_id),
        "date": to_instant(order.signed_at),
        "author": [signer],
        "authenticator": signer,
        "custodian": naming.refer("Organization", case.site_id),
        "description": clean_text(f"{TITLE}, printed: {case.authority.name}"),
        "content": [{"attachment": {"contentType": CONTENT_TYPE}}],
        "context": {
            "encounter": [naming.refer("Encounter", case.id)],
            "related": [{"reference": f"Bundle/{order.bundle_id}"}],
        },
    })


def _describe(binary_id: str, pdf: bytes, signed_at: datetime) -> Element:
    """The Attachment: size exact, hash SHA-1 in base64 (R4 datatypes, Attachment)."""
    return {
        "contentType": CONTENT_TYPE,
        "language": "en",
        "url": f"{fhir_base()}/Binary/{binary_id}",
        "size": len(pdf),
        "hash": base64.b64encode(hashlib.sha1(pdf, usedforsecurity=False).digest()).decode(),
        "title": TITLE,
        "creation": to_instant(signed_at),
    }
