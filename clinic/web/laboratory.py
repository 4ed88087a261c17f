"""The laboratory: the sheet on which results are entered, the page on which another person confirms one."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic import clock, workflow
from clinic.caution import NeedsConfirmation
from clinic.egfr import EGFR
from clinic.errors import InvalidInput
from clinic.laboratory_test import list_tests
from clinic.models import Case, LabResult, RequirementState, ResultStatus
from clinic.permissions import Permission, has_permission, requires
from clinic.queries.laboratory import count_waiting_results, list_waiting_results
from clinic.queries.prior_value import list_prior_of, list_prior_values
from clinic.queries.waiting import View
from clinic.queries.worklist import count_waiting, list_waiting
from clinic.schemas.door import load
from clinic.schemas.laboratory import LabResultIn
from clinic.schemas.reason import ReasonIn
from clinic.schemas.time import read_time
from clinic.services import confidential, egfr, laboratory, put_back, release, revision
from clinic.services.abnormality import find_abnormality
from clinic.services.assessment import list_requirements
from clinic.services.lab_order import get_order_of
from clinic.services.result_grid import find_range, say_range
from clinic.treatment_catalogue import Treatable, list_treatables
from clinic.web.case_list import address_pages, find_day_start, read_place, render_list, render_rows, say_count
from clinic.web.confidential import may_open_confidential, say_refusal
from clinic.web.form import read_form
from clinic.web.gate import is_looking
from clinic.web.reauthentication import check_again
from clinic.web.result_form import OWN, Problems, read_row, values_of
from clinic.web.station_page import Answer, forget, is_recording, list_names, open_case, prefix_errors, show

blueprint = Blueprint("laboratory", __name__)
P = Permission
CALLING = (P.RECORD_EXAM, P.ENTER_RESULT, P.CONFIRM_RESULT, P.MANAGE_TUBERCULOSIS)  # whose task a critical value is


@blueprint.get("/laboratory")
@requires(P.ENTER_RESULT, P.CONFIRM_RESULT)
def index() -> bytes:
    """The laboratory's work: what was sent back, what waits for its second person, what is to be entered."""
    today = find_day_start(clock.today(current_user.site.time_zone))
    counts = {"confirm": count_waiting_results(current_user), "enter": count_waiting(current_user, View.ENTER, today)}
    enters = has_permission(P.ENTER_RESULT)
    chosen = request.args.get("list", "")
    if chosen not in counts or (chosen == "enter" and not enters):
        chosen = "confirm" if has_permission(P.CONFIRM_RESULT) or not enters else "enter"
    labels = {"confirm": _("Waits for a second person"), "enter": _("To be entered")}
    tabs = [{"label": labels[name], "url": url_for(".index", list=name), "active": name == chosen,
             "count": say_count(counts[name])} for name in counts if enters or name == "confirm"]
    after, before = read_place("after"), read_place("before")
    refused = list_waiting(current_user, View.SENT_BACK, today) if enters else None
    sent_back = [render_rows(refused, View.SENT_BACK)] if refused else []
    shown = {"tabs": tabs, "chosen": chosen, "tests": list_tests(), "refused": sent_back[0] if sent_back else None}
    if chosen == "enter":
        page = list_waiting(current_user, View.ENTER, today, after, before)
        rows = render_rows(page, View.ENTER)
        return render_list("laboratory/index.html", rows, *sent_back, rows=rows,
                           **address_pages(page, "updated_at"), **shown)
    page = list_waiting_results(current_user, after, before)
    return render_list("laboratory/index.html", *sent_back, rows=[(row[0], row) for row in page.rows],
                       **address_pages(page, lambda row: (row[0].entered_at, row[0].id)), **shown)


@blueprint.get("/cases/<case_id>/laboratory")
@requires(P.SEE_CASES)
def sheet(case_id: str) -> Answer:
    """The results of a case, and the sheet to enter what is outstanding."""
    return _show_sheet(open_case(case_id), {})


