"""Every error answered in the caller's language: a page, JSON, or whatever a package registered for its paths."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, abort, g, jsonify, redirect, render_template, request
from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from clinic.db import db, set_mode
from clinic.errors import CaseChanged, ClearwayError, InvalidInput, NotSignedIn
from clinic.key import new_id
from clinic.limit import TooManyAttempts
from clinic.session_life import BACKGROUND
from clinic.storage_fault import StorageFault, describe_storage_fault, find_storage_fault, is_double
from clinic.way_in import find_way_in

log = logging.getLogger("clearway")
RETRY_SECONDS = 30  # what a machine is told to wait before it asks again
Renderer = Callable[[ClearwayError], Any]


def answer_errors_under(app: Flask, prefix: str, renderer: Renderer) -> None:
    """Let `renderer` answer every error of paths that begin with `prefix` (fhir registers OperationOutcome)."""
    app.extensions.setdefault("clearway_error_renderers", []).append((prefix, renderer))


def install_error_pages(app: Flask) -> None:
    """Register the handlers, and refuse what no handler could be asked about."""

    @app.before_request
    def _refuse_nul() -> None:
        # PostgreSQL stores no NUL and refuses to compare with one: an address that holds one names nothing.
        if "\0" in request.path or b"%00" in request.query_string:
            abort(400)

    @app.errorhandler(ClearwayError)
    def _foreseen(error: ClearwayError) -> Any:
        if error.ids:
            log.info("%s %s", type(error).__name__, " ".join(f"{k}={v}" for k, v in error.ids.items()))
        return _answer(app, error)

    @app.errorhandler(StaleDataError)
    def _stale(_error: StaleDataError) -> Any:
        return _answer(app, CaseChanged(
            _("Somebody else saved this just now. Nothing of yours was saved: look again.")))

    @app.errorhandler(IntegrityError)
    def _double(error: IntegrityError) -> Any:
        """Two people saved the same thing at the same moment: a unique key let the first through."""
        return _stale(StaleDataError()) if is_double(error) else _unforeseen(error)

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Any:
        response = app.make_response(_answer(app, _from_http(error)))
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            response.headers.setdefault("Allow", ", ".join(sorted(error.valid_methods)))  # RFC 9110, 15.5.6
        return response

    @app.errorhandler(Exception)
    def _unforeseen(_error: Exception) -> Any:
        reference = new_id()
        fault = find_storage_fault(_error)
        if fault is not None:
            log.error("storage fault %s reference=%s %s", fault.value, reference, _where(_error))
            return _answer_without_database(app, fault, reference)
        # The traceback names lines of code, never a value: exc_info would print SQL parameters with it.
        log.error("unforeseen error reference=%s", reference, exc_info=app.testing or app.debug)
        if not (app.testing or app.debug):
            log.error("unforeseen error reference=%s %s", reference, _where(_error))
        error = ClearwayError(_("Something went wrong on our side; nothing was saved. Reference: %(r)s", r=reference))
        error.status, error.code, error.next_step = 500, "exception", "retry"
        return _answer(app, error)


def _where(error: BaseException) -> str:
    """Type and lines of code of an error, without any of its values."""
    lines = []
    trace = error.__traceback__
    while trace is not None:
        lines.append(f"{trace.tb_frame.f_code.co_filename.rsplit('/', 2)[-1]}:{trace.tb_lineno}")
        trace = trace.tb_next
    return f"{type(error).__name__} at {' > '.join(lines[-8:])}"


def _from_http(error: HTTPException) -> ClearwayError:
    sentences = {
        400: _("The request could not be read. Go back, reload the page and try again."),
        404: _("There is no such page."),
        405: _("This address does not take that kind of request."),
        413: _("That is too large to be accepted."),
    }
    code = error.code or 500
    made = ClearwayError(sentences.get(code, error.description or _("The request could not be answered.")))
    made.status = code
    made.code = {404: "not-found", 413: "too-long"}.get(code, "processing")
    made.ids = {}
    return made


def _answer_without_database(app: Flask, fault: StorageFault, reference: str) -> Any:
    """The answer to a fault of disk or database; it asks the database for nothing, not even who is signed in."""
    g._login_user = app.extensions["security"].login_manager.anonymous_user()
    error = describe_storage_fault(fault)
    error.message = f"{error.message} {_('Reference: %(r)s', r=reference)}"
    response = app.make_response(_answer(app, error))
    response.headers["Cache-Control"] = "no-store"
    return response


def _answer(app: Flask, error: ClearwayError) -> Any:
    db.session.rollback()
    set_mode("read")  # a page that says what went wrong must not wait for the lock of writers, which may be what is
    try:
        response = app.make_response(_render(app, error))
    except Exception as failure:  # the page asks who is signed in: the database may be gone since, too
        if find_storage_fault(failure) is None:
            raise
        g._login_user = app.extensions["security"].login_manager.anonymous_user()
        response = app.make_response(_render(app, error))
    if isinstance(error, TooManyAttempts):
        response.headers["Retry-After"] = str(error.seconds)
    elif error.status == 503:
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def _render(app: Flask, error: ClearwayError) -> Any:
    for prefix, renderer in app.extensions.get("clearway_error_renderers", []):
        if request.path.startswith(prefix):
            return renderer(error)
    if request.path.startswith("/api/"):
        body: dict[str, Any] = {"error": error.message, "next": error.next_step}
        if isinstance(error, InvalidInput) and error.fields:
            body["fields"] = error.fields
        return jsonify(body), error.status
    if isinstance(error, NotSignedIn) and ("HX-Request" in request.headers or BACKGROUND in request.headers):
        return Response(error.message, status=401, content_type="text/plain; charset=utf-8")  # a page asked by itself
    if isinstance(error, NotSignedIn):
        return redirect(find_way_in())
    page = render_template("error.html", error=error)
    return Response(page, status=error.status, content_type="text/html; charset=utf-8")
