"""What speaks against two records being one person: shown before a merge, each to be confirmed by a tick."""

from __future__ import annotations

from collections.abc import Iterator

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock
from clinic.caution import Caution
from clinic.db import db
from clinic.models import Applicant, Case, IdentityCheck, Merge, Sex, ToldApart
from clinic.workflow import OPEN


def list_cautions(survivor: Applicant, loser: Applicant) -> list[Caution]:
    """Everything unusual about making these two one; none of it forbids it."""
    return list(_list_cautions(survivor, loser))


def _list_cautions(survivor: Applicant, loser: Applicant) -> Iterator[Caution]:
    for mine, theirs in _list_same_programme(survivor, loser):
        yield Caution("same-programme", _(
            "Both have an open case of the same programme: %(one)s and %(other)s. Afterwards the person has two; "
            "withdraw the one that is not needed.", one=mine.number, other=theirs.number))
        break
    if {survivor.sex, loser.sex} == {Sex.MALE, Sex.FEMALE}:
        yield Caution("sex", _("One is recorded as male, the other as female."))
    if survivor.birth_date[:4] != loser.birth_date[:4]:
        yield Caution("birth-year", _("They were born in different years: %(one)s and %(other)s.",
                                      one=survivor.birth_date[:4], other=loser.birth_date[:4]))
    if _was_seen_today(survivor) and _was_seen_today(loser):
        yield Caution("both-seen-today", _("Somebody confirmed today to have each of the two in front of them: perhaps "
                                           "two people are in the building."))
    told = find_told_apart(survivor.id, loser.id)
    if told is not None:
        yield Caution("told-apart", _("Somebody wrote that these are two people: “%(reason)s”", reason=told.reason))
    undone = find_undone_merge(survivor.id, loser.id)
    if undone is not None:
        yield Caution("undone-before", _("They were merged before, and that was undone: “%(reason)s”",
                                         reason=undone.undo_reason))


def find_told_apart(one_id: str, other_id: str) -> ToldApart | None:
    """The last time somebody wrote that the two are different people."""
    pair = (one_id, other_id)
    return db.session.execute(
        select(ToldApart).where(ToldApart.one_id.in_(pair), ToldApart.other_id.in_(pair))
        .order_by(ToldApart.id.desc()).limit(1)
    ).scalar_one_or_none()


def find_undone_merge(one_id: str, other_id: str) -> Merge | None:
    """The last merge of the two that was undone."""
    pair = (one_id, other_id)
    return db.session.execute(
        select(Merge).where(Merge.survivor_id.in_(pair), Merge.loser_id.in_(pair), Merge.undone_at.is_not(None))
        .order_by(Merge.id.desc()).limit(1)
    ).scalar_one_or_none()


def _list_same_programme(survivor: Applicant, loser: Applicant) -> list[tuple[Case, Case]]:
    mine, theirs = (_list_open(record) for record in (survivor, loser))
    return [(one, other) for one in mine for other in theirs if one.programme == other.programme]


def _list_open(record: Applicant) -> list[Case]:
    return list(db.session.execute(
        select(Case).where(Case.applicant_id == record.id, Case.state.in_(OPEN)).order_by(Case.id)
    ).unique().scalars())


def _was_seen_today(record: Applicant) -> bool:
    return db.session.execute(
        select(IdentityCheck.id).join(Case, Case.id == IdentityCheck.case_id).where(
            Case.applicant_id == record.id, IdentityCheck.is_confirmed,
            IdentityCheck.checked_on == clock.today(record.site.time_zone),
        ).limit(1)
    ).first() is not None
