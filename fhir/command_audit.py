"""`flask export-audit`: the audit as FHIR AuditEvents, one a line."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, time, timedelta
from typing import BinaryIO

import click
from flask.cli import with_appcontext

from clinic.db import read_unit
from clinic.queries.audit_trail import ROWS_AT_ONCE, list_everything
from fhir.audit_export import to_events
from fhir.encoder import encode

DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.command("export-audit")
@click.option("--from", "first", type=DAY, default=None, help="First day (UTC), like 2026-03-01.")
@click.option("--to", "last", type=DAY, default=None, help="Last day (UTC).")
@click.option("--output", type=click.File("wb", atomic=True), default="-", help="A file; otherwise the screen.")
@with_appcontext
def export_audit(first: datetime | None, last: datetime | None, output: BinaryIO) -> None:
    """Write every read and change within the days as NDJSON, the oldest of each first."""
    begin = datetime.combine(first, time.min, UTC) if first else None
    end = datetime.combine(last, time.min, UTC) + timedelta(days=1) if last else None
    count = 0
    with read_unit():
        rows = list_everything(begin, end)
        while page := list(itertools.islice(rows, ROWS_AT_ONCE)):
            for event in to_events(page):
                output.write(encode(event) + b"\n")
            count += len(page)
    click.echo(f"{count} events written.", err=True)


COMMANDS = [export_audit]
