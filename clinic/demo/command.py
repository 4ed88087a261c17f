"""`flask --app wsgi demo …`: the demo clinic."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import AppGroup

demo = AppGroup("demo", help="The demo clinic: invented people, public sign-ins.")


@demo.command("seed")
@click.option("--applicants", default=60, show_default=True, help="How many invented people to add.")
@click.option("--seed", default=1, show_default=True, help="The same number makes the same people.")
def seed_command(applicants: int, seed: int) -> None:
    """Make the demo clinic, or add people to it."""
    from clinic.demo.seed import PASSWORD, list_sign_ins, seed_in_batches  # the whole clinic: only when it is wanted

    seed_in_batches(applicants, seed)
    click.echo(f"The demo clinic stands, with {applicants} more people. Password of every sign-in: {PASSWORD}")
    for email, role in list_sign_ins():
        click.echo(f"  {email}  {role}")


@demo.command("films")
@click.argument("case_number")
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
def films_command(case_number: str, folder: Path | None) -> None:
    """Write test films of CASE_NUMBER's person: every transfer syntax, both polarities, one without its head.

    They go to FOLDER, or to the folder of that number beside the demo's other files.
    """
    from flask import current_app
    from sqlalchemy import select

    from clinic.config import get_settings
    from clinic.db import db
    from clinic.demo.radiography import write_test_films
    from clinic.models import Case

    case = db.session.execute(select(Case).where(Case.number == case_number)).scalars().first()
    if case is None:
        raise click.ClickException("There is no case of that number.")
    for path in write_test_films(case, folder or get_settings(current_app).var_dir / "demo" / "films" / case.number):
        click.echo(str(path))


COMMANDS = [demo]
