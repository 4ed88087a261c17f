"""`flask verify-audit`: prove that the audit's rows are those that were sealed."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import click
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy.exc import DBAPIError

from clinic import clock
from clinic.audit import record_change
from clinic.config import get_settings
from clinic.db import write_unit
from clinic.seal.head import Head, get_heads_path, parse_head, read_heads
from clinic.seal.table import STREAMS
from clinic.seal.verification import EXPLAINED, PublicKeys, Report, Verification, list_witnesses
from clinic.signing_key import load_former_certificates, load_signing_key, name_key

SHOWN = 200  # findings printed one by one; all are counted


@click.command("verify-audit")
@click.option("--expect", multiple=True, help="A head kept from an earlier run: stream:number:hash. Repeatable.")
@click.option("--heads", "heads_file", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=None,
              help="A kept copy of audit-heads.log; besides the one of this machine.")
@click.option("--certificate", "certificates", multiple=True, help="PEM of a signing key used earlier. Repeatable.",
              type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--tail-limit", default=60, show_default=True, help="Minutes a row may wait for its seal.")
@click.option("--explain", "row_id", default=None, help="Say why the row of this id came late; needs --reason.")
@click.option("--reason", default="", help="The explanation; kept in the audit, so name nobody in it.")
@with_appcontext
def verify_audit(expect: tuple[str, ...], heads_file: Path | None, certificates: tuple[Path, ...], tail_limit: int,
                 row_id: str | None, reason: str) -> None:
    """Check every row of the audit against its seal; exit status 1 when anything was found."""
    if row_id is not None:
        _explain(row_id, reason)
    heads = _collect_heads(expect, heads_file)
    keys = _collect_keys(certificates)
    count = 0
    is_tail_old = False
    started = time.monotonic()
    rows = 0
    for stream in STREAMS:
        try:
            witnesses = list(list_witnesses(stream))
        except DBAPIError:  # which the other stream's own check says
            witnesses = []
        check = Verification(stream, keys, dict.fromkeys([*heads, *witnesses]))
        try:
            for finding in check.run():
                count += 1
                if count <= SHOWN:
                    click.echo(str(finding))
        except DBAPIError as error:
            count += 1
            click.echo(f"{stream.name}: cannot be read ({type(error.orig).__name__}: {_say_first(error)}). "
                       "Where a table is missing somebody removed it: keep this database, restore a backup elsewhere.")
            continue
        _say(check.report)
        rows += check.report.rows
        is_tail_old |= check.report.tail.age(clock.now()) > timedelta(minutes=tail_limit)
    if count > SHOWN:
        click.echo(f"… and {count - SHOWN} more.")
    seconds = max(time.monotonic() - started, 0.001)
    click.echo(f"{rows} rows in {seconds:.1f} s ({rows / seconds * 60:,.0f} a minute); {count} findings.")
    if is_tail_old:
        click.echo(f"Rows wait for their seal longer than {tail_limit} minutes: see whether the worker runs.")
    if count or is_tail_old:
        raise click.exceptions.Exit(1)


def _say(report: Report) -> None:
    tail = report.tail
    waits = f", the oldest for {_say_age(tail.age(clock.now()))}" if tail.count else ""
    click.echo(f"{report.stream}: {report.rows} rows, {report.seals} seals, {tail.count} rows not sealed yet{waits}.")
    click.echo(f"  head {report.head or 'none yet'}")
    for number in report.clock_went_back:
        click.echo(f"  note: the clock stood earlier at seal {number} than at the one before")
    for row_id in report.explained:
        click.echo(f"  note: row {row_id} came late; somebody explained it")


def _say_first(error: DBAPIError) -> str:
    return str(error.orig).splitlines()[0]


def _say_age(age: timedelta) -> str:
    return str(timedelta(seconds=int(age.total_seconds())))


def _collect_heads(expect: tuple[str, ...], heads_file: Path | None) -> list[Head]:
    found: dict[Head, None] = {}
    for text in expect:
        head = parse_head(text)
        if head is None:
            raise click.ClickException("Give --expect as verify-audit prints it: stream:number:hash.")
        found[head] = None
    own = get_heads_path(get_settings(current_app))
    for path in [heads_file, own if own.exists() else None]:
        if path is not None:
            found.update(dict.fromkeys(read_heads(path)))
    if not own.exists():
        click.echo(f"note: {own.name} is not in the state folder here; heads kept there were not compared")
    return list(found)


def _collect_keys(certificates: tuple[Path, ...]) -> PublicKeys:
    settings = get_settings(current_app)
    key = load_signing_key(settings)
    keys: dict[str, ec.EllipticCurvePublicKey] = {key.kid: key.private.public_key()}
    known = load_former_certificates(settings)
    for path in certificates:
        try:
            known.append(x509.load_pem_x509_certificate(path.read_bytes()))
        except ValueError:
            raise click.ClickException(f"{path} holds no certificate in PEM.") from None
    for certificate in known:
        public = certificate.public_key()
        if isinstance(public, ec.EllipticCurvePublicKey):
            keys[name_key(certificate)] = public
    return keys


def _explain(row_id: str, reason: str) -> None:
    if not reason.strip():
        raise click.ClickException("Say with --reason why the row came late.")
    with write_unit():
        record_change(EXPLAINED, "audit-row", row_id, detail={"reason": reason.strip()})


COMMANDS = [verify_audit]
