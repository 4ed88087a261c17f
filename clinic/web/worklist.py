"""The first screen after sign-in: what waits for me, why it waits, and the one thing to do next."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template, request, url_for
from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.engine import Row

from clinic import clock
from clinic.models import CaseState
from clinic.permissions import Permission, has_permission, requires
from clinic.queries.case import COUNT_LIMIT, PAGE, Cursor, Filter, View, count_worklist, list_worklist
from clinic.rules.programme import list_programmes
from clinic.web.station import find_path, find_work, label_work
from clinic.web.word import case_state_word

blueprint = Blueprint("worklist", __name__)
P = Permission

# Which views a user gets, in this order; the first one with anything waiting opens.
VIEWS: tuple[tuple[View, Permission, LazyString], ...] = (
    (View.SIGN, P.SIGN, lazy_gettext("To sign")),
    (View.AMEND, P.SIGN, lazy_gettext("To amend")),
    (View.CONFIRM, P.CONFIRM_RESULT, lazy_gettext("To confirm")),
    (View.XRAY, P.READ_XRAY, lazy_gettext("X-rays to read")),
    (View.XRAY, P.UPLOAD_FILM, lazy_gettext("X-rays to take")),
    (View.ENTER, P.ENTER_RESULT, lazy_gettext("Laboratory")),
    (View.SPUTUM, P.RECORD_SPUTUM, lazy_gettext("Sputum")),
    (View.EXAMINE, P.RECORD_EXAM, lazy_gettext("To examine")),
    (View.VACCINATE, P.RECORD_VACCINE, lazy_gettext("Vaccination")),
    (View.TODAY, P.REGISTER, lazy_gettext("Opened today")),
    (View.FACTS, P.OPEN_CASE, lazy_gettext("Facts missing")),
    (View.OPEN, P.SEE_CASES, lazy_gettext("All open")),
)
# Where the work of a view is done, beneath /cases/<id>; without one the row leads where its progress points.
PLACES = {View.SIGN: "sign", View.CONFIRM: "laboratory", View.XRAY: "xray", View.ENTER: "laboratory",
          View.SPUTUM: "sputum", View.VACCINATE: "vaccination", View.FACTS: "circumstances"}
BY_PROGRESS = {"facts": "circumstances", "ready": "sign", "physician": "sign", "not-cleared": "sign"}


@blueprint.get("/")
@requires(P.SEE_CASES)
def index() -> str:
    """My worklist."""
    narrowed = _read_filter()
    own: dict[View, str] = {}  # who reads films may send them too, but has the one list of them
    for view, permission, label in VIEWS:
        if has_permission(permission):
            own.setdefault(view, str(label))
    views = list(own.items())
    counts = {view: count_worklist(current_user, view, narrowed) for view, _label in views}
    asked = request.args.get("view", "")
    chosen = next((view for view, _label in views if view == asked), None)
    if chosen is None:
        chosen = next((view for view, _label in views if counts[view]), views[-1][0])
    tabs = [{"label": label, "url": _url(view=key), "count": _count(counts[key]), "active": key is chosen}
            for key, label in views]
    return _show(chosen, narrowed, tabs, _("My worklist"))


@blueprint.get("/cases")
@requires(P.SEE_CASES)
def cases() -> str:
    """Every case of the site by its state, the ended ones too."""
    narrowed = _read_filter()
    chosen = narrowed.state or CaseState.IN_PROGRESS
    tabs = []
    for state in CaseState:
        count = count_worklist(current_user, View.STATE, Filter(narrowed.today_from, state, narrowed.programme))
        tabs.append({"label": case_state_word(state), "url": _url(state=state.value), "count": _count(count),
                     "active": state is chosen})
    return _show(View.STATE, Filter(narrowed.today_from, chosen, narrowed.programme), tabs, _("Cases"))


def _show(view: View, narrowed: Filter, tabs: list[dict[str, Any]], title: str) -> str:
    after, before = _read_cursor("after"), _read_cursor("before")
    rows, more = list_worklist(current_user, view, narrowed, after, before)
    has_next, has_previous = (bool(before), more) if before else (more, bool(after))
    return render_template(
        "worklist/index.html", title=title, tabs=tabs, rows=[(row, _find_next(row, view)) for row in rows],
        programmes=[(programme.code, programme.name) for programme in list_programmes().values()], narrowed=narrowed,
        view=view, next_url=_url(after=_to_cursor(rows[-1]), before=None) if rows and has_next else None,
        prev_url=_url(before=_to_cursor(rows[0]), after=None) if rows and has_previous else None, page=PAGE,
        may_register=has_permission(P.REGISTER),
    )


def _find_next(row: Row[Any], view: View) -> dict[str, str]:
    """The row's one next action: the work of the view, else what its progress says if it is this user's, else look."""
    second = row.progress == "second-person"
    path = PLACES.get(view)
    if path is None and row.progress in BY_PROGRESS:
        path = BY_PROGRESS[row.progress]
    elif path is None and row.progress in ("to-do", "draft", "second-person") and row.progress_detail:
        path = find_path(row.progress_detail, row.programme)
    url = find_work(path, row.id) if path else None
    if path is None or url is None or (second and not has_permission(P.CONFIRM_RESULT)):
        return {"label": _("Open"), "url": url_for("case.show", case_id=row.id)}
    return {"label": label_work(path, second and path == "laboratory"), "url": url}


def _read_filter() -> Filter:
    zone = ZoneInfo(current_user.site.time_zone)
    today = datetime.combine(clock.today(current_user.site.time_zone), time(), zone)
    state, programme = request.args.get("state", ""), request.args.get("programme", "")
    return Filter(
        today_from=today, state=CaseState(state) if state in set(CaseState) else None,
        programme=programme if programme in list_programmes() else None,
    )


def _count(number: int) -> str:
    return f"{number}+" if number >= COUNT_LIMIT else str(number)


def _url(**changes: str | None) -> str:
    """This list's address with some of its arguments changed; another view or state begins at its first page."""
    kept = {name: value for name, value in request.args.items() if name in ("view", "state", "programme")}
    if "view" in changes or "state" in changes:
        kept.pop("state", None)
    arguments: dict[str, Any] = {**kept, **{name: value for name, value in changes.items() if value}}
    return url_for(request.endpoint or ".index", **arguments)


def _to_cursor(row: Row[Any]) -> str:
    return f"{row.updated_at.isoformat()}_{row.id}"


def _read_cursor(name: str) -> Cursor | None:
    moment, _underscore, key = request.args.get(name, "").partition("_")
    try:
        found = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return (found, key) if found.tzinfo and key else None
