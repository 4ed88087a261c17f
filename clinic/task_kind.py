"""The kinds of dated tasks (clinic/programmes/reference/task.toml), read once."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from clinic.permissions import Permission

TABLE = Path(__file__).resolve().parent / "programmes" / "reference" / "task.toml"
BY_HAND = ("follow-up", "document-awaited")  # what a person opens on a case, with a day of their own


@dataclass(frozen=True)
class Step:
    """One step of escalation: when, and who sees the task besides."""

    role: str
    days: int | None  # after it was due
    minutes: int | None  # after it was opened

    def find_moment(self, due_on: date, opened_at: datetime, time_zone: str) -> datetime:
        """When it is taken: a moment, or the beginning of a day at the site."""
        if self.minutes is not None:
            return opened_at + timedelta(minutes=self.minutes)
        return datetime.combine(due_on + timedelta(days=self.days or 0), time(), ZoneInfo(time_zone))


@dataclass(frozen=True)
class TaskKind:
    """One kind; the words of its sentence and outcomes stand in clinic/web/task_word.py."""

    name: str
    role: str
    work: frozenset[Permission]
    work_by_key: dict[str, frozenset[Permission]]
    days: int | None
    ahead: int
    outcomes: tuple[str, ...]
    explained: frozenset[str]
    recorded: frozenset[str]
    settled: str | None
    again: dict[str, int]
    postpone: int
    steps: tuple[Step, ...]
    source: str
    confirmed: bool

    @property
    def is_at_once(self) -> bool:
        """Whether it goes up within minutes: it is due now, not some time today."""
        return any(step.minutes is not None for step in self.steps)

    def find_work(self, key: str) -> frozenset[Permission]:
        """The permissions of which one is needed to do the task of that key, as it stands in the table."""
        return self.work_by_key.get(key.removeprefix(f"{self.name}:").partition(":")[0], self.work)


@cache
def list_task_kinds() -> dict[str, TaskKind]:
    """Every kind by name, in the order of the file."""
    return {name: _build(name, row) for name, row in tomllib.loads(TABLE.read_text(encoding="utf-8")).items()}


def _build(name: str, row: dict[str, Any]) -> TaskKind:
    return TaskKind(
        name=name, role=row["role"], work=_read_permissions(row["work"]),
        work_by_key={word: _read_permissions(needed) for word, needed in row.get("work_by_key", {}).items()},
        days=row.get("days"), ahead=row.get("ahead", 0), outcomes=tuple(row["outcomes"]),
        explained=frozenset(row.get("explained", ())), recorded=frozenset(row.get("recorded", ())),
        settled=row.get("settled"), again=row.get("again", {}), postpone=row["postpone"],
        steps=tuple(Step(step["role"], step.get("days"), step.get("minutes")) for step in row["escalation"]),
        source=row["source"], confirmed=row["confirmed"],
    )


def _read_permissions(names: list[str]) -> frozenset[Permission]:
    return frozenset(Permission(name) for name in names)
