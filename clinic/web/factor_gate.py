"""Nothing of the application opens before a second factor is set up and passed; only the demonstration asks none."""

from __future__ import annotations

from typing import Any

from flask import Flask, current_app, redirect, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user
from flask_security.utils import logout_user

from clinic.config import get_settings
from clinic.errors import NotAllowed, NotSignedIn
from clinic.models import User
from clinic.permissions import AUTHORITY_CLIENT, PUBLIC
from clinic.services.second_factor import has_second_factor
from clinic.unit import SAFE

PASSED = "proved"  # key of the session: whose sign-in passed the second factor; their fs_uniquifier
SIGNED_IN = "_user_id"  # Flask-Login's key, the same fs_uniquifier
ALSO_OPEN = "sets_up_second_factor"  # mark of the views by which it is set up


def mark_passed(user: User) -> None:
    """The sign-in of this session passed the second factor, or has just set it up."""
    session[PASSED] = user.fs_uniquifier


def sets_up(view: Any) -> Any:
    """Mark a view that is open to a signed-in person who has no second factor yet."""
    setattr(view, ALSO_OPEN, True)
    return view


def must_set_up() -> bool:
    """Whether the signed-in person may open nothing yet but the pages that set up their second factor."""
    return not get_settings(current_app).demo and session.get(PASSED) != session.get(SIGNED_IN)


def init_factor_gate(app: Flask) -> None:
    """Stand before every view."""
    if not get_settings(app).demo:
        app.before_request(_guard)


def _guard() -> Any:
    if SIGNED_IN not in session or not must_set_up() or _is_open(request.endpoint):
        return None
    if not current_user.is_authenticated:
        return None  # an old cookie: the view says what to do
    if has_second_factor(current_user.id):  # set up elsewhere since: this sign-in has not passed it
        logout_user()
        raise NotSignedIn(_("Sign in to continue."))
    if request.method in SAFE and not request.path.startswith("/api/"):
        return redirect(url_for("second_factor.show"))
    raise NotAllowed(_("Set up your second factor first."), user=current_user.id)


def _is_open(endpoint: str | None) -> bool:
    view = current_app.view_functions.get(endpoint or "")
    if view is None or endpoint in ("static", "security.logout", "security.login"):
        return True
    return getattr(view, "permission", None) in (PUBLIC, AUTHORITY_CLIENT) or hasattr(view, ALSO_OPEN)
