"""How a request becomes a unit of work: safe methods read, the others write and commit once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Response, current_app, has_app_context, request
from flask.globals import request_ctx
from werkzeug.routing import Map

from clinic.db import db, set_mode
from clinic.machine_path import is_of_machine, leave_staff_out
from clinic.posted import ClearwayRequest
from clinic.turn import Turn

F = TypeVar("F", bound=Callable[..., Any])
Hook = Callable[..., Any]
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
    """Flask, with one unit of work for each request, and without what is about the staff where machines ask."""

    turn: Turn | None = None  # where pages are made one after the other
    request_class = ClearwayRequest
    # All templates stay: to keep the last four hundred, Jinja looks through them for every one that is asked for.
    jinja_options = {**Flask.jinja_options, "cache_size": -1}
    url_map_class: type[Map] = PlainMap
    _of_everybody: tuple[tuple[Hook, ...], tuple[Hook, ...]] | None = None  # before and after a request

    def full_dispatch_request(self) -> Response:
        """Answer; a page for a person is made in one go (clinic/turn.py)."""
        turn = self.turn
        if turn is None or request.method != "GET" or not self._is_page(request.endpoint):
            return super().full_dispatch_request()
        turn.take()
        try:
            return super().full_dispatch_request()
        finally:
            turn.let_go()

    def _is_page(self, endpoint: str | None) -> bool:
        """Whether a member of staff needs a permission for it: what anybody may see is made at once."""
        return isinstance(getattr(self.view_functions.get(endpoint or ""), "permission", None), tuple)

    def ensure_sync(self, func: Hook) -> Hook:
        """The function itself: nothing here is asynchronous, and Flask asks that of every hook in every request."""
        return func

    def preprocess_request(self) -> Any:
        """Run what comes before a view; in a machine's request only what is not about the staff."""
        if not is_of_machine(request):
            return super().preprocess_request()
        for hook in self._list_hooks()[0]:
            answer = hook()
            if answer is not None:
                return answer
        for name in reversed(request.blueprints):
            for look in self.url_value_preprocessors.get(name, ()):
                look(request.endpoint, request.view_args)
            for hook in self.before_request_funcs.get(name, ()):
                answer = hook()
                if answer is not None:
                    return answer
        return None

    def process_response(self, response: Response) -> Response:
        """Run what comes after a view; a machine has no session to save."""
        if not is_of_machine(request):
            return super().process_response(response)
        own = (hook for name in request.blueprints for hook in reversed(self.after_request_funcs.get(name, ())))
        for hook in (*request_ctx._after_request_functions, *own, *self._list_hooks()[1]):
            response = hook(response)
        return response

    def _list_hooks(self) -> tuple[tuple[Hook, ...], tuple[Hook, ...]]:
        """What runs before and after every request, a machine's too; Flask takes no more once the first has come."""
        if self._of_everybody is None:
            self._of_everybody = (leave_staff_out(self.before_request_funcs.get(None, ())),
                                  leave_staff_out(reversed(self.after_request_funcs.get(None, []))))
        return self._of_everybody

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


def let_others_begin() -> None:
    """Before a wait of the present request, if there is one: another page is made meanwhile."""
    if has_app_context() and (turn := getattr(current_app, "turn", None)) is not None:
        turn.let_go()


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
        if db.session.registry.has():
            session = db.session()
            if session.identity_map or session.new:
                session.rollback()
            else:  # nothing was loaded that could be kept out of date, and closing takes less
                session.close()
        set_mode("read")
