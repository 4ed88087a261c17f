"""Commands about the installation itself."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from clinic import migration


@click.command("migrate")
@with_appcontext
def migrate() -> None:
    """Create the database or bring it to the present version."""
    migration.upgrade()
    click.echo(f"The database stands at revision {migration.current_revision()}.")


COMMANDS = [migrate]
