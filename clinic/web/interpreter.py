"""Who interprets at today's visit of a case, and who did before."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.errors import InvalidInput
from clinic.models import Case, InterpreterMode
from clinic.permissions import Permission, has_permission, requires
from clinic.schemas.door import load
from clinic.schemas.interpreter import InterpreterIn
from clinic.services.interpreter import find_interpreter, list_interpreters, record_interpreter
from clinic.web.form import read_form
from clinic.web.relation_word import MODE_WORDS
from clinic.web.station_page import Answer, forget, is_recording, list_names, open_case, show

blueprint = Blueprint("interpreter", __name__, url_prefix="/cases/<case_id>/interpreter")
P = Permission
MAY_RECORD = (P.REGISTER, P.RECORD_HISTORY, P.RECORD_EXAM, P.RECORD_VACCINE, P.UPLOAD_FILM, P.RECORD_SPUTUM)
FIELDS = ("language", "name", "organisation", "mode", "is_relative")


@blueprint.get("")
@requires(P.SEE_CASES)
def view(case_id: str) -> Answer:
    """Today's interpreter and those of before."""
    case = open_case(case_id)
    present = find_interpreter(case)
    spoken = case.applicant.interpreter_language or case.applicant.language
    return _show(case, {name: getattr(present, name) for name in FIELDS} if present else {
        "language": spoken, "mode": InterpreterMode.PRESENT})


@blueprint.post("")
@requires(*MAY_RECORD)
def record(case_id: str) -> Answer | Response:
    """Write down who interprets today."""
    case = open_case(case_id)
    typed = read_form(request.form)
    try:
        record_interpreter(case, load(InterpreterIn(), {name: typed[name] for name in FIELDS if name in typed}),
                           current_user)
    except InvalidInput as problem:
        return _show(forget(case_id), typed, problem)
    flash(_("Saved for today's visit: consent and every station see it."), "success")
    return redirect(url_for("case.show", case_id=case_id))


def _show(case: Case, typed: dict[str, Any], problem: InvalidInput | None = None) -> Answer:
    rows = list_interpreters(case)
    return show(
        "interpreter/view.html", case, problem, typed=typed, rows=rows, present=find_interpreter(case),
        names=list_names({row.recorded_by_id for row in rows}),
        modes=[(mode, str(MODE_WORDS[mode])) for mode in InterpreterMode],
        may_record=is_recording(case) and any(has_permission(one) for one in MAY_RECORD),
    )
