"""The sign beside the name of who may be infectious, on every list and page."""

from __future__ import annotations

from typing import Any

from flask import Flask, has_request_context, request
from flask_login import current_user

from clinic.services import hold as service
from clinic.web.clinical_format import read

_HELD = "clearway.held"


def list_held_here() -> frozenset[str]:
    """The applicants of the reader's site who are held, read once for a request."""
    reader = current_user._get_current_object() if has_request_context() else None
    if reader is None or not reader.is_authenticated:
        return frozenset()
    held: frozenset[str] | None = request.environ.get(_HELD)
    if held is None or request.method not in ("GET", "HEAD"):
        held = request.environ[_HELD] = service.list_held(reader.site_id)
    return held


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
