"""Whose sign-in a request belongs to, and whether it stands: open, locked for want of anybody there, or over.

A sign-in is a row (clinic/models/sign_in.py); the cookie carries its id and when somebody was last there. A cookie
whose row is missing or ended is nobody on every process at once. A locked one is nobody too: no view, whoever wrote it,
shows anything of it, and the lock page alone knows whose it is. All that costs one read by primary key a request, which
brings the person along; a request that may write has the person's own row besides.

Every request of the signed-in person prolongs it, but one that a page makes by itself carries `X-Background: 1` and
does not (a list that refreshes itself must not keep an empty room signed in).
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from math import ceil
from typing import Any, NamedTuple, cast

from blinker import Signal
from flask import Flask, Response, current_app, has_request_context, request, session
from flask_login import user_logged_in, user_logged_out
from flask_security.signals import password_changed, password_reset
from flask_security.utils import set_request_attr
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError

from clinic import clock
from clinic.audit import record_change
from clinic.browser_name import name_browser
from clinic.config import Settings
from clinic.db import current_mode, db, write_at_once, write_unit
from clinic.errors import Unavailable
from clinic.models import SignIn, SignInEnd, User
from clinic.reader import Reader, list_sign_in_rows
from clinic.services.sign_in import begin_sign_in, end_sign_in, end_sign_ins, unlock_sign_in
from clinic.services.unsaved_page import has_pages
from clinic.unit import SAFE

log = logging.getLogger(__name__)

BACKGROUND = "X-Background"
SIGN_IN, SEEN = "sign_in", "seen"  # keys of the session: the row's id; seconds since 1970
WAITING = "waiting"  # key of the session: something typed earlier waits for this person
USER_KEY = "_user_id"  # Flask-Login's key
FORMS = "csrf_token"  # key of the session: what its forms are known by; a sign-in draws another
TRIES = "tries"  # key of the session: attempts to sign in that are not settled yet (clinic/web/limit.py)
GRAIN = timedelta(minutes=1)  # how often cookie and row hear of it; or each fifteenth of the idle time, if that is less
# What a session may carry over into a sign-in; everything else in it is of whoever sat there before.
OF_A_SIGN_IN = {USER_KEY, "_fresh", "_id", "_permanent", "fs_cc", "fs_paa", "checked", TRIES}
signed_in = Signal()  # `user` and `sign_in`, its row: the session is theirs alone by now
_MEMO = "clearway.standing"  # key of the request's environment


class State(StrEnum):
    """How a request's sign-in stands."""

    NONE = "none"
    OPEN = "open"
    LOCKED = "locked"
    ENDED = "ended"


class Standing(NamedTuple):
    """The sign-in that the present request's cookie names; its id and user are empty without one."""

    state: State
    id: str = ""
    user_id: str = ""
    started_at: datetime | None = None
    seen_at: datetime | None = None  # as the row knows it
    reader: Reader | None = None  # whose it is; of an open one alone


NOBODY = Standing(State.NONE)


def install_session_life(app: Flask, settings: Settings) -> None:
    """Watch over the sign-in of every request; comes after the sign-in library, whose loader of users it guards."""
    app.config.update(
        SESSION_IDLE=timedelta(minutes=settings.session_idle_minutes),
        PERMANENT_SESSION_LIFETIME=timedelta(hours=settings.session_hours),
    )
    manager = app.login_manager  # type: ignore[attr-defined]
    load = manager._user_callback

    def _load_open(uniquifier: str) -> Any:
        standing = find_standing()
        if standing.state is not State.OPEN:
            return None
        if request.method in SAFE:
            return _find_reader(standing, uniquifier)
        user = load(uniquifier)
        return user if user is not None and user.id == standing.user_id else None

    manager.user_loader(_load_open)
    manager.request_loader(lambda _request: None)  # staff sign in on a browser: no token stands for a person
    app.after_request(_go_on)
    # The signals keep no reference of their own.
    app.extensions["clearway_session"] = [
        user_logged_in.connect(_begin, app), user_logged_out.connect(_end, app),
        password_changed.connect(_end_others, app), password_reset.connect(_end_all, app)]


def find_standing() -> Standing:
    """How the present request's sign-in stands; asked of the database once a request."""
    kept: Any = cast(Any, session)._get_current_object() if has_request_context() else ()
    if SIGN_IN not in kept or USER_KEY not in kept:
        return NOBODY
    environ = request.environ
    found: Standing | None = environ.get(_MEMO)
    if found is None:
        found = environ[_MEMO] = _judge(str(kept[SIGN_IN]))
        is_somebody = found.state is State.OPEN and BACKGROUND not in request.headers
        if is_somebody and _now() - _seen(found) >= _grain().total_seconds():
            kept[SEEN] = _now()
    return found


def forget_standing() -> None:
    """Judge the sign-in anew when next asked, because this request changed it."""
    request.environ.pop(_MEMO, None)


def find_seconds_left() -> int | None:
    """Seconds until the present sign-in is locked or over if nobody does anything; None when there is none open.

    Rounded up: who is told that none is left finds the lock closed, not a page that begins the idle time anew.
    """
    standing = find_standing()
    if standing.state is not State.OPEN or standing.started_at is None:
        return None
    whole = standing.started_at + current_app.permanent_session_lifetime - clock.now()
    return ceil(max(min(_idle_left(standing), whole.total_seconds()), 0))


