"""Sign-in with Flask-Security: staff, roles and passwords; the second factor is ours (clinic/web/second_step.py)."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from flask import Flask, Request, Response, current_app, g, request, session
from flask.json import dumps as json_dumps
from flask.json.tag import TaggedJSONSerializer
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_babel import lazy_gettext
from flask_security.core import AnonymousUser, Security
from flask_security.datastore import SQLAlchemyUserDatastore
from flask_wtf.csrf import CSRFProtect, generate_csrf
from itsdangerous import TimedSerializer, URLSafeTimedSerializer
from itsdangerous.encoding import base64_encode
from sqlalchemy import select

from clinic import clock
from clinic.db import db
from clinic.machine_path import MACHINE_PATHS, is_of_machine, recognise_machine
from clinic.memo import Memo
from clinic.models import Role, User
from clinic.permissions import ROLES

csrf = CSRFProtect()
_FORM_TOKENS = Memo(500)
_FORM_SALT = "wtf-csrf-token"  # as flask_wtf.csrf.validate_csrf reads it
# What one guess at a password costs: three rounds over 64 MiB in four lanes.
PASSWORD_COST = {"argon2__rounds": 3, "argon2__memory_cost": 65536, "argon2__parallelism": 4}
HOST_ALONE = "__Host-"  # a browser takes such a cookie only when it is Secure and for this one host


def install_sign_in(app: Flask, secret_key: str, secure_cookies: bool) -> None:
    """Configure and start Flask-Security on `app`."""
    salt = hashlib.sha256(b"clearway password salt" + secret_key.encode()).hexdigest()
    app.config.update(
        SECRET_KEY=secret_key,
        SECURITY_PASSWORD_SALT=salt,
        SECURITY_PASSWORD_HASH="argon2",  # noqa: S106 the name of an algorithm
        SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS=PASSWORD_COST,
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
    given = app.template_context_processors[None]
    given[:] = [one for one in given if one.__module__ != CSRFProtect.__module__]  # what is a global already
    app.jinja_env.globals["csrf_token"] = sign_form_token
    _keep_staff_out(app)
    datastore = SQLAlchemyUserDatastore(db, User, Role)
    security = Security(app, datastore, register_blueprint=True)
    # What it knows of roles is asked by its own decorators alone; ours is clinic/permissions.py.
    app.before_request_funcs[None].remove(security.principal._on_before_request)


def sign_form_token() -> str:
    """The token of the session's forms, signed once: how old a signature is, nobody asks (WTF_CSRF_TIME_LIMIT)."""
    drawn = session.get("csrf_token")
    if drawn is None:
        return str(generate_csrf())
    secret = current_app.config["SECRET_KEY"]
    return str(_FORM_TOKENS.get((secret, drawn), lambda: URLSafeTimedSerializer(secret, salt=_FORM_SALT).dumps(drawn)))


class _PlainJson(TaggedJSONSerializer):
    """Flask's JSON of a session, written at once where no value needs the mark of its kind: the text is the same."""

    def dumps(self, value: Any) -> str:
        """The text of a session."""
        if _is_plain(value):
            return json_dumps(value, separators=(",", ":"))
        return super().dumps(value)


_PLAIN = {str, int, float, bool, type(None)}


def _is_plain(value: dict[str, Any]) -> bool:
    return all(type(one) in _PLAIN for one in value.values())


class _ShortText(URLSafeTimedSerializer):
    """Does not compress some hundred characters, which takes longer than to sign them; reads what was compressed.

    A cookie that was proven is not proven again, only how old it is.
    """

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._proven = Memo(_PROVEN)

    def loads(self, s: Any, max_age: int | None = None, *args: Any, **named: Any) -> Any:  # type: ignore[override]
        """The session of a cookie; raises BadSignature, when it is older than `max_age` seconds SignatureExpired."""
        if args or named or max_age is None:
            return super().loads(s, max_age, *args, **named)
        kept, signed_at = self._proven.get(s, lambda: super(_ShortText, self).loads(s, max_age, return_timestamp=True))
        age = (clock.now() - signed_at).total_seconds()
        if not 0 <= age < max_age or not _is_plain(kept):  # its own word for it; or what a request could change in it
            return super().loads(s, max_age)
        return dict(kept)

    def dump_payload(self, obj: Any, *args: Any, **named: Any) -> bytes:
        """A session in the letters of a cookie."""
        text: bytes = TimedSerializer.dump_payload(self, obj, *args, **named)
        return base64_encode(text) if len(text) < _LONG else super().dump_payload(obj, *args, **named)


_LONG = 1000  # bytes; a browser keeps a cookie of 4,096
_PROVEN = 2000  # cookies


class _SessionOfStaff(SecureCookieSessionInterface):
    """Sessions in a cookie, which answers that are nobody's neither renew nor depend on; machines have none.

    Flask-Login looks into the session after every request; a static file that therefore varied by cookie would be asked
    for anew whenever the cookie is renewed.
    """

    serializer = _PlainJson()
    _serializer: tuple[list[Any], URLSafeTimedSerializer | None] = ([], None)

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """One like that which Flask makes, made once for the keys."""
        keys = [app.secret_key, app.config["SECRET_KEY_FALLBACKS"]]
        if self._serializer[0] != keys:
            made = super().get_signing_serializer(app)
            self._serializer = (keys, made and _ShortText(
                made.secret_keys, salt=made.salt, serializer=self.serializer, signer_kwargs=made.signer_kwargs))
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