@blueprint.post("/cases/<case_id>/laboratory")
@requires(P.ENTER_RESULT)
def enter(case_id: str) -> Answer | Response:
    """Record every row of the sheet that was filled in: all of them, or none."""
    case = open_case(case_id)
    typed = read_form(request.form, lists=("confirmed",))
    filled = [test for name, test in list_tests().items() if not test.specimen and typed.get(f"{name}.value")]
    problems = Problems()
    computes = "computed" in typed
    if computes and typed.get(f"{EGFR}.value"):
        problems.errors[f"{EGFR}.value"] = [_("Empty this box to enter the computed value.")]
    elif not filled and not computes:
        problems.errors["sheet"] = [_("Enter at least one result.")]
    try:
        for test in filled:
            try:
                laboratory.enter_result(case, load(LabResultIn(), read_row(test, typed)), current_user)
            except InvalidInput as problem:
                problems.add(problem, test.name, typed.get(f"{test.name}.kind", ""))
        if computes and not problems.errors:
            try:
                laboratory.enter_computed_egfr(case, current_user, confirmed=typed["confirmed"])
            except InvalidInput as problem:
                problems.add(problem, EGFR, "")
        problems.raise_any()
    except InvalidInput as problem:
        return _show_sheet(forget(case_id), typed, problem)
    flash(_("Saved. Another person must confirm before it counts."), "success")
    return redirect(url_for(".sheet", case_id=case_id))


@blueprint.get("/cases/<case_id>/laboratory/<result_id>")
@requires(P.SEE_CASES)
def result(case_id: str, result_id: str) -> Answer:
    """One result: to confirm, send back, correct or withdraw, with everything that was there before."""
    case = open_case(case_id)
    return _show_result(case, laboratory.get_result(case, result_id), {})


@blueprint.post("/cases/<case_id>/laboratory/<result_id>/confirm")
@requires(P.CONFIRM_RESULT)
def confirm(case_id: str, result_id: str) -> Answer | Response:
    """The second person agrees."""
    case = open_case(case_id)
    row = laboratory.get_result(case, result_id)
    problems = check_again(request.form, frequent=True)
    if problems:
        return _show_result(case, row, {}, InvalidInput(_("Please correct what is marked."), fields=problems))
    laboratory.confirm_result(row, current_user)
    flash(_("%(test)s is confirmed.", test=list_tests()[row.test].label), "success")
    return return_from(case, row)


@blueprint.post("/cases/<case_id>/laboratory/<result_id>/second")
@requires(P.CONFIRM_RESULT)
def second(case_id: str, result_id: str) -> Answer | Response:
    """The second person types the value without seeing the first; agreeing confirms, a mismatch stops both."""
    case = open_case(case_id)
    row = laboratory.get_result(case, result_id)
    test = list_tests()[row.test]
    typed = read_form(request.form)
    problems = check_again(request.form, frequent=True)
    try:
        if problems:
            raise InvalidInput(_("Please correct what is marked."), fields=problems)
        plain = {"test": test.name, "value": typed.get("second-value", ""), "unit": typed.get("second-unit"),
                 "performed_on": row.performed_on.isoformat(), "specimen_id": row.specimen_id}
        new = load(LabResultIn(), {name: value for name, value in plain.items() if value})
        entry = release.enter_second(row, new.value, new.unit, current_user)
        tells_first = entry.agrees and release.needs_call(row)
        if entry.agrees and not tells_first:
            laboratory.confirm_result(row, current_user)
    except InvalidInput as problem:
        case = forget(case_id)
        problem.fields = {f"second-{name}" if name in OWN or name == "value" else name: sentences
                          for name, sentences in problem.fields.items()}
        return _show_result(case, laboratory.get_result(case, result_id), typed, problem)
    if not entry.agrees or tells_first:
        flash(_("Both entries agree, and the value is critical: call who treats the person and record the call here. "
                "Then confirm.") if tells_first else
              _("The two entries differ, so nothing is confirmed. Both stand below: look at the report together."),
              "warning")
        return redirect(url_for(".result", case_id=case_id, result_id=result_id, **_origin()))
    flash(_("Both entries agree: %(test)s is confirmed.", test=test.label), "success")
    return return_from(case, row)


@blueprint.post("/cases/<case_id>/laboratory/<result_id>/call")
@requires(*CALLING)
def call(case_id: str, result_id: str) -> Answer | Response:
    """Write down whom one told of a critical value."""
    case = open_case(case_id)
    row = laboratory.get_result(case, result_id)
    typed = read_form(request.form)
    try:
        moment = release.find_call_moment(row, read_time("called_time", typed.get("called_time")))
        release.record_call(row, typed.get("called") or "", moment, bool(typed.get("is_read_back")),
                            typed.get("call-remark") or "", current_user)
    except InvalidInput as problem:
        case = forget(case_id)
        return _show_result(case, laboratory.get_result(case, result_id), typed, problem)
    zone = row.case.site.time_zone
    flash(_("The call is recorded.") if clock.to_day(moment, zone) == clock.today(zone) else
          _("The call is recorded: yesterday at %(time)s.", time=f"{moment:%H:%M}"), "success")
    return redirect(url_for(".result", case_id=case_id, result_id=result_id, **_origin()))


