"""Families as screens need them, always within the user's site: who is where, and what comes next for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock
from clinic.db import db
from clinic.errors import NotFound
from clinic.identifier import find_family_number, to_key
from clinic.models import Applicant, Case, Family, FamilyMember, IdentityCheck, User
from clinic.services.family import list_members
from clinic.services.related_person import lacks_guardian


@dataclass(frozen=True)
class MemberView:
    """One member with their cases, newest first, and where they were met last today."""

    member: FamilyMember
    lacks_guardian: bool
    cases: list[Case] = field(default_factory=list)
    seen: IdentityCheck | None = None

    @property
    def person(self) -> Applicant:
        """Who it is."""
        return self.member.applicant


def get_family(family_id: str, user: User) -> Family:
    """The group, if it is of the user's site. Raises NotFound."""
    family = db.session.execute(
        select(Family).where(Family.id == family_id, Family.site_id == user.site_id)
    ).scalar_one_or_none()
    if family is None:
        raise NotFound(_("There is no such family at your site. Search by the number or a member's name."),
                       family=family_id)
    return family


def find_families_by_number(user: User, typed: str) -> list[Family]:
    """Groups of the site by our number or the authority's."""
    own, key = find_family_number(typed), to_key(typed)
    if not any(sign.isdigit() for sign in typed):
        return []
    wanted = Family.number == own if own else Family.authority_key == key
    return list(db.session.execute(
        select(Family).where(Family.site_id == user.site_id, wanted).order_by(Family.id).limit(20)).scalars())


def view_members(family: Family) -> list[MemberView]:
    """The members of today, the principal applicant first."""
    members = list_members(family)
    if not members:
        return []
    ids = [member.applicant_id for member in members]
    cases = list_cases_of_people(ids)
    seen = _list_last_seen([case.id for case in cases], clock.today(members[0].applicant.site.time_zone))
    views = []
    for member in members:
        own = [case for case in cases if case.applicant_id == member.applicant_id]
        looks = [seen[case.id] for case in own if case.id in seen]
        last = max(looks, key=lambda look: look.checked_at, default=None)
        views.append(MemberView(member, lacks_guardian(member.applicant), own, last))
    return views


def list_cases_of_people(applicant_ids: Sequence[str]) -> list[Case]:
    """Every case of these people, newest first."""
    return list(db.session.execute(
        select(Case).where(Case.applicant_id.in_(applicant_ids)).order_by(Case.id.desc())).unique().scalars())


def _list_last_seen(case_ids: Sequence[str], today: date) -> dict[str, IdentityCheck]:
    """The last confirmed look at each case's person today."""
    rows = db.session.execute(
        select(IdentityCheck).where(
            IdentityCheck.case_id.in_(case_ids), IdentityCheck.is_confirmed.is_(True),
            IdentityCheck.checked_on == today,
        ).order_by(IdentityCheck.id)).scalars()
    return {row.case_id: row for row in rows}
