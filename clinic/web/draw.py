"""The phlebotomist: whom to draw from and into what, and the draw itself of the person who was confirmed."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic import clock
from clinic.errors import InvalidInput
from clinic.models import Case
from clinic.permissions import Permission, has_permission, requires
from clinic.queries.draw import find_case_to_draw, list_consented, list_due_by_case
from clinic.queries.visit import map_numbers
from clinic.queries.waiting import View
from clinic.queries.worklist import list_waiting
from clinic.read_audit import note_shown
from clinic.schemas.time import read_time
from clinic.services import draw as draws
from clinic.services.plausibility import get_today
from clinic.web.case_list import address_pages, find_day_start, read_place
from clinic.web.clinical_format import format_date
from clinic.web.form import read_form
from clinic.web.gate import find_gate
from clinic.web.station import find_work
from clinic.web.station_page import Answer, forget, is_recording, open_case, show

blueprint = Blueprint("draw", __name__)
P = Permission
LONGEST = 400


@blueprint.get("/laboratory/collection")
@requires(P.COLLECT_SPECIMEN)
def index() -> Answer | Response:
    """The people of the site from whom something is to be taken; a scanned case or person opens its draw."""
    scanned = request.args.get("q", "").strip()[:LONGEST]
    found = find_case_to_draw(current_user, scanned) if scanned else None
    if found is not None:
        return redirect(url_for(".view", case_id=found.id))
    today = find_day_start(clock.today(current_user.site.time_zone))
    page = list_waiting(current_user, View.DRAW, today, read_place("after"), read_place("before"))
    note_shown(row.id for row in page.rows)
    due = list_due_by_case([row.id for row in page.rows])
    here = map_numbers(current_user, due)
    rows = sorted((row for row in page.rows if due[row.id]), key=lambda row: (row.id not in here, here.get(row.id, 0)))
    errors = {"q": [_("No open case of this site has this number. Scan the case's or the person's label.")]} \
        if scanned else {}
    shown = render_template("draw/index.html", rows=rows, due=due, here=here, errors=errors, scanned=scanned,
                            consented=list_consented(due), consent_url=partial(find_work, "consent"),
                            **address_pages(page, "updated_at"))
    return (shown, 422) if errors else shown


@blueprint.get("/cases/<case_id>/draw")
@requires(P.COLLECT_SPECIMEN)
def view(case_id: str) -> Answer | Response:
    """What is to be taken from this person now; who is there is asked first."""
    case = open_case(case_id)
    return find_gate(case) or _show(case)


@blueprint.post("/cases/<case_id>/draw")
@requires(P.COLLECT_SPECIMEN)
def take(case_id: str) -> Answer | Response:
    """Record the containers that were filled; each gets its number, and its label is printed next."""
    case = open_case(case_id)
    typed = read_form(request.form, lists=("tubes",))
    try:
        at = read_time("time", typed.get("time"))
        made = draws.draw(case, typed["tubes"], at, typed.get("place", ""), current_user)
    except InvalidInput as problem:
        return _show(forget(case_id), typed, problem)
    flash(ngettext("%(num)s specimen is recorded: print its label and stick it on before you go on.",
                   "%(num)s specimens are recorded: print their labels and stick them on before you go on.",
                   len(made)), "success")
    day = made[0].collected_on
    if day != get_today(case):
        flash(_("Drawn yesterday, on %(day)s: the time was later than now.", day=format_date(day)), "warning")
    return redirect(url_for("specimen.of_case", case_id=case_id))


def _show(case: Case, typed: dict[str, object] | None = None, problem: InvalidInput | None = None) -> Answer:
    due = draws.list_due_tubes(case) if is_recording(case) else []
    return show("draw/view.html", case, problem, due=due, typed=typed or {"tubes": [one.tube.name for one in due]},
                may_draw=is_recording(case) and has_permission(P.COLLECT_SPECIMEN), day=get_today(case),
                is_held_back=is_recording(case) and bool(draws.list_refused_here(case)))