def _origin() -> dict[str, Any]:
    return {"from": request.form["from"]} if request.form.get("from") else {}


@blueprint.post("/cases/<case_id>/laboratory/<result_id>/refuse")
@requires(P.CONFIRM_RESULT)
def refuse(case_id: str, result_id: str) -> Answer | Response:
    """The second person sends it back with a reason."""
    return _with_reason(case_id, result_id, laboratory.refuse_result, _("Sent back with your reason."))


@blueprint.post("/cases/<case_id>/laboratory/<result_id>/withdraw")
@requires(P.ENTER_RESULT)
def withdraw(case_id: str, result_id: str) -> Answer | Response:
    """Take back a result that should never have been here."""
    return _with_reason(case_id, result_id, laboratory.withdraw_result, _("Withdrawn; it stays to be seen."))


@blueprint.post("/cases/<case_id>/laboratory/<result_id>/correct")
@requires(P.ENTER_RESULT)
def correct(case_id: str, result_id: str) -> Answer | Response:
    """Replace a result by its next revision."""
    case = open_case(case_id)
    row = laboratory.get_result(case, result_id)
    typed = read_form(request.form, lists=("confirmed",))
    test = list_tests()[row.test]
    try:
        reason = load(ReasonIn(), typed)
        plain = read_row(test, typed) | ({"specimen_id": row.specimen_id} if row.specimen_id else {})
        made = laboratory.correct_result(row, load(LabResultIn(), plain), reason, current_user)
    except InvalidInput as problem:
        case = forget(case_id)
        if "reason" not in problem.fields and not isinstance(problem, NeedsConfirmation):
            problems = Problems()
            problems.add(problem, test.name, typed.get(f"{test.name}.kind", ""))
            problem.fields = problems.errors
        return _show_result(case, laboratory.get_result(case, result_id), typed, problem)
    flash(_("Corrected. Another person must confirm before it counts."), "success")
    _tell_outdated(case)
    return redirect(url_for(".result", case_id=case_id, result_id=made.id))


def _with_reason(case_id: str, result_id: str, act: Any, sentence: str) -> Answer | Response:
    case = open_case(case_id)
    row = laboratory.get_result(case, result_id)
    typed = read_form(request.form)
    step = str(request.url_rule).rsplit("/", 1)[-1]
    try:
        act(row, load(ReasonIn(), typed), current_user)
    except InvalidInput as problem:
        case = forget(case_id)
        problem.fields = prefix_errors(problem, f"{step}-", "reason")
        return _show_result(case, laboratory.get_result(case, result_id), {f"{step}-reason": typed.get("reason")},
                            problem)
    flash(sentence, "success")
    _tell_outdated(case)
    return return_from(case, row)


def _tell_outdated(case: Case) -> None:
    """Say what was computed from a value that was just corrected or taken back."""
    for words in egfr.list_outdated(case):
        flash(words, "warning")


def return_from(case: Case, row: LabResult) -> Response:
    """Back to where the person came from: the list of all that waits, the test's grid, the case's list or its sheet."""
    if request.form.get("from") == "grid":
        return redirect(url_for("result_grid.grid", test=row.test))
    if request.form.get("from") == "list":
        return redirect(url_for(".index"))
    if request.form.get("from") == "bench":
        return redirect(url_for("result_grid.grid", test=row.test, state="confirm"))
    if request.form.get("from") == "case":
        return redirect(url_for("second_person.view", case_id=case.id))
    return redirect(url_for(".sheet", case_id=case.id))


def _show_sheet(case: Case, typed: dict[str, Any], problem: InvalidInput | None = None) -> Answer:
    rows = laboratory.list_results(case)
    writing = is_recording(case) and has_permission(P.ENTER_RESULT)
    due, others = _list_due(case, rows)
    chosen = request.args.get("test", "")
    due += [name for name in others if name == chosen or typed.get(f"{name}.value")]
    names = list_names(each for row in rows for each in (row.entered_by_id, row.confirmed_by_id))
    sent_back = {name: row for name in due if (row := laboratory.pick_sent_back(rows, name))}
    return show("laboratory/sheet.html", case, problem, typed=typed or _values_sent_back(sent_back), rows=rows[::-1],
                names=names, tests=list_tests(), due=due, others=[name for name in others if name not in due],
                writing=writing, refusals={name: say_refusal(case, name) for name in due}, sent_back=sent_back,
                to_treat=_list_to_treat(rows),
                priors=list_prior_values(case, due) if due else {}, outdated=egfr.list_outdated(case),
                computed=egfr.propose(case) if writing and EGFR in due else None,
                waiting=sum(row.is_current and row.status is ResultStatus.PRELIMINARY for row in rows),
                may_confirm=has_permission(P.CONFIRM_RESULT), ticked=typed.get("confirmed", []),
                may_open=may_open_confidential()
                and any(list_tests()[name].guarded for name in [*due, *(row.test for row in rows)]))