def go_on_after_lock(user: User) -> None:
    """Unlock the present sign-in for `user`, who has just proved to be its owner."""
    unlock_sign_in(str(session[SIGN_IN]))
    session[SEEN] = _now()
    _note_waiting(user)
    forget_standing()


def _judge(sign_in_id: str) -> Standing:
    rows = list_sign_in_rows(sign_in_id)
    if not rows:
        return Standing(State.ENDED, sign_in_id)
    row = rows[0]
    standing = Standing(State.OPEN, sign_in_id, row.user_id, row.started_at, row.seen_at)
    if row.ended_at is not None or clock.now() - row.started_at >= current_app.permanent_session_lifetime:
        return standing._replace(state=State.ENDED)
    if row.locked_at is not None or _idle_left(standing) <= 0:
        return standing._replace(state=State.LOCKED)
    return standing._replace(reader=Reader(rows))


def _find_reader(standing: Standing, uniquifier: str) -> Reader | None:
    """The person of an open sign-in, by the same conditions as the sign-in library's own loader."""
    reader = standing.reader
    if reader is None or not reader.active or reader.fs_uniquifier != uniquifier:
        return None
    set_request_attr("fs_authn_via", "session")
    set_request_attr("fs_paa", session.get("fs_paa", 0))
    return reader


def _seen(standing: Standing) -> float:
    """When somebody was last there, to the minute: where the row was busy and not written, the cookie knows."""
    known = standing.seen_at.timestamp() if standing.seen_at else 0.0
    return max(float(session.get(SEEN, 0)), known)


def _grain() -> timedelta:
    idle: timedelta = current_app.config["SESSION_IDLE"]
    return min(GRAIN, idle / 15)


def _idle_left(standing: Standing) -> float:
    idle: timedelta = current_app.config["SESSION_IDLE"]
    return _seen(standing) + idle.total_seconds() - _now()


def _now() -> float:
    return clock.now().timestamp()


def _go_on(response: Response) -> Response:
    """Tell the row that somebody is there, as often as the cookie; let go of a cookie that is nobody's."""
    standing: Standing | None = request.environ.get(_MEMO)
    if standing is None:
        return response
    if standing.state is State.ENDED and session.get(SIGN_IN) == standing.id:
        for name in [name for name in session if name != FORMS]:  # the answer may be the very form to sign in
            del session[name]
    elif standing.state is State.OPEN and standing.seen_at is not None and SEEN in session:
        seen = datetime.fromtimestamp(float(session[SEEN]), UTC)
        if seen - standing.seen_at >= _grain():
            _write_seen(standing.id, seen)
    return response


def _write_seen(sign_in_id: str, seen: datetime) -> None:
    """On a connection of its own, so that a page that reads stays a unit that reads; who is busy is not waited for."""
    free = select(SignIn.id).where(SignIn.id == sign_in_id).with_for_update(skip_locked=True)
    try:
        with write_at_once() as connection:
            connection.execute(update(SignIn).where(SignIn.id.in_(free), SignIn.seen_at < seen).values(seen_at=seen))
    except (Unavailable, SQLAlchemyError) as error:
        log.debug("sign_in=%s not written as seen: %s", sign_in_id, type(error).__name__)


def _begin(_app: Any, user: User, **_named: Any) -> None:
    """A sign-in succeeded: it gets its row, and nothing of whoever sat here before is left."""
    before = session.get(SIGN_IN)
    if before:
        row = db.session.get(SignIn, before)
        owner = db.session.get(User, row.user_id) if row is not None else None
        if owner is not None:
            end_sign_in(owner, before, SignInEnd.SIGNED_IN_ANEW)
    for name in [name for name in session if name not in OF_A_SIGN_IN]:
        del session[name]
    row = begin_sign_in(user, request.remote_addr or "", name_browser(request.user_agent.string))
    session[SIGN_IN], session[SEEN] = row.id, _now()
    record_change("sign-in", "user", user.id, site_id=user.site_id, detail={"sign_in": row.id}, actor_id=user.id,
                  actor_kind="user")
    _note_waiting(user)
    signed_in.send(current_app._get_current_object(), user=user, sign_in=row)  # type: ignore[attr-defined]
    forget_standing()


def _end(_app: Any, user: Any, **_named: Any) -> None:
    """Somebody signed out, or was signed out by a page that only reads."""
    sign_in_id, user_id = session.get(SIGN_IN), getattr(user, "id", None)
    if sign_in_id and user_id:
        if current_mode() == "write":
            end_sign_in(db.session.get_one(User, user_id), sign_in_id, SignInEnd.SIGNED_OUT)
        else:
            with write_unit() as unit:
                end_sign_in(unit.get_one(User, user_id), sign_in_id, SignInEnd.SIGNED_OUT)
    for name in [name for name in session if name not in {"_remember", "fs_cc"}]:
        del session[name]
    forget_standing()


def _end_others(_app: Any, user: User, **_named: Any) -> None:
    """A password was changed by its owner: whoever had found out the old one is out."""
    end_sign_ins(user, SignInEnd.PASSWORD_CHANGED, but=session.get(SIGN_IN) if has_request_context() else None)


def _end_all(_app: Any, user: User, **_named: Any) -> None:
    """A forgotten password was set anew."""
    end_sign_ins(user, SignInEnd.PASSWORD_CHANGED)


def _note_waiting(user: User) -> None:
    if has_pages(user):
        session[WAITING] = True
    else:
        session.pop(WAITING, None)
