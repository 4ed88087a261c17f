"""The laboratory by bench and test: what waits, and the grid in which one test is entered for many specimens."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import LazyString, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.caution import NeedsConfirmation
from clinic.db import db
from clinic.egfr import EGFR
from clinic.errors import ClearwayError, InvalidInput, NotFound
from clinic.identifier import list_specimen_numbers
from clinic.laboratory_test import LaboratoryTest, list_tests
from clinic.models import LabResult
from clinic.partial_date import DateUnreadable, parse_partial_date
from clinic.permissions import Permission, has_permission, requires
from clinic.queries.prior_value import describe_change, find_before
from clinic.queries.result_grid import (
    GridRow,
    count_benches,
    get_grid_row,
    is_gridable,
    list_benches,
    list_grid,
    list_to_confirm,
)
from clinic.questionnaire.unit import say_unit
from clinic.read_audit import note_case, note_shown
from clinic.services import egfr, laboratory, release
from clinic.services.abnormality import Abnormality, find_abnormality
from clinic.services.confidential import NotAgreed
from clinic.services.result_grid import find_range, save_value, say_range
from clinic.web.confidential import say_refusal
from clinic.web.form import read_form
from clinic.web.reauthentication import check_again
from clinic.web.station_page import Answer, list_names

blueprint = Blueprint("result_grid", __name__, url_prefix="/laboratory/bench")
P = Permission
STATES = ("enter", "confirm")
BENCH_WORDS: dict[str, LazyString] = {
    "serology": _l("Serology"), "chemistry": _l("Chemistry"), "haematology": _l("Haematology"),
    "urinalysis": _l("Urinalysis"), "molecular": _l("Molecular"), "tuberculosis": _l("Tuberculosis"),
}


@blueprint.get("")
@requires(P.ENTER_RESULT, P.CONFIRM_RESULT)
def index() -> Answer:
    """What waits at each bench, by test and day of the draw."""
    bench, (day, errors) = request.args.get("bench", ""), _read_shown_day()
    counts = count_benches(current_user, bench, day)
    shown = render_template("laboratory/bench.html", counts=counts, benches=list_benches(), bench=bench, errors=errors,
                            bench_word=bench_word, is_gridable=is_gridable, day=request.args.get("day", ""))
    return (shown, 422) if errors else shown


@blueprint.get("/<test>")
@requires(P.ENTER_RESULT, P.CONFIRM_RESULT)
def grid(test: str) -> Answer:
    """One test, many specimens: to enter values, or to confirm those of others; of several parts, a list of them."""
    listed = list_tests().get(test)
    if listed is not None and listed.bench and not is_gridable(listed):
        return _show_list(listed)
    found = _get_test(test)
    return _show_confirm(found) if _chosen_state() == "confirm" else _show_grid(found, {})


@blueprint.post("/<test>")
@requires(P.ENTER_RESULT)
def save(test: str) -> Answer | Response:
    """Save every row that was filled in. A row that is wrong stays to be corrected; the others are saved."""
    found = _get_test(test)
    typed = read_form(request.form)
    problems: dict[str, ClearwayError] = {}
    saved = 0
    rows, _more = list_grid(current_user, test, _read_day())
    for row in rows:
        computes = test == EGFR and "computed" in typed and (row.result is None or not row.result.is_current)
        if not typed.get(f"v-{row.order.id}") and not computes:
            continue
        try:
            with db.session.begin_nested():
                made = _save(row, typed, computes)
                saved += made is not None and made is not row.result
        except ClearwayError as problem:
            problems[row.order.id] = problem
    db.session.commit()
    if problems:
        return _show_grid(found, typed, problems)
    if saved:
        flash(ngettext("%(num)s value is saved. Another person must confirm it.",
                       "%(num)s values are saved. Another person must confirm them.", saved), "success")
    elif not any(row.result is not None and row.result.is_current for row in rows):
        flash(_("Nothing is saved, because no value was entered. Enter one beside its specimen, then save."), "warning")
    else:  # each was saved as its field was left
        flash(_("Everything is saved already. Another person must confirm it."), "success")
    return redirect(url_for(".grid", test=test, day=request.args.get("day") or None))


@blueprint.post("/<test>/<order_id>")
@requires(P.ENTER_RESULT)
def save_row(test: str, order_id: str) -> Answer:
    """One row, saved as its field changes: whatever else the form sent, only this row's fields are read."""
    found = _get_test(test)
    row = get_grid_row(current_user, test, order_id)
    if row is None:
        raise NotFound(_("This specimen is not in work for this test any more: open the grid again."), order=order_id)
    note_case(row.order.case)
    typed = read_form(request.form)
    problem: ClearwayError | None = None
    try:
        with db.session.begin_nested():
            save_value(row.order, row.specimen, row.result, _read_row(order_id, typed), current_user)
    except ClearwayError as wrong:
        problem = wrong
    db.session.commit()
    row = get_grid_row(current_user, test, order_id) or row
    cell = render_template("laboratory/_flag_page.html", line=_describe(found, row, typed, problem), test=found)
    return (cell, 422) if problem else cell


