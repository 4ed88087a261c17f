"""Pairs of records that may be one person, newest first: found by the blocking keys, never by reading everybody."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from clinic.db import db
from clinic.models import Applicant, User
from clinic.services.double import LikelyDouble, list_doubles_of, traits_of
from clinic.services.merge_caution import find_told_apart, find_undone_merge

LOOKED_AT = 40  # records a page; each is one question to the index


@dataclass(frozen=True)
class DoublePair:
    """A record, another that may be the same person, and why somebody said they are two, if anybody did."""

    applicant: Applicant
    double: LikelyDouble
    apart: str | None


def list_double_pairs(
    user: User, after: str | None = None, settled: bool = False
) -> tuple[list[DoublePair], str | None]:
    """Likely doubles among the next LOOKED_AT records of the site, and the id after which more follow.

    Pairs that somebody told apart, or whose merge was undone, are left out unless `settled`.
    """
    query = select(Applicant).where(Applicant.site_id == user.site_id, Applicant.merged_into_id.is_(None))
    if after:
        query = query.where(Applicant.id < after)
    people = list(db.session.execute(query.order_by(Applicant.id.desc()).limit(LOOKED_AT + 1)).unique().scalars())
    pairs: dict[frozenset[str], DoublePair] = {}
    for applicant in people[:LOOKED_AT]:
        for double in list_doubles_of(user.site_id, traits_of(applicant), besides=applicant.id):
            reason = find_reason_apart(applicant.id, double.applicant.id)
            if reason is None or settled:
                both = frozenset((applicant.id, double.applicant.id))
                pairs.setdefault(both, DoublePair(applicant, double, reason))
    return list(pairs.values()), people[LOOKED_AT - 1].id if len(people) > LOOKED_AT else None


def find_reason_apart(one_id: str, other_id: str) -> str | None:
    """Why the two are two people, as somebody wrote last, also when undoing their merge."""
    told, undone = find_told_apart(one_id, other_id), find_undone_merge(one_id, other_id)
    if undone is not None and undone.undone_at and (told is None or told.told_at < undone.undone_at):
        return undone.undo_reason
    return told.reason if told else None
