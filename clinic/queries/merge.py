"""Merges of records: which stand, what happened to a case's applicant, which record survived."""

from __future__ import annotations

from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import or_, select

from clinic.db import db
from clinic.errors import NotFound
from clinic.models import Applicant, Case, IdentityCheck, IdentityDocument, Merge, MergedRow, User


def get_merge(merge_id: str, user: User) -> Merge:
    """A merge at the user's site. Raises NotFound."""
    merge = db.session.execute(
        select(Merge).where(Merge.id == merge_id, Merge.site_id == user.site_id)
    ).scalar_one_or_none()
    if merge is None:
        raise NotFound(_("There is no such merge at your site."), merge=merge_id)
    return merge


def find_standing_merge(loser_id: str) -> Merge | None:
    """The merge by which a record went into another, unless it was undone."""
    return db.session.execute(
        select(Merge).where(Merge.loser_id == loser_id, Merge.undone_at.is_(None))
    ).scalar_one_or_none()


def get_survivor(record: Applicant) -> Applicant:
    """The record that stands for `record` now: itself, or what it was merged into, however often."""
    while record.merged_into_id is not None:
        record = db.session.get_one(Applicant, record.merged_into_id)
    return record


def list_merged_into(applicant: Applicant) -> list[str]:
    """Ids of the records that were merged into this one, in their order."""
    return list(db.session.execute(
        select(Applicant.id).where(Applicant.merged_into_id == applicant.id).order_by(Applicant.id)).scalars())


def list_merges_of(applicant: Applicant) -> list[Merge]:
    """Every merge in which the record took part, undone ones too, newest first."""
    return list(db.session.execute(
        select(Merge).where(or_(Merge.survivor_id == applicant.id, Merge.loser_id == applicant.id))
        .order_by(Merge.id.desc())
    ).scalars())


def find_last_change(applicant_id: str) -> datetime | None:
    """When the record last took part in a merge or in the undoing of one."""
    rows = db.session.execute(
        select(Merge.merged_at, Merge.undone_at)
        .where(or_(Merge.survivor_id == applicant_id, Merge.loser_id == applicant_id))
    )
    return max((moment for row in rows for moment in row if moment is not None), default=None)


def list_merges_of_case(case: Case) -> list[Merge]:
    """What a case's history must tell: merges that moved it, and those into its applicant since it was opened."""
    moved = select(MergedRow.merge_id).where(MergedRow.row_id == case.id, MergedRow.table_name == Case.__tablename__)
    merges = db.session.execute(
        select(Merge).where(or_(Merge.id.in_(moved), Merge.survivor_id == case.applicant_id)).order_by(Merge.id.desc())
    ).scalars()
    return [merge for merge in merges if (merge.undone_at or merge.merged_at) >= case.opened_at]


def list_opened_since(merge: Merge) -> list[Case]:
    """Cases opened on the surviving record after the merge: undoing it leaves them there."""
    return list(db.session.execute(
        select(Case).where(Case.applicant_id == merge.survivor_id, Case.opened_at > merge.merged_at).order_by(Case.id)
    ).unique().scalars())


def list_documents_for_authority(case: Case) -> list[IdentityDocument]:
    """The applicant's papers that the case's authority may be told of.

    A merge brings the papers of another record; those are told only with the cases that came with them, unless they
    were shown at a station for this case, or were recorded after the merge, or the case was opened after it.
    """
    documents = sorted(case.applicant.documents, key=lambda one: one.id)
    moved: dict[str, set[str]] = {}
    merges: dict[str, Merge] = {}
    for merge, row_id in db.session.execute(
        select(Merge, MergedRow.row_id).join(MergedRow, MergedRow.merge_id == Merge.id)
        .where(MergedRow.row_id.in_([case.id, *(one.id for one in documents)]), Merge.undone_at.is_(None))
    ):
        merges[merge.id] = merge
        moved.setdefault(merge.id, set()).add(row_id)
    if not moved:
        return documents
    shown = set(db.session.execute(
        select(IdentityCheck.document_id).where(IdentityCheck.case_id == case.id, IdentityCheck.is_confirmed)
    ).scalars())
    return [one for one in documents if one.id in shown or not any(
        _is_of_other_record(one, case, merges[merge_id], rows) for merge_id, rows in moved.items())]


def _is_of_other_record(document: IdentityDocument, case: Case, merge: Merge, moved: set[str]) -> bool:
    if document.recorded_at > merge.merged_at or case.opened_at > merge.merged_at:
        return False
    if (document.id in moved) == (case.id in moved):
        return False
    # The same paper may have been recorded twice; the losing record then kept its own row of it.
    kept = {(one.number_key, one.issuing_country) for one in merge.loser.documents}
    return case.id not in moved or (document.number_key, document.issuing_country) not in kept
