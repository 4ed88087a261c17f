"""The commands of the rule engine; they need neither database nor settings."""

from __future__ import annotations

import sys

import click

from clinic.rules.check import check_programmes
from clinic.rules.line import decide_lines, interpret_igra_lines


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
    """Check every rule and form file of the programmes; exit 1 and name file and line of whatever is wrong."""
    faults = [f"{problem.file}:{problem.line}: {problem.message}" for problem in check_programmes(folder)]
    if folder is None:
        from clinic.questionnaire import check_forms  # the forms' own reader; the engine itself never needs it

        faults += check_forms()
    for fault in faults:
        click.echo(fault)
    if faults:
        sys.exit(1)
    click.echo("Every rule and form file is in order.")


COMMANDS = [decide_command, interpret_igra_command, check_programmes_command]
