"""Two records of one person made one, and apart again: nothing is deleted, what moved is written down row by row."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock
from clinic.audit import record_change
from clinic.caution import ensure_confirmed
from clinic.db import db
from clinic.errors import AlreadyDone, CaseChanged, InvalidInput, NotNow, RecordMerged
from clinic.models import Applicant, Case, CaseState, Merge, MergedRow, ToldApart, User
from clinic.services.applicant_link import Holding, Link, has_row_of_both, list_holdings, list_links
from clinic.services.double import write_keys
from clinic.services.merge_caution import list_cautions
from clinic.workflow import RECORDING


def ensure_not_merged(applicant: Applicant) -> None:
    """Raise RecordMerged when `applicant` was merged into another, also by somebody who is about to save it."""
    merged_into = db.session.execute(
        select(Applicant.merged_into_id).where(Applicant.id == applicant.id).with_for_update(read=True)
    ).scalar_one()
    if merged_into is not None:
        raise RecordMerged(
            _("This record was merged into another one. Open that one and go on there."), applicant=applicant.id)


def ensure_mergeable(one: Applicant, other: Applicant) -> None:
    """Raise InvalidInput or NotNow where two records must not be made one; the sentence says why."""
    if one.id == other.id:
        raise InvalidInput(_("This is the same record. Choose the other one."), applicant=one.id)
    if one.site_id != other.site_id:
        raise InvalidInput(_("The records belong to two sites and cannot be merged."), applicant=one.id)
    for record in (one, other):
        if record.merged_into_id is not None:
            raise NotNow(_("%(number)s was merged into another record before. Undo that first, or merge with that one.",
                           number=record.number), applicant=record.id)
    if has_row_of_both(one.id, other.id) or has_row_of_both(other.id, one.id):
        raise NotNow(_("One is recorded as a relative or guardian of the other, so they are two people. If that entry "
                       "is wrong, end it first."), applicant=one.id)


def build_fingerprint(survivor: Applicant, loser: Applicant, holdings: Iterable[Holding]) -> str:
    """What the confirming person looked at, in short: changes with either record and with what would move."""
    parts = [survivor.id, str(survivor.version), loser.id, str(loser.version)]
    parts += [",".join((one.link.table, one.link.column, *one.moving, "|", *one.staying)) for one in holdings]
    return hashlib.sha256(";".join(parts).encode()).hexdigest()[:24]


def merge_records(
    survivor: Applicant, loser: Applicant, reason: str, confirmed: Collection[str], seen: str, actor: User
) -> Merge:
    """Give everything of `loser` to `survivor`; `seen` is the fingerprint of what was shown.

    Raises NeedsConfirmation while a caution is not among `confirmed`, CaseChanged when something changed since it was
    shown, and as `ensure_mergeable` does.
    """
    _lock(survivor, loser)
    ensure_mergeable(survivor, loser)
    holdings = list_holdings(loser.id, survivor.id)
    if build_fingerprint(survivor, loser, holdings) != seen:
        raise CaseChanged(_("Something was changed on these records just now. Nothing was merged: compare once more."),
                          applicant=survivor.id, other=loser.id)
    ticked = ensure_confirmed(list_cautions(survivor, loser), confirmed)
    merge = Merge(site_id=survivor.site_id, survivor_id=survivor.id, loser_id=loser.id, reason=reason,
                  confirmed=ticked, merged_at=clock.now(), merged_by_id=actor.id)
    db.session.add(merge)
    loser.merged_into_id = survivor.id
    db.session.flush()
    for holding in holdings:
        _move(holding.link, holding.moving, survivor.id)
        db.session.add_all(
            MergedRow(merge_id=merge.id, table_name=holding.link.table, column_name=holding.link.column, row_id=row_id,
                      previous_id=loser.id) for row_id in holding.moving)
    _settle(merge, survivor, "merge", actor, sum(len(one.moving) for one in holdings))
    write_keys(survivor)
    return merge


def ensure_undoable(merge: Merge) -> None:
    """Raise AlreadyDone or NotNow when a merge cannot be undone; the sentence says what to do first."""
    if merge.undone_at is not None:
        raise AlreadyDone(_("This merge was undone before."), merge=merge.id)
    if merge.survivor.merged_into_id is not None:
        raise NotNow(_("The surviving record %(number)s was itself merged into another one since. Undo that merge "
                       "first.", number=merge.survivor.number), merge=merge.id)


def undo_merge(merge: Merge, reason: str, actor: User) -> int:
    """Give back every row that `merge` moved; returns how many could not be, because they are the survivor's no more.

    What was recorded on the surviving record since stays there. Raises as `ensure_undoable` does.
    """
    survivor, loser = merge.survivor, merge.loser
    _lock(survivor, loser)
    db.session.refresh(merge, with_for_update=True)
    ensure_undoable(merge)
    merge.undone_at, merge.undone_by_id, merge.undo_reason = clock.now(), actor.id, reason
    loser.merged_into_id = None
    db.session.flush()
    links = {(link.table, link.column): link for link in list_links()}
    back = 0
    for row in list(merge.rows):
        link = links[row.table_name, row.column_name]
        moved = db.session.get(link.model, row.row_id)
        if moved is not None and getattr(moved, link.attribute) == survivor.id:
            _move(link, [row.row_id], row.previous_id)
            back += 1
    lost = len(merge.rows) - back
    _settle(merge, survivor, "undo-merge", actor, back)
    write_keys(survivor)
    write_keys(loser)
    return lost


def tell_apart(one: Applicant, other: Applicant, reason: str, actor: User) -> ToldApart:
    """Write down that two records that look alike are two people, and how somebody knows."""
    row = ToldApart(one_id=one.id, other_id=other.id, reason=reason, told_at=clock.now(), told_by_id=actor.id)
    db.session.add(row)
    db.session.flush()
    record_change("tell-apart", "applicant", one.id, site_id=one.site_id, actor_id=actor.id,
                  detail={"other": other.id, "told_apart": row.id})
    return row


def _lock(*records: Applicant) -> None:
    """Hold both rows, always in the same order, and read them anew: nobody opens a case on either meanwhile."""
    ids = sorted(record.id for record in records)
    db.session.execute(
        select(Applicant).where(Applicant.id.in_(ids)).order_by(Applicant.id)
        .with_for_update(of=Applicant).execution_options(populate_existing=True)
    ).unique().all()


def _move(link: Link, ids: Iterable[str], owner_id: str) -> None:
    """Row by row, never by one statement: each is projected anew and counts a version."""
    for row_id in ids:
        setattr(db.session.get_one(link.model, row_id), link.attribute, owner_id)


def _settle(merge: Merge, survivor: Applicant, action: str, actor: User, moved: int) -> None:
    """After rows changed hands: relationships read anew, cases under work judged again, everything written down."""
    db.session.flush()
    db.session.expire_all()
    detail: dict[str, Any] = {"merge": merge.id, "survivor": merge.survivor_id, "loser": merge.loser_id, "rows": moved}
    for applicant_id in (merge.survivor_id, merge.loser_id):
        record_change(action, "applicant", applicant_id, site_id=merge.site_id, actor_id=actor.id, detail=detail)
    for case in _list_touched_cases(merge):
        record_change(action, "case", case.id, case_id=case.id, site_id=merge.site_id, actor_id=actor.id,
                      detail={"merge": merge.id})
        _judge_again(case, actor)
    db.session.flush()


def _list_touched_cases(merge: Merge) -> list[Case]:
    owners = (merge.survivor_id, merge.loser_id)
    return list(db.session.execute(
        select(Case).where(Case.applicant_id.in_(owners)).order_by(Case.id)).unique().scalars())


def _judge_again(case: Case, actor: User) -> None:
    """A case under work counts a version, so that no signature is put under the older view, and is decided anew."""
    from clinic.services.assessment import refresh
    from clinic.services.circumstance import write_answers

    if case.state not in RECORDING and case.state is not CaseState.ON_HOLD:
        return
    case.updated_at = clock.now()
    if case.state in RECORDING:
        write_answers(case, {}, actor)
        refresh(case)
