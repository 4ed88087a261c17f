"""The laboratory's inbox: what came in and needs a person, with what speaks for whom; assigned or rejected by one."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response as Redirect

from clinic.audit import record_read
from clinic.caution import Caution, NeedsConfirmation
from clinic.db import db
from clinic.errors import AlreadyDone, InvalidInput, NotAllowed, NotNow
from clinic.lab_report import from_plain
from clinic.laboratory_test import list_tests
from clinic.models import FOR_A_PERSON, Case, LabDocument, ReportedResult, ReportedState
from clinic.permissions import Permission, has_permission, requires
from clinic.queries.applicant import find_cases_by_number
from clinic.queries.case import get_case
from clinic.queries.reported import (
    COUNT_LIMIT,
    PAGE_SIZE,
    count_reported,
    find_way,
    get_reported,
    list_loose_documents,
    list_reported,
)
from clinic.queries.specimen import find_case_of_order, find_specimen
from clinic.read_audit import note_shown
from clinic.schemas.delivery import ReasonIn
from clinic.schemas.door import load
from clinic.schemas.laboratory import is_label
from clinic.services import lab_document, result_intake, result_put_back
from clinic.services.confidential_report import is_confidential, is_document_hidden, is_reported_hidden
from clinic.services.lab_order import list_orders
from clinic.services.release import is_marked_critical
from clinic.services.specimen import list_specimens
from clinic.web.clinical_format import format_date
from clinic.web.form import read_form
from clinic.web.laboratory_origin import READERS, find_confidential
from clinic.web.reported_word import (
    STATE_WORDS,
    WAY_WORDS,
    say_flags,
    say_identifier,
    say_number,
    say_signs,
    say_status,
)

blueprint = Blueprint("reported", __name__, url_prefix="/laboratory/inbox")
P = Permission
Page = str | tuple[str, int] | Redirect
WORKERS = (P.ENTER_RESULT, P.CONFIRM_RESULT, P.MAP_RESULTS)  # whose inbox it is
SHOWN = (ReportedState.WAITING, ReportedState.NOT_DONE, ReportedState.PRELIMINARY, ReportedState.WITHDRAWN,
         ReportedState.LATE, ReportedState.APPLIED, ReportedState.NOTED, ReportedState.REJECTED)
TOLD = (*FOR_A_PERSON, ReportedState.PRELIMINARY)  # of which a critical mark is said: no result here says it


@blueprint.get("")
@requires(*WORKERS)
def index() -> str:
    """What came in, by state; what waits for a person first. No value of any result stands here."""
    wanted = request.args.get("state", "")
    counts = count_reported(current_user, SHOWN)
    first = next((one for one in FOR_A_PERSON if counts[one]), ReportedState.WAITING)
    state = ReportedState(wanted) if wanted in set(SHOWN) else first
    rows = list_reported(current_user, state, request.args.get("after"), PAGE_SIZE + 1)
    more, rows = len(rows) > PAGE_SIZE, rows[:PAGE_SIZE]
    note_shown(row.case_id for row in rows if row.case_id)
    critical = {row.id for row in rows if state in TOLD and is_marked_critical(row)}
    rows_shown = sorted(rows, key=lambda row: row.id not in critical)  # who must be called is not the last of fifty
    return render_template(
        "reported/index.html", rows=rows_shown, critical=critical, state=state,
        states=SHOWN, counts=counts, count_limit=COUNT_LIMIT,
        words=STATE_WORDS, tests=list_tests(), say_status=say_status, say_number=say_number,
        their_words={row.id: _name_theirs(row) for row in rows if not row.test},
        named={row.id for row in rows if row.case and has_permission(P.SEE_CASES) and not is_confidential(row)},
        our_numbers={row.id: _list_our_numbers(row) for row in rows if not row.case},
        their_people={row.id: from_plain(row.content)[0] for row in rows
                      if not row.case and has_permission(P.SEE_CASES) and not is_confidential(row)},
        documents=list_loose_documents(current_user),
        may_upload=has_permission(P.ENTER_RESULT), may_map=has_permission(P.MAP_RESULTS),
        next_url=url_for(".index", state=state.value, after=rows[-1].id) if more else None)


@blueprint.get("/<reported_id>")
@requires(*READERS)
def show(reported_id: str) -> str:
    """One reported result: as it was said, and whose it may be."""
    return _render(get_reported(current_user, reported_id))


@blueprint.post("/<reported_id>/assign")
@requires(P.ENTER_RESULT)
def assign(reported_id: str) -> Page:
    """Say whose it is; it is entered in the name of who says so."""
    row = get_reported(current_user, reported_id)
    typed = read_form(request.form, lists=("confirmed",))
    try:
        case = _find_case(typed)
        note_shown([case.id])  # a caution names the person
        result_intake.assign(row, case, current_user, str(load(ReasonIn(), typed)["reason"]),
                             typed.get("specimen_id") or _find_scanned(typed, case), typed["confirmed"],
                             typed.get("test", ""))
        number = case.number
    except InvalidInput as problem:
        cautions = problem.cautions if isinstance(problem, NeedsConfirmation) else []
        errors = problem.fields if isinstance(problem.fields, dict) and problem.fields else {"case": [problem.message]}
        db.session.rollback()
        return _render(get_reported(current_user, reported_id), typed, None if cautions else errors, cautions), 422
    except (AlreadyDone, NotNow) as problem:  # the case has such a result, or somebody decided about this one meanwhile
        db.session.rollback()
        row = get_reported(current_user, reported_id)
        if row.state not in FOR_A_PERSON:
            raise
        return _render(row, typed, {"case": [problem.message]}), 409
    flash(_("Entered for case %(number)s. Another person validates it.", number=number), "success")
    return redirect(url_for(".index"), 303)


@blueprint.post("/<reported_id>/reject")
@requires(P.ENTER_RESULT)
def reject(reported_id: str) -> Page:
    """Say that it belongs to nobody here, or was dealt with."""
    row, typed = get_reported(current_user, reported_id), read_form(request.form)
    try:
        result_intake.reject(row, str(load(ReasonIn(), {"reason": typed.get("reject_reason", "")})["reason"]),
                             current_user)
    except InvalidInput as problem:
        return _render(row, typed, {"reject_reason": (problem.fields or {}).get("reason", [problem.message])}), 422
    flash(_("Put aside, with your reason."))
    return redirect(url_for(".index"), 303)


@blueprint.post("/<reported_id>/put-back")
@requires(P.ENTER_RESULT)
def put_back(reported_id: str) -> Page:
    """Say that it was decided wrongly: what was entered of it is withdrawn, and it waits again."""
    row, typed = get_reported(current_user, reported_id), read_form(request.form)
    try:
        result_put_back.put_back(
            row, str(load(ReasonIn(), {"reason": typed.get("back_reason", "")})["reason"]), current_user)
    except InvalidInput as problem:
        return _render(row, typed, {"back_reason": (problem.fields or {}).get("reason", [problem.message])}), 422
    flash(_("It waits again, and what was entered of it is withdrawn. Say whose it is."), "success")
    return redirect(url_for(".show", reported_id=reported_id), 303)


@blueprint.get("/documents/<document_id>")
@requires(*READERS)
def document(document_id: str) -> str:
    """A printed report that waits for its case."""
    return _render_document(lab_document.get_document(current_user, document_id))


@blueprint.post("/documents/<document_id>")
@requires(P.ENTER_RESULT)
def attach(document_id: str) -> Page:
    """Say to which case, and which order, a printed report belongs."""
    row, typed = lab_document.get_document(current_user, document_id), read_form(request.form, lists=("confirmed",))
    try:
        case = _find_case(typed)
        note_shown([case.id])  # a caution names the person
        lab_document.attach_document(row, case, typed.get("order_id"), current_user, typed.get("number", ""),
                                     typed["confirmed"])
        number = case.number
    except InvalidInput as problem:
        cautions = problem.cautions if isinstance(problem, NeedsConfirmation) else []
        errors = None if cautions else problem.fields or {"case": [problem.message]}
        return _render_document(row, typed, errors, cautions), 422
    flash(_("The report is attached to case %(number)s.", number=number), "success")
    return redirect(url_for(".document", document_id=document_id), 303)  # it shows whose it is now


@blueprint.post("/documents/<document_id>/detach")
@requires(P.ENTER_RESULT)
def detach(document_id: str) -> Page:
    """Say that a printed report does not belong where it is attached; it waits for its case again."""
    row, typed = lab_document.get_document(current_user, document_id), read_form(request.form)
    try:
        lab_document.detach_document(row, str(load(ReasonIn(), typed)["reason"]), current_user)
    except InvalidInput as problem:
        return _render_document(row, typed, problem.fields or {"reason": [problem.message]}), 422
    flash(_("The report is taken off. Say whose it is, and look at the results that were entered from it."), "success")
    return redirect(url_for(".document", document_id=document_id), 303)


@blueprint.get("/documents/<document_id>/report.pdf")
@requires(*READERS)
def file(document_id: str) -> Response | Redirect:
    """The printed report itself; one that may tell a confidential result asks for the reason first."""
    row = lab_document.get_document(current_user, document_id)
    if is_document_hidden(row, current_user):
        return _ask_for_reason(row)
    content = lab_document.read_document(row)
    record_read("user", current_user.id, "read", "lab-document", row.id, case_id=row.case_id, site_id=row.site_id)
    return Response(content, content_type="application/pdf", headers={
        "Content-Disposition": 'attachment; filename="report.pdf"', "X-Content-Type-Options": "nosniff"})


def _ask_for_reason(row: LabDocument) -> Redirect:
    """To the page on which the reader says why. Raises NotAllowed for who may not see confidential results."""
    case = get_case(row.case_id, current_user) if row.case_id else None
    page = find_confidential(case, url_for("laboratory.sheet", case_id=case.id)) if case else None
    if page is None:
        raise NotAllowed(_("This report may tell a confidential result, and your role does not include it."),
                         document=row.id)
    return redirect(page)


def _find_case(typed: dict[str, Any]) -> Case:
    """The case that was ticked, or whose number was typed or scanned. Raises InvalidInput."""
    chosen, number = typed.get("case", ""), typed.get("number", "")
    found = find_cases_by_number(current_user, number) if number else []
    if not found and number and (case_id := find_case_of_order(current_user, number)):
        found = [get_case(case_id, current_user)]
    if chosen and chosen != "other":
        if number and chosen not in {one.id for one in found}:
            raise InvalidInput(_("Please correct what is marked."), fields={"number": [
                _("This number is not of the case that is chosen above: choose one, or take the number out.")]})
        return get_case(chosen, current_user)
    if len(found) != 1:
        place = "number" if chosen == "other" or number else "case"
        raise InvalidInput(_("Please correct what is marked."), fields={place: [
            _("Choose a case, or type the number of one of this site.")]})
    return found[0]


def _find_scanned(typed: dict[str, Any], case: Case) -> str | None:
    """The id of the specimen whose label was scanned instead of the case's number."""
    found = find_specimen(current_user, typed.get("number", "")) if typed.get("number") else None
    return found.id if found is not None and found.case_id == case.id else None


