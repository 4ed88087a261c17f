"""Specimens: their labels, their hand-overs, their receipt by scan, and each one's own page with its whole history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic import clock
from clinic.db import db
from clinic.documents.label import build_labels, print_labels, write_zpl
from clinic.errors import ClearwayError, InvalidInput
from clinic.identifier import to_key
from clinic.laboratory_test import list_tests
from clinic.models import Case, RejectionReason, Specimen
from clinic.permissions import Permission, has_permission, requires
from clinic.queries.specimen import (
    Where,
    count_specimens_at,
    find_specimen,
    list_specimens_at,
    list_specimens_by_id,
    list_specimens_of,
    list_tests_by_specimen,
)
from clinic.read_audit import note_case, note_shown
from clinic.schemas.door import load
from clinic.schemas.reason import ReasonIn
from clinic.services import handover
from clinic.services.specimen import get_specimen, list_tests_on, withdraw_specimen
from clinic.tube import list_tubes
from clinic.web.case_list import address_pages, read_place, say_count
from clinic.web.form import read_form
from clinic.web.station_page import Answer, forget, is_recording, list_names, open_case, prefix_errors, show

blueprint = Blueprint("specimen", __name__)
P = Permission
LONGEST = 60  # of a place or a scan
TICK = "tick"  # what the button beside the scan does: nothing is handed over yet


@blueprint.get("/laboratory/specimens")
@requires(P.COLLECT_SPECIMEN, P.ENTER_RESULT)
def index() -> Answer:
    """Where the site's specimens are, to be handed over several at a time."""
    return _show_list({})


@blueprint.post("/laboratory/specimens")
@requires(P.COLLECT_SPECIMEN, P.ENTER_RESULT)
def hand_over() -> Answer | Response:
    """Send, store or discard the ticked specimens: all of them, or none. A scan only ticks one more."""
    typed = read_form(request.form, lists=("specimens",))
    if typed.get("act") == TICK:
        return _show_list(typed)
    acts: dict[str, Callable[..., None]] = {
        "send": handover.send, "send-on": handover.send_on, "store": handover.store, "discard": handover.discard}
    try:
        rows = list_specimens_by_id(current_user, typed["specimens"])
        if not rows:
            raise InvalidInput(_("Please correct what is marked."), fields={
                "specimens": [_("Tick at least one specimen.")]})
        act = acts.get(typed.get("act", ""))
        if act is None:
            raise InvalidInput(_("Please correct what is marked."), fields={"act": [_("Choose what is done.")]})
        act(rows, (typed.get("place") or "")[:LONGEST], current_user)
    except InvalidInput as problem:
        _roll_back()
        return _show_list(typed, problem)
    note_shown(row.case_id for row in rows)
    flash(ngettext("%(num)s specimen is handed over.", "%(num)s specimens are handed over.", len(rows)), "success")
    return redirect(url_for(".index", at=request.args.get("at")))


@blueprint.get("/laboratory/receipt")
@requires(P.ENTER_RESULT)
def receipt() -> Answer:
    """The bench where specimens come in: one field that a scanner types into."""
    return _show_receipt({})


@blueprint.post("/laboratory/receipt")
@requires(P.ENTER_RESULT)
def receive() -> Answer | Response:
    """Take in the specimen whose label was scanned; the field is ready for the next one.

    A page that sends its scans by itself, one after another, gets one line about each.
    """
    typed = read_form(request.form, lists=("confirmed",))
    scanned = (typed.get("scan") or "").strip()[:LONGEST]
    row = find_specimen(current_user, scanned)
    by_itself = "HX-Request" in request.headers
    try:
        if row is None:
            raise InvalidInput(_("Please correct what is marked."), fields={"scan": [
                _("No specimen of this site has this number. Scan the label again, or type what stands beneath it.")]})
        if by_itself:  # one line of a list, which names nobody: a full rack is no record after the other
            note_shown([row.case_id])
        else:
            note_case(row.case)
        handover.receive(row, (typed.get("place") or "")[:LONGEST], current_user, typed["confirmed"])
    except ClearwayError as problem:
        _roll_back()
        if by_itself:
            return _say_scan(scanned, find_specimen(current_user, scanned), problem)
        return _show_receipt(typed, problem)
    if by_itself:
        return _say_scan(scanned, row)
    flash(_("%(number)s is received.", number=row.number), "success")
    return redirect(url_for(".receipt", place=(typed.get("place") or "")[:LONGEST] or None, last=row.id))


def _say_scan(scanned: str, row: Specimen | None, problem: ClearwayError | None = None) -> Answer:
    """One line: what became of a scan, and where its specimen is looked at."""
    cautions = getattr(problem, "cautions", [])
    fields = getattr(problem, "fields", None) or {}
    sentences = [one.text for one in cautions] or [each for some in fields.values() for each in some]
    words = " ".join(sentences) or (problem.message if problem else _("Received."))
    is_there = row is not None and row.received_at is not None and state_word(row)[1] == "good"
    tone = "good" if problem is None else "warn" if cautions or is_there else "bad"
    shown = render_template("specimen/_scanned.html", row=row, scanned=scanned, words=words, tone=tone,
                            what=describe(row) if row else "", cautions=cautions)
    return (shown, 422) if problem else shown


