"""Decisions a second on one core, over the golden cases of every programme, from JSON bytes to answer."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from bench.measure import Figure, rate
from clinic.rules.decision import decide
from clinic.rules.line import answer_line
from clinic.rules.vaccine import forget_due

CASES = Path(__file__).resolve().parent.parent / "tests" / "golden" / "cases"


def list_facts() -> list[dict[str, Any]]:
    """The facts of every golden case but the IGRA readings, which are no decisions."""
    return [
        json.loads(line)["facts"]
        for path in sorted(CASES.glob("*.jsonl")) if path.stem != "igra"
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def measure(rows: list[dict[str, Any]], rounds: int, seconds: float) -> float:
    """Facts decided a second, warm: the median of `rounds` rounds."""
    lines = [json.dumps(row).encode() for row in rows]

    def work() -> None:
        forget_due()  # real people are not born on the same days over and over
        for line in lines:
            answer_line(line, decide)

    work()
    return statistics.median(rate(work, seconds) for _ in range(rounds)) * len(lines)


def run(_database: str = "sqlite", _full: bool = False, rounds: int = 5, seconds: float = 0.6) -> list[Figure]:
    """Decisions a second: all cases, those with nothing unknown, those with something unknown."""
    facts = list_facts()
    groups = {
        "all golden cases": facts,
        "nothing unknown": [row for row in facts if not row["unknown"]],
        "something unknown": [row for row in facts if row["unknown"]],
    }
    return [Figure(name, measure(rows, rounds, seconds), "/s") for name, rows in groups.items()]


def main() -> None:
    """Print the figures."""
    for figure in run():
        print(f"{figure.name:<20} {figure.value:>10,.0f} {figure.unit}")


if __name__ == "__main__":
    main()