def _list_to_treat(rows: list[LabResult]) -> list[Treatable]:
    """The infections of the sheet that were found and whose treatment is asked for (us.md 1.6, 2.2, 2.3)."""
    current = [row for row in rows if row.is_current]
    return [disease for disease in list_treatables().values()
            if any(disease.is_found_by(row.test, row.value) for row in current)]


def _values_sent_back(rows: dict[str, LabResult]) -> dict[str, Any]:
    """What stands in the fields when something was sent back: what was typed then, the dates of the newest."""
    typed: dict[str, Any] = {}
    for row in sorted(rows.values(), key=lambda row: row.id):
        if not confidential.is_hidden(row, current_user):
            typed |= values_of(row)
    return typed


def _list_due(case: Case, rows: list[LabResult]) -> tuple[list[str], list[str]]:
    """(tests of what is open and has no current result, all other tests without a specimen of their own)."""
    open_exams = {row.exam for row in list_requirements(case) if row.state is RequirementState.OPEN}
    current = {row.test for row in rows if row.is_current}
    own = [name for name, test in list_tests().items() if not test.specimen]
    due = [name for name in own if set(list_tests()[name].exams) & open_exams
           and (name not in current or ("igra-repeat" in open_exams and name == "igra"))
           and (list_tests()[name].settles or name == "creatinine")]
    due += [name for name in own if name not in due and laboratory.pick_sent_back(rows, name)]
    return due, [name for name in own if name not in due]


def _show_result(case: Case, row: LabResult, typed: dict[str, Any], problem: InvalidInput | None = None) -> Answer:
    series = [other for other in laboratory.list_results(case) if other.series_id == row.series_id]
    names = list_names(each for other in series for each in (other.entered_by_id, other.confirmed_by_id))
    signed = case.state in workflow.SIGNED and not is_looking()
    waiting = row.is_current and row.status is ResultStatus.PRELIMINARY and (is_recording(case) or signed)
    blind = release.is_blind_for(row, current_user)
    refusal = say_refusal(case, row.test) if waiting and not revision.was_confirmed_before(row) else ""
    if confidential.is_hidden(row, current_user):
        return show("laboratory/hidden.html", case, problem, row=row, test=list_tests()[row.test], refusal=refusal,
                    may_open=may_open_confidential(), origin=request.values.get("from", ""))
    entry = release.find_second_entry(row) if release.needs_second_entry(row) else None
    calls = release.list_calls(row)
    order = get_order_of(row)
    specimen = row.specimen or (order.specimen if order else None)
    correcting = "correct" in request.args or bool(typed.get(f"{row.test}.value") or typed.get("reason"))
    names |= list_names([*(one.recorded_by_id for one in calls), *([entry.entered_by_id] if entry else [])])
    return show(
        "laboratory/result.html", case, problem, row=row, test=list_tests()[row.test], series=series[::-1], names=names,
        specimen=specimen, range=say_range(find_range(list_tests()[row.test], row.unit, case, specimen))
        if specimen and row.unit and not blind else "",
        typed=typed or values_of(row), priors=[] if blind else list_prior_of(row),
        flag=find_abnormality(row) if row.unit and row.is_current and not blind else None,
        notes=[] if blind else laboratory.list_result_cautions(case, row, row.specimen),
        blind=blind, entry=entry, types_twice=release.needs_second_entry(row), calls=calls,
        needs_call=waiting and not blind and release.needs_call(row), signed=signed,
        may_call=any(has_permission(each) for each in CALLING),
        ticked=typed.get("confirmed", []), is_mine=row.entered_by_id == current_user.id, waiting=waiting,
        may_confirm=waiting and has_permission(P.CONFIRM_RESULT),
        may_correct=row.is_current and not blind and has_permission(P.ENTER_RESULT)
        and (is_recording(case) or (signed and row.counts)),
        may_take_back=put_back.may_take_back(row, current_user) and has_permission(P.ENTER_RESULT),
        origin=request.values.get("from", ""), correcting=correcting,
        made_from=egfr.find_creatinine(row) if egfr.is_computed(row) else None,
        waits=egfr.waits_for_creatinine(row), refusal=refusal,
    )
