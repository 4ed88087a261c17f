"""Lists and name search at 100,000 cases (full: a million): against a tenth, by depth, against an empty answer."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from flask import Flask
from sqlalchemy import select, text

from bench.measure import ROUNDS, Figure, percentiles, side_by_side, to_figure
from bench.place import CACHE, make_settings, open_app
from bench.population import START, load_population, name_of
from bench.server import serve
from clinic import migration
from clinic.config import Settings
from clinic.db import db, read_unit
from clinic.models import Case, CaseState, User
from clinic.models.case import OPEN_STATES
from clinic.queries.applicant import find_people_by_name
from clinic.queries.page import SIZE, Page, Place
from clinic.queries.visit import list_here
from clinic.queries.waiting import View
from clinic.queries.worklist import Filter, count_mine, list_cases, list_waiting
from tests.sign_in import sign_in

SIZES = {False: (10_000, 100_000), True: (100_000, 1_000_000)}  # compared; the larger one is measured in full
TIMES = 100
FIRST_PAGE, PEOPLE = "all open, first page", "people by name"
GOALS = {FIRST_PAGE: "G4", PEOPLE: "G4e"}
EMPTY = "empty Flask answer"
CONNECTIONS = 4  # with which G4b was set
LISTS = (View.SIGN, View.TAKE, View.FACTS, View.MINE)
Ask = Callable[[int], object]


def run(database: str, full: bool = False) -> list[Figure]:
    """Figures of the lists."""
    small, large = SIZES[full]
    taken: dict[int, dict[str, list[tuple[float, float]]]] = {}
    figures: list[Figure] = []
    with _clinic(database, small, full) as (near, _settings), _clinic(database, large, full) as (far, settings):
        for _round in range(ROUNDS):  # in turn, so that a busy machine disturbs both sizes alike
            for size, app in ((small, near), (large, far)):
                with app.app_context(), read_unit():
                    for name, ask in _list_asks(size).items():
                        times = percentiles(ask, TIMES)
                        taken.setdefault(size, {}).setdefault(name, []).append(times)
        with far.app_context():
            figures += _compare_pages(large)
            figures += _over_http(far, settings)
    for name, rounds in taken[large].items():
        for which, label in ((0, "p50"), (1, "p99")):
            mine = [times[which] for times in rounds]
            theirs = [times[which] for times in taken[small][name]]
            figures.append(to_figure(f"{name}, {label}", mine, theirs, "ms", f"at {small:,}",
                                     GOALS.get(name, "") if which else ""))
    return figures


def _list_asks(size: int) -> dict[str, Ask]:
    """Each list as a page asks for it, by name."""
    user = db.session.get_one(User, "bench-user")
    deep = _find_deep(user)
    asks: dict[str, Ask] = {
        FIRST_PAGE: lambda n: list_cases(user, Filter()),
        "all open, twenty pages on": lambda n: list_cases(user, Filter(), after=deep),
        "one state": lambda n: list_cases(user, Filter(state=CaseState.ACKNOWLEDGED)),
        "by the day of opening": lambda n: list_cases(user, Filter(ended=True, opened_from=START)),
        "cases by name": lambda n: list_cases(user, Filter(name=_typed(n, size))),
        PEOPLE: lambda n: find_people_by_name(user, _typed(n, size)),
        "X-rays to take": lambda n: list_waiting(user, View.TAKE, START),
        "mine, counted": lambda n: count_mine(user, LISTS, START),
        "here today": lambda n: list_here(user),
    }
    for ask in asks.values():
        ask(0)
    return asks


def _typed(n: int, size: int) -> str:
    """What somebody types who looks for a person: family and beginning of the given name, or the reverse, or one."""
    family, given = name_of(n * 7919 % size)
    return (f"{family} {given[:3]}", f"{given} {family[:4]}", family)[n % 3]


def _find_deep(user: User) -> Place:
    page = list_cases(user, Filter())
    for _each in range(20):
        page = _next_page(user, page)
    return page.rows[-1].updated_at, page.rows[-1].id


def _next_page(user: User, page: Page) -> Page:
    last = page.rows[-1]
    return list_cases(user, Filter(), after=(last.updated_at, last.id))


def _compare_pages(size: int) -> list[Figure]:
    """The page in the middle of the open cases, by keyset and as Flask-SQLAlchemy pages."""
    with read_unit():
        user = db.session.get_one(User, "bench-user")
        every = (select(Case).where(Case.site_id == user.site_id, text(OPEN_STATES))
                 .order_by(Case.updated_at.desc(), Case.id.desc()))
        middle = size // 5 // SIZE // 2
        row = db.session.execute(every.with_only_columns(Case.updated_at, Case.id).offset(middle * SIZE).limit(1)).one()
        place: Place = (row.updated_at, row.id)
        baseline = "the same page by Flask-SQLAlchemy paginate"
        return side_by_side({
            baseline: lambda: db.paginate(every, page=middle, per_page=SIZE).items,
            "page in the middle by keyset": lambda: list_cases(user, Filter(), after=place),
        }, baseline, goals={"page in the middle by keyset": "G4c"})  # fmt: skip


def _over_http(app: Flask, settings: Settings) -> list[Figure]:
    """Processor time of pages as a signed-in physician gets them, against an empty answer of the same server."""
    client = sign_in(app, db.session.get_one(User, "bench-user"))
    client.get("/cases")  # from which a browser has the cookie, with the token of the session's forms
    name = app.config["SESSION_COOKIE_NAME"]
    cookie = client.get_cookie(name, domain="localhost")
    db.session.remove()
    assert cookie is not None, "the bench user has no session"
    head = f"Host: 127.0.0.1\r\nCookie: {name}={cookie.value}\r\n"
    subjects = {EMPTY: "GET /bench-empty HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
                "all cases, HTML of fifty rows": f"GET /cases HTTP/1.1\r\n{head}\r\n",
                "the same, compressed": f"GET /cases HTTP/1.1\r\n{head}Accept-Encoding: gzip\r\n\r\n",
                "mine, HTML": f"GET / HTTP/1.1\r\n{head}\r\n"}  # fmt: skip
    rates: dict[str, list[float]] = {}
    costs: dict[str, list[float]] = {}
    with serve(settings) as server:
        for turn in range(ROUNDS + 1):
            for subject, request in subjects.items():
                answers, cost = server.drive([request.encode()], 200, 1.0, CONNECTIONS)
                if turn:
                    rates.setdefault(subject, []).append(answers)
                    costs.setdefault(subject, []).append(cost)
    goals = {"all cases, HTML of fifty rows": "G4b"}
    figures = [to_figure(subject, rates[subject], None, cpu=costs[subject]) for subject in subjects]
    return [figures[0]] + [
        replace(to_figure(subject, costs[subject], costs[EMPTY], "us", f"{EMPTY}, CPU", goals.get(subject, "")),
                value=figure.value, unit="/s", cpu=figure.cpu)
        for subject, figure in zip(subjects, figures, strict=True) if subject != EMPTY
    ]


@contextmanager
def _clinic(database: str, cases: int, full: bool) -> Iterator[tuple[Flask, Settings]]:
    """The application over a clinic of that size; a large SQLite one is made once and kept in bench/cache."""
    with make_settings(database) as settings:
        kept = None
        if full and database == "sqlite":
            from alembic.script import ScriptDirectory

            head = ScriptDirectory.from_config(_config(settings)).get_current_head()
            kept = CACHE / f"sqlite-{cases}-{head}"
            settings = replace(settings, var_dir=kept)
            if not (kept / "ready").exists():
                shutil.rmtree(kept, ignore_errors=True)
        with open_app(settings) as app:
            if kept is None or not (kept / "ready").exists():
                load_population(cases)
            if kept is not None:
                (kept / "ready").touch()
            db.session.remove()
            yield app, settings


def _config(settings: Settings):  # type: ignore[no-untyped-def]
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migration.MIGRATIONS))
    return config
