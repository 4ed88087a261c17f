"""Signing in beyond the password: a code or a passkey as the second step, or a passkey instead of both."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, Flask, flash, jsonify, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_security.tf_plugin import TfPlugin, TfPluginBase
from flask_security.utils import _get_post_login_redirect, login_user
from werkzeug.wrappers import Response

from clinic import clock
from clinic.db import db, write_unit
from clinic.errors import NotSignedIn
from clinic.models import User
from clinic.permissions import public
from clinic.services.passkey import Purpose, WrongPasskey, ask_to_prove, use_passkey
from clinic.services.second_factor import (
    RECOVERY,
    count_recovery_codes,
    find_missing_code,
    has_second_factor,
    use_any_code,
)
from clinic.services.secret_attempt import record_wrong_secret
from clinic.way_back import seal_way
from clinic.web.factor_gate import mark_passed
from clinic.web.form import read_form
from clinic.web.reauthentication import list_ways, tell_of_recovery

blueprint = Blueprint("second_step", __name__, url_prefix="/sign-in")
Page = str | tuple[str, int] | Response
HALF = "half_signed_in"  # key of the session: [fs_uniquifier, seconds since 1970] of whose password was right
PATIENCE = timedelta(minutes=10)  # between the password and the second step


class SecondStep(TfPluginBase):
    """Tells the sign-in library who is asked for more than the password, and where."""

    def create_blueprint(self, app: Flask, bp: Blueprint, state: Any) -> None:
        """Nothing to add: our own blueprint has the pages."""

    def get_setup_methods(self, user: Any) -> list[tuple[str, str]]:
        """One method for everything a person has set up: its page offers each."""
        return [("second-step", "")] if has_second_factor(user.id) else []

    def tf_login(self, user: Any, json_payload: dict[str, Any], next_loc: str | None) -> Response:
        """The password was right: on to the second step, not signed in yet."""
        for name in ("tf_user_id", "tf_select"):
            session.pop(name, None)
        session[HALF] = [user.fs_uniquifier, clock.now().timestamp()]
        return redirect(url_for("second_step.ask", next=request.args.get("next")))


@blueprint.get("/second-step")
@public
def ask() -> Page:
    """The code of the app, a recovery code, or a passkey."""
    user = find_half_signed_in()
    return _show(user) if user else _begin_again()


@blueprint.post("/second-step")
@public
def answer() -> Page:
    """Sign in when it is right."""
    user, typed = find_half_signed_in(), read_form(request.form)
    if user is None:
        return _begin_again()
    user_id, codes = user.id, (typed.get("code", ""), typed.get(RECOVERY, ""))
    missing = {} if typed.get("passkey") else find_missing_code(user_id, *codes)
    if missing:  # no guess: it is written down as none
        return _show(user, missing), 422
    db.session.rollback()
    with write_unit():
        means, problem = _check(user_id, typed.get("passkey", ""), codes)
        if problem:
            record_wrong_secret(user_id, means, str(request.endpoint))
    user = db.session.get_one(User, user_id)
    return (_show(user, {means: [problem]}), 422) if problem else _sign_in(user, "second-step", means == RECOVERY)


@blueprint.post("/passkey")
@public
def passkey() -> Page:
    """Sign in with a passkey alone: it is something one has, and asks for its PIN, finger or face."""
    db.session.rollback()
    with write_unit():
        try:
            user_id = use_passkey(request.form.get("passkey", ""), Purpose.SIGN_IN).user_id
        except WrongPasskey:
            user_id = ""
    user = db.session.get(User, user_id) if user_id else None
    if user is None or not user.active:
        flash(_("This passkey was not accepted. Sign in with your password."), "error")
        return redirect(url_for("security.login", next=request.args.get("next")))
    return _sign_in(user, "passkey")


@blueprint.get("/passkey/options")
@public
def options_first() -> Response:
    """What the browser needs to ask whoever sits there for a passkey."""
    return jsonify(ask_to_prove(Purpose.SIGN_IN, None))


@blueprint.get("/second-step/options")
@public
def options_second() -> Response:
    """The same for the person whose password was right."""
    user = find_half_signed_in()
    if user is None:
        raise NotSignedIn(_("Sign in to continue."))
    return jsonify(ask_to_prove(Purpose.SECOND, user))


def find_half_signed_in() -> User | None:
    """Whose password was right a moment ago, and whose second step is awaited."""
    uniquifier, since = session.get(HALF) or ("", 0.0)
    if clock.now().timestamp() - since > PATIENCE.total_seconds():
        return None
    user: User | None = db.session.query(User).filter_by(fs_uniquifier=uniquifier, active=True).one_or_none()
    return user


def init_second_step(app: Flask) -> None:
    """Register the pages, and have the library ask for the second step of whoever has one."""
    app.register_blueprint(blueprint)
    security = app.extensions["security"]
    security.two_factor_plugins = TfPlugin()  # without the library's own two, whose pages we do not have
    security.two_factor_plugins.register_tf_impl(app, "second-step", SecondStep)
    security.support_mfa = True


def _check(user_id: str, answer: str, codes: tuple[str, str]) -> tuple[str, str]:
    """(by what, what is wrong)."""
    if not answer:
        return use_any_code(user_id, *codes)
    try:
        use_passkey(answer, Purpose.SECOND, user_id)
    except WrongPasskey as problem:
        return "passkey", problem.fields["passkey"][0]
    return "passkey", ""


def _sign_in(user: User, means: str, is_recovery: bool = False) -> Response:
    """Both factors were right. Who used a recovery code comes to where a new factor is set up, and goes on from there.
    """
    session.pop(HALF, None)
    login_user(user, remember=False, authn_via=[means])
    mark_passed(user)
    ahead = _get_post_login_redirect()
    if is_recovery:
        tell_of_recovery(user.id)
        return redirect(url_for("second_factor.show", then=seal_way(user.id, ahead)))
    if not has_codes_left(user):
        flash(_("You have few recovery codes left. Make new ones on the page My sign-in."), "warning")
    return redirect(ahead)


def has_codes_left(user: User) -> bool:
    """Whether enough recovery codes are left not to speak of it."""
    return count_recovery_codes(user.id) > 2


def _show(user: User, errors: dict[str, list[str]] | None = None) -> str:
    return render_template("security/second_step.html", ways=list_ways(user), errors=errors)


def _begin_again() -> Response:
    session.pop(HALF, None)
    flash(_("That took too long. Sign in again."), "info")
    return redirect(url_for("security.login"))
