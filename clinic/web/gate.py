"""Asks who is in front of one, before a station's page opens and before anything is recorded there."""

from __future__ import annotations

from typing import Any

from flask import Flask, current_app, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.models import Case
from clinic.permissions import has_permission
from clinic.queries.case import get_case
from clinic.scope import current_emergency
from clinic.services.identity import NotIdentified, ensure_identity_confirmed, is_open, may_record
from clinic.station import Station, find_station_of, list_stations
from clinic.unit import SAFE


def find_gate(case: Case) -> Response | None:
    """Where a page sends its reader first, because they would record something on it; None: the page itself.

    Who may not record anything here, or says that they only look (`?look=1`), is not asked.
    """
    station = find_station_of(request.endpoint)
    if station is None or is_looking() or not works_at(station) or may_record(case, station, current_user):
        return None
    return redirect(address_check(case.id, station.name, request.full_path.rstrip("?")))


def is_looking() -> bool:
    """Whether nothing will be recorded: the reader said so, or an emergency opened the case to be read."""
    return request.method in SAFE and ("look" in request.args or current_emergency() is not None)


def is_present(case: Case, name: str) -> bool:
    """Whether the signed-in user may record at the station called `name`."""
    return may_record(case, list_stations()[name], current_user)


def address_check(case_id: str, name: str, then: str) -> str:
    """The page that asks at a station, and where it goes on."""
    return url_for("identity.ask", case_id=case_id, station=name, next=then)


def init_gate(app: Flask) -> None:
    """Refuse every record of a station until its user has confirmed who is there, whatever page it came from."""

    app.jinja_env.filters["station_word"] = station_word

    @app.before_request
    def _guard() -> Any:
        station = find_station_of(request.endpoint) if request.method not in SAFE else None
        if station is None or request.endpoint not in station.records or not _may_use(request.endpoint):
            return None  # without a permission, the view itself says so
        case = get_case((request.view_args or {})["case_id"], current_user)
        return _refuse(case, station) if is_open(case, station) else None


def _refuse(case: Case, station: Station) -> Any:
    """409 with what to do; a part of a page that saves by itself gets one line (htmx shows 422)."""
    try:
        ensure_identity_confirmed(case, station, current_user)
    except NotIdentified as problem:
        ask = address_check(case.id, station.name, url_for("case.show", case_id=case.id))
        if "HX-Request" in request.headers:
            return render_template("identity/line.html", problem=problem, ask=ask), 422
        return render_template("identity/refused.html", problem=problem, ask=ask, case=case), 409
    return None


def works_at(station: Station) -> bool:
    """Whether the signed-in user may record anything at `station`."""
    return any(_may_use(route) for route in station.records)


def _may_use(route: str | None) -> bool:
    needed: Any = getattr(current_app.view_functions.get(route or ""), "permission", ())
    return isinstance(needed, tuple) and any(has_permission(permission) for permission in needed)


def station_word(name: str) -> str:
    """A station's name."""
    return {"reception": _("Reception"), "exam": _("Examination"), "xray": _("X-ray room"),
            "vaccination": _("Vaccination"), "sputum": _("Sputum collection"),
            "phlebotomy": _("Blood and urine"), "treatment": _("Treatment")}.get(name, name)
