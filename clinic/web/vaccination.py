"""The vaccination worksheet: doses of records and given here, and the outcome of every line."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.errors import InvalidInput
from clinic.models import Case, LineOutcome
from clinic.permissions import Permission, has_permission, requires
from clinic.schemas.door import load
from clinic.schemas.reason import ReasonIn
from clinic.schemas.vaccination import DoseIn, OutcomeIn, list_outcomes
from clinic.services import vaccination
from clinic.services.assessment import assess
from clinic.vaccine_product import label_product, list_products
from clinic.web.form import read_form
from clinic.web.gate import find_gate
from clinic.web.laboratory import Problems
from clinic.web.station_page import Answer, forget, is_recording, list_names, open_case, prefix_errors, show

blueprint = Blueprint("vaccination", __name__, url_prefix="/cases/<case_id>/vaccination")
P = Permission
DOSE_FIELDS = ("line", "given_on", "source", "lot", "expires_on", "remark", "confirmed")
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


@blueprint.get("")
@requires(P.SEE_CASES)
def view(case_id: str) -> Answer | Response:
    """The worksheet."""
    case = open_case(case_id)
    gate = find_gate(case) if is_recording(case) else None
    return gate or _show(case, {"line": request.args.get("line", "")})


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
        problem.fields = prefix_errors(problem, f"withdraw-{dose_id}-", "reason")
        return _show(forget(case_id), {}, problem)
    flash(_("Withdrawn; it stays to be seen."), "success")
    return redirect(url_for(".view", case_id=case_id))


@blueprint.post("/outcomes")
@requires(P.RECORD_VACCINE)
def outcomes(case_id: str) -> Answer | Response:
    """Record the outcomes of all lines that were changed: all of them, or none."""
    case = open_case(case_id)
    typed = read_form(request.form, lists=("confirmed",))
    known = vaccination.list_lines(case)
    problems = Problems()
    try:
        for line in list_products():
            outcome, remark = typed.get(f"outcome.{line}"), typed.get(f"remark.{line}", "")
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
        problems.raise_any()
    except InvalidInput as problem:
        return _show(forget(case_id), typed | {"step": "outcomes"}, problem)
    flash(_("The worksheet is saved."), "success")
    return redirect(url_for(".view", case_id=case_id))


def _show(case: Case, typed: dict[str, Any], problem: InvalidInput | None = None) -> Answer:
    required = assess(case)["vaccines"]
    doses, lines = vaccination.list_doses(case), vaccination.list_lines(case)
    touched = {row.line for row in doses} | set(lines)
    shown = [line for line in list_products() if line in required or line in touched]
    people = [row.entered_by_id for row in doses] + [row.recorded_by_id for row in lines.values()]
    return show(
        "vaccination/view.html", case, problem, typed=typed, doses=doses, lines=lines, required=required, shown=shown,
        products=list_products(), product_word=label_product, outcomes=list_outcomes, names=list_names(people),
        outcome_words=OUTCOME_WORDS, ticked=typed.get("confirmed", []),
        writing=is_recording(case) and has_permission(P.RECORD_VACCINE),
    )
