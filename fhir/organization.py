"""A site of ours, as an Organization."""

from __future__ import annotations

from clinic.models import Site
from fhir.address import identifier_system
from fhir.code import concept
from fhir.element import clean_text, drop_empty, identifier
from fhir.encoder import Resource
from fhir.naming import Naming


def to_fhir(site: Site, naming: Naming) -> Resource:
    """The Organization of one clinic."""
    return drop_empty({
        "resourceType": "Organization",
        "id": naming.id_of("Organization", site.id),
        "identifier": [identifier(identifier_system("site"), site.code)],
        "active": True,
        "type": [concept("organization-type.provider")],
        "name": clean_text(site.name),
        "address": [drop_empty({"city": clean_text(site.city), "country": site.country})],
    })
