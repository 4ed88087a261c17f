"""Live, ready, and in figures: what a supervisor, a load balancer and a monitor ask."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify
from sqlalchemy import text

from clinic.db import db
from clinic.migration import RevisionAge, compare_revisions
from clinic.permissions import public
from clinic.queries.gauge import Gauge, list_gauges, to_prometheus
from clinic.queries.heartbeat import find_worker_heart

blueprint = Blueprint("health", __name__)
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
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


@blueprint.get("/metrics")
@public
def measure() -> Response:
    """Prometheus text: counts and ages alone, of no person; without a database `clearway_database_up 0` and no more."""
    try:
        gauges = list(list_gauges())
    except Exception:  # any database failure: the monitor hears of it in the figure, not by a page of ours
        db.session.rollback()
        gauges = []
    up = Gauge("clearway_database_up", "1 when the database answers", float(bool(gauges)))
    return Response(to_prometheus([up, *gauges]), content_type=PROMETHEUS)
