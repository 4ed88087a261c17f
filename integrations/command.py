"""Commands about what leaves the house."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask import current_app
from flask.cli import with_appcontext

from clinic.db import write_unit
from clinic.errors import ClearwayError
from clinic.services.submission import retry_delivery
from integrations.dispatcher import Dispatcher, run_once
from integrations.inbound.listener import run_listener
from integrations.worker import run_worker


@click.command("worker")
@with_appcontext
def worker() -> None:
    """Deliver what waits, sweep, show a heartbeat, until the process is asked to end."""
    with _saying_what_is_wrong():
        run_worker(current_app._get_current_object())  # type: ignore[attr-defined]


@click.group("deliver", invoke_without_command=True)
@click.option("--once", is_flag=True, help="Attempt everything that is due now, then end.")
@click.pass_context
@with_appcontext
def deliver(context: click.Context, once: bool) -> None:
    """Deliver signed exams to authorities by hand."""
    if once:
        click.echo(f"{run_once(Dispatcher())} attempted.")
    elif context.invoked_subcommand is None:
        click.echo(context.get_help())


@deliver.command("retry")
@click.argument("delivery_id")
@click.option("--reason", default="asked for by command", show_default=True,
              help="Why it is sent again; kept in its history.")
@with_appcontext
def retry(delivery_id: str, reason: str) -> None:
    """Make one delivery due now."""
    with _saying_what_is_wrong(), write_unit():
        delivery = retry_delivery(delivery_id, reason)
        state = delivery.state.value
    click.echo(f"Delivery {delivery_id} is {state} and will be attempted by the worker.")


@click.group("listen")
def listen() -> None:
    """Take what others send."""


@listen.command("mllp")
@with_appcontext
def listen_mllp() -> None:
    """Listen for HL7 v2 over MLLP on CLEARWAY_MLLP_PORT until the process is asked to end."""
    with _saying_what_is_wrong():
        run_listener(current_app._get_current_object())  # type: ignore[attr-defined]


@contextmanager
def _saying_what_is_wrong() -> Iterator[None]:
    """One sentence instead of the sixty lines of where it came up."""
    try:
        yield
    except ClearwayError as error:
        raise click.ClickException(error.message) from None


COMMANDS = [worker, deliver, listen]