@blueprint.get("/cases/<case_id>/specimens")
@requires(P.SEE_CASES)
def of_case(case_id: str) -> Answer:
    """Every specimen of the case, and the labels to print."""
    return _show_case(open_case(case_id), {})


@blueprint.post("/cases/<case_id>/specimens/labels")
@requires(P.COLLECT_SPECIMEN, P.RECORD_SPUTUM, P.ENTER_RESULT)
def labels(case_id: str) -> Answer | Response:
    """The labels of the ticked specimens as a file; written down, and again only with a reason."""
    case = open_case(case_id)
    typed = read_form(request.form, lists=("specimens",))
    try:
        rows = sorted((get_specimen(case, each) for each in typed["specimens"]), key=lambda row: row.id)  # as drawn
        if not rows:
            raise InvalidInput(_("Please correct what is marked."), fields={
                "specimens": [_("Tick at least one specimen.")]})
        kind = "zpl" if typed.get("form") == "zpl" else "pdf"
        handover.note_print(rows, current_user, typed.get("reason") or "", kind)
        made = build_labels(rows)
        body = write_zpl(made).encode() if kind == "zpl" else print_labels(made)
        flash(ngettext("The label of %(num)s specimen was made: print the file.",
                       "The labels of %(num)s specimens were made: print the file.", len(rows)), "success")
    except InvalidInput as problem:
        return _show_case(forget(case_id), typed, problem)
    content_type = "application/pdf" if kind == "pdf" else "application/zpl; charset=utf-8"
    return Response(body, content_type=content_type, headers={
        "Content-Disposition": f'attachment; filename="labels-{case.number}.{kind}"'})


@blueprint.get("/cases/<case_id>/specimens/<specimen_id>")
@requires(P.SEE_CASES)
def view(case_id: str, specimen_id: str) -> Answer:
    """One specimen: what it is, what is asked of it, and every hand-over."""
    case = open_case(case_id)
    return _show(case, get_specimen(case, specimen_id), {})


@blueprint.post("/cases/<case_id>/specimens/<specimen_id>/reject")
@requires(P.ENTER_RESULT)
def reject(case_id: str, specimen_id: str) -> Answer | Response:
    """The laboratory does not take it; what it was for is asked for again."""
    case = open_case(case_id)
    row = get_specimen(case, specimen_id)
    typed = read_form(request.form)
    try:
        if typed.get("why") not in set(RejectionReason):
            raise InvalidInput(_("Please correct what is marked."), fields={"why": [_("Choose a reason.")]})
        made = handover.reject(row, RejectionReason(typed["why"]), typed.get("remark") or "", "", current_user)
    except InvalidInput as problem:
        case = forget(case_id)
        return _show(case, get_specimen(case, specimen_id), typed, problem)
    flash(ngettext("Rejected; %(num)s test is asked for again.", "Rejected; %(num)s tests are asked for again.",
                   len(made)) if made else _("Rejected."), "success")
    return redirect(url_for(".view", case_id=case_id, specimen_id=specimen_id))


@blueprint.post("/cases/<case_id>/specimens/<specimen_id>/withdraw")
@requires(P.COLLECT_SPECIMEN, P.RECORD_SPUTUM)
def withdraw(case_id: str, specimen_id: str) -> Answer | Response:
    """Take back a specimen that was recorded by mistake."""
    case = open_case(case_id)
    row = get_specimen(case, specimen_id)
    typed = read_form(request.form)
    try:
        withdraw_specimen(row, load(ReasonIn(), typed), current_user)
    except InvalidInput as problem:
        case = forget(case_id)
        problem.fields = prefix_errors(problem, "withdraw-", "reason")
        return _show(case, get_specimen(case, specimen_id), {"withdraw-reason": typed.get("reason")}, problem)
    flash(_("Withdrawn; it stays to be seen."), "success")
    return redirect(url_for(".view", case_id=case_id, specimen_id=specimen_id))


def state_word(row: Specimen) -> tuple[str, str]:
    """Where a specimen is, in words, and the tone that repeats them."""
    if row.withdrawn_at is not None:
        return _("Withdrawn"), "off"
    if row.rejected_at is not None:
        return _("Rejected"), "bad"
    if row.discarded_at is not None:
        return _("Discarded"), "off"
    if row.received_at is not None:
        return _("In the laboratory"), "good"
    return (_("Sent"), "active") if row.sent_at is not None else (_("Drawn"), "wait")


def describe(row: Specimen) -> str:
    """What is in it."""
    tube = list_tubes().get(row.tube or "")
    words = {"sputum": _("Sputum"), "gastric-aspirate": _("Gastric aspirate")}
    return tube.label if tube else words.get(row.kind.value, row.kind.value)


