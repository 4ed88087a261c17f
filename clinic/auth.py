"""Sign-in with Flask-Security: staff, roles and passwords; the second factor is ours (clinic/web/second_step.py)."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from flask import Flask, Request, Response, g, request
from flask.json import dumps as json_dumps
from flask.json.tag import TaggedJSONSerializer
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_babel import lazy_gettext
from flask_security.core import AnonymousUser, Security
from flask_security.datastore import SQLAlchemyUserDatastore
from flask_wtf.csrf import CSRFProtect
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import select

from clinic.db import db
from clinic.machine_path import MACHINE_PATHS, is_of_machine, recognise_machine
from clinic.models import Role, User
from clinic.permissions import ROLES

csrf = CSRFProtect()
HOST_ALONE = "__Host-"  # a browser takes such a cookie only when it is Secure and for this one host


def install_sign_in(app: Flask, secret_key: str, secure_cookies: bool) -> None:
    """Configure and start Flask-Security on `app`."""
    salt = hashlib.sha256(b"clearway password salt" + secret_key.encode()).hexdigest()
    app.config.update(
        SECRET_KEY=secret_key,
        SECURITY_PASSWORD_SALT=salt,
        SECURITY_PASSWORD_HASH="argon2",  # noqa: S106 the name of an algorithm
        SECURITY_LOGIN_URL="/sign-in",
        SECURITY_LOGOUT_URL="/sign-out",
        SECURITY_LOGOUT_METHODS=["POST"],
        SECURITY_FRESHNESS=timedelta(-1),  # asking again is ours: clinic/web/reauthentication.py
        SECURITY_POST_LOGIN_VIEW="/",
        SECURITY_POST_LOGOUT_VIEW="/sign-in",
        SECURITY_UNAUTHORIZED_VIEW=None,
        SECURITY_REGISTERABLE=False,
        SECURITY_RECOVERABLE=False,
        SECURITY_CHANGEABLE=False,
        SECURITY_RETURN_GENERIC_RESPONSES=True,
        SECURITY_MSG_GENERIC_AUTHN_FAILED=(
            lazy_gettext("The e-mail address or the password is not right. Type both again."), "error"),
        SECURITY_SEND_REGISTER_EMAIL=False,
        SECURITY_EMAIL_VALIDATOR_ARGS={"check_deliverability": False, "test_environment": True},
        SECURITY_FLASH_MESSAGES=False,
        SECURITY_CSRF_IGNORE_UNAUTH_ENDPOINTS=False,
        SECURITY_SCRIPT_NONCE_KEY="csp_nonce",
        # Its commands would make accounts and change roles past our services: unaudited, of no site, by any password.
        SECURITY_CLI_USERS_NAME=None,
        SECURITY_CLI_ROLES_NAME=None,
        SESSION_COOKIE_NAME=f"{HOST_ALONE}clearway" if secure_cookies else "clearway",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=secure_cookies,
        REMEMBER_COOKIE_DURATION=timedelta(0),
        WTF_CSRF_TIME_LIMIT=None,  # a form left open over lunch must still save; the session's life bounds it
        WTF_CSRF_CHECK_DEFAULT=True,
    )
    csrf.init_app(app)
    _keep_staff_out(app)
    datastore = SQLAlchemyUserDatastore(db, User, Role)
    security = Security(app, datastore, register_blueprint=True)
    # What it knows of roles is asked by its own decorators alone; ours is clinic/permissions.py.
    app.before_request_funcs[None].remove(security.principal._on_before_request)


class _PlainJson(TaggedJSONSerializer):
    """Flask's JSON of a session, written at once where no value needs the mark of its kind: the text is the same."""

    def dumps(self, value: Any) -> str:
        """The text of a session."""
        if all(type(one) in _PLAIN for one in value.values()):
            return json_dumps(value, separators=(",", ":"))
        return super().dumps(value)


_PLAIN = {str, int, float, bool, type(None)}


class _SessionOfStaff(SecureCookieSessionInterface):
    """Sessions in a cookie, which answers that are nobody's neither renew nor depend on; machines have none.

    Flask-Login looks into the session after every request; a static file that therefore varied by cookie would be asked
    for anew whenever the cookie is renewed.
    """

    serializer = _PlainJson()
    _serializer: tuple[list[Any], URLSafeTimedSerializer | None] = ([], None)

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """The one that Flask makes, made once for the keys."""
        keys = [app.secret_key, app.config["SECRET_KEY_FALLBACKS"]]
        if self._serializer[0] != keys:
            self._serializer = (keys, super().get_signing_serializer(app))
        return self._serializer[1]

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if recognise_machine(app, request):
            return self.session_class()
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if not is_of_machine(request):
            super().save_session(app, session, response)


def _keep_staff_out(app: Flask) -> None:
    """Must come before Flask-Security, which else looks for one of its users in every request and its bearer token."""
    app.session_interface = _SessionOfStaff()

    @app.before_request
    def _know_nobody() -> None:
        if request.endpoint == "static":
            request.environ[MACHINE_PATHS] = True
        if is_of_machine(request):
            g._login_user = AnonymousUser()  # where Flask-Login keeps who was found

    @app.teardown_request
    def _forget(_error: BaseException | None) -> None:
        if request.environ.pop(MACHINE_PATHS, False):
            g.pop("_login_user", None)


def ensure_roles() -> None:
    """Make the role rows that clinic/permissions.py names; safe to run again."""
    known = {role.name: role for role in db.session.execute(select(Role)).scalars()}
    for name, (label, _permissions) in ROLES.items():
        if name not in known:
            db.session.add(Role(name=name, description=_english(label)))
    db.session.flush()


def _english(label: Any) -> str:
    return str(label._args[0]) if getattr(label, "_args", None) else str(label)
