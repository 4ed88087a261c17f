"""Passwords of staff: one's own changed, a forgotten one set anew with a code from the administrator."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, jsonify, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.db import db, write_unit
from clinic.errors import InvalidInput
from clinic.permissions import public, requires
from clinic.read_audit import mark_blueprint
from clinic.services.password import change_password, ensure_good_password, judge_password, use_reset
from clinic.services.staff import find_user
from clinic.unit import reads_only
from clinic.web.factor_gate import SIGNED_IN, mark_passed
from clinic.web.reauthentication import check_again
from clinic.web.second_factor import ANYBODY

blueprint = Blueprint("password", __name__)
mark_blueprint(blueprint, "one's own password")
Page = str | tuple[str, int] | Response
LONGEST_ADDRESS = 254  # characters of an e-mail address


@blueprint.get("/my-sign-in/password")
@requires(*ANYBODY)
def change() -> Page:
    """The form."""
    return _show_change({})


@blueprint.post("/my-sign-in/password")
@requires(*ANYBODY)
def save() -> Page:
    """Change it, with the old one and the second factor; the present sign-in alone goes on."""
    new = request.form.get("new_password", "")
    try:
        ensure_good_password(new, current_user.email, current_user.name)
        problems = check_again(request.form)
        if problems:
            raise InvalidInput(_("Please correct what is marked."), fields=problems)
    except InvalidInput as problem:
        return _show_change(problem.fields), 422
    change_password(current_user, new)
    session[SIGNED_IN] = current_user.fs_uniquifier
    mark_passed(current_user)
    flash(_("Your password is changed. Everywhere else you are signed out."), "success")
    return redirect(url_for("second_factor.show"), 303)


@blueprint.post("/sign-in/password-strength")
@public
@reads_only
def weigh() -> Response:
    """How hard what is being typed would be to guess, in one sentence: the same judge that decides when it is saved.

    Nothing of it is kept. Of who is not signed in only what they typed is known, or a stranger would learn a name here.
    """
    known = current_user if current_user.is_authenticated else None
    email, name = (known.email, known.name) if known else (request.form.get("email", "")[:LONGEST_ADDRESS], "")
    return jsonify(judge_password(request.form.get("new_password", ""), email, name)._asdict())


@blueprint.get("/sign-in/new-password")
@public
def ask_new() -> Page:
    """The form for who forgot theirs."""
    return _show_new({}, {})


@blueprint.post("/sign-in/new-password")
@public
def set_new() -> Page:
    """Set a new password with the administrator's code."""
    email, problems = request.form.get("email", "").strip().lower(), {}
    db.session.rollback()
    with write_unit():  # a wrong guess is written down too
        try:
            use_reset(find_user(email), request.form.get("code", ""), request.form.get("new_password", ""))
        except InvalidInput as problem:
            problems = problem.fields
    if problems:
        return _show_new({"email": email, "code": request.form.get("code", "")}, problems), 422
    flash(_("Your new password is set. Sign in with it."), "success")
    return redirect(url_for("security.login"), 303)


def _show_change(errors: dict[str, list[str]]) -> str:
    return render_template("security/change_password.html", errors=errors, navigation=[])


def _show_new(typed: dict[str, Any], errors: dict[str, list[str]]) -> str:
    return render_template("security/new_password.html", typed=typed, errors=errors)
