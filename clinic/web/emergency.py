"""Break the glass: open one case of another site, loudly; the list of what was opened, for review."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, current_app, flash, redirect, render_template, request, url_for
from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.config import get_settings
from clinic.errors import AlreadyDone, InvalidInput, NotFound
from clinic.models import Case, EmergencyAccess, EmergencyReason
from clinic.permissions import Permission, has_permission, requires
from clinic.queries.emergency import (
    PAGE_SIZE,
    count_unreviewed,
    get_opening,
    list_mine,
    list_openings,
    list_openings_of,
)
from clinic.read_audit import note_shown
from clinic.schemas.door import load
from clinic.schemas.emergency import EmergencyIn
from clinic.schemas.reason import ReasonIn
from clinic.scope import current_emergency
from clinic.services.emergency import end_emergency, find_case, open_in_emergency, review_emergency
from clinic.web.form import read_form

blueprint = Blueprint("emergency", __name__, url_prefix="/emergency")
Page = str | tuple[str, int] | Response
P = Permission

REASON_WORDS: dict[EmergencyReason, LazyString] = {
    EmergencyReason.DANGER: lazy_gettext("Somebody's life or health is in danger"),
    EmergencyReason.INFECTION: lazy_gettext("Others must be protected from an infection"),
    EmergencyReason.SITE_UNREACHABLE: lazy_gettext("The person is here, and the case's own site cannot be reached"),
    EmergencyReason.AUTHORITY: lazy_gettext("An authority asks, and the answer cannot wait"),
}


@blueprint.get("/open")
@requires(P.OPEN_IN_EMERGENCY)
def new() -> Page:
    """The form, with what follows from it, and what one has open."""
    return _show_new({})


@blueprint.post("/open")
@requires(P.OPEN_IN_EMERGENCY)
def create() -> Page:
    """Open the case, or say what is to be corrected."""
    typed = read_form(request.form)
    try:
        plain = load(EmergencyIn(), {name: value for name, value in typed.items() if value != ""})
        case = find_case(plain["number"], plain["birth_date"], current_user)
    except InvalidInput as problem:
        return _show_new(typed, problem.fields), 422
    except NotFound as problem:
        return _show_new(typed, {"number": [problem.message]}), 422
    case_id = case.id
    try:
        row = open_in_emergency(case, plain["reason"], plain["words"].strip(), current_user)
    except AlreadyDone as problem:
        flash(problem.message, "warning")
        return redirect(url_for("case.show", case_id=case_id), 303)
    flash(_("Opened to be read for %(n)s minutes. The case's own site is told, and your reason is reviewed.",
            n=_find_minutes()), "warning")
    return redirect(url_for("case.show", case_id=row.case_id), 303)


@blueprint.post("/<opening_id>/end")
@requires(P.OPEN_IN_EMERGENCY)
def end(opening_id: str) -> Page:
    """Give it back before its time; only one's own."""
    row = next((one for one in list_mine(current_user) if one.id == opening_id), None)
    if row is not None:
        end_emergency(row, current_user)
    flash(_("Closed."), "success")
    return redirect(url_for(".new"), 303)


@blueprint.get("")
@requires(P.SEE_AUDIT)
def index() -> str:
    """What was opened: cases of this site by others, and of others by this site's staff."""
    rows = list_openings(current_user, request.args.get("after"))
    page = rows[:PAGE_SIZE]
    note_shown(row.case_id for row in page)
    return render_template(
        "emergency/index.html", rows=page, reasons=REASON_WORDS, state=say_state,
        next_url=url_for(".index", after=page[-1].id) if len(rows) > PAGE_SIZE else None,
    )


@blueprint.get("/<opening_id>")
@requires(P.SEE_AUDIT)
def show(opening_id: str) -> str:
    """One opening with its reason, and the field for the review."""
    return _render_opening(get_opening(opening_id, current_user))


@blueprint.post("/<opening_id>")
@requires(P.SEE_AUDIT)
def review(opening_id: str) -> Page:
    """Close it with a remark."""
    row, typed = get_opening(opening_id, current_user), read_form(request.form)
    try:
        remark = load(ReasonIn(), typed)
    except InvalidInput as problem:
        return _render_opening(row, typed, problem.fields), 422
    review_emergency(row, remark, current_user)
    flash(_("Reviewed."), "success")
    return redirect(url_for(".index"), 303)


def say_state(row: EmergencyAccess) -> tuple[str, str]:
    """Where the review stands, and the tone that repeats it."""
    return (_("Reviewed"), "good") if row.reviewed_at else (_("To review"), "warn")


def init_emergency(app: Flask) -> None:
    """What the frame of every page, and the case's own page, say of it."""
    app.jinja_env.globals["current_emergency"] = current_emergency
    app.jinja_env.globals["openings_of_case"] = _tell_of
    app.jinja_env.globals["emergencies_to_review"] = lambda: (
        count_unreviewed(current_user) if has_permission(P.SEE_AUDIT) else 0)
    app.jinja_env.filters["emergency_reason"] = lambda reason: str(REASON_WORDS[reason])


def _find_minutes() -> int:
    """How long an opening lasts."""
    return get_settings(current_app).emergency_minutes


def _tell_of(case: Case) -> list[EmergencyAccess]:
    """Openings of a case, for those of its own site who have its page open."""
    return list_openings_of(case) if current_emergency() is None else []


def _show_new(typed: dict[str, Any], errors: dict[str, list[str]] | None = None) -> str:
    return render_template("emergency/new.html", typed=typed, errors=errors, reasons=list(REASON_WORDS.items()),
                           minutes=_find_minutes(), mine=list_mine(current_user))


def _render_opening(
    row: EmergencyAccess, typed: dict[str, Any] | None = None, errors: dict[str, list[str]] | None = None
) -> str:
    is_own = row.site_id == current_user.site_id
    note_shown([row.case_id])
    return render_template(
        "emergency/show.html", row=row, reason=REASON_WORDS[row.reason], state=say_state(row), typed=typed or {},
        errors=errors, case_url=url_for("case.show", case_id=row.case_id) if is_own else None,
        may_review=row.reviewed_at is None and row.user_id != current_user.id,
        reads_url=url_for("audit.index", emergency=row.id),
    )
