"""Live and ready: what a supervisor or load balancer asks."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify
from sqlalchemy import text

from clinic.db import db
from clinic.migration import RevisionAge, compare_revisions
from clinic.permissions import public
from clinic.queries.heartbeat import find_worker_heart

blueprint = Blueprint("health", __name__)
NEWER = "The database is newer than this program: an update has begun. Start this program anew with the new version."


@blueprint.get("/healthz")
@public
def live() -> Response:
    """The process answers."""
    return jsonify(status="live")


@blueprint.get("/readyz")
@public
def ready() -> tuple[Response, int]:
    """Database, migrations and worker heartbeat; 503 names what is missing, `notes` say what an operator should do."""
    checks: dict[str, bool] = {}
    notes: list[str] = []
    try:
        db.session.execute(text("select 1"))
        checks["database"] = True
        age = compare_revisions()
        checks["migrations"] = age is not RevisionAge.OLDER
        if age is RevisionAge.NEWER:
            notes.append(NEWER)
        heart = find_worker_heart()
        checks["worker"] = heart.is_beating
        if heart.sentence:
            notes.append(heart.sentence)
    except Exception:  # any database failure means not ready
        db.session.rollback()
        checks.setdefault("database", False)
    fine = all(checks.values())
    body = {"status": "ready" if fine else "not ready", "checks": checks} | ({"notes": notes} if notes else {})
    return jsonify(body), 200 if fine else 503