@blueprint.post("/<test>/confirm")
@requires(P.CONFIRM_RESULT)
def confirm(test: str) -> Answer | Response:
    """Confirm the ticked normal results: all of them, or none."""
    found = _get_test(test)
    ticked = request.form.getlist("results")
    problems = check_again(request.form, frequent=True)
    if problems:
        return _show_confirm(found, InvalidInput(_("Please correct what is marked."), fields=problems), ticked)
    try:
        rows = laboratory.confirm_normal_of_site(ticked, current_user)
    except InvalidInput as problem:
        db.session.rollback()
        return _show_confirm(found, problem, ticked)
    note_shown(row.case_id for row in rows)
    flash(ngettext("%(num)s result is confirmed.", "%(num)s results are confirmed.", len(rows)), "success")
    return redirect(url_for(".grid", test=test, state="confirm", day=request.args.get("day") or None))


def _save(row: GridRow, typed: dict[str, Any], computes: bool) -> LabResult | None:
    """One row: what was typed into it; without that what the creatinine of the same draw gives, if anything."""
    if typed.get(f"v-{row.order.id}"):
        return save_value(row.order, row.specimen, row.result, _read_row(row.order.id, typed), current_user)
    case, day = row.order.case, row.specimen.collected_on
    found = egfr.propose(case, day) if computes else None
    if found is None or not found.value:
        return None
    return laboratory.enter_computed_egfr(case, current_user, day, request.form.getlist(f"c-{row.order.id}"))


def bench_word(bench: str) -> str:
    """A section of the laboratory."""
    return str(BENCH_WORDS[bench]) if bench in BENCH_WORDS else bench


def _get_test(name: str) -> LaboratoryTest:
    test = list_tests().get(name)
    if test is None or not is_gridable(test):
        raise NotFound(_("There is no grid for this test: enter it on the case."), test=name)
    return test


def _chosen_state() -> str:
    asked = request.args.get("state", "")
    if asked in STATES and (asked != "enter" or has_permission(P.ENTER_RESULT)):
        return asked
    return "enter" if has_permission(P.ENTER_RESULT) else "confirm"


def _read_day() -> date | None:
    typed = request.args.get("day", "").strip()
    return parse_partial_date(typed).earliest if typed else None


def _read_shown_day() -> tuple[date | None, dict[str, list[str]]]:
    """The day that the list is asked for, and what is wrong with it; every day where it cannot be read."""
    try:
        return _read_day(), {}
    except DateUnreadable as problem:
        return None, {"day": [str(problem.sentence)]}


def _read_row(order_id: str, typed: dict[str, Any]) -> dict[str, Any]:
    """The fields of one row, each with its own name, and those above the grid that hold for all."""
    return {"value": typed.get(f"v-{order_id}"), "unit": typed.get("unit"), "method": typed.get("method"),
            "confirmed": request.form.getlist(f"c-{order_id}")}


def _show_list(test: LaboratoryTest) -> Answer:
    """A test of several parts: whose specimens wait, and the page of each case on which it is entered."""
    day, errors = _read_shown_day()
    rows, more = list_grid(current_user, test.name, day)
    note_shown(row.order.case_id for row in rows)
    place = "susceptibility.view" if test.drugs else "sputum.view" if test.specimen else "laboratory.sheet"
    shown = render_template("laboratory/grid_list.html", test=test, rows=rows, more=more, place=place, errors=errors,
                            day=request.args.get("day", ""), may_enter=has_permission(P.ENTER_RESULT))
    return (shown, 422) if errors else shown


