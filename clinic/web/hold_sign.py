"""The sign beside the name of who may be infectious, on every list and page."""

from __future__ import annotations

from typing import Any

from flask import Flask, has_request_context, request

from clinic import clock
from clinic.permissions import find_signed_in
from clinic.queries.frame import Frame, find_frame
from clinic.services import hold as service
from clinic.web.clinical_format import read

_FRAME = "clearway.frame"


def find_frame_here() -> Frame:
    """What stands for the reader, read once for a request that only reads."""
    reader = find_signed_in() if has_request_context() else None
    if reader is None or not reader.is_authenticated:
        return Frame(frozenset(), 0)
    frame: Frame | None = request.environ.get(_FRAME)
    if frame is None or request.method not in ("GET", "HEAD"):
        frame = request.environ[_FRAME] = find_frame(reader, clock.today(reader.site.time_zone))
    return frame


def list_held_here() -> frozenset[str]:
    """The applicants of the reader's site who are held."""
    return find_frame_here().held


def is_held(person: Any) -> bool:
    """Whether a row of a list (an applicant, or what names one) is of somebody who is held."""
    held = list_held_here()
    return bool(held) and (read(person, "applicant_id") or read(person, "id")) in held


def has_hold(person: Any) -> bool:
    """The same for a page about one person, also of another site that was opened in an emergency."""
    key = read(person, "id") if has_request_context() else None
    return bool(key) and bool(service.list_holds(str(key)))


def init_holds(app: Flask) -> None:
    """Give templates the two questions."""
    app.jinja_env.filters.update({"is_held": is_held, "has_hold": has_hold})
