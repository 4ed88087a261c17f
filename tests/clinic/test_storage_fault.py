"""Faults of disk and database as the person sees them: one sentence that says what to do, never a traceback."""

from __future__ import annotations

import errno
import fcntl
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from clinic import db as database
from clinic.audit import audit_engine
from clinic.config import Settings
from clinic.db import db, write_unit
from clinic.models import Applicant
from clinic.permissions import public
from clinic.storage_fault import StorageFault, find_storage_fault
from tests.factory import applicant_data, make_user
from tests.sign_in import sign_in
from wsgi import create_app

S = StorageFault


def fail(make: Callable[[], object]) -> BaseException:
    with pytest.raises((OSError, sqlite3.Error, SQLAlchemyError)) as caught:
        make()
    return caught.value


def test_faults_of_sqlite_are_told_apart(tmp_path: Path) -> None:
    place = tmp_path / "small.sqlite3"
    engine = create_engine(f"sqlite:///{place}")
    with engine.begin() as connection:
        connection.execute(text("create table kept (words text)"))
        connection.execute(text("pragma max_page_count = 3"))
        found = fail(lambda: connection.execute(text("insert into kept values (zeroblob(100000))")))
        assert find_storage_fault(found) is S.FULL
        assert find_storage_fault(fail(lambda: connection.execute(text("select age from kept")))) is S.UPGRADING
        assert find_storage_fault(fail(lambda: connection.execute(text("select 1 from other")))) is S.UPGRADING
        assert find_storage_fault(fail(lambda: connection.execute(text("selec")))) is None, "a mistake of ours"
    engine.dispose()
    reading = sqlite3.connect(f"file:{place}?mode=ro", uri=True)
    assert find_storage_fault(fail(lambda: reading.execute("insert into kept values ('x')"))) is S.UNWRITABLE
    reading.close()
    place.write_bytes(b"no database" * 1000)
    broken = sqlite3.connect(place)
    assert find_storage_fault(fail(lambda: broken.execute("select * from kept"))) is S.DAMAGED
    broken.close()
    assert find_storage_fault(OSError(errno.ENOSPC, "full")) is S.FULL
    assert find_storage_fault(OSError(errno.ENOENT, "absent")) is None


@pytest.fixture
def faulty(settings: Settings) -> Iterator[Flask]:
    """The application with two pages that fail as a full disk and as a database that is gone."""
    app = create_app(settings)
    app.config.update(WTF_CSRF_ENABLED=False)

    @app.get("/broken/full")
    @app.get("/api/broken/full", endpoint="api_full")
    @app.get("/fhir/broken/full", endpoint="fhir_full")
    @public
    def full() -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()
        audit_engine().dispose()


def test_full_disk_is_said_in_each_callers_own_form(faulty: Flask) -> None:
    client = faulty.test_client()
    page = client.get("/broken/full")
    assert page.status_code == 507
    assert "The disk is full, so nothing was saved and no record can be opened. Tell the clinic" in page.text
    assert client.get("/api/broken/full").get_json()["next"] == "retry"
    outcome = client.get("/fhir/broken/full").get_json()
    assert outcome["resourceType"] == "OperationOutcome" and outcome["issue"][0]["code"] == "no-store"


def test_two_who_save_the_same_at_once_are_told_and_it_is_no_fault_of_ours(app: Flask) -> None:
    app_two = create_app(Settings(var_dir=Path(app.config["CLEARWAY"].var_dir), secret_key="s" * 40,
                                  database_url=app.config["CLEARWAY"].database_url))
    make_user("reception")
    db.session.commit()

    @app_two.get("/broken/double")
    @public
    def double() -> str:
        with write_unit() as session:
            session.execute(text("insert into role (id, name) select id, name from role"))
        return ""

    answer = app_two.test_client().get("/broken/double")
    assert answer.status_code == 409 and "Somebody else saved this just now" in answer.text
    with app_two.app_context():
        db.session.remove()
        db.engine.dispose()
        audit_engine().dispose()


def test_lost_database_is_said_without_asking_it(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere" / "clearway.sqlite3"
    app = create_app(Settings(var_dir=tmp_path, secret_key="s" * 40, database_url=f"sqlite:///{missing}"))
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = session["sign_in"] = "somebody"
    answer = client.get("/cases")
    assert answer.status_code == 503 and answer.headers["Retry-After"] == "30"
    assert "nothing was saved" in answer.text and "Reference:" in answer.text
    assert app.test_client().get("/readyz").get_json()["checks"] == {"database": False}


def test_writer_who_waits_too_long_is_told_and_saves_nothing(
    app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    if settings.database_url:
        pytest.skip("the lock of writers is SQLite's")
    client = sign_in(app, make_user("reception"))
    monkeypatch.setattr(database, "LOCK_PATIENCE_SECONDS", 0.1)
    with Path(f"{settings.var_dir / 'clearway.sqlite3'}.lock").open("w") as stranger:
        fcntl.flock(stranger, fcntl.LOCK_EX)
        answer = client.post("/applicants/new", data=applicant_data())
    assert answer.status_code == 503 and answer.headers["Retry-After"] == "30"
    assert "busy and nothing was saved" in answer.text
    assert db.session.query(Applicant).count() == 0
