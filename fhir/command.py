"""Commands about the record of resources."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from clinic.db import read_unit, write_unit
from fhir.projection import append_missing, list_differences
from fhir.release import reindex


@click.command("rebuild-fhir")
@click.option("--check", is_flag=True, help="Compare only; exit status 1 if anything differs.")
@with_appcontext
def rebuild_fhir(check: bool) -> None:
    """Make the stored resources equal to what the rows say, or prove that they are."""
    if check:
        with read_unit() as session:
            found = list(list_differences(session))
        for difference in found:
            click.echo(f"{difference.what}: {difference.kind}/{difference.id}")
        click.echo(f"{len(found)} differences." if found else "The store equals the rows.")
        if found:
            raise click.exceptions.Exit(1)
        return
    with write_unit() as session:
        appended = append_missing(session)
    click.echo(f"{appended} versions appended.")


@click.command("reindex-released")
@with_appcontext
def reindex_released() -> None:
    """Write the search values of what authorities read anew, after an update that searches for more."""
    with write_unit() as session:
        count = reindex(session)
    click.echo(f"{count} resources indexed.")


COMMANDS = [rebuild_fhir, reindex_released]
