"""What a monitor reads: figures of the installation in Prometheus' text, of no person."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask

from clinic import clock
from clinic.db import db, write_unit
from clinic.models import Heartbeat, InboundMessage, InboundState

pytestmark = pytest.mark.database
LINE = re.compile(r'^[a-z_]+(\{[a-z]+="[a-z-]+"\})? -?[0-9.e+]+$')


def _read(app: Flask) -> dict[str, float]:
    answer = app.test_client().get("/metrics")
    assert answer.status_code == 200 and answer.content_type.startswith("text/plain; version=0.0.4")
    lines = answer.get_data(as_text=True).splitlines()
    assert all(line.startswith(("# HELP ", "# TYPE ")) or LINE.match(line) for line in lines), lines
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if not line.startswith("#")}


def test_monitor_of_a_quiet_installation_hears_that_the_worker_never_ran(app: Flask) -> None:
    seen = _read(app)
    assert seen["clearway_database_up"] == 1 and seen["clearway_migrations_current"] == 1
    assert seen["clearway_worker_up"] == 0 and "clearway_worker_heartbeat_age_seconds" not in seen
    assert seen['clearway_deliveries{state="dead"}'] == 0 and seen["clearway_inbound_oldest_age_seconds"] == 0


def test_monitor_hears_what_waits_and_for_how_long(app: Flask) -> None:
    now = clock.now()
    with write_unit():
        db.session.add(Heartbeat(name="worker", beat_at=now))
        for number, state in enumerate((InboundState.NEW, InboundState.HELD, InboundState.HELD)):
            db.session.add(InboundMessage(
                received_at=now - timedelta(hours=1), peer="127.0.0.1:1", sender="LAB", control_id=str(number),
                kind="ORU^R01", sha256="0" * 64, raw=b"x", answer=b"", state=state))
    seen = _read(app)
    assert seen["clearway_worker_up"] == 1 and seen["clearway_worker_heartbeat_age_seconds"] < 60
    assert seen['clearway_inbound_left{state="held"}'] == 2
    assert 3600 <= seen["clearway_inbound_oldest_age_seconds"] < 3700


def test_monitor_hears_that_the_database_is_gone(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OSError("gone")

    monkeypatch.setattr("clinic.web.health.list_gauges", refuse)
    assert _read(app) == {"clearway_database_up": 0}
