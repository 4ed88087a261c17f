"""The clock's turn over everything dated: opens what came due, closes what has settled itself, lets what is late go up.

Any number of workers may run it at once, at any time: the unique key of a task decides, and a lock on the row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import select, text

from clinic import clock
from clinic.db import db, read_unit, write_unit
from clinic.models import Site, Task
from clinic.models.task import CLIMBING
from clinic.queries.due import SOURCES, find_base, group_by_day, select_new, select_settled
from clinic.queries.due_source import Moment, Source, ended_by_fact
from clinic.services.task import NewTask, build_key, climb, get_kind, insert_tasks, reopen, settle

T = TypeVar("T")
READ_AT_ONCE = 10_000  # rows that one statement gives; the next turn of the loop goes on behind them
WRITTEN_AT_ONCE = 500  # tasks in one transaction: on SQLite everybody else who writes waits meanwhile


@dataclass
class Swept:
    """What one turn did."""

    opened: int = 0
    settled: int = 0
    climbed: int = 0


def sweep_tasks(is_stopping: Callable[[], bool] = lambda: False) -> Swept:
    """One whole turn; opens its own units. `is_stopping` ends it between two batches: the next turn goes on."""
    done = Swept()
    with read_unit() as session:
        zones = {row.id: row.time_zone for row in session.execute(select(Site.id, Site.time_zone))}
    moments = group_by_day(zones, clock.now(), clock.to_day)
    for source in SOURCES:
        for batch in _find_settled(source, is_stopping):
            done.settled += _settle(source, batch)
        for moment in moments:
            for rows in _find_due(source, moment, is_stopping):
                done.opened += _open(source, rows, zones)
    for ids in _find_climbing(is_stopping):
        done.climbed += _climb(ids, zones)
    return done


def _find_due(source: Source, moment: Moment, is_stopping: Callable[[], bool]) -> Iterator[Sequence[Any]]:
    while not is_stopping():
        with read_unit() as session:
            rows = list(session.execute(select_new(source, moment, READ_AT_ONCE)))
        yield from _cut(rows, is_stopping)
        if len(rows) < READ_AT_ONCE:
            return


def _find_settled(source: Source, is_stopping: Callable[[], bool]) -> Iterator[Sequence[str]]:
    while not is_stopping():
        with read_unit() as session:
            ids = list(session.execute(select_settled(source, READ_AT_ONCE)).scalars())
        yield from _cut(ids, is_stopping)
        if len(ids) < READ_AT_ONCE:
            return


def _find_climbing(is_stopping: Callable[[], bool]) -> Iterator[Sequence[str]]:
    while not is_stopping():
        with read_unit() as session:
            ids = list(session.execute(select(Task.id).where(
                text(CLIMBING), Task.escalates_at <= clock.now()).order_by(Task.escalates_at).limit(READ_AT_ONCE)
            ).scalars())
        yield from _cut(ids, is_stopping)
        if len(ids) < READ_AT_ONCE:
            return


def _cut(rows: Sequence[T], is_stopping: Callable[[], bool]) -> Iterator[Sequence[T]]:
    for start in range(0, len(rows), WRITTEN_AT_ONCE):
        if is_stopping():
            return
        yield rows[start:start + WRITTEN_AT_ONCE]


def _open(source: Source, rows: Sequence[Any], zones: dict[str, str]) -> int:
    kind = get_kind(source.kind)
    tasks = []
    for row in rows:
        base = find_base(row, lambda moment, zone=zones[row.site_id]: clock.to_day(moment, zone))  # type: ignore[misc]
        told = getattr(row, "told", base)
        tasks.append(NewTask(
            kind=kind.name, key=row.key, site_id=row.site_id, case_id=row.case_id, subject_id=row.subject_id,
            due_on=base + timedelta(days=getattr(row, "days", kind.days or 0)),
            detail=told.isoformat() if told else ""))
    with write_unit():
        opened = insert_tasks(tasks, zones)
        return opened if opened == len(tasks) else opened + _open_again(source, tasks, zones)


def _open_again(source: Source, tasks: Sequence[NewTask], zones: dict[str, str]) -> int:
    """Those that had ended by a fact which holds no more; looked at once more under the lock, as `_settle` does."""
    asked = {build_key(task.kind, task.key): task for task in tasks}
    rows = db.session.execute(
        select(Task).where(Task.key.in_(asked), Task.closed_at.is_not(None), ended_by_fact(source.kind),
                           source.is_waiting())
        .with_for_update(skip_locked=True, of=Task)).unique().scalars().all()
    for row in rows:
        reopen(row, asked[row.key], zones[row.site_id])
    return len(rows)


def _settle(source: Source, ids: Sequence[str]) -> int:
    """Looked at once more under the lock: somebody may have closed one, or begun the matter anew."""
    with write_unit() as session:
        rows = session.execute(
            select(Task, source.has_come()).where(Task.id.in_(ids), Task.closed_at.is_(None), ~source.is_waiting())
            .with_for_update(skip_locked=True, of=Task)).all()
        for task, has_come in rows:
            settle(task, bool(has_come))
        return len(rows)


def _climb(ids: Sequence[str], zones: dict[str, str]) -> int:
    with write_unit() as session:
        rows = session.execute(
            select(Task).where(Task.id.in_(ids), Task.closed_at.is_(None), Task.escalates_at <= clock.now())
            .with_for_update(skip_locked=True, of=Task)).scalars().all()
        return sum(climb(task, zones[task.site_id]) for task in rows)
