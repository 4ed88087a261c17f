"""`flask --app wsgi doctor`: is this installation sound?"""

from __future__ import annotations

import json
import sys

import click
from flask import current_app
from flask.cli import with_appcontext

from clinic.doctor.examination import examine
from clinic.doctor.finding import Finding, Verdict

MARKS = {Verdict.GOOD: "good   ", Verdict.WARNING: "warning", Verdict.WRONG: "WRONG  "}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
@with_appcontext
def doctor(as_json: bool) -> None:
    """Look at configuration, database, disk, clocks, certificates and queues; exit 1 if anything is wrong."""
    found = examine(current_app._get_current_object())  # type: ignore[attr-defined]
    click.echo(json.dumps(_to_json(found), indent=1) if as_json else "\n".join(_to_lines(found)))
    if any(one.verdict is Verdict.WRONG for one in found):
        sys.exit(1)


def _to_json(found: list[Finding]) -> dict[str, object]:
    worst = max(found, key=lambda one: list(Verdict).index(one.verdict)).verdict if found else Verdict.GOOD
    return {"verdict": worst.value, "findings": [
        {"verdict": one.verdict.value, "subject": one.subject, "words": one.words, "todo": one.todo} for one in found]}


def _to_lines(found: list[Finding]) -> list[str]:
    lines: list[str] = []
    for one in found:
        lines.append(f"{MARKS[one.verdict]}  {one.subject}: {one.words}")
        if one.todo:
            lines.append(f"         → {one.todo}")
    counts = {verdict: sum(one.verdict is verdict for one in found) for verdict in Verdict}
    lines.append(", ".join(f"{count} {verdict.value}" for verdict, count in counts.items()))
    return lines


COMMANDS = [doctor]
