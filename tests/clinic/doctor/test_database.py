"""Databases that forget, are damaged, or stand at other tables: each planted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, text

from clinic import migration
from clinic.audit import audit_engine
from clinic.config import Settings
from clinic.db import db
from clinic.doctor import database
from clinic.doctor.examination import examine
from clinic.doctor.finding import Check, Verdict
from wsgi import create_app


def list_verdicts(check: Check, settings: Settings) -> set[Verdict]:
    db.session.rollback()
    return {one.verdict for one in check(settings)}


def test_tables_of_another_version_are_wrong(
    app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list_verdicts(database.check_migrations, settings) == {Verdict.GOOD}
    monkeypatch.setattr(migration, "current_revision", lambda: "0003")
    assert list_verdicts(database.check_migrations, settings) == {Verdict.WRONG}


def test_empty_database_is_wrong_and_nothing_else_breaks(tmp_path: Path) -> None:
    app = create_app(Settings(var_dir=tmp_path, secret_key="test-secret"))
    with app.app_context():
        found = {one.subject: one for one in examine(app)}
        assert found["migrations"].verdict is Verdict.WRONG
        assert "migrate" in found["migrations"].todo
        assert "could not be checked (OperationalError)" in found["worker"].words
        db.engine.dispose()
        audit_engine().dispose()


def test_database_that_does_not_answer_is_one_line(tmp_path: Path) -> None:
    url = "postgresql+psycopg://app:vW9qLr7TzB2mNc8YdHf5@127.0.0.1:9/clearway?connect_timeout=2"
    app = create_app(Settings(var_dir=tmp_path, secret_key="test-secret", database_url=url))
    with app.app_context():
        found = examine(app)
        assert [one.words for one in found if one.subject == "database"] == [
            "The database does not answer (OperationalError)."]
        assert not any("vW9qLr7TzB2mNc8YdHf5" in str(one) for one in found)
        assert "migrations" not in {one.subject for one in found}


def test_embedded_database_that_forgets_is_wrong(app: Flask, settings: Settings) -> None:
    if settings.database_url:
        pytest.skip("of the embedded database")
    assert list_verdicts(database.check_durability, settings) == {Verdict.GOOD}
    db.session.rollback()
    db.engine.dispose()

    def forget(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA synchronous = NORMAL")

    event.listen(db.engine, "connect", forget)
    try:
        assert list_verdicts(database.check_durability, settings) == {Verdict.GOOD, Verdict.WRONG}
    finally:
        event.remove(db.engine, "connect", forget)
        db.session.rollback()
        db.engine.dispose()


def test_embedded_database_on_a_network_disk_is_said(
    app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    if settings.database_url:
        pytest.skip("of the embedded database")
    monkeypatch.setattr(database, "_find_file_system", lambda _path: "nfs4")
    assert Verdict.WARNING in list_verdicts(database.check_durability, settings)


def test_file_system_is_found_by_the_longest_mount_point() -> None:
    assert database._find_file_system(Path("/proc/self/status")) == "proc"


def test_damaged_page_is_found(app: Flask, settings: Settings) -> None:
    if settings.database_url:
        pytest.skip("of the embedded database")
    assert list_verdicts(database.check_soundness, settings) == {Verdict.GOOD}
    db.session.rollback()
    root, size = (db.session.execute(text(query)).scalar_one() for query in (
        "select rootpage from sqlite_master where name = 'audit_change'", "PRAGMA page_size"))
    db.session.remove()
    db.engine.dispose()  # the last connection writes the log back
    with (settings.var_dir / "clearway.sqlite3").open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\x05\xff\xff\xff\xff\xff\xff\xff")  # an interior page where a leaf was
    found = [one for one in database.check_soundness(settings) if one.verdict is Verdict.WRONG]
    assert [one.words for one in found] == ["clearway.sqlite3 is damaged."]


def test_postgresql_that_forgets_is_wrong(app: Flask, settings: Settings) -> None:
    """The suite's own server runs without any of the three, for speed."""
    if not settings.database_url:
        pytest.skip("of PostgreSQL")
    db.session.rollback()
    off = {name for name in database.DURABLE if db.session.execute(text(f"show {name}")).scalar_one() == "off"}
    if not off:
        pytest.skip("the given server keeps what it confirms")
    db.session.rollback()
    found = [one for one in database.check_durability(settings) if one.verdict is Verdict.WRONG]
    assert {one.todo.split()[3] for one in found} == off
