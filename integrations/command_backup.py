"""Commands of the operator: backup, restore, and whether the store still holds what the rows name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext

from clinic.backup import SEALED, make_backup
from clinic.config import PREFIX, get_settings
from clinic.db import read_unit
from clinic.errors import ClearwayError
from clinic.file_check import check_files, list_unnamed
from clinic.file_store import open_store
from clinic.restoration import restore
from fhir.projection import list_differences

PASSPHRASE = PREFIX + "BACKUP_PASSPHRASE"  # read here alone: no process that runs all day knows it


@click.command("backup")
@click.argument("folder", type=click.Path(path_type=Path))
@with_appcontext
def backup(folder: Path) -> None:
    """Copy database, files and keys into FOLDER while everything runs; keys need CLEARWAY_BACKUP_PASSPHRASE."""
    with _saying_what_is_wrong():
        manifest = make_backup(folder, get_settings(current_app), os.environ.get(PASSPHRASE, ""))
    size = sum(part.size for part in manifest.parts.values())
    click.echo(f"Backup of {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC: revision {manifest.revision}, "
               f"{len(manifest.parts)} files, {size / 1e6:.1f} MB in {folder}.")
    if manifest.keys == SEALED:
        click.echo("The keys are in it, sealed under the passphrase. Keep the passphrase elsewhere.")
    else:
        click.echo(f"The keys are NOT in it: set {PASSPHRASE}, or keep a copy of signing.pem and secret_key elsewhere.")
    for sha256 in manifest.damaged:
        click.echo(f"Damaged in the store, so not in the backup: {sha256}. Run: flask --app wsgi check-files.")
    if manifest.damaged:
        raise click.exceptions.Exit(1)


@click.command("restore")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@with_appcontext
def restore_command(folder: Path) -> None:
    """Put the backup in FOLDER into this empty installation; stop every process of it before."""
    settings = get_settings(current_app)
    with _saying_what_is_wrong():
        manifest, advice = restore(folder, settings, os.environ.get(PASSPHRASE, ""))
    click.echo(f"Restored the backup of {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC.")
    with read_unit() as session:
        wrong = [f"{one.what}: {one.subject}" for one in check_files(session, open_store(settings))]
        unlike = [f"{one.what}: {one.kind}/{one.id}" for one in list_differences(session)]
    wrong += unlike
    click.echo("\n".join(wrong) if wrong else "Files, signed documents and FHIR resources are what the rows say.")
    click.echo("What is left to do:")
    if unlike:
        click.echo(f"- {len(unlike)} FHIR resources are not what the rows say. Where this version is newer than the "
                   "one that the backup was made with, that is expected: flask --app wsgi rebuild-fhir appends what is "
                   "missing, and rebuild-fhir --check must then find nothing.")
    for sentence in advice:
        click.echo(f"- {sentence}")
    if wrong:
        raise click.exceptions.Exit(1)


@click.command("check-files")
@click.option("--set-aside", is_flag=True, help="Move damaged files to the store's folder `damaged`.")
@with_appcontext
def check_files_command(set_aside: bool) -> None:
    """Compare the store and the signed documents with the rows; exit status 1 if anything is missing or damaged."""
    store = open_store(get_settings(current_app))
    with read_unit() as session:
        found = list(check_files(session, store))
        unnamed = list_unnamed(session, store)
    for finding in found:
        click.echo(f"{finding.what}: {finding.subject}")
    if set_aside:
        for sha256 in list(store.list_hashes()):
            store.set_aside(sha256)  # only what is no longer what its name says
    unfinished = store.list_unfinished()
    if unnamed or unfinished:
        click.echo(f"{len(unnamed)} files that no row names and {len(unfinished)} unfinished ones; they harm nobody.")
    if found:
        click.echo("Send the films, photos and reports again, or take the files from a backup: "
                   "the same bytes take their place.")
        raise click.exceptions.Exit(1)
    click.echo("Every file that a row names is in the store, whole; every signed document is what was signed.")


@contextmanager
def _saying_what_is_wrong() -> Iterator[None]:
    try:
        yield
    except ClearwayError as error:
        raise click.ClickException(error.message) from None


# The names that interfaces.md promised to scripts; the same commands.
ALIASES = [click.Command(name, params=command.params, callback=command.callback, help=command.help, hidden=True)
           for name, command in (("export-store", backup), ("import-store", restore_command))]
COMMANDS = [backup, restore_command, check_files_command, *ALIASES]