def _show(case: Case, row: Specimen, typed: dict[str, Any], problem: InvalidInput | None = None) -> Answer:
    events, orders = handover.list_events(row), handover.list_orders_of(row)
    recording = is_recording(case)
    there = row.withdrawn_at is None and row.rejected_at is None and row.discarded_at is None
    rests_on_it = list_tests_on(row)
    return show(
        "specimen/view.html", case, problem, row=row, typed=typed, events=events, orders=orders, tests=list_tests(),
        names=list_names([row.recorded_by_id, *(each.by_id for each in events)]), state=state_word(row),
        what=describe(row), event_word=handover.event_word, place_word=handover.place_word,
        is_labelled=handover.is_labelled(row),
        reasons=[(one.value, handover.rejection_word(one)) for one in RejectionReason],
        may_print=there and _may_print(),
        may_reject=recording and there and not (rests_on_it and row.tube is None) and has_permission(P.ENTER_RESULT),
        may_withdraw=recording and there
        and (has_permission(P.COLLECT_SPECIMEN) or has_permission(P.RECORD_SPUTUM)),
        rests_on_it=rests_on_it,
    )


def _show_case(case: Case, typed: dict[str, Any], problem: InvalidInput | None = None) -> Answer:
    rows = list_specimens_of(case)
    labelled = {row.id for row in rows if handover.is_labelled(row)}
    there = [row for row in rows if row.withdrawn_at is None and row.rejected_at is None and row.discarded_at is None]
    ticked = typed.get("specimens") or [row.id for row in there if row.id not in labelled]
    return show(
        "specimen/case.html", case, problem, rows=rows, typed=typed, labelled=labelled, ticked=ticked, there=there,
        states={row.id: state_word(row) for row in rows}, whats={row.id: describe(row) for row in rows},
        names=list_names(row.recorded_by_id for row in rows), may_print=bool(there) and _may_print(),
        may_draw=has_permission(P.COLLECT_SPECIMEN),
    )


def _show_list(typed: dict[str, Any], problem: InvalidInput | None = None) -> Answer:
    asked = request.args.get("at", "")
    where = Where(asked) if asked in set(Where) else Where.DRAWN
    page = list_specimens_at(current_user, where, read_place("after"), read_place("before"))
    note_shown(row[0].case_id for row in page.rows)
    words = {Where.DRAWN: _("Drawn, with us"), Where.SENT: _("On their way"), Where.RECEIVED: _("In the laboratory")}
    tabs = [{"label": words[one], "url": url_for(".index", at=one.value), "active": one is where,
             "count": say_count(count_specimens_at(current_user, one))} for one in Where]
    scanned = find_scanned(page.rows, typed) if typed.get("act") == TICK else None
    acts = {Where.DRAWN: ("send", "store"), Where.SENT: ("store",),
            Where.RECEIVED: ("store", "send-on", "discard")}[where]
    shown = render_template(
        "specimen/index.html", rows=page.rows, tabs=tabs, where=where, acts=acts, typed=typed, scanned=scanned,
        tests=list_tests_by_specimen(row[0].id for row in page.rows), describe=describe,
        find_deadline=handover.find_deadline, now=clock.now(),
        errors=(problem.fields or {"_schema": [problem.message]}) if problem else {},
        **address_pages(page, lambda row: (row[0].recorded_at, row[0].id)))
    return (shown, 422) if problem else shown


def find_scanned(rows: Sequence[Any], typed: dict[str, Any]) -> tuple[str, str]:
    """Tick in `typed` the row whose label was scanned: (what is said about it, its tone); every other tick stays."""
    number = typed.pop("scan", "")[:LONGEST]
    row = next((row[0] for row in rows if number and to_key(row[0].number) == to_key(number)), None)
    if row is None:
        typed["scan"] = number
        return _("%(number)s is not in this list: nothing was ticked.", number=number or "–"), "bad"
    if row.id in typed["specimens"]:
        return _("%(number)s was ticked already.", number=row.number), "good"
    typed["specimens"].append(row.id)
    return _("%(number)s is ticked.", number=row.number), "good"


def _show_receipt(typed: dict[str, Any], problem: ClearwayError | None = None) -> Answer:
    page = list_specimens_at(current_user, Where.RECEIVED, newest=True)
    note_shown(row[0].case_id for row in page.rows)
    errors: dict[str, Any] = {}
    cautions = getattr(problem, "cautions", [])
    if problem is not None and not cautions:
        errors = getattr(problem, "fields", None) or {"scan": [problem.message]}
        if typed.get("scan") and "scan" in getattr(problem, "fields", {}):  # the others name it themselves
            errors = {"scan": [f"{typed['scan'][:LONGEST]}: {sentence}" for sentence in errors["scan"]]}
        typed = typed | {"scan": ""}  # a scanner types the next label behind what stands there
    shown = render_template(
        "specimen/receipt.html", rows=page.rows, typed=typed, errors=errors, cautions=cautions, describe=describe,
        last=request.args.get("last", ""), place=typed.get("place") or request.args.get("place", "")[:LONGEST],
        tests=list_tests_by_specimen(row[0].id for row in page.rows))
    return (shown, 422) if problem else shown


def _may_print() -> bool:
    return any(has_permission(one) for one in (P.COLLECT_SPECIMEN, P.RECORD_SPUTUM, P.ENTER_RESULT))


def _roll_back() -> None:
    """Undo what a refused input began to write."""
    db.session.rollback()
