"""The proof of a signature: a Provenance outside the document, carrying the detached JWS over the document's bytes."""

from __future__ import annotations

import base64

from clinic.ports import DocumentOrder
from fhir.code import coding, concept
from fhir.element import Element, drop_empty, to_instant
from fhir.encoder import Resource
from fhir.naming import ReleasedNaming


def build_provenance(order: DocumentOrder, jws: str, naming: ReleasedNaming) -> Resource:
    """The Provenance of one document; `jws` is detached (RFC 7797) and stands base64 encoded in the signature."""
    signer = naming.refer("Practitioner", order.signer.id)
    signed_at = to_instant(order.signed_at)
    return drop_empty({
        "resourceType": "Provenance",
        "id": naming.id_of("Provenance", order.bundle_id),
        "target": [
            {"reference": f"Bundle/{order.bundle_id}"},
            naming.refer("Composition", order.case.id),
        ],
        "recorded": signed_at,
        "agent": [{
            "type": concept("participant-type.legal"),
            "who": signer,
            "onBehalfOf": naming.refer("Organization", order.case.site_id),
        }],
        "entity": _replaced(order),
        "signature": [{
            "type": [coding("signature.author")],
            "when": signed_at,
            "who": signer,
            "targetFormat": "application/fhir+json",
            "sigFormat": "application/jose",
            "data": base64.b64encode(jws.encode()).decode(),
        }],
    })


def _replaced(order: DocumentOrder) -> list[Element] | None:
    if order.replaces is None:
        return None
    return [{"role": "revision", "what": {"reference": f"Bundle/{order.replaces.id}"}}]
