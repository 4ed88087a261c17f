"""Who is here today, by station: how long they wait, what for, who has them, and the one thing to do next."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic import clock
from clinic.permissions import Permission, has_permission, requires
from clinic.queries.case import get_case
from clinic.queries.visit import Here, list_here
from clinic.read_audit import note_shown
from clinic.services import visit
from clinic.waiting_room import Place, Stop, find_place
from clinic.web.station import find_open_url, find_path, find_work, label_work
from clinic.web.worklist import list_tabs

blueprint = Blueprint("visit", __name__)
P = Permission
LONG_MINUTES = 45  # from here on a wait is called long; our own choice
STOP_WORDS: dict[Stop, LazyString] = {
    Stop.RECEPTION: lazy_gettext("Reception"), Stop.CONSENT: lazy_gettext("Consent and identity"),
    Stop.HISTORY: lazy_gettext("History and vitals"), Stop.EXAM: lazy_gettext("Examination"),
    Stop.XRAY: lazy_gettext("X-ray"), Stop.LABORATORY: lazy_gettext("Laboratory"),
    Stop.VACCINATION: lazy_gettext("Vaccination"), Stop.REVIEW: lazy_gettext("Review and leaving"),
}


@blueprint.get("/today")
@requires(P.SEE_CASES)
def today() -> str:
    """Everybody at this site today who has not gone, grouped by station."""
    here, is_cut = list_here(current_user)
    note_shown(one[0].id for one in here)
    zone = current_user.site.time_zone
    day, now = clock.today(zone), clock.now()
    groups: dict[Stop, list[dict[str, Any]]] = {stop: [] for stop in Stop}
    for one in here:
        row, standing, presence = one
        place = find_place(row, standing, presence, day, zone)
        minutes = max(int((now - place.since).total_seconds()) // 60, 0)
        groups[place.errand.stop].append({
            "row": row, "presence": presence, "place": place, "minutes": minutes,
            "is_long": place.with_ is None and minutes >= LONG_MINUTES, "next": _find_next(one, place),
            "then": [STOP_WORDS[stop] for stop in place.then],
        })
    return render_template("worklist/today.html", tabs=list_tabs("today"), is_cut=is_cut, now=now, total=len(here),
                           groups=[(stop, STOP_WORDS[stop], rows) for stop, rows in groups.items()])


@blueprint.post("/cases/<case_id>/arrive")
@requires(P.REGISTER)
def arrive(case_id: str) -> Response:
    """Check somebody in."""
    made = visit.check_in(get_case(case_id, current_user), current_user)
    flash(_("Checked in: number %(n)s of today.", n=made.number), "success")
    return _return(case_id)


@blueprint.post("/cases/<case_id>/leave")
@requires(P.REGISTER)
def leave(case_id: str) -> Response:
    """Somebody has gone home for today."""
    visit.check_out(get_case(case_id, current_user), current_user)
    flash(_("Gone for today."), "success")
    return _return(case_id)


def _return(case_id: str) -> Response:
    to_list = request.form.get("from") == "today"
    return redirect(url_for(".today") if to_list else url_for("case.show", case_id=case_id))


def _find_next(one: Here, place: Place) -> dict[str, Any]:
    """The one thing this user can do for the person now; with another member of staff at work, only look."""
    row, standing, _presence = one
    errand, look = place.errand, {"label": _("Open"), "url": url_for("case.show", case_id=row.id)}
    if place.with_ is not None and place.with_.by_id != current_user.id:
        return look
    if errand.stop is Stop.REVIEW and has_permission(P.REGISTER):
        return {"label": _("Gone home"), "url": url_for(".leave", case_id=row.id), "post": True,
                "fields": {"from": "today"}}
    if errand.path == "photo":
        url = find_open_url(f"/cases/{row.id}/photo")
        return {"label": _("Take photo"), "url": url} if url else look
    if errand.path == "sign" and row.progress not in ("ready", "physician", "not-cleared"):
        return look
    path = find_path(errand.exam, row.programme) if errand.path == "forms" else errand.path
    url = find_work(path, row.id) if path else None
    if not path or url is None:
        return look
    drafts = {mark.by_id for mark in standing.drafts.values()}
    if errand.stop is Stop.EXAM and current_user.id in drafts:
        return {"label": _("Resume"), "url": url}
    return {"label": _("Record consent") if path == "consent" else label_work(path), "url": url}
