"""The lists at 100,000 cases (full: a million): against a tenth, by page depth, and against an empty answer."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask

from bench.measure import Figure, Work, percentiles, side_by_side
from bench.population import START, load_population
from clinic import migration
from clinic.audit import audit_engine
from clinic.config import Settings
from clinic.db import db, read_unit, write_unit
from clinic.models import CaseState, User
from clinic.queries.page import Page, Place
from clinic.queries.visit import list_here
from clinic.queries.worklist import Filter, View, count_mine, list_cases, list_waiting
from wsgi import create_app

OPEN = "all open, first page"
SIZES = {False: (10_000, 100_000), True: (100_000, 1_000_000)}  # compared; the larger one is measured in full


def run(full: bool = False) -> list[Figure]:
    """Figures of the lists."""
    figures: list[Figure] = []
    small, large = SIZES[full]
    medians: dict[int, dict[str, float]] = {}
    p99: dict[int, float] = {}
    for size in (small, large):
        with _clinic(size) as app:
            taken = {name: percentiles(work, 200) for name, work in _lists().items()}
            medians[size] = {name: median for name, (median, _p99) in taken.items()}
            p99[size] = taken[OPEN][1]
            if size == large:
                figures += _over_http(app)
    for name, median in medians[large].items():
        baseline = medians[small][name]
        figures.append(Figure(f"{name}, {large:,} cases", median, "ms", median / baseline, None, f"at {small:,}"))
    figures.append(Figure(f"p99 of {OPEN} at {large:,}", p99[large], "ms", p99[large] / p99[small], None,
                          f"p99 at {small:,}"))
    return figures


def _lists() -> dict[str, Work]:
    """Each list as a page asks for it, by name."""
    user = db.session.get_one(User, "bench-user")
    first = list_cases(user, Filter())
    deep = _find_deep(user, first)
    views = (View.SIGN, View.TAKE, View.FACTS, View.MINE)
    return {
        OPEN: lambda: list_cases(user, Filter()),
        "all open, twenty pages on": lambda: list_cases(user, Filter(), after=deep),
        "one state": lambda: list_cases(user, Filter(state=CaseState.ACKNOWLEDGED)),
        "by the day of opening": lambda: list_cases(user, Filter(ended=True, opened_from=START)),
        "by name": lambda: list_cases(user, Filter(name="family12 given 5")),
        "X-rays to take": lambda: list_waiting(user, View.TAKE, START),
        "mine, counted": lambda: count_mine(user, views, START),
        "here today": lambda: list_here(user),
    }


def _find_deep(user: User, page: Page) -> Place:
    for _each in range(20):
        last = page.rows[-1]
        page = list_cases(user, Filter(), after=(last.updated_at, last.id))
    return page.rows[-1].updated_at, page.rows[-1].id


def _over_http(app: Flask) -> list[Figure]:
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = "bench", True
        session["fs_cc"] = "set"
    assert client.get("/cases").status_code == 200, "the bench user cannot see the lists"
    return side_by_side(
        {"empty answer (/healthz)": lambda: client.get("/healthz"),
         "all cases, HTML": lambda: client.get("/cases"), "mine, HTML": lambda: client.get("/")},
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
