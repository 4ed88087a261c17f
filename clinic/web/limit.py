"""Counts attempts at the doors where somebody may guess, before anything is compared (clinic/limit.py says how)."""

from __future__ import annotations

import logging
import secrets
from typing import Any

from flask import Flask, Response, current_app, has_request_context, request, session
from flask_babel import gettext as _
from flask_login import user_logged_in
from flask_security.signals import password_reset
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy import select
from werkzeug.middleware.proxy_fix import ProxyFix

from clinic.audit import record_read
from clinic.config import Settings
from clinic.db import db
from clinic.errors import WrongMediaType
from clinic.limit import Bucket, Door, TooManyAttempts, admit, count_visit, forgive, list_buckets, tag_account
from clinic.models import User
from clinic.services.second_factor import RECOVERY
from clinic.session_life import TRIES, find_standing

log = logging.getLogger(__name__)

VISITED = {"verify.show", "will_i_need.ask", "password.weigh"}
# Where an account is named by what is typed, and where by the sign-in that has begun and waits for its second factor.
TYPED = {"security.login", "password.set_new"}
BEGUN = {"second_step.answer"}
HALF = "half_signed_in"  # key of the session: [fs_uniquifier, …] of whose password was right (second_step.py)
WAIT = "clearway.wait"  # key of the request's environment: seconds to wait, where a form says so itself
DEVICE_COOKIE = "clearway_known"  # accounts that signed in on this browser, as keyed hashes
DEVICE_LIFE = 180 * 24 * 3600  # seconds
MOST_KNOWN = 40  # accounts on one shared computer
SHORT = 16  # letters of an account's tag: told apart among the few on one browser


def init_limits(app: Flask, settings: Settings) -> None:
    """Guard the doors; believe as many proxies about the client's address as the settings name."""
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.trusted_proxies, x_proto=settings.trusted_proxies)

    @app.before_request
    def _guard() -> None:
        if request.endpoint in VISITED:
            count_visit(request.remote_addr or "")
        elif request.method == "POST" and request.endpoint in TYPED | BEGUN:
            if request.is_json:  # the library would read whatever it is, before anybody is signed in
                raise WrongMediaType(_("Sign in by the form of the page."), endpoint=request.endpoint)
            if request.endpoint in BEGUN and not _is_guess():
                return
            name = _read_name()
            tries = session.get(TRIES) or ["", 0]
            tag = tag_account(name) if name else ""
            _admit(_list_sign_in_buckets(name), name)
            session[TRIES] = [tag, tries[1] + 1 if tries[0] == tag else 1]

    @user_logged_in.connect_via(app)
    def _welcome(_app: Any, user: User, **_named: Any) -> None:
        tag, count = session.pop(TRIES, None) or ["", 0]
        if tag in ("", tag_account(user.email)):
            forgive(_list_sign_in_buckets(user.email if tag else ""), count)
        request.environ[DEVICE_COOKIE] = tag_account(user.email)

    @password_reset.connect_via(app)
    def _forget(_app: Any, user: User, **_named: Any) -> None:
        if has_request_context():
            forgive(_list_sign_in_buckets(user.email), (session.pop(TRIES, None) or ["", 0])[1])

    @app.after_request
    def _know(response: Response) -> Response:
        if DEVICE_COOKIE in request.environ:
            _remember_device(response, request.environ[DEVICE_COOKIE][:SHORT])
        if WAIT in request.environ:
            response.status_code = TooManyAttempts.status
            response.headers["Retry-After"] = str(request.environ[WAIT])
        return response

    app.extensions["clearway_limits"] = [_welcome, _forget]  # the signals keep no reference of their own


def find_wait_again(user_id: str) -> str:
    """Count an attempt of who is signed in (or has locked the screen) to prove it; call it before comparing anything.

    Counted by account and sign-in: whoever found a screen open guesses a few times, and nobody else waits for it.
    Returns the sentence for the form when nothing may be compared now; the answer is 429 then, whatever the view says,
    and what else was typed stays in the form.
    """
    try:
        _admit(_list_again_buckets(user_id), user_id=user_id)
    except TooManyAttempts as problem:
        request.environ[WAIT] = problem.seconds
        return problem.message
    return ""


def forgive_again(user_id: str) -> None:
    """The proof was right."""
    forgive(_list_again_buckets(user_id))


def _list_again_buckets(user_id: str) -> list[Bucket]:
    return list_buckets(Door.AGAIN, user_id, request.remote_addr or "", find_standing().id)


def _list_sign_in_buckets(name: str) -> list[Bucket]:
    tag = tag_account(name) if name else None
    device, known = _read_device()
    is_known = tag is not None and tag[:SHORT] in known
    return list_buckets(Door.SIGN_IN, tag, request.remote_addr or "", device if is_known else "")


def _is_guess() -> bool:
    """Whether the second step was answered at all: who pressed the button too early has guessed nothing."""
    return any(request.form.get(name, "").strip() for name in ("code", RECOVERY, "passkey"))


def _read_name() -> str:
    """The account an attempt is about, as it is typed at the sign-in; empty when nothing tells."""
    if request.endpoint in TYPED:
        return (request.form.get("email") or request.form.get("identity") or "").strip().lower()
    begun, *_since = session.get(HALF) or [""]
    return db.session.execute(select(User.email).where(User.fs_uniquifier == begun)).scalar_one_or_none() or ""


def _admit(buckets: list[Bucket], name: str = "", user_id: str | None = None) -> None:
    """Count, and write down which limit was reached: by ids, an unknown account by its keyed hash."""
    for bucket in admit(buckets):
        if bucket.kind == "address":
            kind, subject = "address", bucket.address or ""
        else:
            found = user_id or db.session.execute(select(User.id).where(User.email == name)).scalar_one_or_none()
            kind, subject = ("user", found) if found else ("account", bucket.account or "")
        record_read("public", request.remote_addr or "", "delay-attempts", kind, subject,
                    detail={"door": bucket.door.value, "counted": bucket.kind})
        log.warning("attempts delayed door=%s %s=%s counted=%s", bucket.door.value, kind, subject, bucket.kind)


def _read_device() -> tuple[str, list[str]]:
    """The browser's own number, and the accounts that signed in on it."""
    try:
        device, known = _serializer().loads(request.cookies.get(DEVICE_COOKIE, ""), max_age=DEVICE_LIFE)
    except (BadData, TypeError, ValueError):
        return secrets.token_hex(16), []
    return str(device), list(known)


def _remember_device(response: Response, tag: str) -> None:
    device, known = _read_device()
    known = [tag, *(one for one in known if one != tag)][:MOST_KNOWN]
    response.set_cookie(
        DEVICE_COOKIE, _serializer().dumps([device, known]), max_age=DEVICE_LIFE, httponly=True, samesite="Lax",
        secure=bool(current_app.config["SESSION_COOKIE_SECURE"]), path="/")


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="known device")
