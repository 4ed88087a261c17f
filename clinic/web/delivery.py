"""The delivery pages: what waits to leave, what is stuck and why, every attempt, and what a person may do."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import LazyString, gettext, lazy_gettext
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from clinic.audit import record_case_read
from clinic.db import db
from clinic.delivery_reason import explain_reason
from clinic.errors import InvalidInput
from clinic.models import Authority, Delivery, DeliveryState, SignedExam, User
from clinic.permissions import Permission, has_permission, requires
from clinic.queries.delivery import (
    COUNT_LIMIT,
    PAGE_SIZE,
    DeliveryGroup,
    count_deliveries,
    get_delivery,
    list_deliveries,
)
from clinic.schemas.delivery import DeliveryActIn
from clinic.schemas.door import load
from clinic.sentence import Sentence
from clinic.services.submission import ACTS, Act, list_acts
from clinic.web.form import read_form

blueprint = Blueprint("delivery", __name__, url_prefix="/deliveries")

STATE_WORDS: dict[DeliveryState, tuple[LazyString, str]] = {
    DeliveryState.QUEUED: (lazy_gettext("Waits to be sent"), "wait"),
    DeliveryState.SENDING: (lazy_gettext("Being sent"), "active"),
    DeliveryState.SENT: (lazy_gettext("Sent"), "active"),
    DeliveryState.ACCEPTED: (lazy_gettext("Accepted"), "good"),
    DeliveryState.UNKNOWN: (lazy_gettext("Not known whether it arrived"), "warn"),
    DeliveryState.REJECTED: (lazy_gettext("Refused"), "bad"),
    DeliveryState.DEAD: (lazy_gettext("Given up"), "bad"),
    DeliveryState.HELD: (lazy_gettext("Held"), "warn"),
    DeliveryState.CANCELLED: (lazy_gettext("Cancelled"), "off"),
    DeliveryState.SUPERSEDED: (lazy_gettext("Replaced by a newer version"), "off"),
}
GROUP_WORDS: dict[DeliveryGroup, LazyString] = {
    DeliveryGroup.STUCK: lazy_gettext("Stuck"),
    DeliveryGroup.MOVING: lazy_gettext("On the way"),
    DeliveryGroup.ARRIVED: lazy_gettext("Arrived"),
    DeliveryGroup.ENDED: lazy_gettext("Not sent"),
}
ACT_WORDS: dict[Act, LazyString] = {
    Act.RETRY: lazy_gettext("Send again now"),
    Act.HOLD: lazy_gettext("Hold"),
    Act.RELEASE: lazy_gettext("Release"),
    Act.CANCEL: lazy_gettext("Cancel the delivery"),
}
DONE_WORDS: dict[Act, LazyString] = {
    Act.RETRY: lazy_gettext("It is sent again in a moment."),
    Act.HOLD: lazy_gettext("The delivery is held."),
    Act.RELEASE: lazy_gettext("The delivery is released."),
    Act.CANCEL: lazy_gettext("The delivery is cancelled."),
}


@blueprint.get("")
@requires(Permission.SEE_DELIVERIES, Permission.MANAGE_DELIVERIES)
def index() -> str:
    """One group of the site's deliveries."""
    group = _wanted_group()
    rows = list_deliveries(current_user, group, request.args.get("after"), PAGE_SIZE + 1)
    more = len(rows) > PAGE_SIZE
    rows = rows[:PAGE_SIZE]
    return render_template(
        "delivery/index.html", group=group, rows=rows, counts=count_deliveries(current_user),
        count_limit=COUNT_LIMIT, group_words=GROUP_WORDS, state_word=state_word, say=_say,
        explain=explain_reason,
        next_url=url_for("delivery.index", group=group.value, after=rows[-1].id) if more else None,
    )  # fmt: skip


@blueprint.get("/<delivery_id>")
@requires(Permission.SEE_DELIVERIES, Permission.MANAGE_DELIVERIES)
def detail(delivery_id: str) -> str:
    """One delivery with every attempt."""
    delivery = get_delivery(current_user, delivery_id)
    record_case_read(delivery.case, "delivery")
    return _render_detail(delivery)


@blueprint.post("/<delivery_id>")
@requires(Permission.MANAGE_DELIVERIES)
def act(delivery_id: str) -> Response | tuple[str, int]:
    """Send again, hold, release or cancel, with a reason."""
    typed = read_form(request.form)
    try:
        plain = load(DeliveryActIn(), typed)
    except InvalidInput as error:
        return _render_detail(get_delivery(current_user, delivery_id), typed, error.fields), 422
    ACTS[plain["act"]](delivery_id, plain["reason"], current_user)
    flash(str(DONE_WORDS[plain["act"]]))
    return redirect(url_for("delivery.detail", delivery_id=delivery_id), 303)


def state_word(state: DeliveryState, acknowledged: object = None) -> tuple[str, str]:
    """The words and the tone for a delivery's state; an accepted one may be acknowledged besides."""
    if state is DeliveryState.ACCEPTED and acknowledged:
        return gettext("Acknowledged"), "good"
    word, tone = STATE_WORDS[state]
    return str(word), "wait" if state is DeliveryState.ACCEPTED else tone


def _wanted_group() -> DeliveryGroup:
    wanted = request.args.get("group", "")
    return DeliveryGroup(wanted) if wanted in set(DeliveryGroup) else DeliveryGroup.STUCK


def _render_detail(
    delivery: Delivery, typed: dict[str, Any] | None = None, errors: dict[str, list[str]] | None = None
) -> str:
    possible, may_act = list_acts(delivery), has_permission(Permission.MANAGE_DELIVERIES)
    return render_template(
        "delivery/detail.html", delivery=delivery, authority=db.session.get_one(Authority, delivery.authority_id),
        exam=_get_exam(delivery), acts=possible if may_act else [], waits_for_another=bool(possible) and not may_act,
        act_words=ACT_WORDS,
        typed=typed or {}, errors=errors, explanation=explain_reason(delivery.state_reason), say=_say,
        state_word=state_word, people=_list_people(delivery),
    )  # fmt: skip


def _get_exam(delivery: Delivery) -> Any:
    """Version, digest and moment of what was signed, without the document itself."""
    columns = (SignedExam.version, SignedExam.sha256, SignedExam.signed_at)
    return db.session.execute(select(*columns).where(SignedExam.id == delivery.signed_exam_id)).one()


def _list_people(delivery: Delivery) -> dict[str, str]:
    ids = {attempt.by_id for attempt in delivery.history if attempt.by_id}
    rows = db.session.execute(select(User.id, User.name).where(User.id.in_(ids)))
    return {row.id: row.name for row in rows}


def _say(sentence: Sentence) -> str:
    return gettext(sentence.text, **sentence.values)
