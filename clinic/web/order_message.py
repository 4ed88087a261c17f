"""Sending a case's orders to a partner laboratory, and how that goes."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import LazyString, lazy_gettext, ngettext
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.delivery_reason import DeliveryReason
from clinic.errors import InvalidInput, NotFound
from clinic.laboratory_test import list_tests
from clinic.models import Case, DeliveryState, OrderAct, OrderMessage
from clinic.permissions import Permission, has_permission, requires
from clinic.services import order_message
from clinic.services.lab_order import list_orders
from clinic.services.order_answer import list_answered
from clinic.services.partner_laboratory import get_laboratory, list_laboratories
from clinic.web.station_page import Answer, forget, is_recording, open_case, show

blueprint = Blueprint("order_message", __name__, url_prefix="/cases/<case_id>/orders/sending")
P = Permission
ACT_WORDS: dict[OrderAct, LazyString] = {
    OrderAct.NEW: lazy_gettext("Order"), OrderAct.CANCEL: lazy_gettext("Cancellation"),
    OrderAct.CHANGE: lazy_gettext("Change"),
}
STATE_WORDS: dict[DeliveryState, tuple[LazyString, str]] = {
    DeliveryState.QUEUED: (lazy_gettext("Waits to be sent"), "wait"),
    DeliveryState.SENDING: (lazy_gettext("On its way"), "wait"),
    DeliveryState.UNKNOWN: (lazy_gettext("May have arrived: it is sent again"), "warn"),
    DeliveryState.ACCEPTED: (lazy_gettext("Taken by the laboratory"), "good"),
    DeliveryState.REJECTED: (lazy_gettext("Refused by the laboratory"), "bad"),
    DeliveryState.DEAD: (lazy_gettext("Given up"), "bad"),
}

R = DeliveryReason
REASON_WORDS: dict[DeliveryReason, LazyString] = {
    R.UNREACHABLE: lazy_gettext("The laboratory cannot be reached; it is tried again by itself."),
    R.BUSY: lazy_gettext("The laboratory cannot take it just now; it is tried again by itself."),
    R.NO_ANSWER: lazy_gettext("No answer came; it is sent again with the same number, so that nothing arrives twice."),
    R.INTERRUPTED: lazy_gettext("Sending was interrupted here; it is sent again with the same number."),
    R.REFUSED: lazy_gettext("The laboratory says why. Mend it or ask the laboratory, then send it anew:"),
    R.DUPLICATE: lazy_gettext("The laboratory says that it has something under this number. Ask it:"),
    R.MISCONFIGURED: lazy_gettext("The laboratory's address cannot be used. Tell the administrator."),
    R.GIVEN_UP: lazy_gettext("It did not arrive for days. Call the laboratory, then send it anew."),
}


@blueprint.get("")
@requires(P.SEE_CASES)
def view(case_id: str) -> Answer:
    """The case's orders, and what laboratories were told of them."""
    return _show(open_case(case_id))


@blueprint.post("")
@requires(P.RECORD_SPUTUM, P.ENTER_RESULT)
def send(case_id: str) -> Answer | Response:
    """Ask a laboratory for the ticked orders."""
    case = open_case(case_id)
    chosen = request.form.get("laboratory", "")
    try:
        if not chosen:
            raise InvalidInput("", fields={"laboratory": [_("Choose the laboratory.")]})
        made = order_message.send_orders(case, get_laboratory(current_user, chosen), request.form.getlist("orders"),
                                         current_user)
    except InvalidInput as problem:
        return _show(forget(case_id), problem, request.form.getlist("orders"), chosen)
    flash(ngettext("%(num)s order is sent in a moment.", "%(num)s orders are sent in a moment.", len(made)), "success")
    return redirect(url_for(".view", case_id=case_id), 303)


@blueprint.post("/again")
@requires(P.RECORD_SPUTUM, P.ENTER_RESULT)
def again(case_id: str) -> Response:
    """Send a refused or given-up message anew."""
    case = open_case(case_id)
    wanted = request.form.get("message", "")
    found = next((one for one in order_message.list_messages(case) if one.id == wanted), None)
    if found is None:
        raise NotFound(_("There is no such message on this case."), sent=wanted[:36])
    order_message.send_again(found, current_user)
    flash(_("It is sent anew in a moment."))
    return redirect(url_for(".view", case_id=case_id), 303)


def _show(case: Case, problem: InvalidInput | None = None, ticked: list[str] | None = None, chosen: str = "") -> Answer:
    laboratories = [one for one in list_laboratories(case.site_id) if one.active and one.endpoint]
    messages = order_message.list_messages(case)
    last: dict[str, OrderMessage] = {one.order_id: one for one in messages}
    may = is_recording(case) and (has_permission(P.RECORD_SPUTUM) or has_permission(P.ENTER_RESULT))
    return show(
        "order/sending.html", case, problem, orders=list_orders(case), answered=list_answered(case), tests=list_tests(),
        messages=messages, last=last,
        laboratories=laboratories, act_words=ACT_WORDS, state_words=STATE_WORDS, say=_say, may_send=may,
        sendable=order_message.SENDABLE, find_holder=order_message.find_holder,
        may_send_again=order_message.may_send_again, ticked=ticked or [], chosen=chosen)


def list_told(case: Case) -> dict[str, str]:
    """What was last said to a laboratory of each order, by the order's id, and how that went."""
    return {one.order_id: _("%(laboratory)s, %(act)s: %(state)s", laboratory=one.laboratory.name,
                            act=ACT_WORDS[one.act], state=STATE_WORDS[one.state][0])
            for one in order_message.list_messages(case)}


def _say(message: OrderMessage) -> str:
    """What happened last and what to do, in words; nothing while it waits or when it arrived."""
    code, _break, detail = message.state_reason.partition("\n")
    word = REASON_WORDS.get(DeliveryReason(code)) if code else None
    if message.state is DeliveryState.REJECTED and not order_message.may_send_again(message):
        word = _("The order is not open here any more. The laboratory said:")
    elif message.state is DeliveryState.REJECTED and message.act is OrderAct.CANCEL:
        word = _("The laboratory goes on with it; a result that comes waits in Results in. It says:")
        if order_message.takes_back_unsure(message):
            word = _("It was not certain that the laboratory ever had the order. It says:")
    elif message.state is DeliveryState.DEAD and order_message.may_have_arrived(message):
        word = _("No answer came for days, so it may have arrived. Call the laboratory, then send it anew.")
    return " ".join(filter(None, (str(word), detail))) if word else ""
