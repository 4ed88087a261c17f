"""How long the session still lasts, and what was typed on a page when it was locked: kept, and put back."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, current_app, jsonify, redirect, request, session
from flask_login import current_user
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from clinic import clock
from clinic.auth import csrf
from clinic.db import db, write_unit
from clinic.memo import Memo
from clinic.models import User
from clinic.permissions import Permission, public, requires
from clinic.read_audit import mark_blueprint
from clinic.schemas.door import load
from clinic.schemas.unsaved_page import UnsavedPageIn
from clinic.services.unsaved_page import LIFE, drop_page, find_page, has_pages, keep_page
from clinic.session_life import WAITING, State, find_seconds_left, find_standing
from clinic.unit import manages_units
from clinic.way_back import address_lock, address_sign_in_again, find_way, is_ours
from clinic.way_in import is_secret

blueprint = Blueprint("session", __name__)
mark_blueprint(blueprint, "the time left, and what the same person typed, given back")
WARNING = 120  # seconds: long enough to come back to the desk (WCAG 2.2.1 asks for at least 20)
P = Permission
_MARKS = Memo(500)


@blueprint.get("/session")
@public
def ask() -> Response:
    """`{"left": seconds, "id": which}`, null unless open; asked without the header X-Background it prolongs it."""
    left = find_seconds_left()
    return _answer(left=left, id=None if left is None else find_standing().id)


@blueprint.post("/session/keep")
@csrf.exempt  # the page's mark, which only its opener has, is the proof: the session itself may be over
@public
@manages_units
def keep() -> Response:
    """Keep what was typed on a page that is being covered, for who opened it; answers where that person goes on."""
    owner = _read_mark(request.form.get("page", ""))
    if owner is None:
        return _answer(ahead="/sign-in")
    user_id, sign_in_id = owner
    plain = load(UnsavedPageIn(), request.form.to_dict())
    address = _find_shown(plain["address"], plain["before"])
    fields = [field for field in plain["fields"] if not is_secret(field["name"])]
    user = db.session.get(User, user_id)
    if fields and user is not None and user.active:
        with write_unit():
            keep_page(user_id, address, fields)
    standing = find_standing()
    if fields and standing.user_id == user_id:
        session[WAITING] = True
    if standing.id != sign_in_id:  # somebody else's by now, or nobody's
        if standing.state is State.OPEN:
            return _answer(ahead=address if standing.user_id == user_id else "/")
        return _answer(ahead=address_sign_in_again(user_id, address))
    if standing.state is State.ENDED:
        return _answer(ahead=address_sign_in_again(user_id, address))
    return _answer(ahead=address_lock(user_id, address))


@blueprint.get("/session/kept")
@requires(P.ASK_RULES)
def kept() -> Response:
    """What the signed-in person had typed on the page `address` asks about: `{"id", "fields"}`, null without."""
    row = find_page(current_user, request.args.get("address", ""))
    if row is None and not has_pages(current_user):
        session.pop(WAITING, None)
    return _answer(id=row.id if row else None, fields=row.fields if row else None)


@blueprint.post("/session/kept/drop")
@requires(P.ASK_RULES)
def drop() -> Response:
    """Forget it: it stands in its page again."""
    drop_page(current_user, request.form.get("id", ""))
    if not has_pages(current_user):
        session.pop(WAITING, None)
    return _answer(dropped=True)


@blueprint.get("/session/back/<token>")
@requires(P.ASK_RULES)
def back(token: str) -> Response:
    """To where this person was when their sign-in ended; anybody else to their own start."""
    return redirect(find_way(token, current_user.id) or "/")


def mark_page() -> str:
    """The signed mark of a page: who opened it, in which sign-in, and when, to the minute."""
    user_id, sign_in_id = current_user.id, find_standing().id
    return str(_MARKS.get((user_id, sign_in_id, int(clock.now().timestamp()) // 60, current_app.config["SECRET_KEY"]),
                          lambda: _serializer().dumps([user_id, sign_in_id])))


def _read_mark(token: str) -> tuple[str, str] | None:
    try:
        user_id, sign_in_id = _serializer().loads(token, max_age=int(LIFE.total_seconds()))
    except (BadData, TypeError, ValueError):
        return None
    return str(user_id), str(sign_in_id)


def _find_shown(address: str, before: str) -> str:
    """The page's address if it can be opened again, else the one before it (a refused form stands at its target's)."""
    for path in (address, before):
        if is_ours(path):
            try:
                current_app.url_map.bind("").match(path.partition("?")[0], method="GET")
            except HTTPException:
                continue
            return path
    return "/"


def _answer(**values: Any) -> Response:
    answer = jsonify(**values)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="page of a sign-in")


def init_session(app: Flask) -> None:
    """Register the routes, and tell templates the numbers and the marks."""
    app.register_blueprint(blueprint)
    app.jinja_env.globals.update(
        session_times=lambda: {"idle": int(app.config["SESSION_IDLE"].total_seconds()), "warning": WARNING},
        session_id=lambda: find_standing().id, mark_page=mark_page, something_waits=lambda: WAITING in session,
        is_ours=is_ours)
