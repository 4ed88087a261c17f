"""The suite's database and application; `--database=postgresql` runs the same tests on PostgreSQL."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from flask import Flask

from clinic import auth, migration
from clinic.audit import audit_engine
from clinic.config import Settings
from clinic.db import db, set_mode
from clinic.unit import ClearwayFlask
from tests import table_scan
from tests.postgresql import Emptier, start_postgresql
from tests.shared_app import SharedApp
from tests.template_code import TemplateCode
from wsgi import YOUNG, create_app

# Each test builds an application of its own; compiling the templates for each anew took most of the suite's time.
ClearwayFlask.jinja_options = {**ClearwayFlask.jinja_options, "bytecode_cache": TemplateCode()}

# A guess at a password is dear on purpose (test_password_cost.py); the tests type hundreds that are right.
PASSWORD_COST = dict(auth.PASSWORD_COST)
auth.PASSWORD_COST.update({"argon2__rounds": 1, "argon2__memory_cost": 32, "argon2__parallelism": 1})

# The same examples in every run, however busy the machine is: what the hour of fuzz finds becomes a test of its own.
hypothesis.settings.register_profile("suite", deadline=None, derandomize=True)
hypothesis.settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which database the tests that use one run on."""
    parser.addoption("--database", choices=("sqlite", "postgresql"), default="sqlite")


# Files that take minutes, though they hold few tests. Two processes share the files, in this order: were one of these
# the last, the other process would wait for it.
LONG = ("tests/features/", "tests/browser/", "tests/clinic/demo/", "tests/fuzz/", "tests/clinic/web/test_links.py",
        "tests/clinic/web/test_confidential_nowhere.py", "tests/integrations/", "tests/fhir/", "tests/fhir_api/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what touches a database, so that the second run takes only that; what takes long comes first."""
    for item in items:
        uses = {"app", "server"} & set(getattr(item, "fixturenames", ()))
        if uses and not item.get_closest_marker("once"):
            item.add_marker("database")
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


def pytest_collection_finish() -> None:
    """As in a process that serves (wsgi.py): what stands now stays, and need not be looked through for rubbish."""
    gc.freeze()
    gc.set_threshold(YOUNG, 10, 10)


@pytest.fixture(scope="session", autouse=True)
def scans_watched() -> Iterator[None]:
    """Every statement of the run is looked at once."""
    with table_scan.watched():
        yield


@pytest.fixture(autouse=True)
def no_table_read_whole(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails the test in which a statement of ours first reads a table that grows from one end to the other."""
    yield
    found = table_scan.take_found()
    assert request.node.get_closest_marker("reads_whole") or found == []


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


@pytest.fixture(scope="session")
def test_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the applications of this test process keep their state, one test after the other."""
    return tmp_path_factory.mktemp("var")


@pytest.fixture
def settings(prepared_database: str, database_kind: str, test_folder: Path) -> Settings:
    """Settings of one test: an own SQLite file, or the emptied PostgreSQL database; nothing of the test before."""
    shutil.rmtree(test_folder)
    test_folder.mkdir()
    settings = make_settings(test_folder, prepared_database if database_kind == "postgresql" else "")
    if database_kind == "sqlite":
        for name in ("clearway.sqlite3", "clearway-audit.sqlite3"):
            shutil.copy(Path(prepared_database).with_name(name), test_folder / name)
    return settings


def make_settings(var_dir: Path, database_url: str = "") -> Settings:
    """Settings of an application under test."""
    return Settings(var_dir=var_dir, database_url=database_url, secret_key="test-secret",
                    base_url="http://localhost:8000")


@pytest.fixture(scope="session")
def shared_app(prepared_database: str, database_kind: str, test_folder: Path) -> SharedApp:
    """One application for all tests of this process: to build one costs more than most tests do."""
    url = prepared_database if database_kind == "postgresql" else ""
    return SharedApp(create_app(make_settings(test_folder, url)))


@pytest.fixture(scope="session")
def emptier(prepared_database: str, database_kind: str) -> Iterator[Emptier | None]:
    """What empties the PostgreSQL database; None for SQLite, whose file is a new one each time."""
    if database_kind == "sqlite":
        yield None
        return
    emptier = Emptier(prepared_database)
    yield emptier
    emptier.close()


@pytest.fixture
def app(settings: Settings, shared_app: SharedApp, emptier: Emptier | None) -> Iterator[Flask]:
    """The whole application over an empty database, with an application context and an open write unit.

    Tests of services may write at once; a test client's requests open units of their own, so commit before you
    make one and do not hold rows across it. What a test changes of the application itself is taken back after it.
    """
    app = shared_app.take()
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    with app.app_context():
        if emptier is not None:
            emptier.empty()
        set_mode("write")
        yield app
        db.session.remove()
        set_mode("read")
        db.engine.dispose()
        audit_engine().dispose()
