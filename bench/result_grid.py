"""The laboratory's grid of 200 specimens: the page, one row saved, the whole form; beside the grid with no specimen."""

from __future__ import annotations

import time
from collections.abc import Callable

from flask.testing import FlaskClient
from sqlalchemy import select

from bench.measure import ROUNDS, Figure, percentiles, to_figure
from bench.place import make_settings, open_app
from clinic.db import db, write_unit
from clinic.models import LabOrder, User
from clinic.queries.result_grid import MOST
from clinic.services import draw, lab_order
from tests.factory import make_applicant, make_case, make_user
from tests.sign_in import sign_in

TIMES = 12
BATCH = 25  # people in one write unit
EMPTY = "grid with no specimen"
GRID, NOTHING = "/laboratory/bench/haemoglobin", "/laboratory/bench/platelets"


def run(database: str, _full: bool = False) -> list[Figure]:
    """Milliseconds of each, and how many empty grids that is."""
    with make_settings(database) as settings, open_app(settings) as app:
        app.config["WTF_CSRF_ENABLED"] = False  # the client types no token; checking one costs microseconds
        users = _make_users()
        orders = _fill(users)
        client = sign_in(app, users["technician"])
        asks: dict[str, Callable[[int], object]] = {
            EMPTY: lambda n: _get(client, NOTHING),
            f"grid of {MOST} rows": lambda n: _get(client, GRID),
            "one row saved": lambda n: _save_row(client, orders[n % MOST], f"{12 + n % 5}.{n % 10}"),
        }
        rounds: dict[str, list[float]] = {name: [] for name in asks}
        whole: list[float] = []
        for ask in asks.values():
            ask(0)
        for number in range(ROUNDS):
            for name, ask in asks.items():
                rounds[name].append(percentiles(ask, TIMES)[0])
            whole.append(_save_all(client, orders, f"{11 + number}.5"))
    figures = [to_figure(EMPTY, rounds[EMPTY], None, "ms")]
    figures += [to_figure(name, values, rounds[EMPTY], "ms", EMPTY) for name, values in rounds.items() if name != EMPTY]
    return [*figures, to_figure(f"whole form of {MOST} values saved", whole, rounds[EMPTY], "ms", EMPTY)]


def _make_users() -> dict[str, User]:
    with write_unit():
        return {name: make_user(role) for name, role in (
            ("reception", "reception"), ("phlebotomist", "phlebotomist"), ("technician", "labtech"))}


def _fill(users: dict[str, User]) -> list[str]:
    """As many people with haemoglobin drawn as the grid has rows; ids of the orders."""
    for start in range(0, MOST, BATCH):
        with write_unit() as session:
            people = {name: session.merge(user) for name, user in users.items()}
            for _each in range(start, min(start + BATCH, MOST)):
                case = make_case("us", make_applicant(people["reception"]), people["reception"])
                lab_order.order_test(case, "haemoglobin", people["technician"], "bench")
                draw.draw(case, ["edta"], None, "", people["phlebotomist"])
    return list(db.session.execute(
        select(LabOrder.id).where(LabOrder.test == "haemoglobin").order_by(LabOrder.id)).scalars())


def _get(client: FlaskClient, address: str) -> None:
    answer = client.get(address)
    if answer.status_code != 200:
        raise RuntimeError(f"{address}: {answer.status_code}")


def _save_row(client: FlaskClient, order: str, value: str) -> None:
    answer = client.post(f"{GRID}/{order}", data={"unit": "g/dL", f"v-{order}": value})
    if answer.status_code != 200:
        raise RuntimeError(f"row: {answer.status_code}")


def _save_all(client: FlaskClient, orders: list[str], value: str) -> float:
    """Milliseconds of the form as a browser without scripts sends it, every value new."""
    start = time.perf_counter()
    answer = client.post(GRID, data={"unit": "g/dL"} | {f"v-{order}": value for order in orders})
    if answer.status_code != 302:
        raise RuntimeError(f"form: {answer.status_code}")
    return (time.perf_counter() - start) * 1000
