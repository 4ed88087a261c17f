"""Messages in words: what a delivery carries, what came back, and what came in by itself."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response as Redirect

from clinic.audit import record_case_read, record_read
from clinic.db import db
from clinic.errors import InvalidInput, NotFound
from clinic.models import Delivery, InboundMessage, InboundState
from clinic.permissions import Permission, has_permission, requires
from clinic.ports import ports
from clinic.queries.delivery import get_delivery
from clinic.queries.inbound import COUNT_LIMIT, PAGE_SIZE, count_messages, get_message, list_messages, name_senders
from clinic.schemas.delivery import ReasonIn
from clinic.schemas.door import load
from clinic.services.confidential import ensure_may_read_exam
from clinic.services.inbound import AGAIN, put_aside, work_again
from clinic.web.form import read_form
from clinic.web.reported_word import say_kind
from clinic.web.veil import veil_wording

blueprint = Blueprint("message", __name__, url_prefix="/deliveries")

STATE_WORDS: dict[InboundState, tuple[LazyString, str, LazyString]] = {
    InboundState.HELD: (lazy_gettext("Fits nothing we know"), "warn", lazy_gettext(
        "Look who sent it and what it speaks of. Ask the authority; have it worked on again once that is mended.")),
    InboundState.ERROR: (lazy_gettext("Could not be worked on"), "bad", lazy_gettext(
        "The fault is on our side. Have it worked on again; if it fails again, tell whoever runs the server.")),
    InboundState.NEW: (lazy_gettext("Waits to be worked on"), "wait", lazy_gettext(
        "Nothing to do; it is worked on in a moment.")),
    InboundState.APPLIED: (lazy_gettext("Done"), "good", lazy_gettext("Nothing to do.")),
}
P = Permission
ASIDE = "aside"  # the button beside the one that has a message worked on again


@blueprint.get("/messages")
@requires(P.SEE_DELIVERIES, P.MANAGE_DELIVERIES)
def index() -> str:
    """The messages in one state, those for a person first."""
    wanted = request.args.get("state", "")
    counts = count_messages(current_user)
    first = next((one for one in (InboundState.ERROR, InboundState.HELD) if counts[one]), InboundState.APPLIED)
    state = InboundState(wanted) if wanted in set(InboundState) else first
    rows = list_messages(current_user, state, request.args.get("after"), PAGE_SIZE + 1)
    more, rows = len(rows) > PAGE_SIZE, rows[:PAGE_SIZE]
    return render_template(
        "delivery/messages.html", state=state, rows=rows, counts=counts, count_limit=COUNT_LIMIT, words=STATE_WORDS,
        senders=name_senders(), say_kind=say_kind,
        next_url=url_for("message.index", state=state.value, after=rows[-1].id) if more else None,
    )  # fmt: skip


@blueprint.get("/messages/<message_id>")
@requires(P.SEE_DELIVERIES, P.MANAGE_DELIVERIES)
def inbound(message_id: str) -> str:
    """One message that came in."""
    message = get_message(current_user, message_id)
    _audit_inbound(message)
    return _render_inbound(message)


@blueprint.post("/messages/<message_id>")
@requires(P.MANAGE_DELIVERIES)
def again(message_id: str) -> Redirect | tuple[str, int]:
    """Have a held or failed message worked on again, or put it aside."""
    typed = read_form(request.form)
    message = get_message(current_user, message_id)
    try:
        plain = load(ReasonIn(), typed)
    except InvalidInput as error:
        _audit_inbound(message)
        return _render_inbound(message, typed, error.fields), 422
    if typed.get("act") == ASIDE:
        put_aside(message, plain["reason"], current_user)
        flash(_("Put aside, with your reason."))
    else:
        work_again(message, plain["reason"], current_user)
        flash(_("It is worked on again in a moment."))
    return redirect(url_for("message.inbound", message_id=message_id), 303)


@blueprint.get("/<delivery_id>/message")
@requires(P.SEE_DELIVERIES, P.MANAGE_DELIVERIES)
def sent(delivery_id: str) -> str:
    """What a delivery carries, in words."""
    delivery = get_delivery(current_user, delivery_id)
    ensure_may_read_exam(delivery.case, current_user)
    record_case_read(delivery.case, "delivery-message")
    return render_template(
        "delivery/message.html", message=ports.read_message(delivery.body), number=delivery.case.number,
        title=_("What was sent for case %(number)s", number=delivery.case.number),
        back_url=url_for("delivery.detail", delivery_id=delivery.id),
        report_url=url_for("message.report", delivery_id=delivery.id),
    )  # fmt: skip


@blueprint.get("/<delivery_id>/attempts/<attempt_id>")
@requires(P.SEE_DELIVERIES, P.MANAGE_DELIVERIES)
def reply(delivery_id: str, attempt_id: str) -> str:
    """What came back on one attempt, in words."""
    delivery = get_delivery(current_user, delivery_id)
    found = next((one for one in delivery.history if one.id == attempt_id and one.reply), None)
    if found is None:
        raise NotFound(_("There is no such answer."), delivery=delivery_id)
    record_case_read(delivery.case, "delivery-reply")
    return render_template(
        "delivery/message.html", **_put_into_words((found.reply or "").encode()),
        title=_("What came back for case %(number)s", number=delivery.case.number),
        back_url=url_for("delivery.detail", delivery_id=delivery.id), report_url=None,
    )  # fmt: skip


@blueprint.get("/<delivery_id>/report.pdf")
@requires(P.SEE_DELIVERIES, P.MANAGE_DELIVERIES)
def report(delivery_id: str) -> Response:
    """The printed report inside the message, as it leaves."""
    delivery: Delivery = get_delivery(current_user, delivery_id)
    ensure_may_read_exam(delivery.case, current_user)
    found = ports.find_report(delivery.body)
    if found is None:
        raise NotFound(_("This delivery carries no printed report."), delivery=delivery_id)
    record_case_read(delivery.case, "delivery-report")
    return Response(found, content_type="application/pdf", headers={
        "Content-Disposition": 'attachment; filename="report.pdf"'})


def _put_into_words(raw: bytes) -> dict[str, Any]:
    """What a stranger wrote as the templates take it; for some readers only that there is something (`veiled`)."""
    text = raw.decode("utf-8", "replace")
    said = veil_wording(text)
    if said != text:
        return {"veiled": said, "message": None, "raw": ""}
    return {"veiled": "", "message": ports.read_message(raw), "raw": text.replace("\r", "\n")}


def _audit_inbound(message: InboundMessage) -> None:
    delivery = db.session.get(Delivery, message.delivery_id) if message.delivery_id else None
    record_read("user", current_user.id, "read", "inbound-message", message.id, site_id=current_user.site_id,
                case_id=delivery.case_id if delivery else None)


def _render_inbound(
    message: InboundMessage, typed: dict[str, Any] | None = None, errors: dict[str, list[str]] | None = None
) -> str:
    may_act = has_permission(P.MANAGE_DELIVERIES) and message.state in AGAIN
    return render_template(
        "delivery/inbound.html", row=message, **_put_into_words(message.raw),
        answer=message.answer.decode("utf-8", "replace").replace("\r", "\n") if message.answer else "",
        words=STATE_WORDS[message.state], may_act=may_act, typed=typed or {}, errors=errors,
        sender=name_senders().get(message.sender), say_kind=say_kind,
    )  # fmt: skip
