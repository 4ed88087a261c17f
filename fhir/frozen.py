"""Makes a resource's exact bytes ready to be released, before the transaction that releases them begins."""

from __future__ import annotations

from clinic.ports import FrozenResource
from fhir.encoder import Resource, decode, digest, encode
from fhir.release import list_index_rows


def freeze(resource: Resource, version: int) -> FrozenResource:
    """The bytes of a resource and what it is found by."""
    return freeze_bytes(resource["resourceType"], resource["id"], version, encode(resource))


def freeze_bytes(kind: str, key: str, version: int, body: bytes) -> FrozenResource:
    """The same of bytes that are written already; a Binary, as large as its print, has nothing it is found by."""
    found = () if kind == "Binary" else tuple(list_index_rows(decode(body)))
    return FrozenResource(kind, key, version, body, digest(body), found)
