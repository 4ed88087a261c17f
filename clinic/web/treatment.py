"""How a treatment stands: of tuberculosis under direct observation or latent, of syphilis, of gonorrhoea."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.errors import InvalidInput, NotFound
from clinic.models import Case, TreatmentOutcome
from clinic.permissions import Permission, has_permission, requires
from clinic.schemas.door import load
from clinic.schemas.reason import ReasonIn
from clinic.schemas.treatment import TreatmentIn
from clinic.services import treatment
from clinic.services.tb_summary import find_tb_case
from clinic.treatment_catalogue import list_treatables
from clinic.web.form import read_form, read_version
from clinic.web.station_page import Answer, forget, is_recording, list_names, open_case, prefix_errors, show

blueprint = Blueprint("treatment", __name__, url_prefix="/cases/<case_id>/treatment")
P = Permission


@blueprint.get("/<disease>")
@requires(P.SEE_CASES)
def view(case_id: str, disease: str) -> Answer:
    """The treatment of one disease: how it stands, the form to report, every earlier report."""
    return _show(open_case(case_id), disease, {})


@blueprint.post("/<disease>")
@requires(P.RECORD_TREATMENT)
def report(case_id: str, disease: str) -> Answer | Response:
    """Record how it stands."""
    case = open_case(case_id)
    typed = read_form(request.form, lists=("confirmed",))
    shown = read_version(typed.get("shown"))
    plain = {name: typed[name] for name in TreatmentIn().fields if name in typed} | {"disease": disease}
    try:
        treatment.report_treatment(case, load(TreatmentIn(), plain), shown, current_user)
    except InvalidInput as problem:
        return _show(forget(case_id), disease, typed, problem)
    flash(_("Recorded. The decision follows it."), "success")
    return redirect(url_for(".view", case_id=case_id, disease=disease))


@blueprint.post("/<disease>/<treatment_id>/withdraw")
@requires(P.RECORD_TREATMENT)
def withdraw(case_id: str, disease: str, treatment_id: str) -> Answer | Response:
    """Take back a treatment that should never have been here."""
    case = open_case(case_id)
    row = treatment.get_treatment(case, treatment_id)
    typed = read_form(request.form)
    try:
        treatment.withdraw_treatment(row, load(ReasonIn(), typed), current_user)
    except InvalidInput as problem:
        problem.fields = prefix_errors(problem, "withdraw-", "reason")
        return _show(forget(case_id), disease, {"withdraw-reason": typed.get("reason")}, problem)
    flash(_("Withdrawn; it stays to be seen."), "success")
    return redirect(url_for(".view", case_id=case_id, disease=disease))


def label_outcome(outcome: TreatmentOutcome) -> str:
    """How a treatment stands, in words."""
    words = {TreatmentOutcome.REFUSED: _("Refused"), TreatmentOutcome.CURRENT: _("Goes on"),
             TreatmentOutcome.COMPLETED: _("Completed"), TreatmentOutcome.STOPPED: _("Stopped before the end")}
    return words[outcome]


def label_stage(stage: str) -> str:
    """A stage of syphilis in words (us.md 2.2)."""
    words = {"primary": _("primary"), "secondary": _("secondary"), "early-latent": _("early latent (under a year)"),
             "late-latent": _("late latent"), "tertiary": _("tertiary"),
             "unknown-duration": _("latent of unknown duration")}
    return words.get(stage, stage)


def _show(case: Case, disease: str, typed: dict[str, Any], problem: InvalidInput | None = None) -> Answer:
    found = list_treatables().get(disease)
    if found is None:
        raise NotFound(_("There is no such treatment on this case."), case=case.id)
    rows = [row for row in treatment.list_treatments(case) if row.disease == disease]
    current = treatment.find_treatment(case, disease)
    stands = {name: getattr(current, name) for name in treatment.SHOWN} if current else {}
    if current:
        stands |= {name: "true" if stands[name] else "" for name in ("is_supervised", "is_refused_here")}
    is_report = bool(typed) and "withdraw-reason" not in typed
    return show(
        "treatment/view.html", case, problem, disease=found, rows=rows, current=current, all=typed,
        typed=typed if is_report else stands, ticked=typed.get("confirmed", []), label_outcome=label_outcome,
        label_stage=label_stage, outcomes=list(TreatmentOutcome),
        names=list_names(row.entered_by_id for row in rows),
        has_tb_case=disease == "tuberculosis" and find_tb_case(case) is not None,
        writing=is_recording(case) and has_permission(P.RECORD_TREATMENT),
    )
