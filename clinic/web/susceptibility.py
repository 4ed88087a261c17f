"""Drug susceptibility: each specimen that grew or detected tuberculosis, tested drug by drug."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.errors import InvalidInput
from clinic.laboratory_test import list_tests
from clinic.models import Case, Specimen
from clinic.permissions import Permission, has_permission, requires
from clinic.schemas.door import load
from clinic.schemas.laboratory import LabResultIn
from clinic.services import laboratory, specimen
from clinic.web.form import read_form
from clinic.web.result_form import Problems, read_row
from clinic.web.station_page import Answer, forget, is_recording, list_names, open_case, show

blueprint = Blueprint("susceptibility", __name__, url_prefix="/cases/<case_id>/susceptibility")
P = Permission
TEST = "dst"
PROVES = {("sputum-culture", "mtb"), ("sputum-naat", "detected"), ("sputum-naat", "trace")}


@blueprint.get("")
@requires(P.SEE_CASES)
def view(case_id: str) -> Answer:
    """What is recorded, and the form for one specimen."""
    return _show(open_case(case_id), {})


@blueprint.post("")
@requires(P.ENTER_RESULT)
def enter(case_id: str) -> Answer | Response:
    """Record one susceptibility test; another person confirms it."""
    case = open_case(case_id)
    typed = read_form(request.form, lists=("confirmed",))
    plain = read_row(list_tests()[TEST], typed)
    if typed.get("specimen_id"):
        plain["specimen_id"] = typed["specimen_id"]
    try:
        made = laboratory.enter_result(case, load(LabResultIn(), plain), current_user)
    except InvalidInput as problem:
        if problem.fields:
            own = Problems()
            own.add(problem, TEST, "")
            own.errors = {("specimen_id" if name == f"{TEST}.specimen_id" else name): each
                          for name, each in own.errors.items()}
            problem.fields = own.errors
        return _show(forget(case_id), typed, problem)
    flash(_("Saved. Another person must confirm before it counts."), "success")
    return redirect(url_for("laboratory.result", case_id=case_id, result_id=made.id))


def _show(case: Case, typed: dict[str, Any], problem: InvalidInput | None = None) -> Answer:
    specimens = [each for each in specimen.list_specimens(case) if not each.is_lost]
    rows = [row for row in laboratory.list_results(case) if row.test == TEST]
    tested = {row.specimen_id for row in rows if row.is_current}
    return show(
        "laboratory/susceptibility.html", case, problem, typed=typed, test=list_tests()[TEST], rows=rows[::-1],
        specimens=sorted(specimens, key=lambda each: (not _proves(each), each.id in tested)),
        tested=tested, ticked=typed.get("confirmed", []),
        proven={each.id for each in specimens if _proves(each)},
        names=list_names(who for row in rows for who in (row.entered_by_id, row.confirmed_by_id)),
        writing=is_recording(case) and has_permission(P.ENTER_RESULT),
    )


def _proves(each: Specimen) -> bool:
    return any(row.is_current and (row.test, row.value) in PROVES for row in each.results)
