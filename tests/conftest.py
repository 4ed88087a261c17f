"""The suite's database and application; `--database=postgresql` runs the same tests on PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from clinic import migration
from clinic.audit import audit_engine
from clinic.config import Settings
from clinic.db import Base, db, set_mode
from clinic.unit import ClearwayFlask
from tests.postgresql import start_postgresql
from tests.template_code import TemplateCode
from wsgi import create_app

# Each test builds an application of its own; compiling the templates for each anew took most of the suite's time.
ClearwayFlask.jinja_options = {**ClearwayFlask.jinja_options, "bytecode_cache": TemplateCode()}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which database the tests that use one run on."""
    parser.addoption("--database", choices=("sqlite", "postgresql"), default="sqlite")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what touches a database, so that the second run takes only that."""
    for item in items:
        if {"app", "server"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("database")


@pytest.fixture(scope="session")
def database_kind(request: pytest.FixtureRequest) -> str:
    """sqlite or postgresql."""
    return str(request.config.getoption("--database"))


@pytest.fixture(scope="session")
def prepared_database(database_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database with all tables, made once by the migrations: an SQLite template, or a PostgreSQL URL."""
    folder = tmp_path_factory.mktemp("prepared")
    if database_kind == "postgresql":
        with start_postgresql(folder) as url:
            _migrate(Settings(var_dir=folder, database_url=url, secret_key="test-secret"))
            yield url
    else:
        _migrate(Settings(var_dir=folder, secret_key="test-secret"))
        yield str(folder / "clearway.sqlite3")


def _migrate(settings: Settings) -> None:
    app = create_app(settings)
    with app.app_context():
        migration.upgrade()
        db.session.remove()
        db.engine.dispose()
        audit_engine().dispose()


@pytest.fixture
def settings(prepared_database: str, database_kind: str, tmp_path: Path) -> Settings:
    """Settings of one test: an own SQLite file, or the emptied PostgreSQL database."""
    values = {"var_dir": tmp_path, "secret_key": "test-secret", "base_url": "http://localhost:8000"}
    if database_kind == "postgresql":
        return Settings(**values, database_url=prepared_database)
    shutil.copy(prepared_database, tmp_path / "clearway.sqlite3")
    audit = Path(prepared_database).with_name("clearway-audit.sqlite3")
    shutil.copy(audit, tmp_path / "clearway-audit.sqlite3")
    return Settings(**values)


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The whole application over an empty database, with an application context and an open write unit.

    Tests of services may write at once; a test client's requests open units of their own, so commit before you
    make one and do not hold rows across it.
    """
    app = create_app(settings)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    with app.app_context():
        if settings.database_url:
            _empty(app)
        set_mode("write")
        yield app
        db.session.remove()
        set_mode("read")
        db.engine.dispose()
        audit_engine().dispose()


def _empty(app: Flask) -> None:
    names = ", ".join(f'"{table.name}"' for table in Base.metadata.sorted_tables if table.name != "role")
    with db.engine.connect() as connection:
        set_mode("write")
        connection.execute(text(f"truncate {names}, audit_read, audit_seal, audit_seal_member cascade"))
        connection.commit()
        set_mode("read")
