"""The delivery pages: what waits to leave, what is stuck and why, every attempt, and what a person may do."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import ngettext
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from clinic import clock
from clinic.audit import record_case_read
from clinic.db import db
from clinic.delivery_reason import explain_reason
from clinic.errors import InvalidInput
from clinic.models import Authority, Delivery, DeliveryState, SignedExam, User
from clinic.permissions import Permission, has_permission, requires
from clinic.queries.delivery import (
    COUNT_LIMIT,
    PAGE_SIZE,
    DeliveryFilter,
    DeliveryGroup,
    count_deliveries,
    get_delivery,
    list_chosen,
    list_deliveries,
)
from clinic.queries.destination import list_destinations
from clinic.schemas.delivery import DeliveryActIn, DeliverySelectionIn
from clinic.schemas.door import load
from clinic.services.confidential import may_read_exam
from clinic.services.submission import ACTS, BETWEEN_SEVERAL, Act, list_acts, retry_several
from clinic.web.delivery_word import (
    ACT_WORDS,
    CONDITION_WORDS,
    DONE_WORDS,
    GROUP_WORDS,
    STATE_WORDS,
    describe_age,
    explain_destination,
    say,
    say_passed,
    state_word,
)
from clinic.web.form import read_form
from clinic.web.reauthentication import load_again

blueprint = Blueprint("delivery", __name__, url_prefix="/deliveries")

FOR_A_LIST = 50  # deliveries that can be sent again at once


@blueprint.get("")
@requires(Permission.SEE_DELIVERIES, Permission.MANAGE_DELIVERIES)
def index() -> str:
    """One group of the site's deliveries."""
    group, narrowed = _wanted_group(), _read_filter()
    rows = list_deliveries(current_user, group, request.args.get("after"), PAGE_SIZE + 1, narrowed)
    more = len(rows) > PAGE_SIZE
    rows = rows[:PAGE_SIZE]
    kept: dict[str, Any] = {name: request.args[name] for name in ("to", "state") if request.args.get(name)}
    return render_template(
        "delivery/index.html", group=group, rows=rows, counts=count_deliveries(current_user, narrowed), kept=kept,
        count_limit=COUNT_LIMIT, group_words=GROUP_WORDS, state_word=state_word, say=say, explain=explain_reason,
        describe_age=describe_age, destinations=list_destinations(current_user), may_act=_may_act(),
        condition_words=CONDITION_WORDS, explain_destination=explain_destination, passed=_say_age,
        states=[(state.value, str(word)) for state, (word, _tone) in STATE_WORDS.items()],
        next_url=url_for("delivery.index", group=group.value, after=rows[-1].id, **kept) if more else None,
    )  # fmt: skip


@blueprint.get("/selection")
@requires(Permission.MANAGE_DELIVERIES)
def selection() -> str:
    """What would be sent again, before it is."""
    return _render_selection(request.args.getlist("chosen"))


@blueprint.post("/selection")
@requires(Permission.MANAGE_DELIVERIES)
def retry_selection() -> Response | tuple[str, int]:
    """Send several again, one after the other."""
    chosen = request.form.getlist("chosen")
    try:
        plain = load(DeliverySelectionIn(), {"chosen": chosen, "reason": request.form.get("reason", "").strip()})
    except InvalidInput as error:
        return _render_selection(chosen, request.form.get("reason", ""), error.fields), 422
    sent, passed_over = retry_several(list_chosen(current_user, plain["chosen"]), plain["reason"], current_user)
    flash(ngettext("%(num)s delivery is sent again.", "%(num)s deliveries are sent again, one after the other.",
                   len(sent)), "success" if sent else "warning")
    if passed_over:
        flash(ngettext("%(num)s delivery had changed meanwhile and was left as it is.",
                       "%(num)s deliveries had changed meanwhile and were left as they are.", len(passed_over)), "info")
    return redirect(url_for("delivery.index"), 303)


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
        plain = load_again(DeliveryActIn(), typed, releases=typed.get("act") == Act.RELEASE)
    except InvalidInput as error:
        return _render_detail(get_delivery(current_user, delivery_id), typed, error.fields), 422
    ACTS[plain["act"]](delivery_id, plain["reason"], current_user)
    flash(str(DONE_WORDS[plain["act"]]))
    return redirect(url_for("delivery.detail", delivery_id=delivery_id), 303)


def _wanted_group() -> DeliveryGroup:
    wanted = request.args.get("group", "")
    return DeliveryGroup(wanted) if wanted in set(DeliveryGroup) else DeliveryGroup.STUCK


def _read_filter() -> DeliveryFilter:
    wanted = request.args.get("state", "")
    return DeliveryFilter(
        request.args.get("to", ""), DeliveryState(wanted) if wanted in set(DeliveryState) else None
    )


def _may_act() -> bool:
    return has_permission(Permission.MANAGE_DELIVERIES)


def _say_age(moment: datetime) -> str:
    return say_passed(clock.now() - moment)


def _render_selection(
    chosen: list[str], reason: str = "", errors: dict[str, list[str]] | None = None
) -> str:
    rows = list_chosen(current_user, chosen[:FOR_A_LIST])
    return render_template(
        "delivery/selection.html", rows=[row for row in rows if Act.RETRY in list_acts(row)],
        left_out=[row for row in rows if Act.RETRY not in list_acts(row)], reason=reason, errors=errors,
        explain=explain_reason, say=say, state_word=state_word, describe_age=describe_age,
        seconds=int(BETWEEN_SEVERAL.total_seconds()), names=_list_authority_names(),
    )  # fmt: skip


def _list_authority_names() -> dict[str, str]:
    return {row.id: row.name for row in db.session.execute(select(Authority.id, Authority.name))}


def _render_detail(
    delivery: Delivery, typed: dict[str, Any] | None = None, errors: dict[str, list[str]] | None = None
) -> str:
    possible, may_act = list_acts(delivery), _may_act()
    return render_template(
        "delivery/detail.html", delivery=delivery, authority=db.session.get_one(Authority, delivery.authority_id),
        exam=_get_exam(delivery), acts=possible if may_act else [], waits_for_another=bool(possible) and not may_act,
        act_words=ACT_WORDS,
        typed=typed or {}, errors=errors, explanation=explain_reason(delivery.state_reason), say=say,
        state_word=state_word, people=_list_people(delivery), age=describe_age(delivery.state, delivery.queued_at),
        may_read=may_read_exam(delivery.case, current_user),
    )  # fmt: skip


def _get_exam(delivery: Delivery) -> Any:
    """Version, digest and moment of what was signed, without the document itself."""
    columns = (SignedExam.version, SignedExam.sha256, SignedExam.signed_at)
    return db.session.execute(select(*columns).where(SignedExam.id == delivery.signed_exam_id)).one()


def _list_people(delivery: Delivery) -> dict[str, str]:
    ids = {attempt.by_id for attempt in delivery.history if attempt.by_id}
    rows = db.session.execute(select(User.id, User.name).where(User.id.in_(ids)))
    return {row.id: row.name for row in rows}
