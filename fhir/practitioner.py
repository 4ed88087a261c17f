"""A member of staff, as a Practitioner."""

from __future__ import annotations

from clinic.models import User
from fhir.address import identifier_system
from fhir.code import concept
from fhir.element import clean_text, drop_empty, identifier
from fhir.encoder import Resource
from fhir.naming import Naming


def to_fhir(user: User, naming: Naming) -> Resource:
    """The Practitioner: name and, for a physician, the licence number; no e-mail address leaves the house."""
    licence = identifier(
        identifier_system(f"licence/{user.site.country}"), user.licence_number, concept("v2-0203.licence")
    )
    return drop_empty({
        "resourceType": "Practitioner",
        "id": naming.id_of("Practitioner", user.id),
        "identifier": [licence] if licence else None,
        "active": True if naming.is_released else user.active,
        "name": [{"text": clean_text(user.name)}],
    })
