"""Are faults known of anything that we build on? `make lint` asks; what could not be asked is said, never passed over.

Reads the lock files of Python (pip-audit over the package index's own data) and of Node (`npm audit`). A finding fails
unless requirements/accepted.toml names it with a reason and a last day. Where no data can be had (a machine without
that reach, an index that has none), it says NOT CHECKED and goes on; with AUDIT_REQUIRED=1 that fails as well.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PIP_AUDIT = ROOT / ".venv-audit" / "bin" / "pip-audit"
PYTHON_LOCKS = ("runtime", "test", "fhir-validator", "audit")
NODE_LOCKS = ("tests/peers", "tools/assets")
SECONDS = 180


@dataclass(frozen=True)
class Fault:
    """One known fault of one locked package."""

    package: str
    version: str
    name: str  # the identifier that accepted.toml uses
    aliases: frozenset[str] = frozenset()


@dataclass
class Answer:
    """What became of one lock file."""

    lock: str
    asked: int = 0  # packages about which something was learnt
    unknown: list[str] = field(default_factory=list)  # packages of which the index has no data
    faults: list[Fault] = field(default_factory=list)
    problem: str = ""  # why nothing was learnt


def read_pip_audit(lock: str, text: str) -> Answer:
    """pip-audit's JSON; it ends well too when it skipped every package, so the skipped are counted here."""
    try:
        rows = json.loads(text)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Answer(lock, problem="pip-audit gave no answer")
    answer = Answer(lock)
    for row in rows:
        if "skip_reason" in row:
            answer.unknown.append(str(row["name"]))
            continue
        answer.asked += 1
        answer.faults += [Fault(row["name"], row["version"], one["id"], frozenset(one.get("aliases", [])))
                          for one in row["vulns"]]
    if not answer.asked:
        answer.problem = "the package index has no data on any of its packages"
    return answer


def read_npm_audit(lock: str, text: str) -> Answer:
    """npm's JSON (`npm audit --json`, version 2 of the report)."""
    try:
        report = json.loads(text)
        counted, found = report["metadata"]["dependencies"]["total"], report["vulnerabilities"]
    except (ValueError, KeyError, TypeError):
        return Answer(lock, problem="the registry answers no audit")
    answer = Answer(lock, asked=int(counted))
    for package, row in found.items():
        named = [one for one in row["via"] if isinstance(one, dict)]  # a text names another package of the list
        answer.faults += [Fault(package, row["range"], str(one["url"]).rsplit("/", 1)[-1]) for one in named]
    return answer


def read_accepted(text: str, today: date) -> tuple[dict[str, str], list[str]]:
    """(accepted identifiers with their reasons, sentences about entries that cannot stand)."""
    accepted, wrong = {}, []
    for entry in tomllib.loads(text).get("accepted", []):
        name, reason, until = str(entry.get("id", "")), str(entry.get("reason", "")).strip(), entry.get("until")
        if not name or len(reason) < 20 or not isinstance(until, date):
            wrong.append(f"{name or 'an entry'}: give id, a reason in a sentence, and until (a date)")
        elif until < today:
            wrong.append(f"{name}: accepted until {until}; decide again")
        else:
            accepted[name] = reason
    return accepted, wrong


def judge(answers: Iterable[Answer], accepted: dict[str, str], is_required: bool) -> tuple[int, list[str]]:
    """(exit status, lines to print)."""
    status, lines = 0, []
    for answer in answers:
        if answer.problem:
            lines.append(f"{answer.lock}: NOT CHECKED, {answer.problem}.")
            status = max(status, int(is_required))
            continue
        open_faults = [one for one in answer.faults if not ({one.name} | one.aliases) & set(accepted)]
        lines += [f"{answer.lock}: {one.package} {one.version} has {one.name}: renew the lock, or accept it in "
                  "requirements/accepted.toml" for one in open_faults]
        status = 1 if open_faults else status
        lines.append(f"{answer.lock}: {answer.asked} packages asked about, {len(open_faults)} open faults, "
                     f"{len(answer.faults) - len(open_faults)} accepted.")
        if answer.unknown:
            lines.append(f"{answer.lock}: NOT CHECKED, no data on {', '.join(answer.unknown)}.")
            status = max(status, int(is_required))
    return status, lines


def _ask(command: Sequence[str], folder: Path) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def main() -> int:
    """Ask about every lock; returns the exit status."""
    accepted, wrong = read_accepted((ROOT / "requirements" / "accepted.toml").read_text(), datetime.now(UTC).date())
    python = [read_pip_audit(f"requirements/{name}.txt", _ask(
        [str(PIP_AUDIT), "--progress-spinner", "off", "--disable-pip", "--require-hashes", "--format", "json",
         "-r", f"requirements/{name}.txt"], ROOT)) for name in PYTHON_LOCKS]
    node = [read_npm_audit(f"{name}/package-lock.json", _ask(
        ["npm", "audit", "--package-lock-only", "--json"], ROOT / name)) for name in NODE_LOCKS]
    status, lines = judge([*python, *node], accepted, os.environ.get("AUDIT_REQUIRED") == "1")
    print("\n".join([f"requirements/accepted.toml: {one}" for one in wrong] + lines))
    return 1 if wrong else status


if __name__ == "__main__":
    sys.exit(main())
