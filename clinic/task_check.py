"""Checks whom the tasks' table names: the rule engine knows neither roles nor permissions, so its own check cannot."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from clinic.permissions import ROLES, Permission
from clinic.rules.programme import PROGRAMMES
from clinic.rules.source import Problem, Source

FILE = Path("reference") / "task.toml"


def check_task_names(root: Path = PROGRAMMES) -> list[Problem]:
    """Every role or permission in the tasks' table under `root` that nobody has; none where it has no such table.

    A row of a wrong shape is passed over: `check_programmes` names it.
    """
    if not (root / FILE).is_file():
        return []
    source = Source(root / FILE, root)
    rows = source.parse_toml()
    if rows is None:
        return []
    for name, row in rows.items():
        if not isinstance(row, dict):
            continue
        _check_names(source, name, "role", [row.get("role")], ROLES)
        steps = row.get("escalation")
        for step in steps if isinstance(steps, list) else ():
            _check_names(source, name, "escalation", [step.get("role", "") if isinstance(step, dict) else ""], ROLES)
        _check_names(source, name, "work", row.get("work"), list(Permission))
        by_key = row.get("work_by_key")
        for needed in by_key.values() if isinstance(by_key, dict) else ():
            _check_names(source, name, "work_by_key", needed, list(Permission))
    return source.problems


def _check_names(source: Source, table: str, key: str, names: Any, known: Collection[str]) -> None:
    kind = "role" if known is ROLES else "permission"
    for one in names if isinstance(names, list) else ():
        if isinstance(one, str) and one not in known:
            source.add(source.find_line(table, 0, key), f"table {table}: {key} names the unknown {kind} {one!r}")
