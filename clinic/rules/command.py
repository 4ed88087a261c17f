"""The commands of the rule engine; they need neither database nor settings."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from clinic.rules.check import check_programmes
from clinic.rules.line import decide_lines, interpret_igra_lines
from clinic.rules.programme import PROGRAMMES


@click.command("decide")
def decide_command() -> None:
    """Read facts as JSON lines, write one decision a line; exit 1 if a line was not valid facts."""
    sys.exit(decide_lines(sys.stdin.buffer, sys.stdout))


@click.command("interpret-igra")
def interpret_igra_command() -> None:
    """Read quantitative IGRA values as JSON lines, write one interpretation a line."""
    sys.exit(interpret_igra_lines(sys.stdin.buffer, sys.stdout))


@click.command("check-programmes")
@click.argument("folder", required=False)
def check_programmes_command(folder: str | None) -> None:
    """Check every rule, form and task file of the programmes; exit 1 and name file and line of whatever is wrong."""
    # The readers of forms and of tasks know more than the engine, which itself never needs them.
    from clinic.questionnaire import check_forms
    from clinic.task_check import check_task_names

    problems = check_programmes(folder) + check_task_names(Path(folder) if folder else PROGRAMMES)
    faults = [f"{problem.file}:{problem.line}: {problem.message}" for problem in sorted(problems)]
    if folder is None:
        faults += check_forms()
    for fault in faults:
        click.echo(fault)
    if faults:
        sys.exit(1)
    click.echo("Every rule, form and task file is in order.")


COMMANDS = [decide_command, interpret_igra_command, check_programmes_command]
