"""The locked screen: nothing of it is shown until the same person proves who they are; somebody else starts clean."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from clinic.db import db, write_unit
from clinic.errors import NotSignedIn
from clinic.models import User
from clinic.permissions import Permission, public, requires
from clinic.read_audit import mark_blueprint
from clinic.services.passkey import Purpose, ask_to_prove
from clinic.services.sign_in import lock_sign_in
from clinic.session_life import Standing, State, find_standing, go_on_after_lock
from clinic.unit import manages_units
from clinic.way_back import address_lock, address_sign_in_again, find_way
from clinic.way_in import find_page_before
from clinic.web.reauthentication import mark_checked, prove

blueprint = Blueprint("lock", __name__)
mark_blueprint(blueprint, "an empty screen")
Page = str | tuple[str, int] | Response


@blueprint.post("/lock")
@requires(Permission.ASK_RULES)
def lock() -> Response:
    """Lock the screen now."""
    standing = find_standing()
    lock_sign_in(standing.id)
    return redirect(address_lock(standing.user_id, find_page_before() or "/"), 303)


@blueprint.get("/locked")
@public
def show() -> Page:
    """Asks the person whose screen it is for the password; anybody else may sign in."""
    standing = find_standing()
    token = request.args.get("then", "")
    if standing.state is not State.LOCKED:
        return _lead_on(standing, token)
    return _render(db.session.get_one(User, standing.user_id), token)


@blueprint.post("/locked")
@public
@manages_units
def unlock() -> Page:
    """Back to the same screen, for the same person."""
    standing = find_standing()
    token = request.form.get("then", "")
    if standing.state is not State.LOCKED:
        return _lead_on(standing, token)
    user = db.session.get_one(User, standing.user_id)
    problems = prove(user, request.form)
    if problems:
        return _render(db.session.get_one(User, standing.user_id), token, problems), 422
    with write_unit():
        user = db.session.get_one(User, standing.user_id)
        go_on_after_lock(user)
        mark_checked()
        return redirect(find_way(token, user.id) or "/", 303)


@blueprint.get("/locked/options")
@public
def options() -> Response:
    """What the browser needs to ask the person whose screen it is for a passkey."""
    standing = find_standing()
    if standing.state is not State.LOCKED:
        raise NotSignedIn(_("Sign in to continue."))
    return jsonify(ask_to_prove(Purpose.AGAIN, db.session.get_one(User, standing.user_id)))


def _lead_on(standing: Standing, token: str) -> Response:
    """There is nothing to unlock: go on where one is signed in, else sign in."""
    if standing.state is State.OPEN:
        return redirect(find_way(token, standing.user_id) or "/")
    way = find_way(token, standing.user_id) if standing.user_id else None
    return redirect(address_sign_in_again(standing.user_id, way) if way else "/sign-in")


def _render(user: User, token: str, errors: dict[str, Any] | None = None) -> str:
    return render_template("session/locked.html", owner=user, then=token, errors=errors)
