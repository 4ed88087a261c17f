"""Families and travel groups: founded around a principal applicant, joined, left with a reason; rows are kept."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock
from clinic.audit import record_change
from clinic.counter import next_number
from clinic.db import db
from clinic.errors import AlreadyDone, CaseChanged, InvalidInput, NotFound, NotNow
from clinic.identifier import build_family_number, to_key
from clinic.models import Applicant, Family, FamilyMember, Relation, Sex, User

FACTS = ("kind", "name", "authority_number")
# What the principal applicant is to a member of this relation, for a child's guardian.
_CHILDREN = frozenset({Relation.CHILD, Relation.ADOPTED_CHILD})


def found_family(principal: Applicant, data: dict[str, Any], actor: User) -> Family:
    """A new group (as FamilyIn gives it) around `principal`. Raises AlreadyDone when the person is in one."""
    _ensure_free(principal)
    site = principal.site
    family = Family(
        site_id=site.id, number=build_family_number(site.code, next_number(site.id, "family")), opened_at=clock.now(),
        opened_by_id=actor.id,
    )
    _write_facts(family, data)
    db.session.add(family)
    db.session.flush()
    _join(family, principal, None, actor)
    _audit(family, "found-family", actor, {"principal": principal.id})
    return family


def change_family(family: Family, data: dict[str, Any], version: int, actor: User) -> list[str]:
    """Correct the group's facts; returns which changed. Raises CaseChanged when somebody saved in between."""
    if family.version != version:
        raise CaseChanged(_("Somebody else changed this family just now. Nothing of yours was saved: look again."),
                          family=family.id)
    changed = [name for name in FACTS if getattr(family, name) != data[name]]
    if changed:
        _write_facts(family, data)
        _audit(family, "change-family", actor, {"fields": changed})
    return changed


def join_family(family: Family, applicant: Applicant, relation: Relation, actor: User) -> FamilyMember:
    """Somebody registered joins. Raises NotFound beyond the site, AlreadyDone when the person is in a group."""
    if applicant.site_id != family.site_id:
        raise NotFound(_("There is no such person at your site. Search again."), applicant=applicant.id)
    _ensure_free(applicant)
    member = _join(family, applicant, relation, actor)
    _audit(family, "join-family", actor, {"applicant": applicant.id, "relation": relation.value})
    return member


def leave_family(family: Family, member: FamilyMember, reason: str, actor: User, heir_id: str | None = None) -> None:
    """Somebody leaves; the row stays with the reason.

    When the principal applicant leaves others behind, `heir_id` names the member who takes the place; the others'
    relations then read to that one and are to be looked at. Raises InvalidInput without one, NotNow when gone already.
    """
    if member.left_at is not None:
        raise NotNow(_("This person left the group already. Look again."), member=member.id)
    staying = [one for one in list_members(family) if one.id != member.id]
    if member.is_principal and staying:
        heir = next((one for one in staying if one.id == heir_id), None)
        if heir is None:
            raise InvalidInput(_("Please correct what is marked."), fields={
                "heir": [_("Choose who becomes the principal applicant.")]}, family=family.id)
        heir.relation = None
    member.left_at, member.left_by_id, member.left_reason = clock.now(), actor.id, reason
    _audit(family, "leave-family", actor, {"applicant": member.applicant_id, "principal": heir_id})


def change_relation(family: Family, member: FamilyMember, relation: Relation, actor: User) -> None:
    """Correct what a member is to the principal applicant. Raises NotNow for the principal and for who left."""
    if member.is_principal or member.left_at is not None:
        raise NotNow(_("This relation cannot be changed. Look again."), member=member.id)
    if member.relation is not relation:
        _audit(family, "change-relation", actor, {
            "applicant": member.applicant_id, "from": member.relation, "to": relation.value})
        member.relation = relation
        db.session.flush()


def find_family(applicant: Applicant) -> Family | None:
    """The group the applicant is in now."""
    return db.session.execute(
        select(Family).join(FamilyMember, FamilyMember.family_id == Family.id)
        .where(FamilyMember.applicant_id == applicant.id, FamilyMember.left_at.is_(None))
    ).unique().scalar_one_or_none()


def list_members(family: Family) -> list[FamilyMember]:
    """Who is in the group now, the principal applicant first."""
    return sorted((one for one in family.members if one.left_at is None), key=lambda one: not one.is_principal)


def list_former_members(family: Family) -> list[FamilyMember]:
    """Who left, last first."""
    gone = [(one.left_at, one.id, one) for one in family.members if one.left_at is not None]
    return [one for _left, _id, one in sorted(gone, key=lambda each: each[:2], reverse=True)]


def get_member(family: Family, member_id: str) -> FamilyMember:
    """One row of the group, also of who left. Raises NotFound."""
    for one in family.members:
        if one.id == member_id:
            return one
    raise NotFound(_("There is no such member of this group. Look at the page again."), family=family.id)


def find_parent_relation(principal: Applicant, relation: Relation | None) -> Relation | None:
    """What the principal applicant is to a member who is `relation` to them, where that is a parent."""
    if relation not in _CHILDREN:
        return None
    return {Sex.FEMALE: Relation.MOTHER, Sex.MALE: Relation.FATHER}.get(principal.sex, Relation.PARENT)


def _ensure_free(applicant: Applicant) -> None:
    present = find_family(applicant)
    if present is not None:
        raise AlreadyDone(_("This person is in the group %(number)s already. Leave that one first.",
                            number=present.number), applicant=applicant.id, family=present.id)


def _join(family: Family, applicant: Applicant, relation: Relation | None, actor: User) -> FamilyMember:
    member = FamilyMember(applicant_id=applicant.id, relation=relation, joined_at=clock.now(), joined_by_id=actor.id)
    member.applicant = applicant
    family.members.append(member)
    db.session.flush()
    return member


def _write_facts(family: Family, data: dict[str, Any]) -> None:
    for name in FACTS:
        setattr(family, name, data[name])
    number = data["authority_number"]
    family.authority_key = to_key(number)[:60] or None if number else None


def _audit(family: Family, action: str, actor: User, detail: dict[str, Any]) -> None:
    record_change(action, "family", family.id, site_id=family.site_id, actor_id=actor.id, detail=detail)
    db.session.flush()
