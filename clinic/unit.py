"""How a request becomes a unit of work: safe methods read, the others write and commit once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Response, request
from werkzeug.routing import Map

from clinic.db import db, set_mode
from clinic.posted import ClearwayRequest

F = TypeVar("F", bound=Callable[..., Any])
SAFE = {"GET", "HEAD", "OPTIONS"}


def manages_units(view: F) -> F:
    """Mark a view that opens its own units (`read_unit`, `write_unit`), because it needs more than one."""
    view.unit = "own"  # type: ignore[attr-defined]
    return view


def reads_only(view: F) -> F:
    """Mark a view that only reads although its method is not safe (a search by POST)."""
    view.unit = "read"  # type: ignore[attr-defined]
    return view


class PlainMap(Map):
    """Addresses as they are: a doubled slash names nothing, instead of being led to an address made of the Host header,
    which whoever asks writes as they like."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options | {"merge_slashes": False})


class ClearwayFlask(Flask):
    """Flask, with one unit of work for each request."""

    request_class = ClearwayRequest
    url_map_class: type[Map] = PlainMap

    def dispatch_request(self) -> Response:
        """Run the view; commit after an answer below 400, roll back otherwise."""
        kind = _unit_of_request(self)
        try:
            response = self.make_response(super().dispatch_request())
        except BaseException:
            db.session.rollback()
            raise
        if kind == "write":
            if response.status_code < 400:
                db.session.commit()
            else:
                db.session.rollback()
        return response


def _unit_of_request(app: Flask) -> str:
    if request.method in SAFE:
        return "read"
    view = app.view_functions.get(request.endpoint or "")
    return getattr(view, "unit", "write")


def install_request_units(app: Flask) -> None:
    """Set the unit before anything else in a request touches the database, and clean up after it."""

    @app.before_request
    def _begin() -> None:
        set_mode("write" if _unit_of_request(app) == "write" else "read")

    @app.teardown_request
    def _end(_error: BaseException | None) -> None:
        db.session.rollback()
        set_mode("read")
