"""The clock's turn over 100,000 open cultures (full: a million), against a plain count of the same rows."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable

from sqlalchemy import delete, func, select, text

from bench.measure import ROUNDS, Figure, to_figure
from bench.place import make_settings, open_app
from bench.population import BATCH, load_population, write_rows
from clinic import clock
from clinic.db import db, read_unit, write_unit
from clinic.models import Case, CaseState, Specimen, Task
from clinic.models.laboratory import CULTURED
from clinic.services.recall import sweep_tasks

SIZES = {False: 100_000, True: 1_000_000}
CASES = 10_000  # of which a fifth are under work
LATE_SHARE = 50  # one in so many cultures is late, and was asked for before
NEW = 1000  # come due in one turn
DAYS = 55  # the others were begun within so many days: their clocks still run
COUNT = "count of the open cultures"
NOW = dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC)


def run(database: str, full: bool = False) -> list[Figure]:
    """Figures of one turn with nothing new, and of one that opens tasks."""
    with make_settings(database) as settings, open_app(settings) as app, app.app_context(), clock.stopped_at(NOW):
        load_population(CASES)
        _load_cultures(SIZES[full])
        sweep_tasks()  # everything that is late now, the cases that stand still too
        with read_unit() as session:
            opened = session.execute(select(func.count()).where(Task.kind == "culture-awaited")).scalar_one()
        assert opened == SIZES[full] // LATE_SHARE, f"{opened} tasks opened"
        taken: dict[str, list[float]] = {}
        for _round in range(ROUNDS):
            taken.setdefault(COUNT, []).append(_time(_count))
            taken.setdefault("turn with nothing new", []).append(_time(sweep_tasks))
            _forget(NEW)
            taken.setdefault(f"turn that opens {NEW:,} tasks", []).append(_time(sweep_tasks))
        goals = {"turn with nothing new": "G9"}
        return [to_figure(COUNT, taken[COUNT], None, "ms")] + [
            to_figure(name, values, taken[COUNT], "ms", f"{COUNT}, {SIZES[full]:,}", goals.get(name, ""))
            for name, values in taken.items() if name != COUNT]


def _time(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def _count() -> None:
    with read_unit() as session:
        session.execute(text(f"select count(*) from specimen where {CULTURED}")).scalar_one()


def _load_cultures(count: int) -> None:
    with read_unit() as session:
        cases = list(session.execute(select(Case.id).where(
            Case.state.in_((CaseState.IN_PROGRESS, CaseState.IN_REVIEW))).order_by(Case.id)).scalars())
    for start in range(0, count, BATCH):
        write_rows(Specimen.__table__, [_specimen(n, cases[n % len(cases)]) for n in range(start, start + BATCH)])
    if db.engine.dialect.name == "postgresql":
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("vacuum analyze")  # as its own daemon does after a while


def _specimen(n: int, case_id: str) -> dict[str, object]:
    age = 60 if n % LATE_SHARE == 0 else n % DAYS
    return {"id": f"specimen-{n:09}", "case_id": case_id, "number": f"BEN-S{n:09}", "kind": "sputum",
            "collected_on": NOW.date() - dt.timedelta(days=age), "recorded_at": NOW, "recorded_by_id": "bench-user",
            "purpose": "diagnosis"}


def _forget(count: int) -> None:
    """So many of the tasks were never opened: the next turn finds them new."""
    with write_unit() as session:
        ids = list(session.execute(
            select(Task.id).where(Task.kind == "culture-awaited").order_by(Task.id).limit(count)).scalars())
        session.execute(delete(Task).where(Task.id.in_(ids)))
