"""Merging two records of one person, on pages of their own and slow on purpose: compare, see what moves, why, password.

Undoing goes the same way. Nothing here is offered beside everyday work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.audit import record_read
from clinic.caution import Caution
from clinic.db import db
from clinic.errors import AlreadyDone, CaseChanged, ClearwayError, InvalidInput, NotNow
from clinic.models import Applicant, Case, Merge
from clinic.permissions import Permission, requires
from clinic.queries.applicant import find_people_by_number, get_applicant, get_record, list_cases_of
from clinic.queries.double import list_double_pairs
from clinic.queries.merge import get_merge, list_opened_since
from clinic.schemas.door import load
from clinic.schemas.reason import ReasonIn
from clinic.services.applicant_link import Holding, list_holdings, list_links
from clinic.services.double import list_doubles_of, traits_of
from clinic.services.merge import (
    build_fingerprint,
    ensure_mergeable,
    ensure_undoable,
    merge_records,
    tell_apart,
    undo_merge,
)
from clinic.services.merge_caution import list_cautions
from clinic.web.form import read_form
from clinic.web.merge_word import compare_records, link_word
from clinic.web.reauthentication import check_again
from clinic.web.seek import read_sought, seeks

blueprint = Blueprint("merge", __name__)
Page = str | tuple[str, int] | Response
MAY = Permission.MERGE_RECORDS
PAIR = "/applicants/<applicant_id>/merge/<other_id>"


@blueprint.get("/doubles")
@requires(MAY)
def doubles() -> Page:
    """Likely doubles among the newest records, page by page."""
    settled = "settled" in request.args
    pairs, last = list_double_pairs(current_user, request.args.get("after"), settled)
    record_read("user", current_user.id, "doubles", "applicant", "", site_id=current_user.site_id,
                detail={"found": len(pairs)})
    kept = "1" if settled else None
    return render_template(
        "merge/doubles.html", pairs=pairs, settled=settled,
        next_url=url_for(".doubles", after=last, settled=kept) if last else None,
        first_url=url_for(".doubles", settled=kept) if request.args.get("after") else None)


@blueprint.get("/applicants/<applicant_id>/merge")
@requires(MAY)
@seeks("number")
def choose(applicant_id: str) -> Page:
    """Which other record: a likely double, or one named by its number."""
    applicant = get_applicant(applicant_id, current_user)
    errors: dict[str, list[str]] = {}
    typed = read_sought("number", errors)
    if typed:
        found = [row.id for row in find_people_by_number(current_user, typed) if row.id != applicant.id]
        if len(found) == 1:
            return redirect(url_for(".compare", applicant_id=applicant.id, other_id=found[0]))
        errors["number"] = [_("No other record, or more than one, has this number. Use the applicant number.")]
    likely = list_doubles_of(current_user.site_id, traits_of(applicant), besides=applicant.id)
    page = render_template("merge/choose.html", applicant=applicant, doubles=likely, typed=typed, errors=errors)
    return (page, 422) if errors else page


@blueprint.get(PAIR)
@requires(MAY)
def compare(applicant_id: str, other_id: str) -> Page:
    """Both records side by side; which one stays."""
    return _show_compare(*_get_pair(applicant_id, other_id), {})


@blueprint.post(f"{PAIR}/apart")
@requires(MAY)
def apart(applicant_id: str, other_id: str) -> Page:
    """Write down that they are two people."""
    one, other = _get_pair(applicant_id, other_id)
    typed = read_form(request.form)
    try:
        reason = load(ReasonIn(), typed)
    except InvalidInput as problem:
        return _show_compare(one, other, typed, problem.fields), 422
    tell_apart(one, other, reason, current_user)
    flash(_("Written down: these are two people."), "success")
    return redirect(url_for("applicant.show", applicant_id=one.id))


@blueprint.get(f"{PAIR}/confirm")
@requires(MAY)
def confirm(applicant_id: str, other_id: str) -> Page:
    """What moves, what speaks against it; reason and password."""
    return _show_confirm(*_choose_survivor(applicant_id, other_id, request.args.get("stays", "")), {})


@blueprint.post(f"{PAIR}/confirm")
@requires(MAY)
def merge(applicant_id: str, other_id: str) -> Page:
    """Merge: everything in one transaction, or nothing."""
    typed = read_form(request.form, lists=("confirmed",))
    survivor, loser = _choose_survivor(applicant_id, other_id, typed.get("stays", ""))
    try:
        sure = _read_sure(typed, list_cautions(survivor, loser))
        merge_records(survivor, loser, sure, typed["confirmed"], typed.get("seen", ""), current_user)
    except (InvalidInput, CaseChanged, NotNow) as error:
        problem = error
    else:
        flash(_("%(number)s was merged into this record. Identity is confirmed again at every station.",
                number=loser.number), "success")
        return redirect(url_for("applicant.show", applicant_id=survivor.id))
    db.session.rollback()
    return _show_confirm(*_choose_survivor(applicant_id, other_id, typed.get("stays", "")), typed, problem)


@blueprint.get("/merges/<merge_id>/undo")
@requires(MAY)
def ask_undo(merge_id: str) -> Page:
    """What goes back and what stays; reason and password."""
    return _show_undo(get_merge(merge_id, current_user), {})


@blueprint.post("/merges/<merge_id>/undo")
@requires(MAY)
def undo(merge_id: str) -> Page:
    """Take the records apart again."""
    done, typed = get_merge(merge_id, current_user), read_form(request.form)
    try:
        lost = undo_merge(done, _read_sure(typed), current_user)
    except (InvalidInput, NotNow, AlreadyDone) as problem:
        db.session.rollback()
        return _show_undo(get_merge(merge_id, current_user), typed, problem)
    flash(_("The merge is undone. Identity is confirmed again at every station."), "success")
    if lost:
        flash(_("%(n)s entries had gone on elsewhere since and stayed where they are.", n=lost), "warning")
    return redirect(url_for("applicant.show", applicant_id=done.loser_id))


def _get_pair(applicant_id: str, other_id: str) -> tuple[Applicant, Applicant]:
    """Both records of the site; looking at them is written down. Raises NotFound, RecordMerged, or why not."""
    one, other = get_applicant(applicant_id, current_user), get_applicant(other_id, current_user)
    ensure_mergeable(one, other)
    if request.method == "GET":
        for record in (one, other):
            record_read("user", current_user.id, "compare", "applicant", record.id, site_id=record.site_id)
    return one, other


def _choose_survivor(applicant_id: str, other_id: str, stays: str) -> tuple[Applicant, Applicant]:
    """Who stays, and who goes into it; without a choice the first stays."""
    one, other = _get_pair(applicant_id, other_id)
    return (other, one) if stays == other.id else (one, other)


def _read_sure(typed: dict[str, Any], cautions: Sequence[Caution] = ()) -> str:
    """The reason, once every caution is ticked and the password is right. Raises InvalidInput."""
    fields: dict[str, list[str]] = {}
    reason = ""
    if {caution.code for caution in cautions} - set(typed.get("confirmed", [])):
        fields["confirmed"] = [_("Tick each sentence, or do not merge.")]
    try:
        reason = load(ReasonIn(), typed)
    except InvalidInput as problem:
        fields |= problem.fields
    fields = fields or check_again(typed)
    if fields:
        raise InvalidInput(_("Please correct what is marked."), fields=fields)
    return reason


@dataclass(frozen=True)
class Line:
    """One kind of thing that moves, goes back or stays: in words, how many, and which where they have names."""

    word: str
    count: int
    names: list[str]


def _list_lines(survivor: Applicant, loser: Applicant) -> tuple[list[Line], list[Line]]:
    moving: list[Line] = []
    staying: list[Line] = []
    for holding in list_holdings(loser.id, survivor.id):
        for ids, lines in ((holding.moving, moving), (holding.staying, staying)):
            if ids:
                lines.append(Line(link_word(holding), len(ids), _name_rows(holding.link.model, ids)))
    return moving, staying


def _name_rows(model: Any, ids: list[str]) -> list[str]:
    rows = [db.session.get_one(model, row_id) for row_id in ids]
    return [str(row.number) for row in rows if hasattr(row, "number")]


def _show_compare(one: Applicant, other: Applicant, typed: dict[str, Any], errors: dict[str, Any] | None = None) -> str:
    cases: dict[str, list[Case]] = {record.id: list_cases_of(record) for record in (one, other)}
    return render_template(
        "merge/compare.html", one=one, other=other, rows=compare_records(one, other), cases=cases, typed=typed,
        errors=errors, cautions=list_cautions(one, other),
        stays=one.id if len(cases[one.id]) >= len(cases[other.id]) else other.id)


def _show_confirm(
    survivor: Applicant, loser: Applicant, typed: dict[str, Any], problem: ClearwayError | None = None
) -> Page:
    moving, staying = _list_lines(survivor, loser)
    page = render_template(
        "merge/confirm.html", survivor=survivor, loser=loser, moving=moving, staying=staying, typed=typed,
        cautions=list_cautions(survivor, loser), errors=_fields_of(problem), problem=_sentence_of(problem),
        seen=build_fingerprint(survivor, loser, list_holdings(loser.id, survivor.id)))
    return (page, problem.status) if problem else page


def _show_undo(done: Merge, typed: dict[str, Any], problem: ClearwayError | None = None) -> Page:
    try:
        ensure_undoable(done)
        refusal = None
    except (NotNow, AlreadyDone) as error:
        refusal = error.message
    counts: dict[tuple[str, str], list[str]] = {}
    for row in done.rows:
        counts.setdefault((row.table_name, row.column_name), []).append(row.row_id)
    page = render_template(
        "merge/undo.html", merge=done, survivor=done.survivor, loser=get_record(done.loser_id, current_user),
        back=_list_back(counts), since=list_opened_since(done), typed=typed, refusal=refusal,
        errors=_fields_of(problem), problem=_sentence_of(problem))
    return (page, problem.status) if problem else page


def _list_back(counts: dict[tuple[str, str], list[str]]) -> list[Line]:
    links = {(link.table, link.column): link for link in list_links()}
    return [Line(link_word(Holding(links[key])), len(ids), _name_rows(links[key].model, ids))
            for key, ids in counts.items()]


def _fields_of(problem: ClearwayError | None) -> dict[str, Any]:
    return dict(problem.fields) if isinstance(problem, InvalidInput) else {}


def _sentence_of(problem: ClearwayError | None) -> str | None:
    """What to say above the form when no field is to blame."""
    return problem.message if problem is not None and not getattr(problem, "fields", None) else None
