"""The chest X-ray: the radiologist's reading by the findings of Form DS-3030."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.errors import InvalidInput
from clinic.models import Answer as Known
from clinic.models import Case, XrayReading
from clinic.permissions import Permission, has_permission, requires
from clinic.schemas.door import load
from clinic.schemas.imaging import XrayReadingIn
from clinic.schemas.reason import ReasonIn
from clinic.services import radiology
from clinic.services.assessment import list_requirements
from clinic.web.form import read_form
from clinic.web.station_page import (
    Answer,
    forget,
    is_recording,
    list_names,
    open_case,
    prefix_errors,
    show,
    to_requirement_reasons,
)
from clinic.xray_finding import FindingCategory, list_all_findings, list_findings

blueprint = Blueprint("xray", __name__, url_prefix="/cases/<case_id>/xray")
P = Permission
FIELDS = ("taken_on", "view", "deferred", "remark")


@blueprint.get("")
@requires(P.SEE_CASES)
def view(case_id: str) -> Answer:
    """The readings of a case, and the form for one."""
    case = open_case(case_id)
    correcting = request.args.get("correct")
    row = radiology.get_reading(case, correcting) if correcting else None
    return _show(case, _values_of(row) if row else {}, row=row)


@blueprint.post("")
@requires(P.READ_XRAY)
def record(case_id: str) -> Answer | Response:
    """Record a reading: final, the radiologist signs it alone."""
    case = open_case(case_id)
    typed = read_form(request.form, lists=("findings", "confirmed"))
    try:
        radiology.record_reading(case, load(XrayReadingIn(), _to_plain(typed)), current_user)
    except InvalidInput as problem:
        return _show(forget(case_id), typed, problem)
    flash(_("The reading is recorded."), "success")
    return redirect(url_for(".view", case_id=case_id))


@blueprint.post("/<reading_id>/correct")
@requires(P.READ_XRAY)
def correct(case_id: str, reading_id: str) -> Answer | Response:
    """Replace a reading by its next revision."""
    case = open_case(case_id)
    row = radiology.get_reading(case, reading_id)
    typed = read_form(request.form, lists=("findings", "confirmed"))
    try:
        reason = load(ReasonIn(), typed)
        radiology.correct_reading(row, load(XrayReadingIn(), _to_plain(typed)), reason, current_user)
    except InvalidInput as problem:
        case = forget(case_id)
        return _show(case, typed, problem, radiology.get_reading(case, reading_id))
    flash(_("The reading is corrected; the earlier one stays to be seen."), "success")
    return redirect(url_for(".view", case_id=case_id))


@blueprint.post("/<reading_id>/withdraw")
@requires(P.READ_XRAY)
def withdraw(case_id: str, reading_id: str) -> Answer | Response:
    """Take a reading back, for example of another person's film."""
    case = open_case(case_id)
    row = radiology.get_reading(case, reading_id)
    typed = read_form(request.form)
    try:
        radiology.withdraw_reading(row, load(ReasonIn(), typed), current_user)
    except InvalidInput as problem:
        case = forget(case_id)
        row = radiology.get_reading(case, reading_id)
        problem.fields = prefix_errors(problem, "withdraw-", "reason")
        return _show(case, _values_of(row) | {"withdraw-reason": typed.get("reason")}, problem, row)
    flash(_("Withdrawn; it stays to be seen."), "success")
    return redirect(url_for(".view", case_id=case_id))


def _to_plain(typed: dict[str, Any]) -> dict[str, Any]:
    plain = {name: typed[name] for name in FIELDS if name in typed}
    return plain | {"findings": typed["findings"], "confirmed": typed["confirmed"]}


def _values_of(row: XrayReading) -> dict[str, Any]:
    return {"taken_on": row.taken_on, "view": row.view, "findings": list(row.findings), "deferred": row.deferred,
            "remark": row.remark}


def _show(case: Case, typed: dict[str, Any], problem: InvalidInput | None = None,
          row: XrayReading | None = None) -> Answer:
    readings = radiology.list_readings(case)
    groups = {category: [f for f in list_findings(case.programme).values() if f.category is category]
              for category in FindingCategory}
    because = next((r.reasons for r in list_requirements(case) if r.exam in ("chest-xray", "tb-child-workup")), [])
    return show(
        "xray/view.html", case, problem, typed=typed, row=row, readings=readings, groups=groups,
        labels={code: finding.label for code, finding in list_all_findings().items()},
        names=list_names(reading.entered_by_id for reading in readings), ticked=typed.get("confirmed", []),
        writing=is_recording(case) and has_permission(P.READ_XRAY)
        and (row is not None or problem is not None or not any(r.counts and not r.deferred for r in readings)
             or "new" in request.args),
        may_read=is_recording(case) and has_permission(P.READ_XRAY),
        must_ask=radiology.needs_pregnancy_answer(case), pregnant=radiology.find_pregnancy(case) is Known.YES,
        reasons=to_requirement_reasons(because),
    )
