"""A film that suggests tuberculosis is taken again some months later, where a programme asks for it: the task for that.

When, and how soon is soon enough, says the programme's own rule `<programme>-alert-film-repeat`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import select

from clinic.db import db
from clinic.models import Case, Task, User, XrayReading
from clinic.rules.programme import list_findings
from clinic.services.fact import get_edition
from clinic.services.task import build_key, close_task_of, close_tasks_about, open_task
from clinic.services.tb_summary import find_tb_case

KIND = "film-repeat"


def follow_readings(case: Case, readings: Sequence[XrayReading], actor: User) -> None:
    """Ask for the second film of a suspicious one; no more once it is read, or where the first is not suspicious.

    Who is treated for tuberculosis has the films of the treatment.
    """
    rule = get_edition(case).rules.get(f"{case.programme}-alert-film-repeat")
    if rule is None:
        return
    read = sorted((row for row in readings if row.counts and row.taken_on is not None), key=_find_day)
    first = next((row for row in read if _suggests_tb(row)), None)
    key = f"{case.id}:{first.id}" if first and find_tb_case(case) is None else None
    _end_others(case, key, actor)
    if first is None or key is None:
        return
    began = _find_day(first)
    if _find_day(read[-1]) >= began + timedelta(days=rule.numbers["at_least_days"]):
        close_tasks_about(KIND, case.id, "collected", actor)
    else:
        open_task(KIND, case, key, began + timedelta(days=rule.numbers["days"]), subject_id=case.id,
                  detail=began.isoformat(), actor=actor)


def end_repeat(case: Case, actor: User) -> None:
    """The person has tuberculosis, and is treated."""
    close_tasks_about(KIND, case.id, "not-needed", actor)


def _find_day(row: XrayReading) -> date:
    return row.taken_on or date.min


def _suggests_tb(row: XrayReading) -> bool:
    return any(list_findings()[code]["category"] == "suggests-tb" for code in row.findings)


def _end_others(case: Case, key: str | None, actor: User) -> None:
    """Those of another reading, or all: it was corrected or taken back."""
    rows = db.session.execute(select(Task.key).where(
        Task.kind == KIND, Task.subject_id == case.id, Task.closed_at.is_(None))).scalars().all()
    for open_key in rows:
        own = open_key.removeprefix(build_key(KIND, ""))
        if key is None or not own.startswith(key):
            close_task_of(KIND, own, "not-needed", actor)
