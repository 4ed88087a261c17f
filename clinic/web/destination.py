"""One destination: how sending to it goes, since when, and what a person may do with it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import LazyString, lazy_gettext
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from clinic.db import db
from clinic.errors import InvalidInput
from clinic.models import AuditChange, User
from clinic.permissions import Permission, has_permission, requires
from clinic.queries.destination import Condition, DestinationRow, get_destination
from clinic.read_audit import mark_blueprint
from clinic.schemas.delivery import DestinationAct, DestinationActIn
from clinic.services.destination import hold_destination, release_destination, try_destination
from clinic.web.delivery_word import CONDITION_WORDS, explain_destination
from clinic.web.form import read_form
from clinic.web.reauthentication import load_again

blueprint = Blueprint("destination", __name__, url_prefix="/deliveries/to")
mark_blueprint(blueprint, "an authority and how sending to it goes")

ACTS = {
    DestinationAct.TRY: try_destination,
    DestinationAct.HOLD: hold_destination,
    DestinationAct.RELEASE: release_destination,
}
ACT_WORDS: dict[DestinationAct, LazyString] = {
    DestinationAct.TRY: lazy_gettext("Try now"),
    DestinationAct.HOLD: lazy_gettext("Stop deliveries"),
    DestinationAct.RELEASE: lazy_gettext("Release"),
}
DONE_WORDS: dict[DestinationAct, LazyString] = {
    DestinationAct.TRY: lazy_gettext("The oldest delivery is sent in a moment."),
    DestinationAct.HOLD: lazy_gettext("Nothing more is sent to this authority until it is released."),
    DestinationAct.RELEASE: lazy_gettext("Deliveries to this authority go on."),
}
PAST_WORDS: dict[str, LazyString] = {
    "destination-try": lazy_gettext("Tried at once"),
    "destination-hold": lazy_gettext("Stopped"),
    "destination-release": lazy_gettext("Released"),
}
PAST_SHOWN = 20


@blueprint.get("/<authority_id>")
@requires(Permission.SEE_DELIVERIES, Permission.MANAGE_DELIVERIES)
def show(authority_id: str) -> str:
    """How it does, and what people did."""
    return _render(get_destination(current_user, authority_id))


@blueprint.post("/<authority_id>")
@requires(Permission.MANAGE_DELIVERIES)
def act(authority_id: str) -> Response | tuple[str, int]:
    """Try now, stop or release, with a reason."""
    typed = read_form(request.form)
    try:
        plain = load_again(DestinationActIn(), typed, releases=typed.get("act") == DestinationAct.RELEASE)
    except InvalidInput as error:
        return _render(get_destination(current_user, authority_id), typed, error.fields), 422
    ACTS[plain["act"]](authority_id, plain["reason"], current_user)
    flash(str(DONE_WORDS[plain["act"]]))
    return redirect(url_for("destination.show", authority_id=authority_id), 303)


def list_acts(row: DestinationRow) -> list[DestinationAct]:
    """What a person may do with a destination now."""
    if row.condition is Condition.HELD:
        return [DestinationAct.RELEASE]
    return [DestinationAct.TRY, DestinationAct.HOLD] if row.waiting else [DestinationAct.HOLD]


def _render(
    row: DestinationRow, typed: dict[str, Any] | None = None, errors: dict[str, list[str]] | None = None
) -> str:
    past = db.session.execute(
        select(AuditChange.happened_at, AuditChange.action, AuditChange.detail, User.name)
        .outerjoin(User, User.id == AuditChange.actor_id)
        .where(AuditChange.subject_kind == "destination", AuditChange.subject_id == row.authority_id)
        .order_by(AuditChange.id.desc()).limit(PAST_SHOWN)
    ).all()  # fmt: skip
    return render_template(
        "delivery/destination.html", row=row, word=CONDITION_WORDS[row.condition], lines=explain_destination(row),
        acts=list_acts(row) if has_permission(Permission.MANAGE_DELIVERIES) else [], act_words=ACT_WORDS,
        typed=typed or {}, errors=errors, past=past, past_words=PAST_WORDS,
    )  # fmt: skip
