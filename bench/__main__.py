"""`python -m bench [--only NAME …] [--size full] [--database …] [--check]`: measures, prints tables, keeps them.

Results are kept in bench/results/latest.json; `--table FILE` writes the tables there too, between the file's two marks.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sqlite3
import sys
import time
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.measure import Figure, judge
from bench.place import DATABASES, has_postgresql, measure_fsync

HERE = Path(__file__).resolve().parent
# Subject: whether it has a database at all; each module has `run(database, full) -> list[Figure]`.
SUBJECTS = {"decisions": False, "document_build": False, "pull": True, "signing": True, "outbox": True,
            "writers": True, "worklist": True, "inbound": True, "recall": True, "result_grid": True}
LIBRARIES = ("flask", "sqlalchemy", "granian", "fhir.resources", "psycopg")
MARKS = "<!-- figures -->", "<!-- end of figures -->"
Row = tuple[str, str, Figure]  # subject, database, figure


def main() -> int:
    """Run the subjects one after the other; exit code 1 when `--check` finds a goal that was missed."""
    given = _read_arguments()
    goals = tomllib.loads((HERE / "goals.toml").read_text())
    rows = _measure(given)
    table = _to_table(rows, goals)
    print(table)
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "latest.json").write_text(json.dumps(_to_json(rows, goals, given.size), indent=1) + "\n")
    if given.table:
        _write_table(given.table, f"{_describe(given)}\n\n{table}")
    missed = [figure for _subject, database, figure in rows if _judge(figure, goals, database) == "missed"]
    return 1 if given.check and missed else 0


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("--only", nargs="*", choices=SUBJECTS, default=SUBJECTS)
    parser.add_argument("--size", choices=("small", "full"), default="small", help="full: a million cases")
    parser.add_argument("--database", nargs="*", choices=DATABASES, default=DATABASES)
    parser.add_argument("--check", action="store_true", help="fail when the median misses a goal")
    parser.add_argument("--table", type=Path, help="a file that takes the tables between its marks")
    return parser.parse_args()


def _measure(given: argparse.Namespace) -> list[Row]:
    rows: list[Row] = []
    for name in given.only:
        module = importlib.import_module(f"bench.{name}")
        for database in given.database if SUBJECTS[name] else ("",):
            if database == "postgresql" and not has_postgresql():
                print(f"… {name} on PostgreSQL left out: there is no server here", file=sys.stderr)
                continue
            start = time.monotonic()
            rows += [(name, database, figure) for figure in module.run(database, given.size == "full")]
            print(f"… {name} {database} {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    return rows


def _judge(figure: Figure, goals: dict[str, Any], database: str) -> str:
    return judge(figure, goals[figure.goal], database) if figure.goal else ""


def _to_table(rows: list[Row], goals: dict[str, Any]) -> str:
    lines = ["| subject | figure | database | value | CPU µs | ratio | range | of | goal | |",
             "|---|---|---|---:|---:|---:|---|---|---|---|"]  # fmt: skip
    for subject, database, figure in rows:
        spread = f"{figure.spread[0]:.2f}–{figure.spread[1]:.2f}" if figure.spread else ""
        cells = [
            subject, figure.name, database, f"{figure.value:,.2f} {figure.unit}",
            f"{figure.cpu:,.0f}" if figure.cpu else "", f"{figure.ratio:.2f}" if figure.ratio is not None else "",
            spread + (" noisy" if figure.is_noisy else ""), figure.baseline,
            _say_goal(figure, goals, database), _judge(figure, goals, database),
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _say_goal(figure: Figure, goals: dict[str, Any], database: str) -> str:
    if not _judge(figure, goals, database):
        return ""
    goal = goals[figure.goal]
    most = goal.get(f"at_most_{database}", goal.get("at_most"))
    return f"{figure.goal} ≥ {goal['at_least']}" if most is None else f"{figure.goal} ≤ {most}"


def _describe(given: argparse.Namespace) -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    size = " SIZE=full" if given.size == "full" else ""
    day, load = time.strftime("%d-%b-%Y"), os.getloadavg()[0]
    return (f"`make bench{size}` on {day}: {os.cpu_count()} cores, load {load:.1f}, fsync {measure_fsync():.2f} ms, "
            f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {libraries}.")


def _to_json(rows: list[Row], goals: dict[str, Any], size: str) -> dict[str, Any]:
    return {
        "date": time.strftime("%Y-%m-%d"), "size": size, "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version, "libraries": {name: version(name) for name in LIBRARIES},
        "cores": os.cpu_count(), "load": os.getloadavg()[0], "fsync_ms": round(measure_fsync(), 3),
        "figures": [{"subject": subject, "database": database, **figure.to_json(),
                     "judged": _judge(figure, goals, database)} for subject, database, figure in rows],
    }  # fmt: skip


def _write_table(path: Path, text: str) -> None:
    page = path.read_text(encoding="utf-8")
    before, _mark, rest = page.partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    path.write_text(f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{after}", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
