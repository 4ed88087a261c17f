"""Commands about receiving authorities and the machine clients by which they read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from flask.cli import with_appcontext

from clinic.db import read_unit, write_unit
from clinic.errors import ClearwayError
from clinic.services.authority import (
    DEFAULT_SCOPES,
    add_authority,
    add_client,
    list_authorities,
    revoke_client,
)
from fhir.scope import is_scope

PROGRAMMES = ("us", "ca", "au", "nz", "uk")


@click.group("authority")
def authority() -> None:
    """Receiving authorities and their machine clients."""


@authority.command("add")
@click.argument("short_name")
@click.option("--programme", type=click.Choice(PROGRAMMES), help="Default: the short name.")
@click.option("--name", required=True, help="As people call it.")
@click.option("--channel", default="fhir_document", show_default=True, help="How exams are sent to it.")
@click.option("--endpoint", required=True, help="Where they are sent to.")
@with_appcontext
def add(short_name: str, programme: str | None, name: str, channel: str, endpoint: str) -> None:
    """Register an authority under SHORT_NAME, for example us."""
    if programme is None and short_name not in PROGRAMMES:
        raise click.UsageError(f"Say which programme it receives: --programme {'|'.join(PROGRAMMES)}.")
    with _plain_errors(), write_unit():
        add_authority(short_name, programme or short_name, name, channel, endpoint)
    click.echo(f"Authority {short_name} is registered.")


@authority.command("list")
@with_appcontext
def list_all() -> None:
    """Show every authority with its clients."""
    with read_unit():
        for found in list_authorities():
            held = "  (deliveries held)" if found.held else ""
            click.echo(f"{found.id}  {found.name}  {found.channel} {found.endpoint}{held}")
            for client in found.clients:
                state = "active" if client.active else "revoked"
                click.echo(f"    {client.id}  {state}  {client.scopes}")


@authority.command("add-client")
@click.argument("name")
@click.option(
    "--jwks", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True,
    help="Its public keys, a JWK Set.",
)  # fmt: skip
@click.option("--scopes", default=DEFAULT_SCOPES, show_default=True, help="The most it may ask for.")
@click.option("--client-id", help="Default: made from the authority's short name.")
@with_appcontext
def add_one_client(name: str, jwks: Path, scopes: str, client_id: str | None) -> None:
    """Register a machine client of the authority NAME (its short name) and print its client_id."""
    wrong = [scope for scope in scopes.split() if not is_scope(scope)]
    if wrong or not scopes.split():
        raise click.UsageError(f"Write scopes like system/*.rs or system/Observation.rs, not {' '.join(wrong)!r}.")
    with _plain_errors(), write_unit():
        registered = add_client(name, jwks.read_text(), scopes=" ".join(scopes.split()), client_id=client_id).id
    click.echo(registered)


@authority.command("revoke-client")
@click.argument("client_id")
@with_appcontext
def revoke(client_id: str) -> None:
    """Let a client in no more; its tokens end at once."""
    with _plain_errors(), write_unit():
        revoke_client(client_id)
    click.echo(f"Client {client_id} is revoked.")


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Show a foreseen error as one sentence instead of a traceback."""
    try:
        yield
    except ClearwayError as error:
        raise click.ClickException(error.message) from error


COMMANDS = [authority]
