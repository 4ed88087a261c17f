"""Decisions a second on one core, over the golden cases of every programme."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from clinic.rules.decision import decide
from clinic.rules.line import answer_line

CASES = Path(__file__).resolve().parent.parent / "tests" / "golden" / "cases"
ROUNDS = 40


def list_facts() -> list[dict[str, Any]]:
    """The facts of every golden case but the IGRA readings, which are no decisions."""
    return [
        json.loads(line)["facts"]
        for path in sorted(CASES.glob("*.jsonl")) if path.stem != "igra"
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def measure(lines: list[bytes], rounds: int = ROUNDS) -> float:
    """Lines decided a second, from bytes to answer, warm."""
    for line in lines:
        answer_line(line, decide)
    started = time.perf_counter()
    for _ in range(rounds):
        for line in lines:
            answer_line(line, decide)
    return rounds * len(lines) / (time.perf_counter() - started)


def run(rounds: int = ROUNDS) -> dict[str, float]:
    """Decisions a second: all cases, those with nothing unknown, those with one or more unknown."""
    facts = list_facts()
    groups = {
        "decisions_per_second": facts,
        "decisions_per_second_all_known": [row for row in facts if not row["unknown"]],
        "decisions_per_second_with_unknowns": [row for row in facts if row["unknown"]],
    }
    return {
        name: round(measure([json.dumps(row).encode() for row in rows], rounds), 1) for name, rows in groups.items()
    }


def main() -> None:
    """Print the figures."""
    for name, value in run().items():
        print(f"{name:40} {value:>10,.0f}")


if __name__ == "__main__":
    main()
