"""Commands about receiving authorities and the machine clients by which they read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import click
from flask.cli import with_appcontext

from clinic.db import read_unit, write_unit
from clinic.errors import ClearwayError, InvalidInput
from clinic.key_set import list_key_names
from clinic.models import AuthorityClient
from clinic.services.authority import add_authority, ensure_usable, list_authorities
from clinic.services.authority_client import (
    DEFAULT_SCOPES,
    Keys,
    add_client,
    is_served,
    list_ending,
    replace_keys,
    restore_client,
    revoke_client,
    set_client_end,
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
        ensure_usable(channel, endpoint)
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
                click.echo(f"    {client.id}  {describe_standing(client)}  {client.scopes}  {describe_keys(client)}")
        for client, what, days in list_ending():
            when = f"ends in {days} days" if days >= 0 else "has ended"
            click.echo(f"Warning: {'the client' if what == 'client' else 'the key set of'} {client.id} {when}.")


def describe_standing(client: AuthorityClient) -> str:
    """Whether a client is let in, and until when."""
    if not client.active:
        return "revoked"
    if not is_served(client):
        return f"ended on {client.expires_on}"
    return f"active until {client.expires_on}" if client.expires_on else "active"


def describe_keys(client: AuthorityClient) -> str:
    """Where a client's keys come from, by name, and until when they are accepted."""
    if client.jwks_url:
        return f"keys at {client.jwks_url}"
    until = f" until {client.keys_expire_on}" if client.keys_expire_on else ""
    return f"keys {', '.join(list_key_names(client.jwks or ''))}{until}"


KEY_OPTIONS = (
    click.option("--jwks", type=click.Path(exists=True, dir_okay=False, path_type=Path),
                 help="A file with its public keys, a JWK Set."),
    click.option("--jwks-url", help="Or the address where it publishes them (https)."),
    click.option("--keys-until", type=click.DateTime(["%Y-%m-%d"]), help="Last day on which stored keys are accepted."),
)


def key_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options by which a client's keys are given."""
    for option in reversed(KEY_OPTIONS):
        command = option(command)
    return command


@authority.command("add-client")
@click.argument("name")
@key_options
@click.option("--scopes", default=DEFAULT_SCOPES, show_default=True, help="The most it may ask for.")
@click.option("--client-id", help="Default: made from the authority's short name.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Last day on which the client is served.")
@with_appcontext
def add_one_client(
    name: str, jwks: Path | None, jwks_url: str | None, keys_until: datetime | None, scopes: str,
    client_id: str | None, until: datetime | None,
) -> None:  # fmt: skip
    """Register a machine client of the authority NAME (its short name) and print its client_id."""
    wrong = [scope for scope in scopes.split() if not is_scope(scope)]
    if wrong or not scopes.split():
        raise click.UsageError(f"Write scopes like system/*.rs or system/Observation.rs, not {' '.join(wrong)!r}.")
    with _plain_errors(), write_unit():
        registered = add_client(
            name, _read(jwks), scopes=" ".join(scopes.split()), client_id=client_id, jwks_url=jwks_url,
            expires_on=_to_day(until), keys_expire_on=_to_day(keys_until),
        ).id  # fmt: skip
    click.echo(registered)


@authority.command("replace-keys")
@click.argument("client_id")
@key_options
@with_appcontext
def replace(client_id: str, jwks: Path | None, jwks_url: str | None, keys_until: datetime | None) -> None:
    """Put other keys in place of a client's; assertions by the old ones are refused from now on."""
    with _plain_errors(), write_unit():
        replace_keys(client_id, Keys(_read(jwks), jwks_url), _to_day(keys_until))
    click.echo(f"Client {client_id} has new keys.")


@authority.command("end-client")
@click.argument("client_id")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Last day on which it is served; without: no end.")
@with_appcontext
def end(client_id: str, until: datetime | None) -> None:
    """Say until when a client is served."""
    with _plain_errors(), write_unit():
        set_client_end(client_id, _to_day(until))
    click.echo(f"Client {client_id} is served {f'until {_to_day(until)}' if until else 'without end'}.")


@authority.command("revoke-client")
@click.argument("client_id")
@with_appcontext
def revoke(client_id: str) -> None:
    """Let a client in no more; its tokens end at once."""
    with _plain_errors(), write_unit():
        revoke_client(client_id)
    click.echo(f"Client {client_id} is revoked.")


@authority.command("restore-client")
@click.argument("client_id")
@with_appcontext
def restore(client_id: str) -> None:
    """Let a revoked client in again."""
    with _plain_errors(), write_unit():
        restore_client(client_id)
    click.echo(f"Client {client_id} is let in again.")


def _read(path: Path | None) -> str | None:
    return path.read_text() if path else None


def _to_day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Show a foreseen error as one sentence instead of a traceback."""
    try:
        yield
    except InvalidInput as error:
        lines = [f"{field}: {sentence}" for field, sentences in error.fields.items() for sentence in sentences]
        raise click.ClickException("\n".join(lines) or error.message) from error
    except ClearwayError as error:
        raise click.ClickException(error.message) from error


COMMANDS = [authority]
