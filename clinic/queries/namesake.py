"""Who in the building today has a name like another's: the two are easily mixed up at a station."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.engine import Row

from clinic import clock
from clinic.db import db
from clinic.models import Applicant, Case, IdentityCheck, Site
from clinic.models.case import OPEN_STATES
from clinic.name import PersonTraits, compare_person_names, list_sounds, list_tokens

ALIKE = 0.85  # our own judgement: another spelling, or exchanged; tests/clinic/services/test_namesake.py holds it


def find_namesakes(applicant: Applicant) -> list[Row[Any]]:
    """Others in the building today whose names are like the applicant's, while the applicant is here too."""
    people = {row.id: row for row in list_present(applicant.site)}
    me = people.pop(applicant.id, None)
    return [] if me is None else [row for row in people.values() if are_alike(me, row)]


def list_namesake_ids(site: Site) -> set[str]:
    """Ids of all applicants in the building today who have a namesake there, for lists."""
    pairs = combinations(list_present(site), 2)
    return {row.id for one, other in pairs if are_alike(one, other) for row in (one, other)}


def list_present(site: Site) -> list[Row[Any]]:
    """Applicants of whom a case was opened today, or who were recognised at a station today: id and names."""
    today = clock.today(site.time_zone)
    midnight, _end = clock.find_bounds(today, today, site.time_zone)
    opened = select(Case.applicant_id).where(  # updated_at leads to them by the index of the open cases
        Case.site_id == site.id, text(OPEN_STATES), Case.updated_at >= midnight, Case.opened_at >= midnight)
    seen = select(Case.applicant_id).join(IdentityCheck, IdentityCheck.case_id == Case.id).where(
        IdentityCheck.checked_on == today, IdentityCheck.is_confirmed, Case.site_id == site.id)
    return list(db.session.execute(select(
        Applicant.id, Applicant.number, Applicant.family_name, Applicant.given_names, Applicant.native_family_name,
        Applicant.native_given_names,
    ).where(Applicant.id.in_(opened.union(seen)))))


def are_alike(one: Row[Any], other: Row[Any]) -> bool:
    """Whether two people's names could be taken for each other, in any script and order."""
    if not _list_sounds_of(one) & _list_sounds_of(other):
        return False  # most pairs end here, at little cost
    return compare_person_names(_to_traits(one), _to_traits(other)) >= ALIKE


def _list_sounds_of(row: Row[Any]) -> set[str]:
    words = list_tokens(row.family_name, row.given_names, row.native_family_name, row.native_given_names)
    return {sound for word in words for sound in list_sounds(word)}


def _to_traits(row: Row[Any]) -> PersonTraits:
    return PersonTraits(row.family_name, row.given_names, row.native_family_name, row.native_given_names)
