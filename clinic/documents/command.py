"""The command about printed documents: `verify-pdf`."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy.exc import SQLAlchemyError

from clinic.config import get_settings
from clinic.db import read_unit
from clinic.documents.pdf_check import SignatureBroken, check_pdf
from clinic.queries.verification import find_standing_of_file
from clinic.signing_key import load_former_certificates, load_signing_key


@click.command("verify-pdf")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_appcontext
def verify_pdf(file: Path) -> None:
    """Say whether FILE is a PDF that this installation signed, unchanged; exit 1 when it is not."""
    settings, content = get_settings(current_app), file.read_bytes()
    try:
        found = check_pdf(content, [load_signing_key(settings).certificate, *load_former_certificates(settings)])
    except SignatureBroken as broken:
        raise click.ClickException(broken.message) from None
    click.echo(f"Valid. Signed with the certificate “{found.certificate}” for {found.physician}, "
               f"{found.signed_at:%d-%b-%Y %H:%M %Z}.\n{found.reason}.")
    click.echo(_describe_standing(content))


def _describe_standing(content: bytes) -> str:
    try:
        with read_unit():
            known = find_standing_of_file(hashlib.sha256(content).hexdigest())
    except SQLAlchemyError:
        return "The database could not be asked how the exam stands today."
    if known is None:
        return "This database does not know the file, so it cannot tell how the exam stands today."
    exam_id, version, standing = known
    return f"Exam {exam_id}, version {version}, stands today as: {standing.value}."


COMMANDS = (verify_pdf,)
