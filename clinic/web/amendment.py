"""Asking for the amendment of a signed case, and declining such a request."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.errors import InvalidInput
from clinic.models import Case
from clinic.permissions import Permission, has_permission, requires
from clinic.schemas.door import load
from clinic.schemas.reason import ReasonIn
from clinic.services import amendment
from clinic.web.form import read_form
from clinic.web.station import find_work
from clinic.web.station_page import Answer, forget, list_names, open_case, prefix_errors, show

blueprint = Blueprint("amendment", __name__, url_prefix="/cases/<case_id>/amendment")
P = Permission

@blueprint.get("")
@requires(*amendment.ASKING)
def new(case_id: str) -> Answer:
    """What is wrong."""
    return _show(open_case(case_id), {})


@blueprint.post("")
@requires(*amendment.ASKING)
def ask(case_id: str) -> Answer | Response:
    """Put it on the physician's list."""
    case, typed = open_case(case_id), read_form(request.form)
    try:
        amendment.ask_amendment(case, load(ReasonIn(), typed), current_user)
    except InvalidInput as problem:
        return _show(forget(case_id), typed, problem)
    flash(_("The physicians have it on their list."), "success")
    return redirect(url_for("case.show", case_id=case.id))


@blueprint.post("/<request_id>/decline")
@requires(P.SIGN)
def decline(case_id: str, request_id: str) -> Answer | Response:
    """No need to amend, with the reason."""
    case, typed = open_case(case_id), read_form(request.form)
    row = amendment.get_request(case, request_id)
    try:
        amendment.decline_request(row, load(ReasonIn(), typed), current_user)
    except InvalidInput as problem:
        stem = f"decline-{request_id}-"
        problem.fields = prefix_errors(problem, stem, "reason")
        return _show(forget(case_id), {f"{stem}reason": typed.get("reason", "")}, problem)
    flash(_("The request is declined; the signed version stands."), "success")
    return redirect(url_for("case.show", case_id=case.id))


def _show(case: Case, typed: dict[str, str], problem: InvalidInput | None = None) -> Answer:
    rows = amendment.list_open_requests(case)
    return show("amendment/new.html", case, problem, rows=rows, typed=typed, sign_url=find_work("sign", case.id),
                may_ask=amendment.may_ask(case, current_user),
                names=list_names(row.asked_by_id for row in rows), may_decline=has_permission(P.SIGN))
