"""Live and ready: what a supervisor or load balancer asks."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, Response, jsonify
from sqlalchemy import select, text

from clinic import clock
from clinic.db import db
from clinic.migration import is_current
from clinic.models import Heartbeat
from clinic.permissions import public

blueprint = Blueprint("health", __name__)
HEARTBEAT_PATIENCE = timedelta(minutes=2)  # the worker beats every few seconds


@blueprint.get("/healthz")
@public
def live() -> Response:
    """The process answers."""
    return jsonify(status="live")


@blueprint.get("/readyz")
@public
def ready() -> tuple[Response, int]:
    """Database, migrations and worker heartbeat; 503 names what is missing."""
    checks: dict[str, bool] = {}
    try:
        db.session.execute(text("select 1"))
        checks["database"] = True
        checks["migrations"] = is_current()
        beat = db.session.execute(select(Heartbeat.beat_at).where(Heartbeat.name == "worker")).scalar_one_or_none()
        checks["worker"] = beat is not None and clock.now() - beat < HEARTBEAT_PATIENCE
    except Exception:  # any database failure means not ready
        db.session.rollback()
        checks.setdefault("database", False)
    fine = all(checks.values())
    return jsonify(status="ready" if fine else "not ready", checks=checks), 200 if fine else 503
