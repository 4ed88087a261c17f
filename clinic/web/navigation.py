"""The areas in the main navigation: which a user sees follows from the permissions, in one table."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app, request
from flask_babel import LazyString, gettext, lazy_gettext
from flask_login import current_user
from werkzeug.exceptions import HTTPException

from clinic import clock
from clinic.permissions import Permission, permissions_of
from clinic.queries.task import count_due
from clinic.web.lateness import find_late, may_mend_deliveries


@dataclass(frozen=True)
class Area:
    """One entry; `path` is its first page, and everything beneath it belongs to it."""

    path: str
    label: LazyString
    permission: Permission
    also: tuple[str, ...] = ()  # pages elsewhere that belong to it too
    unless: Permission | None = None  # who holds this has another entry that leads there

    def find_place(self, path: str) -> str:
        """The place of this area in which a page at `path` lies; empty: in none."""
        return max((place for place in (self.path, *self.also)
                    if path == place or (place != "/" and path.startswith(place + "/"))), key=len, default="")


AREAS = (
    Area("/", lazy_gettext("Worklists"), Permission.SEE_CASES, ("/today", "/cases")),
    Area("/tasks", lazy_gettext("Tasks"), Permission.SEE_CASES),
    Area("/applicants", lazy_gettext("Applicants"), Permission.REGISTER),
    Area("/doubles", lazy_gettext("Likely doubles"), Permission.MERGE_RECORDS),
    Area("/laboratory", lazy_gettext("Laboratory"), Permission.ENTER_RESULT),
    Area("/laboratory", lazy_gettext("Laboratory"), Permission.CONFIRM_RESULT),
    Area("/laboratory/collection", lazy_gettext("Blood and urine"), Permission.COLLECT_SPECIMEN,
         ("/laboratory/specimens",), Permission.ENTER_RESULT),
    Area("/laboratory/inbox", lazy_gettext("Results in"), Permission.MAP_RESULTS,
         ("/laboratory/messages", "/laboratory/mappings")),
    Area("/radiology", lazy_gettext("X-ray"), Permission.READ_XRAY),
    Area("/tuberculosis", lazy_gettext("Tuberculosis"), Permission.SEE_TB_REGISTERS),
    Area("/deliveries", lazy_gettext("Deliveries"), Permission.SEE_DELIVERIES),
    Area("/administration", lazy_gettext("Administration"), Permission.MANAGE_USERS, ("/authority-clients",)),
    Area("/administration", lazy_gettext("Administration"), Permission.MANAGE_CLIENTS, ("/authority-clients",)),
    Area("/audit", lazy_gettext("Audit"), Permission.SEE_AUDIT, ("/emergency",)),
    Area("/emergency/open", lazy_gettext("Emergency access"), Permission.OPEN_IN_EMERGENCY),
    Area("/authority-access", lazy_gettext("Authorities' looks"), Permission.SEE_AUDIT),
)


def list_navigation() -> list[tuple[str, str, bool]]:
    """(label, address, is current) of each area that exists and is open to the person signed in."""
    shown = _list_areas(permissions_of(current_user._get_current_object()))
    places = [area.find_place(request.path) for area in shown]
    nearest = max(places, key=len, default="")  # one within another
    return [(_say(area), area.path, nearest != "" and place == nearest)
            for area, place in zip(shown, places, strict=True)]


def _list_areas(held: frozenset[Permission]) -> tuple[Area, ...]:
    """The areas of who holds these permissions, found out once."""
    known: dict[frozenset[Permission], tuple[Area, ...]] = current_app.extensions.setdefault("areas", {})
    if held not in known:
        shown: dict[str, Area] = {}
        for area in AREAS:
            if area.unless not in held and area.permission in held and _exists(area.path):
                shown.setdefault(area.path, area)
        known[held] = tuple(shown.values())
    return known[held]


def _say(area: Area) -> str:
    """The area's name, with a count where somebody should look."""
    label = str(area.label)
    if area.path == "/tasks":
        due = count_due(current_user, clock.today(current_user.site.time_zone))
        return gettext("%(area)s: %(count)s due", area=label, count=due) if due else label
    if area.path != "/deliveries" or not may_mend_deliveries():
        return label
    count = find_late().count
    return gettext("%(area)s: %(count)s stuck or late", area=label, count=count) if count else label


def _exists(path: str) -> bool:
    try:
        current_app.url_map.bind("").match(path)
    except HTTPException:
        return False
    return True
