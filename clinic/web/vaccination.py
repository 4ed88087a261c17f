"""The vaccination worksheet: doses of records and given here, each judged, and the outcome of every line."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _
from flask_login import current_user
from marshmallow import ValidationError
from sqlalchemy import select
from werkzeug.wrappers import Response

from clinic.db import db
from clinic.errors import CaseChanged, InvalidInput, NotNow
from clinic.models import BodySite, Case, DoseSource, LineOutcome, RecordKind, Route, User
from clinic.permissions import Permission, has_permission, requires
from clinic.rules.dose import say_day
from clinic.schemas.door import load
from clinic.schemas.reason import ReasonIn
from clinic.schemas.vaccination import DoseIn, NewDose, OutcomeIn, list_outcomes, read_dates
from clinic.sentence import Sentence
from clinic.services import vaccination
from clinic.services.plausibility import get_today
from clinic.services.vaccine_review import Worksheet, build_worksheet, list_alerts
from clinic.vaccine_product import get_usual_product, label_product, list_products
from clinic.vaccine_result import WORDS as RESULT_WORDS
from clinic.vaccine_sentence import say
from clinic.web.form import read_form
from clinic.web.gate import find_gate
from clinic.web.laboratory import Problems
from clinic.web.station_page import Answer, forget, is_recording, list_names, open_case, prefix_errors, show
from clinic.web.veil import veil_said

blueprint = Blueprint("vaccination", __name__, url_prefix="/cases/<case_id>/vaccination")
P = Permission
DOSE_FIELDS = ("line", "given_on", "source", "lot", "expires_on", "remark", "confirmed", "record_kind", "body_site",
               "route", "given_by_id")
OUTCOME_WORDS: dict[LineOutcome, LazyString] = {
    LineOutcome.COMPLETE: lazy_gettext("Complete"),
    LineOutcome.IMMUNE_LAB: lazy_gettext("Immune by laboratory test"),
    LineOutcome.VARICELLA_HISTORY: lazy_gettext("Immune by history of varicella"),
    LineOutcome.GIVEN_SERIES_INCOMPLETE: lazy_gettext("Given here, series to be continued"),
    LineOutcome.WAIVER_AGE: lazy_gettext("Waiver: not age appropriate"),
    LineOutcome.WAIVER_INTERVAL: lazy_gettext("Waiver: insufficient time interval"),
    LineOutcome.WAIVER_CONTRAINDICATION: lazy_gettext("Waiver: contraindication"),
    LineOutcome.WAIVER_NOT_AVAILABLE: lazy_gettext("Waiver: not routinely available"),
    LineOutcome.WAIVER_NOT_FLU_SEASON: lazy_gettext("Waiver: not flu season"),
    LineOutcome.WAIVER_INDIVIDUAL: lazy_gettext("Individual waiver: religious or moral grounds"),
    LineOutcome.REFUSED: lazy_gettext("Refused"),
}
RECORD_WORDS: dict[RecordKind, LazyString] = {
    RecordKind.VACCINATION_CARD: lazy_gettext("Vaccination card"),
    RecordKind.PHYSICIAN_RECORD: lazy_gettext("Physician's or clinic's record"),
    RecordKind.SCHOOL_RECORD: lazy_gettext("School record"),
    RecordKind.REGISTRY: lazy_gettext("Print of a vaccination registry"),
    RecordKind.OTHER: lazy_gettext("Other written record"),
}
SITE_WORDS: dict[BodySite, LazyString] = {
    BodySite.LEFT_ARM: lazy_gettext("Left arm"), BodySite.RIGHT_ARM: lazy_gettext("Right arm"),
    BodySite.LEFT_THIGH: lazy_gettext("Left thigh"), BodySite.RIGHT_THIGH: lazy_gettext("Right thigh"),
}
ROUTE_WORDS: dict[Route, LazyString] = {
    Route.INTRAMUSCULAR: lazy_gettext("Intramuscular"), Route.SUBCUTANEOUS: lazy_gettext("Subcutaneous"),
    Route.INTRADERMAL: lazy_gettext("Intradermal"), Route.ORAL: lazy_gettext("Oral"),
    Route.NASAL: lazy_gettext("Nasal"),
}
ALERT_WORDS: dict[str, LazyString] = {
    "other.allergy": lazy_gettext("Allergies"), "other.cancer": lazy_gettext("Malignancy"),
    "other.medication": lazy_gettext("Regular medication"),
}


@blueprint.get("")
@requires(P.SEE_CASES)
def view(case_id: str) -> Answer | Response:
    """The worksheet; `line` offers a dose of that line, `give` the one that the rules propose."""
    case = open_case(case_id)
    gate = find_gate(case) if is_recording(case) else None
    typed: dict[str, Any] = {"line": request.args.get("line", "")}
    if request.args.get("give") and typed["line"] in list_products():
        cvx = build_worksheet(case).reviews[typed["line"]].proposal.cvx
        typed |= {"source": DoseSource.GIVEN_HERE.value, "given_on": get_today(case),
                  "product": f"{typed['line']}|{cvx}" if cvx else ""}
    return gate or _show(case, typed)


@blueprint.post("/doses")
@requires(P.RECORD_VACCINE)
def dose(case_id: str) -> Answer | Response:
    """Record one dose and offer the next of the same line."""
    case = open_case(case_id)
    typed = read_form(request.form, lists=("confirmed",))
    try:
        plain = {name: typed[name] for name in DOSE_FIELDS if name in typed}
        line, _dot, cvx = typed.get("product", "").rpartition("|")
        plain |= {"line": line, "cvx": cvx} if cvx else {}
        made = vaccination.record_dose(case, load(DoseIn(), plain), current_user)
    except NotNow as problem:
        return _show(forget(case_id), typed | {"step": "dose"},
                     InvalidInput(problem.message, {"given_on": [problem.message]}))
    except InvalidInput as problem:
        for name in ("line", "cvx"):
            if name in problem.fields:
                problem.fields["product"] = [_("Choose the vaccine.")]
                del problem.fields[name]
        return _show(forget(case_id), typed | {"step": "dose"}, problem)
    flash(_("%(line)s: dose recorded.", line=made.line), "success")
    return redirect(url_for(".view", case_id=case_id, line=made.line, _anchor="dose"))


@blueprint.post("/doses/<dose_id>/withdraw")
@requires(P.RECORD_VACCINE)
def withdraw(case_id: str, dose_id: str) -> Answer | Response:
    """Take a dose back that was recorded by mistake."""
    case = open_case(case_id)
    row = vaccination.get_dose(case, dose_id)
    typed = read_form(request.form)
    try:
        vaccination.withdraw_dose(row, load(ReasonIn(), typed), current_user)
    except InvalidInput as problem:
        stem = f"withdraw-{dose_id}-"
        problem.fields = prefix_errors(problem, stem, "reason")
        return _show(forget(case_id), {f"{stem}reason": typed.get("reason", "")}, problem)
    flash(_("Withdrawn; it stays to be seen."), "success")
    return redirect(url_for(".view", case_id=case_id))


@blueprint.post("/outcomes")
@requires(P.RECORD_VACCINE)
def outcomes(case_id: str) -> Answer | Response:
    """Save the sheet: the dates copied into its rows, then the outcomes that were changed; all of it, or nothing."""
    case = open_case(case_id)
    typed = read_form(request.form, lists=("confirmed",))
    accepted, _bar, outcome = typed.get("accept", "").rpartition("|")
    if accepted:
        typed |= {f"outcome.{accepted}": outcome}
    problems = Problems()
    try:
        _record_history(case, typed, problems)
        problems.raise_any()
        _record_outcomes(case, typed, problems, accepted)
        problems.raise_any()
    except NotNow as problem:
        return _show(forget(case_id), typed | {"step": "outcomes"}, InvalidInput(problem.message))
    except InvalidInput as problem:
        return _show(forget(case_id), typed | {"step": "outcomes"}, problem)
    if typed.get("next") == "proposals":
        return redirect(url_for(".proposals", case_id=case_id))
    flash(_("The worksheet is saved."), "success")
    return redirect(url_for(".view", case_id=case_id, _anchor=f"line-{accepted}" if accepted else None))


@blueprint.get("/proposals")
@requires(P.RECORD_VACCINE)
def proposals(case_id: str) -> Answer | Response:
    """What accepting every proposal would record, to be read before it is confirmed."""
    case = open_case(case_id)
    return (find_gate(case) if is_recording(case) else None) or _show_proposals(case)


@blueprint.post("/proposals")
@requires(P.RECORD_VACCINE)
def accept(case_id: str) -> Answer | Response:
    """Record the proposals that were shown."""
    case = open_case(case_id)
    pairs = [value.rpartition("|")[::2] for value in read_form(request.form, lists=("proposal",))["proposal"]]
    known = {outcome.value for outcome in LineOutcome}
    wanted = {line: LineOutcome(outcome) for line, outcome in pairs if outcome in known}
    try:
        made = vaccination.accept_proposals(case, wanted, current_user)
    except (InvalidInput, CaseChanged, NotNow) as problem:
        return _show_proposals(forget(case_id), InvalidInput(problem.message))
    flash(_("%(count)s lines recorded as proposed.", count=len(made)), "success")
    return redirect(url_for(".view", case_id=case_id))


def _record_history(case: Case, typed: dict[str, Any], problems: Problems) -> None:
    """Every date typed or pasted into a row is one dose of the written record chosen above the rows."""
    rows = {line: typed[f"history.{line}"] for line in list_products() if typed.get(f"history.{line}")}
    kinds = {kind.value: kind for kind in RecordKind}
    if rows and typed.get("record_kind") not in kinds:
        problems.errors["record_kind"] = [_("Choose the written record that the dates are copied from.")]
        return
    for line, text in rows.items():
        cvx = typed.get(f"product.{line}") or get_usual_product(line)
        try:
            if cvx not in list_products()[line]:
                raise ValidationError(_("Choose a product of this line."))
            for day in read_dates(text):
                new = NewDose(line, cvx, day, DoseSource.RECORD, record_kind=kinds[typed["record_kind"]])
                vaccination.record_dose(case, new, current_user)
        except ValidationError as problem:
            problems.errors[f"history.{line}"] = [str(sentence) for sentence in problem.messages]
        except (InvalidInput, NotNow) as problem:
            found = getattr(problem, "fields", {}).get("given_on", [problem.message])
            problems.errors[f"history.{line}"] = [f"{say_day(day)}: {sentence}" for sentence in found]


def _record_outcomes(case: Case, typed: dict[str, Any], problems: Problems, accepted: str) -> None:
    known = vaccination.list_lines(case)
    for line in list_products():
        outcome, remark = typed.get(f"outcome.{line}"), typed.get(f"remark.{line}", "")
        if line == accepted and outcome == LineOutcome.WAIVER_CONTRAINDICATION and not remark:
            remark = say(build_worksheet(case).reviews[line].proposal.says)
        if not outcome or (line in known and (known[line].outcome, known[line].remark) == (outcome, remark)):
            continue
        try:
            plain = {"line": line, "outcome": outcome, "remark": remark, "confirmed": typed["confirmed"]}
            vaccination.record_outcome(case, load(OutcomeIn(), plain), current_user)
        except InvalidInput as problem:
            own = Problems()
            own.add(problem, "", "")
            problems.cautions += own.cautions
            problems.errors |= {f"{name.lstrip('.')}.{line}": found for name, found in own.errors.items()}


def _say(sentence: Sentence) -> str:
    return say(sentence) if veil_said(sentence.text) else _("The physician knows why.")


def _show(case: Case, typed: dict[str, Any], problem: InvalidInput | None = None) -> Answer:
    sheet = build_worksheet(case)
    touched = {row.line for row in sheet.doses} | set(sheet.lines)
    is_us = case.programme == "us"
    shown = [line for line in list_products() if line in touched or (is_us and _is_printed(sheet, line))]
    people = [each for row in sheet.doses for each in (row.entered_by_id, row.given_by_id)]
    people += [row.recorded_by_id for row in sheet.lines.values()]
    writing = is_recording(case) and has_permission(P.RECORD_VACCINE)
    ready = [line for line in sheet.open_lines if sheet.reviews[line].proposal.outcome]
    return show(
        "vaccination/view.html", case, problem, typed=typed, sheet=sheet, shown=shown, is_us=is_us, ready=ready,
        products=list_products(), product_word=label_product, outcomes=list_outcomes, names=list_names(people),
        outcome_words=OUTCOME_WORDS, result_words=RESULT_WORDS, record_words=RECORD_WORDS, site_words=SITE_WORDS,
        route_words=ROUTE_WORDS, alert_words=ALERT_WORDS, alerts=list_alerts(case), say=_say, writing=writing,
        usual=get_usual_product, ticked=typed.get("confirmed", []),
        last_kind=next((row.record_kind for row in reversed(sheet.doses) if row.record_kind), None),
        givers=_list_givers(case) if writing else [],
        unsaved=[] if writing or problem is None else [(name, value) for name, value in typed.items()
                                                       if isinstance(value, str) and name != "step"],
    )


def _show_proposals(case: Case, problem: InvalidInput | None = None) -> Answer:
    sheet = build_worksheet(case)
    rows = [(line, LineOutcome(outcome), sheet.reviews[line].proposal) for line in sheet.open_lines
            if (outcome := sheet.reviews[line].proposal.outcome)]
    left = [line for line in sheet.open_lines if not sheet.reviews[line].proposal.outcome]
    return show("vaccination/proposals.html", case, problem, rows=rows, left=left, sheet=sheet, say=say,
                outcome_words=OUTCOME_WORDS, writing=is_recording(case))


def _is_printed(sheet: Worksheet, line: str) -> bool:
    """Whether the form of that date has the line: all but one that no exam of the day asks for."""
    return line in sheet.required or sheet.reviews[line].proposal.outcome is not None


def _list_givers(case: Case) -> list[tuple[str, str]]:
    rows = db.session.execute(select(User).where(User.site_id == case.site_id).order_by(User.name)).scalars()
    return [(row.id, row.name) for row in rows if row.active and has_permission(P.RECORD_VACCINE, row)]
