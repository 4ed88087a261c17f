"""How long the session still lasts: pages ask it to warn in time, and to prolong it by one key."""

from __future__ import annotations

from flask import Blueprint, Flask, current_app, jsonify
from werkzeug.wrappers import Response

from clinic.permissions import public
from clinic.session_life import find_seconds_left

blueprint = Blueprint("session", __name__)
WARNING = 120  # seconds: long enough to come back to the desk (WCAG 2.2.1 asks for at least 20)


@blueprint.get("/session")
@public
def ask() -> Response:
    """`{"left": seconds}`, null without a sign-in; asked without the header X-Background it prolongs the session."""
    answer = jsonify(left=find_seconds_left(current_app))
    answer.headers["Cache-Control"] = "no-store"
    return answer


def init_session(app: Flask) -> None:
    """Register the route, and tell templates the numbers."""
    app.register_blueprint(blueprint)
    app.jinja_env.globals["session_times"] = lambda: {
        "idle": int(app.config["SESSION_IDLE"].total_seconds()), "warning": WARNING}
