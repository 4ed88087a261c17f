"""The signed exam as a FHIR document: exact bytes, built from one read of the case, checked once as a whole.

Each entry is the very resource that is released beside the document, byte for byte. References are relative and
resolve against the entries' full URLs, so they hold inside the document and on our server alike (R4 bundle.html,
"Resolving references in Bundles").
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.orm import Session, object_session

from clinic.errors import Misconfigured
from clinic.ports import BuiltDocument, DocumentOrder, FrozenResource
from fhir.composition import build_composition, document_identifier
from fhir.dossier import list_practitioners, list_references, load_dossier
from fhir.element import to_instant
from fhir.encoder import Resource, encode
from fhir.endpoint import fhir_base
from fhir.frozen import freeze, freeze_bytes
from fhir.naming import ReleasedNaming
from fhir.provenance import build_provenance
from fhir.store import with_meta
from fhir.table import ReleasedVersion
from fhir.validation import InvalidResource, validate
from fhir.withdrawal import list_withdrawn


def build_document(order: DocumentOrder) -> BuiltDocument:
    """The document and everything its signature releases; raises InvalidResource when it is no valid FHIR.

    Released besides the entries: the Bundle itself, and what an earlier document said and this one does not say any
    more, as entered in error.
    """
    session = session_of(order)
    naming = naming_of(order)
    dossier = load_dossier(session, order, naming)
    composition = build_composition(order, dossier, naming)
    clinical = [composition, *dossier.list_clinical()]
    entries = [*clinical, *list_practitioners(session, order, naming, clinical)]
    _check_closed(entries)
    frozen = _freeze(session, order, entries)
    body = _build_bundle(order, frozen)
    withdrawn = list_withdrawn(session, order, {(one.kind, one.id) for one in frozen})
    bundle = freeze_bytes("Bundle", order.bundle_id, 1, body)
    return BuiltDocument(order.bundle_id, body, (*frozen, *withdrawn, bundle))


def build_proof(order: DocumentOrder, built: BuiltDocument, jws: str) -> tuple[FrozenResource, ...]:
    """The Provenance that carries the signature; raises InvalidResource."""
    proof = with_meta(build_provenance(order, jws, naming_of(order)), 1, to_instant(order.signed_at))
    validate(proof)
    return (freeze(proof, 1),)


def naming_of(order: DocumentOrder) -> ReleasedNaming:
    """The names that this case's resources have towards its authority."""
    return ReleasedNaming(authority_id=order.case.authority_id, case_id=order.case.id)


def _freeze(session: Session, order: DocumentOrder, resources: list[Resource]) -> list[FrozenResource]:
    """Number each resource's version, check all of them together as they will stand in the Bundle, write the bytes."""
    versions = get_released_versions(session, order)
    moment = to_instant(order.signed_at)
    numbered = []
    for resource in resources:
        version = versions.get((resource["resourceType"], resource["id"]), 0) + 1
        numbered.append((version, with_meta(resource, version, moment)))
    head = _bundle_head(order)
    validate(head | {"entry": [{"fullUrl": _full_url(one), "resource": one} for _, one in numbered]})
    return [freeze(one, version) for version, one in numbered]


def get_released_versions(session: Session, order: DocumentOrder) -> dict[tuple[str, str], int]:
    """The newest released version of everything of this case that its authority already has."""
    query = select(ReleasedVersion.kind, ReleasedVersion.id, func.max(ReleasedVersion.version)).where(
        ReleasedVersion.authority_id == order.case.authority_id, ReleasedVersion.case_id == order.case.id
    )
    found = session.execute(query.group_by(ReleasedVersion.kind, ReleasedVersion.id))
    return {(kind, key): version for kind, key, version in found}


def _build_bundle(order: DocumentOrder, frozen: Iterable[FrozenResource]) -> bytes:
    """The Bundle's bytes, spliced from the entries' own."""
    root = fhir_base()
    entries = [
        b'{"fullUrl":"%s","resource":%s}' % (f"{root}/{one.kind}/{one.id}".encode(), one.body) for one in frozen
    ]
    head = encode(_bundle_head(order))
    return head[:-1] + b',"entry":[' + b",".join(entries) + b"]}"


def _bundle_head(order: DocumentOrder) -> Resource:
    moment = to_instant(order.signed_at)
    return {
        "resourceType": "Bundle",
        "id": order.bundle_id,
        "meta": {"versionId": "1", "lastUpdated": moment},
        "identifier": document_identifier(order.bundle_id),
        "type": "document",
        "timestamp": moment,
    }


def _full_url(resource: Resource) -> str:
    return f"{fhir_base()}/{resource['resourceType']}/{resource['id']}"


def _check_closed(entries: list[Resource]) -> None:
    """Every reference of a document must lead to one of its entries (R4 documents.html)."""
    present = {f"{one['resourceType']}/{one['id']}" for one in entries}
    lost = sorted({found for one in entries for found in list_references(one)} - present)
    if lost:
        raise InvalidResource("The document could not be completed, so nothing was signed. Tell your administrator.",
                              lost=lost)


def session_of(order: DocumentOrder) -> Session:
    """The session that read the order's case; raises Misconfigured without one."""
    session = object_session(order.case)
    if session is None:
        raise Misconfigured("Build the document within the unit of work that read its case.")
    return session
