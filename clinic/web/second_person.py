"""Everything of one case that waits for its second person: a tick for each normal result, a page for each other."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.errors import InvalidInput
from clinic.laboratory_test import list_tests
from clinic.models import Case
from clinic.permissions import Permission, has_permission, requires
from clinic.queries.prior_value import find_before
from clinic.services import laboratory
from clinic.services.lab_order import list_orders
from clinic.web.reauthentication import check_again
from clinic.web.station_page import Answer, forget, is_recording, list_names, open_case, show

blueprint = Blueprint("second_person", __name__, url_prefix="/cases/<case_id>/second-person")
P = Permission


@blueprint.get("")
@requires(P.SEE_CASES)
def view(case_id: str) -> Answer:
    """What waits, with what came before it."""
    return _show(open_case(case_id))


@blueprint.post("")
@requires(P.CONFIRM_RESULT)
def confirm(case_id: str) -> Answer | Response:
    """Confirm every ticked row, all of them or none; only normal ones have a tick."""
    case = open_case(case_id)
    ticked = request.form.getlist("results")
    problems = check_again(request.form, frequent=True)
    if problems:
        return _show(case, InvalidInput(_("Please correct what is marked."), fields=problems), ticked)
    try:
        rows = laboratory.confirm_normal_results(case, ticked, current_user)
    except InvalidInput as problem:
        return _show(forget(case_id), problem, ticked)
    flash(ngettext("%(num)s result is confirmed.", "%(num)s results are confirmed.", len(rows)), "success")
    return redirect(url_for(".view", case_id=case.id))


def _show(case: Case, problem: InvalidInput | None = None, ticked: list[str] | None = None) -> Answer:
    rows = laboratory.list_waiting(case)
    drawn = {order.id: order.specimen.number for order in list_orders(case) if order.specimen}
    together = {row.id for row in rows if laboratory.may_confirm_together(row)}
    return show(
        "laboratory/second_person.html", case, problem, rows=rows, tests=list_tests(), together=together,
        ticked=ticked or [], names=list_names(row.entered_by_id for row in rows),
        priors={row.id: find_before(row) for row in rows},
        numbers={row.id: row.specimen.number if row.specimen else drawn.get(row.order_id or "") for row in rows},
        may_confirm=is_recording(case) and has_permission(P.CONFIRM_RESULT), may_open=has_permission(P.CONFIRM_RESULT),
    )