def _render(
    row: ReportedResult, typed: dict[str, Any] | None = None, errors: dict[str, Any] | None = None,
    cautions: list[Caution] | None = None,
) -> str:  # fmt: skip
    test = list_tests().get(row.test)
    is_hidden = is_reported_hidden(row, current_user, "show" in request.args)
    record_read("user", current_user.id, "read", "reported-result", row.id, case_id=row.case_id, site_id=row.site_id,
                detail={"confidential": "shown"} if is_confidential(row) and not is_hidden else None)
    person, panel = from_plain(row.content)
    is_open, may_map = row.state in FOR_A_PERSON, has_permission(P.MAP_RESULTS)
    suggestions = result_intake.list_suggestions(row) if is_open else []
    note_shown(one.case.id for one in suggestions)
    meanings = [(one.name, one.label) for one in result_intake.list_meanings(row)] if is_open else []
    specimens = [(one.id, f"{one.number} · {one.kind.value} · {format_date(one.collected_on)}")
                 for found in suggestions for one in list_specimens(found.case)] if test and test.specimen else []
    return render_template(
        "reported/show.html", row=row, person=person, panel=panel, test=test, word=STATE_WORDS[row.state],
        suggestions=suggestions, say_signs=say_signs, say_status=say_status, specimens=specimens,
        meanings=meanings,
        say_flags=say_flags, say_number=say_number, say_identifier=say_identifier, typed=typed or {},
        way=WAY_WORDS[find_way(row)],
        errors=errors, cautions=cautions or [], may_act=is_open and has_permission(P.ENTER_RESULT),
        is_named=has_permission(P.SEE_CASES) and not is_confidential(row),
        may_put_back=row.state in result_put_back.DECIDED and has_permission(P.ENTER_RESULT),
        has_value=result_intake.has_value(row), may_map=may_map, is_hidden=is_hidden,
        unmapped=result_intake.find_unmapped(row) if may_map and is_open and not is_hidden else {},
        open_url=_address_opening(row) if is_hidden else None, is_worker=any(has_permission(one) for one in WORKERS))


