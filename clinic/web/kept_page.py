"""A form posted after its session ended: what was typed is kept for the same person, who signs in and goes on.

The page of a form carries who opened it, signed. Where that person is not signed in any more, somebody else is, or the
page is older than the present sign-in, nothing is saved as an answer of anybody: the text is put by
(clinic/services/kept_input.py), and the form shows it when the same person comes back to it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from flask import Flask, current_app, redirect, render_template, request, url_for
from flask_login import current_user
from flask_wtf.csrf import validate_csrf
from itsdangerous import BadData, URLSafeTimedSerializer
from wtforms import ValidationError

from clinic.db import db
from clinic.errors import ClearwayError
from clinic.models import User
from clinic.queries.case import get_case
from clinic.questionnaire import get_questionnaire
from clinic.services.kept_input import LIFE, keep_input
from clinic.session_life import State, find_standing
from clinic.way_back import address_lock, address_sign_in_again
from clinic.web.form import read_version

GUARDED = ("exam_form.save", "exam_form.autosave")


class PageOf(NamedTuple):
    """Who opened the page of which form of which case."""

    user_id: str
    case_id: str
    form: str


def sign_page(case_id: str, form: str) -> str:
    """The hidden field of a form's page that says who opened it."""
    return str(_serializer().dumps([current_user.id, case_id, form]))


def init_kept_page(app: Flask) -> None:
    """Look at posted forms before anything refuses them for want of a session."""

    @app.before_request
    def _look() -> Any:
        if request.method != "POST" or request.endpoint not in GUARDED:
            return None
        page = _read_page(request.form.get("page", ""))
        if page is None or [page.case_id, page.form] != list((request.view_args or {}).values()):
            return None
        same = current_user.is_authenticated and current_user.id == page.user_id
        if same and _is_of_this_sign_in():
            return None
        author = db.session.get(User, page.user_id)
        if author is None or not author.active:
            return None
        return _put_by(page, author, same)


def _put_by(page: PageOf, author: User, same: bool) -> Any:
    here = url_for("exam_form.view", case_id=page.case_id, name=page.form)
    try:
        version = read_version(request.form.get("version"))
        keep_input(get_case(page.case_id, author), get_questionnaire(page.form), request.form, version, author)
    except ClearwayError:
        db.session.rollback()
        return None  # no such case or form: the view says so
    db.session.commit()  # the view, whose unit would commit, is not reached
    ahead = here if same else address_way_back(author.id, here)
    if "HX-Request" in request.headers:
        return render_template("form/kept_line.html", ahead=ahead, same=same), 422  # htmx shows it
    if current_user.is_authenticated and not same:
        return render_template("form/kept_other.html"), 409
    return redirect(ahead, 303)


def address_way_back(user_id: str, path: str) -> str:
    """Where `user_id` proves to be back and goes on to `path`: by unlocking the screen if it is theirs, else anew."""
    standing = find_standing()
    if standing.state is State.LOCKED and standing.user_id == user_id:
        return address_lock(user_id, path)
    return address_sign_in_again(user_id, path)


def _is_of_this_sign_in() -> bool:
    if not current_app.config.get("WTF_CSRF_ENABLED", True):
        return True
    try:
        validate_csrf(request.form.get("csrf_token"))
    except ValidationError:
        return False
    return True


def _read_page(token: str) -> PageOf | None:
    try:
        return PageOf(*_serializer().loads(token, max_age=int(LIFE.total_seconds())))
    except (BadData, TypeError):
        return None


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="page of a form")
