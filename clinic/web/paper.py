"""A signed exam on paper: its PDF, and its revocation by a physician who may sign for the destination."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response as WebResponse

from clinic.audit import record_read
from clinic.errors import InvalidInput
from clinic.permissions import Permission, requires
from clinic.queries.signed_exam import get_exam
from clinic.schemas.door import load
from clinic.schemas.reason import ReasonIn
from clinic.services.confidential import ensure_may_read_exam
from clinic.services.revocation import revoke_exam
from clinic.services.signing import hand_out
from clinic.web.form import read_form
from clinic.web.reauthentication import check_again
from clinic.web.sign import show_exam
from clinic.web.station_page import Answer

blueprint = Blueprint("paper", __name__)
P = Permission


@blueprint.get("/exams/<exam_id>/pdf")
@requires(P.SIGN, P.SEE_DELIVERIES)
def pdf(exam_id: str) -> Response:
    """The printed packet, exactly as it was made with the signature."""
    row, case, conclusion = get_exam(exam_id, current_user)
    ensure_may_read_exam(case, current_user)
    printed = hand_out(row, case, conclusion)
    record_read("user", current_user.id, "print", "signed-exam", row.id, case_id=case.id, site_id=case.site_id)
    return Response(printed, content_type="application/pdf", headers={
        "Content-Disposition": f'attachment; filename="{case.number}-v{row.version}.pdf"'})


@blueprint.post("/exams/<exam_id>/revoke")
@requires(P.SIGN)
def revoke(exam_id: str) -> Answer | WebResponse:
    """Revoke this version, with the reason and the password again."""
    row, _case, _conclusion = get_exam(exam_id, current_user)
    typed = read_form(request.form)
    try:
        reason = _read_reason(typed)
        revoke_exam(row, reason, current_user)
    except InvalidInput as problem:
        return show_exam(exam_id, {"revocation": typed.get("revocation", "")}, problem)
    flash(_("This version is revoked: whoever verifies the document is told so."), "success")
    return redirect(url_for("sign.exam", exam_id=exam_id))


def _read_reason(typed: dict[str, Any]) -> str:
    """The reason, with the password checked. Raises InvalidInput with the names of this form's fields."""
    problems: dict[str, list[str]] = {}
    reason = ""
    try:
        reason = load(ReasonIn(), {"reason": typed.get("revocation", "")})
    except InvalidInput as problem:
        problems["revocation"] = problem.fields.get("reason", [problem.message])
    problems = problems or check_again(typed)
    if problems:
        raise InvalidInput(_("Please correct what is marked."), fields=problems)
    return reason
