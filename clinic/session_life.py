"""How long a sign-in lasts: it ends after some minutes without anybody there, and after a working day in any case.

Every request of the signed-in person prolongs it, but one that a page makes by itself carries `X-Background: 1` and
does not (a list that refreshes itself must not keep an empty room signed in).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Flask, request, session
from flask_login import user_logged_in

from clinic import clock
from clinic.config import Settings

BACKGROUND = "X-Background"
STARTED, SEEN = "started", "seen"  # keys of the session: seconds since 1970
SIGNED_IN = "_user_id"  # Flask-Login's key
GRAIN = 5.0  # seconds: not every picture of a page needs a new cookie


def install_session_life(app: Flask, settings: Settings) -> None:
    """Watch over the session of every request; must come before anything that asks who is signed in."""
    app.config.update(
        SESSION_IDLE=timedelta(minutes=settings.session_idle_minutes),
        PERMANENT_SESSION_LIFETIME=timedelta(hours=settings.session_hours),
    )

    @app.before_request
    def _watch() -> None:
        if request.endpoint == "static" or app.config["SESSION_COOKIE_NAME"] not in request.cookies:
            return
        if SIGNED_IN in session:
            _go_on(app)

    @user_logged_in.connect_via(app)
    def _begin(*_args: Any, **_named: Any) -> None:
        session[STARTED] = session[SEEN] = clock.now().timestamp()

    app.extensions["clearway_session_begin"] = _begin  # the signal keeps no reference of its own


def find_seconds_left(app: Flask) -> int | None:
    """Seconds until the present session ends if nobody does anything; None when nobody is signed in."""
    if SIGNED_IN not in session:
        return None
    now = clock.now().timestamp()
    idle = session.get(SEEN, now) + app.config["SESSION_IDLE"].total_seconds() - now
    whole = session.get(STARTED, now) + app.permanent_session_lifetime.total_seconds() - now
    return int(max(min(idle, whole), 0))


def _go_on(app: Flask) -> None:
    now = clock.now().timestamp()
    if STARTED not in session:
        session[STARTED] = session[SEEN] = now
        return
    if find_seconds_left(app) == 0:
        session.clear()
    elif BACKGROUND not in request.headers and now - session[SEEN] >= GRAIN:
        session[SEEN] = now
