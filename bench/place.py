"""Where a subject is measured: an own folder, a database of either kind, and the application over it."""

from __future__ import annotations

import os
import secrets
import socket
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask

from clinic import migration
from clinic.audit import audit_engine
from clinic.config import Settings
from clinic.db import db
from tests.postgresql import start_postgresql
from wsgi import create_app

DATABASES = ("sqlite", "postgresql")
CACHE = Path(__file__).resolve().parent / "cache"


def has_postgresql() -> bool:
    """Whether a PostgreSQL server can be had here."""
    return bool(os.environ.get("TEST_DATABASE_URL") or list(Path("/usr/lib/postgresql").glob("*/bin/postgres")))


@contextmanager
def make_settings(kind: str, folder: Path | None = None) -> Iterator[Settings]:
    """Settings over an empty database, durable as an installation's; the port of BASE_URL is free."""
    port = find_port()
    with tempfile.TemporaryDirectory(prefix="clearway-bench-") as made:
        settings = Settings(var_dir=folder or Path(made), secret_key=secrets.token_hex(), log_level="ERROR",
                            web_port=port, base_url=f"http://127.0.0.1:{port}", records_an_hour=10**9)
        if kind == "sqlite":
            yield settings
            return
        with start_postgresql(Path(made), is_durable=True) as url:
            yield Settings(**{**settings.__dict__, "database_url": url})


@contextmanager
def open_app(settings: Settings) -> Iterator[Flask]:
    """The application with its tables made, inside its context."""
    app = create_app(settings)
    with app.app_context():
        migration.upgrade()
        try:
            yield app
        finally:
            db.session.remove()
            db.engine.dispose()
            audit_engine().dispose()


def measure_fsync() -> float:
    """What it costs to make a page durable where the databases are measured, milliseconds: the median of fifty."""
    taken = []
    with tempfile.TemporaryFile(prefix="clearway-bench-") as file:
        for _turn in range(50):
            start = time.perf_counter()
            os.write(file.fileno(), bytes(4096))
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - start) * 1000)
    return statistics.median(taken)


def find_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
