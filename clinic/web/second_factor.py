"""A person's own sign-in: authenticator app, passkeys and recovery codes, set up at the first sign-in and kept here."""

from __future__ import annotations

from typing import Any

import segno
from flask import Blueprint, current_app, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from clinic.errors import ClearwayError, InvalidInput, NotNow
from clinic.permissions import Permission, requires
from clinic.read_audit import mark_blueprint
from clinic.services.passkey import (
    Purpose,
    add_passkey,
    ask_to_add,
    ask_to_prove,
    list_passkeys,
    remove_passkey,
)
from clinic.services.second_factor import (
    count_recovery_codes,
    describe_secret,
    draw_recovery_codes,
    draw_secret,
    find_authenticator,
    has_second_factor,
    remove_authenticator,
    set_up_authenticator,
)
from clinic.way_back import find_way
from clinic.web.factor_gate import mark_passed, must_set_up, sets_up
from clinic.web.form import read_form
from clinic.web.reauthentication import check_again

blueprint = Blueprint("second_factor", __name__, url_prefix="/my-sign-in")
mark_blueprint(blueprint, "one's own way of signing in")
Page = str | tuple[str, int] | Response
ANYBODY = tuple(Permission)  # every signed-in member of staff
LIFE = 15 * 60  # seconds to type the first code after the secret was shown


@blueprint.get("")
@sets_up
@requires(*ANYBODY)
def show() -> Page:
    """What is set up, and what can be done."""
    return _show({})


@blueprint.post("/app")
@sets_up
@requires(*ANYBODY)
def start_app() -> Page:
    """Show the secret of a new authenticator app, as a QR code and to type."""
    problems = check_again(read_form(request.form), frequent=True, prefix="app_")
    return (_show(problems), 422) if problems else _show_app(draw_secret())


@blueprint.post("/app/code")
@sets_up
@requires(*ANYBODY)
def set_up_app() -> Page:
    """Take the app into use once it shows the right code."""
    try:
        secret = str(_serializer().loads(request.form.get("state", ""), max_age=LIFE)[current_user.id])
    except (BadData, KeyError, TypeError):
        flash(_("That took too long. Begin again."), "info")
        return _lead_back()
    is_first = not has_second_factor(current_user.id)
    try:
        set_up_authenticator(current_user, secret, request.form.get("code", ""))
    except InvalidInput as problem:
        return _show_app(secret, problem.fields), 422
    return _go_on(is_first, _("Your authenticator app is set up."))


@blueprint.post("/app/remove")
@requires(*ANYBODY)
def remove_app() -> Page:
    """Take the app out of use."""
    return _change("app_", lambda: remove_authenticator(current_user), _("The authenticator app is removed."))


@blueprint.get("/passkeys/options")
@sets_up
@requires(*ANYBODY)
def options_add() -> Response:
    """What the browser needs to make a passkey."""
    return jsonify(ask_to_add(current_user))


@blueprint.get("/again/options")
@requires(*ANYBODY)
def options_again() -> Response:
    """What the browser needs to ask the signed-in person for a passkey."""
    return jsonify(ask_to_prove(Purpose.AGAIN, current_user))


@blueprint.post("/passkeys")
@sets_up
@requires(*ANYBODY)
def add_key() -> Page:
    """Keep the passkey that the browser made."""
    typed = read_form(request.form)
    problems = check_again(typed, frequent=True, prefix="key_")
    is_first = not has_second_factor(current_user.id)
    try:
        if problems:
            raise InvalidInput(_("Please correct what is marked."), fields=problems)
        add_passkey(current_user, typed.get("name", ""), typed.get("new", ""))
    except InvalidInput as problem:
        fields = {"new" if name == "passkey" else name: said for name, said in problem.fields.items()}
        return _show(fields, typed), 422
    return _go_on(is_first, _("The passkey is added."))


@blueprint.post("/passkeys/<passkey_id>/remove")
@requires(*ANYBODY)
def remove_key(passkey_id: str) -> Page:
    """Forget a passkey."""
    return _change("key_", lambda: remove_passkey(current_user, passkey_id), _("The passkey is removed."))


@blueprint.post("/recovery-codes")
@requires(*ANYBODY)
def new_codes() -> Page:
    """Make new recovery codes and show them, this once."""
    problems = check_again(read_form(request.form), frequent=True, prefix="codes_")
    if problems:
        return _show(problems), 422
    if not has_second_factor(current_user.id):
        raise NotNow(_("Set up your second factor first."), user=current_user.id)
    return _show_codes()


def _change(prefix: str, act: Any, done: str) -> Page:
    problems = check_again(read_form(request.form), frequent=True, prefix=prefix)
    if problems:
        return _show(problems), 422
    try:
        act()
    except ClearwayError as problem:
        flash(problem.message, "error")
    else:
        flash(done, "success")
    return _lead_back()


def _go_on(is_first: bool, done: str) -> Page:
    """After the first factor come the recovery codes, and the application opens."""
    mark_passed(current_user)
    flash(done, "success")
    return _show_codes() if is_first else _lead_back()


def _lead_back() -> Response:
    return redirect(url_for(".show", then=_find_ahead()[1]), 303)


def _find_ahead() -> tuple[str, str | None]:
    """Where somebody goes on who signed in with a recovery code, and its sealed way, which comes along on each step."""
    token = request.values.get("then", "")
    ahead = find_way(token, current_user.id)
    return (ahead, token) if ahead else ("/", None)


def _show(errors: dict[str, list[str]], typed: dict[str, Any] | None = None) -> str:
    return _render(
        "security/second_factor.html", app=find_authenticator(current_user.id), keys=list_passkeys(current_user.id),
        codes_left=count_recovery_codes(current_user.id), errors=errors, typed=typed or {}, first=must_set_up())


def _show_app(secret: str, errors: dict[str, list[str]] | None = None) -> str:
    address, written = describe_secret(secret, current_user)
    return _render(
        "security/authenticator.html", picture=segno.make(address, error="m").svg_data_uri(scale=4, border=2),
        written=written, address=address, state=_serializer().dumps({current_user.id: secret}), errors=errors)


def _show_codes() -> str:
    return _render("security/recovery_codes.html", codes=draw_recovery_codes(current_user))


def _render(template: str, **values: Any) -> str:
    """These pages stand alone: nothing else may open yet while the first factor is set up."""
    ahead, then = _find_ahead()
    return render_template(template, navigation=[], ahead=ahead, then=then, **values)


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="new authenticator")
