"""Commands about the installation itself: its database, sites and staff."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask.cli import AppGroup, with_appcontext

from clinic import migration
from clinic.db import write_unit
from clinic.errors import ClearwayError, InvalidInput
from clinic.rules.programme import list_programmes
from clinic.schemas.door import load
from clinic.schemas.site import SiteIn
from clinic.services import double, staff
from clinic.services.recovery import issue_recovery, reset_second_factor
from clinic.services.site import add_site
from clinic.web.field_error import list_errors

site = AppGroup("site", help="The organisation's clinics.")
user = AppGroup("user", help="Staff accounts.")


@click.command("migrate")
@with_appcontext
def migrate() -> None:
    """Create the database or bring it to the present version."""
    migration.upgrade()
    click.echo(f"The database stands at revision {migration.current_revision()}.")


@site.command("add")
@click.argument("code")
@click.option("--name", required=True)
@click.option("--city", required=True)
@click.option("--country", required=True, help="ISO 3166-1 alpha-3: the place of examination.")
@click.option("--time-zone", required=True, help="IANA name, for example Africa/Nairobi.")
@click.option("--programme", "programmes", multiple=True, help="One it offers; may be given several times. None: all.")
def site_add(code: str, name: str, city: str, country: str, time_zone: str, programmes: tuple[str, ...]) -> None:
    """Add a clinic; CODE begins every number it gives."""
    with _saying_what_is_wrong(), write_unit():
        add_site(load(SiteIn(), {"code": code, "name": name, "city": city, "country": country, "time_zone": time_zone,
                                 "programmes": list(programmes or list_programmes())}))
    click.echo(f"Site {code.upper()} added.")


@user.command("add")
@click.argument("email")
@click.option("--name", required=True)
@click.option("--role", "roles", multiple=True, required=True, help="May be given several times.")
@click.option("--site", "site_code", required=True)
@click.option("--authorise", multiple=True, help="Programme a physician may sign for; may be given several times.")
@click.option("--licence", default=None, help="The physician's or radiologist's licence number.")
@click.password_option(help="Asked for when not given.")
def user_add(email: str, name: str, roles: tuple[str, ...], site_code: str, authorise: tuple[str, ...],
             licence: str | None, password: str) -> None:
    """Add a member of staff."""
    with _saying_what_is_wrong(), write_unit():
        staff.add_user(email, name, password, roles, site_code.upper(), authorise, licence)
    click.echo(f"{email} may sign in.")


@user.command("disable")
@click.argument("email")
def user_disable(email: str) -> None:
    """Close an account and all its sessions; what it recorded stays."""
    with _saying_what_is_wrong(), write_unit():
        staff.disable_user(email)
    click.echo(f"{email} may not sign in any more.")


@user.command("reset-mfa")
@click.argument("email")
def user_reset_mfa(email: str) -> None:
    """Take back a lost second factor; the person sets up a new one at the next sign-in."""
    with _saying_what_is_wrong(), write_unit():
        reset_second_factor(staff.get_user(email), None)
    click.echo(f"{email} sets up a new second factor at the next sign-in.")


@user.command("reset-password")
@click.argument("email")
def user_reset_password(email: str) -> None:
    """Print a code by which the person sets a new password: once, within half an hour."""
    with _saying_what_is_wrong(), write_unit():
        code = issue_recovery(staff.get_user(email), None)
    click.echo(f"Code: {code}\nThe person opens /sign-in/new-password within 30 minutes and types it there.")


@click.command("rebuild-keys")
@with_appcontext
def rebuild_keys() -> None:
    """Make anew the short keys by which likely doubles are found; needed after the rules of names changed."""
    done, last = 0, ""
    while True:
        with write_unit():
            last, count = double.rewrite_keys(last)
        if not count:
            break
        done += count
    click.echo(f"Keys of {done} records made anew.")


@contextmanager
def _saying_what_is_wrong() -> Iterator[None]:
    try:
        yield
    except InvalidInput as error:
        lines = [f"{field}: {sentence}" if field else sentence for field, sentence in list_errors(error.fields)]
        raise click.ClickException("\n".join(lines) or error.message) from None
    except ClearwayError as error:
        raise click.ClickException(error.message) from None


COMMANDS = [migrate, rebuild_keys, site, user]
