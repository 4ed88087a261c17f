"""A physician adds an examination to a case with the reason, or takes such a one back."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.errors import InvalidInput
from clinic.permissions import Permission, requires
from clinic.progress import label_exam
from clinic.schemas.door import load
from clinic.schemas.reason import ReasonIn
from clinic.services import ordering
from clinic.web.form import read_form
from clinic.web.station_page import Answer, forget, open_case, show

blueprint = Blueprint("requirement", __name__, url_prefix="/cases/<case_id>/requirements")
P = Permission


@blueprint.get("/new")
@requires(P.RECORD_EXAM)
def new(case_id: str) -> Answer:
    """Which examination, and why."""
    case = open_case(case_id)
    return show("requirement/new.html", case, exams=ordering.list_orderable(case),
                typed={"exam": request.args.get("exam", "")})


@blueprint.post("/new")
@requires(P.RECORD_EXAM)
def add(case_id: str) -> Answer | Response:
    """Add it."""
    case, typed = open_case(case_id), read_form(request.form)
    try:
        row = ordering.add_requirement(case, typed.get("exam", ""), load(ReasonIn(), typed), current_user)
    except InvalidInput as problem:
        case = forget(case_id)
        return show("requirement/new.html", case, problem, exams=ordering.list_orderable(case), typed=typed)
    flash(_("%(exam)s is added.", exam=label_exam(row.exam)), "success")
    return redirect(url_for("case.show", case_id=case.id))


@blueprint.get("/<requirement_id>/withdraw")
@requires(P.RECORD_EXAM)
def leave(case_id: str, requirement_id: str) -> Answer:
    """Why it is not needed."""
    case = open_case(case_id)
    return show("requirement/withdraw.html", case, row=ordering.get_requirement(case, requirement_id), typed={})


@blueprint.post("/<requirement_id>/withdraw")
@requires(P.RECORD_EXAM)
def withdraw(case_id: str, requirement_id: str) -> Answer | Response:
    """Take it off the case."""
    case, typed = open_case(case_id), read_form(request.form)
    row = ordering.get_requirement(case, requirement_id)
    try:
        ordering.withdraw_requirement(row, load(ReasonIn(), typed), current_user)
    except InvalidInput as problem:
        case = forget(case_id)
        row = ordering.get_requirement(case, requirement_id)
        return show("requirement/withdraw.html", case, problem, row=row, typed=typed)
    flash(_("%(exam)s is withdrawn.", exam=label_exam(row.exam)), "success")
    return redirect(url_for("case.show", case_id=case.id))
