"""What a case asks of laboratories: orders placed, cancelled and placed again, each with its reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.audit import record_read
from clinic.documents.referral import print_referral
from clinic.errors import InvalidInput, NotFound
from clinic.laboratory_test import list_tests
from clinic.models import Case, LabOrderState
from clinic.permissions import Permission, has_permission, requires
from clinic.queries.case import get_case
from clinic.schemas.door import load
from clinic.schemas.reason import ReasonIn
from clinic.services import lab_order
from clinic.services.order_answer import list_answered
from clinic.services.order_reason import list_reasons
from clinic.web.form import read_form
from clinic.web.order_message import list_told
from clinic.web.station_page import Answer, forget, is_recording, list_names, open_case, prefix_errors, show

blueprint = Blueprint("lab_order", __name__, url_prefix="/cases/<case_id>/orders")
P = Permission
ORDERING = (P.COLLECT_SPECIMEN, P.ENTER_RESULT, P.RECORD_EXAM)


@blueprint.get("")
@requires(P.SEE_CASES)
def view(case_id: str) -> Answer:
    """The case's referral with every order."""
    return _show(open_case(case_id), {})


@blueprint.post("")
@requires(*ORDERING)
def add(case_id: str) -> Answer | Response:
    """Order what the requirements ask for, or one test by hand with a reason."""
    case = open_case(case_id)
    typed = read_form(request.form)
    try:
        if "test" in request.form:
            made = [lab_order.order_test(case, typed.get("test", ""), current_user, load(ReasonIn(), typed))]
        else:
            made = lab_order.place_orders(case, current_user)
    except InvalidInput as problem:
        return _show(forget(case_id), typed, problem)
    flash(ngettext("%(num)s test is ordered.", "%(num)s tests are ordered.", len(made)) if made
          else _("Everything that is asked for is ordered already."), "success")
    return redirect(url_for(".view", case_id=case_id))


@blueprint.post("/<order_id>/cancel")
@requires(*ORDERING)
def cancel(case_id: str, order_id: str) -> Answer | Response:
    """Take an order back."""
    return _with_reason(case_id, order_id, lab_order.cancel_order, _("Cancelled with your reason."))


@blueprint.post("/<order_id>/again")
@requires(*ORDERING)
def again(case_id: str, order_id: str) -> Answer | Response:
    """Ask for the test again on a new specimen."""
    return _with_reason(case_id, order_id, lab_order.reorder, _("Asked for again; a new specimen is to be taken."))


@blueprint.get("/letter")
@requires(*ORDERING)
def letter(case_id: str) -> Response:
    """The referral on paper, for a laboratory that has no line."""
    case = get_case(case_id, current_user)
    referral = lab_order.find_referral(case)
    if referral is None:
        raise NotFound(_("Nothing has been ordered yet."), case=case.id)
    body = print_referral(referral, lab_order.list_orders(case), current_user)
    record_read("user", current_user.id, "print", "lab-referral", referral.id, case_id=case.id, site_id=case.site_id)
    return Response(body, content_type="application/pdf", headers={
        "Content-Disposition": f'attachment; filename="{referral.number}.pdf"'})


def order_state_word(state: LabOrderState) -> tuple[str, str]:
    """Where an order stands, in words, and the tone that repeats them."""
    return {
        LabOrderState.ORDERED: (_("Ordered"), "wait"), LabOrderState.COLLECTED: (_("Collected"), "active"),
        LabOrderState.SENT: (_("Sent"), "active"), LabOrderState.RECEIVED: (_("In the laboratory"), "active"),
        LabOrderState.RESULTED: (_("Resulted"), "good"), LabOrderState.CANCELLED: (_("Cancelled"), "off"),
    }[state]


def _with_reason(case_id: str, order_id: str, act: Callable[..., Any], sentence: str) -> Answer | Response:
    case = open_case(case_id)
    order = lab_order.get_order(case, order_id)
    typed = read_form(request.form)
    try:
        act(order, load(ReasonIn(), typed), current_user)
    except InvalidInput as problem:
        problem.fields = prefix_errors(problem, f"{order_id}-", "reason")
        return _show(forget(case_id), {f"{order_id}-reason": typed.get("reason")}, problem)
    flash(sentence, "success")
    return redirect(url_for(".view", case_id=case_id))


def _show(case: Case, typed: dict[str, Any], problem: InvalidInput | None = None) -> Answer:
    orders = lab_order.list_orders(case)
    may_order = is_recording(case) and any(has_permission(one) for one in ORDERING)
    live = {row.test for row in orders if row.is_live}
    answered = list_answered(case)
    return show(
        "laboratory/orders.html", case, problem, orders=orders[::-1], referral=lab_order.find_referral(case),
        tests=list_tests(), typed=typed, may_order=may_order, state_word=order_state_word, told=list_told(case),
        answered=answered,
        reasons=list_reasons(orders), open={row.id for row in orders if row.is_live and row.id not in answered},
        names=list_names(who for row in orders for who in (row.ordered_by_id, row.cancelled_by_id) if who),
        to_order=[test for test, _requirement in lab_order.list_to_order(case)] if may_order else [],
        others=[test for test in list_tests().values() if test.tube and test.name not in live],
    )
