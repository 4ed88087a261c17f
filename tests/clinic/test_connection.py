"""Connections to PostgreSQL: looked at before they are used; a unit that reads is read-only for the server too."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from clinic import db as units
from clinic.audit import audit_engine
from clinic.db import db, read_unit, write_unit


@pytest.fixture(autouse=True)
def _postgresql_only(app: Flask) -> None:
    if db.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no server")


def find_pid(engine: Any) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("select pg_backend_pid()")).scalar_one())


def hang_up(pid: int) -> None:
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as other:
        other.execute(text("select pg_terminate_backend(:pid, 5000)"), {"pid": pid})


@pytest.mark.parametrize("seconds", [10.0, -1.0], ids=["looked at", "asked"])
@pytest.mark.parametrize("which", ["own", "audit"])
def test_connection_that_the_server_closed_is_replaced(
    app: Flask, monkeypatch: pytest.MonkeyPatch, which: str, seconds: float
) -> None:
    monkeypatch.setattr(units, "TRUST_SECONDS", seconds)
    db.session.remove()
    engine = db.engine if which == "own" else audit_engine()
    if which == "own":
        with db.engine.connect() as held:  # so that the one that hangs up is another
            pid = find_pid(engine)
            held.execute(text("select pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    else:
        pid = find_pid(engine)
        hang_up(pid)
    assert find_pid(engine) != pid
    assert find_pid(engine) != pid


def test_connection_in_use_a_moment_ago_is_not_asked(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    ping = db.engine.dialect.do_ping
    monkeypatch.setattr(db.engine.dialect, "do_ping", lambda driver: asked.append(driver) or ping(driver))
    find_pid(db.engine)
    find_pid(db.engine)
    assert asked == []
    monkeypatch.setattr(units, "TRUST_SECONDS", -1.0)
    find_pid(db.engine)
    assert len(asked) == 1


def test_unit_that_reads_is_read_only_for_the_server_and_the_next_is_not(app: Flask) -> None:
    db.session.remove()
    with read_unit() as session:
        assert session.execute(text("show transaction_read_only")).scalar_one() == "on"
        with pytest.raises(DBAPIError, match="read-only"):
            session.connection().exec_driver_sql("create table nothing (id int)")
    with write_unit() as session:
        assert session.execute(text("show transaction_read_only")).scalar_one() == "off"
    with read_unit() as session:
        assert session.execute(text("show transaction_read_only")).scalar_one() == "on"
    db.session.remove()
    raw = db.engine.raw_connection()
    try:
        assert raw.cursor().execute("show transaction_read_only").fetchone() == ("off",)
    finally:
        raw.close()