def _show_grid(test: LaboratoryTest, typed: dict[str, Any], problems: dict[str, ClearwayError] | None = None) -> Answer:
    day, errors = _read_shown_day()
    rows, more = list_grid(current_user, test.name, day)
    note_shown(row.order.case_id for row in rows)
    units = {row.result.unit for row in rows if row.result is not None and row.result.unit}
    unit = typed.get("unit") or (units.pop() if len(units) == 1 else "")
    lines = [_describe(test, row, typed | {"unit": unit}, (problems or {}).get(row.order.id)) for row in rows]
    if test.name == EGFR:
        for line, row in zip(lines, rows, strict=True):
            line["computed"] = None if line["is_saved"] else egfr.propose(row.order.case, row.specimen.collected_on)
    errors |= {f"v-{line['id']}": [line["error"]] for line in lines if line["error"]}
    scanned = list_specimen_numbers(request.args.get("q", ""))
    shown = render_template(
        "laboratory/grid.html", test=test, lines=lines, more=more, errors=errors, state="enter",
        unit=unit, method=typed.get("method", ""),
        may_compute=any(line.get("computed") and line["computed"].value for line in lines),
        marked=next((line["id"] for line in lines if line["number"] in scanned), None), day=request.args.get("day", ""),
        is_lost=bool(request.args.get("q")) and not any(line["number"] in scanned for line in lines),
        may_confirm=has_permission(P.CONFIRM_RESULT))
    return (shown, 422) if problems or errors else shown


def _describe(
    test: LaboratoryTest, row: GridRow, typed: dict[str, Any], problem: ClearwayError | None
) -> dict[str, Any]:
    """What one row shows; once it is saved, not the value of a confidential test, nor one to be typed twice unseen."""
    result = row.result if row.result is not None and row.result.is_current else None
    name = f"v-{row.order.id}"
    blind = result is not None and release.is_blind_for(result, current_user)
    hides = result is not None and (test.guarded or blind)
    unit = (result.unit if result else None) or typed.get("unit") or (test.unit if len(test.units) == 1 else None)
    units = [unit] if unit else [one.code for one in test.units]  # until one is chosen, all that may be reported
    value = typed[name] if problem is not None and name in typed else (result.value if result else "")
    cautions = problem.cautions if isinstance(problem, NeedsConfirmation) else []
    if isinstance(problem, NotAgreed):  # to who typed it, not to who looks at the list
        problem.fields["value"] = [say_refusal(row.order.case, test.name) or problem.fields["value"][0]]
    sentences = [one for each in (getattr(problem, "fields", None) or {}).values() for one in each] if problem else []
    sent_back = row.result if row.result is not None and row.result.is_sent_back else None
    return {
        "id": row.order.id, "case_id": row.order.case_id, "number": row.specimen.number, "specimen_id": row.specimen.id,
        "case_number": row.case_number, "person": row.person, "result": result, "prior": row.prior,
        "value": "" if hides else value, "is_saved": result is not None, "blind": blind,
        "mine": result is None or result.entered_by_id == current_user.id,
        "ranges": list(filter(None, (
            say_range(find_range(test, one, row.order.case, row.specimen)) for one in units))),
        "flag": None if hides or result is None else find_abnormality(result),
        "change": describe_change(result, row.prior) if result is not None and row.prior is not None
        and not hides else "",
        "differs": result is not None and not hides and release.entries_differ(result),
        "saved": f"{result.value} {say_unit(result.unit)}" if result is not None and result.unit and not hides else "",
        "cautions": cautions, "error": "" if problem is None or cautions else " ".join(
            str(one) for one in sentences) or problem.message,
        "sent_back": sent_back.remark if sent_back else "",
        "needs_call": result is not None and not hides and find_abnormality(result) is Abnormality.CRITICAL
        and release.needs_call(result),
    }


def _show_confirm(test: LaboratoryTest, problem: InvalidInput | None = None, ticked: list[str] | None = None) -> Answer:
    day, wrong = _read_shown_day()
    errors: dict[str, Any] = wrong or (dict(problem.fields or {"results": [problem.message]}) if problem else {})
    found = list_to_confirm(current_user, test.name, day)
    note_shown(row[0].case_id for row in found)
    rows: list[tuple[LabResult, Any, Any, str, str | None]] = [tuple(row) for row in found]
    shown = render_template(
        "laboratory/grid_confirm.html", test=test, rows=rows, errors=errors, ticked=ticked or [], state="confirm",
        together={row[0].id for row in rows if laboratory.may_confirm_together(row[0])},
        priors={row[0].id: None if test.sensitive else find_before(row[0]) for row in rows},
        flags={row[0].id: find_abnormality(row[0]) for row in rows}, day=request.args.get("day", ""),
        names=list_names(row[0].entered_by_id for row in rows), may_enter=has_permission(P.ENTER_RESULT),
        may_confirm=has_permission(P.CONFIRM_RESULT))
    return (shown, 422) if errors else shown
