"""A family as a Group, for the clinic's own record alone: its members may go to different authorities.

An authority reads released resources only (architecture, decision 1), and no signature releases a Group: it would name
people whose cases belong to somebody else.
"""

from __future__ import annotations

from clinic.models import Family, FamilyMember
from fhir.address import identifier_system
from fhir.element import Element, clean_text, drop_empty, identifier, to_instant
from fhir.encoder import Resource
from fhir.naming import Naming


def to_fhir(family: Family, members: list[FamilyMember], site_code: str, naming: Naming) -> Resource:
    """The Group with everybody who ever belonged to it, each with the time."""
    return drop_empty({
        "resourceType": "Group",
        "id": naming.id_of("Group", family.id),
        "identifier": [identifier(identifier_system(f"family/{site_code}"), family.number, use="usual")],
        "active": any(member.left_at is None for member in members),
        "type": "person",
        "actual": True,
        "name": clean_text(family.name),
        "quantity": sum(member.left_at is None for member in members),
        "managingEntity": naming.refer("Organization", family.site_id),
        "member": [_member(member, naming) for member in members],
    })


def _member(member: FamilyMember, naming: Naming) -> Element:
    return drop_empty({
        "entity": naming.refer("Patient", member.applicant_id),
        "period": drop_empty({
            "start": to_instant(member.joined_at), "end": to_instant(member.left_at) if member.left_at else None}),
        "inactive": member.left_at is not None,
    })
