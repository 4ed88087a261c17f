"""Who may be infectious: why, and a physician's word to hold or to lift."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.errors import InvalidInput
from clinic.models import Case, InfectionHold
from clinic.models.hold import BY_PERSON
from clinic.permissions import Permission, has_permission, requires
from clinic.rules.infection import list_cause_rules
from clinic.schemas.door import load
from clinic.schemas.reason import ReasonIn
from clinic.services import hold as service
from clinic.web.form import read_form
from clinic.web.hold_word import CAUSE_WORDS
from clinic.web.station_page import Answer, forget, list_names, open_case, show

blueprint = Blueprint("hold", __name__, url_prefix="/cases/<case_id>/holds")
P = Permission


@blueprint.get("")
@requires(P.SEE_CASES)
def view(case_id: str) -> Answer:
    """What stands against the person of a case, and what stood."""
    return _show(open_case(case_id), {})


@blueprint.post("")
@requires(P.PLACE_HOLD)
def place(case_id: str) -> Answer | Response:
    """Hold them, with the reason."""
    case, typed = open_case(case_id), read_form(request.form)
    try:
        service.place_hold(case, load(ReasonIn(), typed), current_user)
    except InvalidInput as problem:
        return _show(forget(case_id), typed, problem, "place")
    flash(_("The person is held: every station sees it."), "warning")
    return redirect(url_for(".view", case_id=case.id), 303)


@blueprint.post("/<hold_id>/lift")
@requires(P.LIFT_HOLD)
def lift(case_id: str, hold_id: str) -> Answer | Response:
    """Lift one, with the reason."""
    case, typed = open_case(case_id), read_form(request.form)
    row = service.get_hold(hold_id, case)
    try:
        service.lift_hold(row, load(ReasonIn(), typed), current_user)
    except InvalidInput as problem:
        return _show(forget(case_id), typed, problem, hold_id)
    flash(_("The hold is lifted."), "success")
    return redirect(url_for(".view", case_id=case.id), 303)


def _show(case: Case, typed: dict[str, Any], problem: InvalidInput | None = None, form: str = "") -> Answer:
    holds, past = service.list_holds(case.applicant_id), service.list_past_holds(case.applicant_id)
    names = list_names(one for row in (*holds, *past) for one in (row.began_by_id, row.ended_by_id))
    return show(
        "hold/view.html", case, problem, typed=typed, form=form,
        holds=[_describe(row, case, names) for row in holds], past=[_describe(row, case, names) for row in past],
        may_lift=has_permission(P.LIFT_HOLD) and case.site_id == current_user.site_id,
        may_place=has_permission(P.PLACE_HOLD) and case.site_id == current_user.site_id and not any(
            row.cause == BY_PERSON and row.case_id == case.id for row in holds))


def _describe(row: InfectionHold, case: Case, names: dict[str, str]) -> dict[str, Any]:
    rule = list_cause_rules().get(row.cause)
    return {
        "id": row.id, "title": str(CAUSE_WORDS[row.cause]), "says": rule.says if rule else row.evidence,
        "source": rule.source if rule else None, "began_at": row.began_at, "by": names.get(row.began_by_id or ""),
        "ended_at": row.ended_at, "ended_by": names.get(row.ended_by_id or ""), "end_reason": row.end_reason,
        "case_number": row.case.number if row.case_id != case.id else None,
    }
