"""The worklist at 100,000 cases (full: a million): against a tenth, by page depth, and against an empty answer."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask

from bench.measure import Figure, percentiles, side_by_side
from bench.population import START, load_population
from clinic import migration
from clinic.audit import audit_engine
from clinic.config import Settings
from clinic.db import db, read_unit, write_unit
from clinic.models import User
from clinic.queries.case import Filter, View, list_worklist
from wsgi import create_app

SIZES = {False: (10_000, 100_000), True: (100_000, 1_000_000)}  # compared; the larger one is measured in full


def run(full: bool = False) -> list[Figure]:
    """Figures of the worklist."""
    figures: list[Figure] = []
    p99: dict[int, float] = {}
    small, large = SIZES[full]
    for size in (small, large):
        with _clinic(size) as app:
            first = _page(app, None)
            row = first()[0][-1]
            deep = _page(app, (row.updated_at, row.id))
            median, p99[size] = percentiles(first, 300)
            figures.append(Figure(f"first page of 50, {size:,} cases", median, "ms"))
            if size == large:
                figures.append(Figure("next page by keyset", percentiles(deep, 300)[0], "ms"))
                figures += _over_http(app)
    figures.append(Figure(f"p99 at {large:,}", p99[large], "ms", p99[large] / p99[small], None, f"p99 at {small:,}"))
    return figures


def _page(app: Flask, after: Any) -> Any:
    user = db.session.get_one(User, "bench-user")
    narrowed = Filter(today_from=START)
    return lambda: list_worklist(user, View.OPEN, narrowed, after=after)


def _over_http(app: Flask) -> list[Figure]:
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = "bench", True
        session["fs_cc"] = "set"
    assert client.get("/?view=open").status_code == 200, "the bench user cannot see the worklist"
    return side_by_side(
        {"empty answer (/healthz)": lambda: client.get("/healthz"),
         "worklist page, HTML": lambda: client.get("/?view=open")},
        "empty answer (/healthz)",
    )


@contextmanager
def _clinic(cases: int) -> Iterator[Flask]:
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Settings(var_dir=Path(folder), secret_key="bench", log_level="ERROR"))
        with app.app_context():
            migration.upgrade()
            with write_unit():
                load_population(cases)
            with read_unit():
                yield app
            db.session.remove()
            db.engine.dispose()
            audit_engine().dispose()


if __name__ == "__main__":
    for figure in run():
        print(figure)