def _name_theirs(row: ReportedResult) -> str:
    """What the laboratory calls a test that we know no name of; empty where it says its code alone."""
    values = from_plain(row.content)[1].values
    return values[0].text if values and values[0].text != row.their_code else ""


def _list_our_numbers(row: ReportedResult) -> list[str]:
    """The order, the specimen and the person's number that the laboratory names as ours; they say nobody's name."""
    person, panel = from_plain(row.content)
    given = [value for value, _giver, _kind in person.identifiers if is_label(value)]
    return list(filter(None, (panel.placer, panel.specimen, *given)))


def _address_opening(row: ReportedResult) -> str | None:
    """Where a confidential value is opened: on its case with a reason; without a case, on its own page."""
    this = url_for(".show", reported_id=row.id)
    if row.case is None:
        return f"{this}?show=1" if has_permission(P.SEE_CONFIDENTIAL) else None
    return find_confidential(row.case, this)


def _render_document(
    row: LabDocument, typed: dict[str, Any] | None = None, errors: dict[str, Any] | None = None,
    cautions: list[Caution] | None = None,
) -> str:  # fmt: skip
    record_read("user", current_user.id, "read", "lab-document", row.id, case_id=row.case_id, site_id=row.site_id)
    person = lab_document.find_said(row)[0] if row.case_id is None else None
    suggestions = lab_document.list_suggestions(row) if row.case_id is None else []
    note_shown(one.case.id for one in suggestions)
    orders = [(one.id, f"{one.number} · {list_tests()[one.test].label}")
              for found in suggestions for one in list_orders(found.case)]
    case = get_case(row.case_id, current_user) if row.case_id else None
    held = next((one for one in list_orders(case) if one.id == row.order_id), None) if case else None
    return render_template("reported/document.html", row=row, suggestions=suggestions, say_signs=say_signs,
                           say_number=say_number, orders=orders, typed=typed or {}, errors=errors, case=case,
                           cautions=cautions or [], person=person, say_identifier=say_identifier,
                           may_map=has_permission(P.MAP_RESULTS),
                           is_worker=any(has_permission(one) for one in WORKERS),
                           order=f"{held.number} · {list_tests()[held.test].label}" if held else "",
                           may_act=has_permission(P.ENTER_RESULT))
