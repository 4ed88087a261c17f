"""The areas in the main navigation: which a user sees follows from the permissions, in one table."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import current_app, request
from flask_babel import LazyString, gettext, lazy_gettext
from werkzeug.exceptions import HTTPException

from clinic.memo import Memo
from clinic.permissions import Permission, find_signed_in, permissions_of
from clinic.web.hold_sign import find_frame_here
from clinic.web.language import find_speech
from clinic.web.lateness import find_late, may_mend_deliveries


@dataclass(frozen=True, eq=False)
class Area:
    """One entry; `path` is its first page, and everything beneath it belongs to it."""

    path: str
    label: LazyString
    permission: Permission
    also: tuple[str, ...] = ()  # pages elsewhere that belong to it too
    unless: Permission | None = None  # who holds this has another entry that leads there


TASKS = Area("/tasks", lazy_gettext("Tasks"), Permission.SEE_CASES)
DELIVERIES = Area("/deliveries", lazy_gettext("Deliveries"), Permission.SEE_DELIVERIES)
AREAS = (
    Area("/", lazy_gettext("Worklists"), Permission.SEE_CASES, ("/today", "/cases")),
    TASKS,
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
    DELIVERIES,
    Area("/administration", lazy_gettext("Administration"), Permission.MANAGE_USERS, ("/authority-clients",)),
    Area("/administration", lazy_gettext("Administration"), Permission.MANAGE_CLIENTS, ("/authority-clients",)),
    Area("/audit", lazy_gettext("Audit"), Permission.SEE_AUDIT, ("/emergency",)),
    Area("/emergency/open", lazy_gettext("Emergency access"), Permission.OPEN_IN_EMERGENCY),
    Area("/authority-access", lazy_gettext("Authorities' looks"), Permission.SEE_AUDIT),
)


@dataclass(frozen=True, eq=False)
class Map:
    """The areas of who holds some permissions, and the places in them, the nearest of two within another first."""

    areas: tuple[Area, ...]
    places: tuple[tuple[str, str, Area], ...]  # a place, what is beneath it begins with, and whose it is

    def find(self, path: str) -> Area | None:
        """The area in which a page at `path` lies."""
        return next((area for place, beneath, area in self.places if path == place or path.startswith(beneath)), None)


def list_navigation() -> list[tuple[str, str, bool]]:
    """(label, address, is current) of each area that exists and is open to the person signed in."""
    reader = find_signed_in()
    found = _find_map(permissions_of(reader))
    current = found.find(request.path)
    due = find_frame_here().due if TASKS in found.areas else 0
    late = find_late().count if DELIVERIES in found.areas and may_mend_deliveries() else 0
    kept = current_app.extensions
    memo: Memo = kept.get("navigation") or kept.setdefault("navigation", Memo(500))
    written: list[tuple[str, str, bool]] = memo.get(
        (found, current, due, late, find_speech().name),
        lambda: [(_say(area, due, late), area.path, area is current) for area in found.areas])
    return written


def find_origin(address: str) -> tuple[str, str] | None:
    """(label, address) of the area whose list a page was reached from; None from a case, or from nowhere of ours."""
    try:
        path = urlsplit(address).path
    except ValueError:  # a header that no browser sends
        return None
    areas = _find_map(permissions_of(find_signed_in()))
    area = None if path.startswith("/cases/") else areas.find(path)
    return (str(area.label), area.path) if area else None


def _find_map(held: frozenset[Permission]) -> Map:
    known: dict[frozenset[Permission], Map] = current_app.extensions.setdefault("areas", {})
    if held not in known:
        shown: dict[str, Area] = {}
        for area in AREAS:
            if area.unless not in held and area.permission in held and _exists(area.path):
                shown.setdefault(area.path, area)
        # Nothing lies beneath "/": no address holds a NUL.
        places = [(place, f"{place}/" if place != "/" else "\0", area)
                  for area in shown.values() for place in (area.path, *area.also)]
        known[held] = Map(tuple(shown.values()), tuple(sorted(places, key=lambda one: len(one[0]), reverse=True)))
    return known[held]


def _say(area: Area, due: int, late: int) -> str:
    """The area's name, with a count where somebody should look."""
    label = str(area.label)
    if area is TASKS and due:
        return gettext("%(area)s: %(count)s due", area=label, count=due)
    if area is DELIVERIES and late:
        return gettext("%(area)s: %(count)s stuck or late", area=label, count=late)
    return label


def _exists(path: str) -> bool:
    try:
        current_app.url_map.bind("").match(path)
    except HTTPException:
        return False
    return True
