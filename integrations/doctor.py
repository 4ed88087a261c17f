"""What the doctor looks at in sending and receiving: destinations, laboratories, lines in the clear, MLLP's files."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from sqlalchemy import select

from clinic import clock
from clinic.config import PREFIX, Settings
from clinic.db import db
from clinic.doctor.configuration import is_listening
from clinic.doctor.finding import Finding, good, needs_database, warning, wrong
from clinic.models import Authority, Laboratory
from integrations.line_test import judge_address, judge_laboratory_address
from integrations.registry import list_names


@needs_database
def check_destinations(settings: Settings) -> Iterator[Finding]:
    """Every destination has a known way of sending and an address that can be one, encrypted outside the demo."""
    known, bad = list_names("authorities"), False
    rows = db.session.execute(select(Authority.id, Authority.channel, Authority.endpoint).order_by(Authority.id))
    for authority_id, channel, endpoint in rows:
        if channel not in known:
            bad = True
            yield wrong("destinations", f"Destination {authority_id} has a way of sending that we do not know.",
                        f"Choose one of {', '.join(known)} (Administration, Destinations).")
        elif endpoint.startswith("http://") and not settings.demo:
            bad = True
            yield wrong("destinations", f"Exams for {authority_id} would leave unencrypted.",
                        "Give an address that begins with https:// (Administration, Destinations).")
        elif problem := judge_address(channel, endpoint):
            bad = True
            yield wrong("destinations", f"The address of destination {authority_id} cannot be one.",
                        f"{problem} (Administration, Destinations)")
        elif urlsplit(endpoint).scheme == "mllp" and not settings.demo:
            bad = True
            yield warning("destinations", f"Exams for {authority_id} leave by plain MLLP.",
                          "Use mllps://, or see that the line runs inside a private network between the two of you.")
    if not bad:
        yield good("destinations", "Every destination can be sent to over a line as it should be.")


@needs_database
def check_laboratories(settings: Settings) -> Iterator[Finding]:
    """Every partner laboratory can reach us as it is registered, and gets its orders over a line as it should be."""
    bad = False
    rows = db.session.execute(select(
        Laboratory.id, Laboratory.endpoint, Laboratory.fingerprint, Laboratory.plain_allowed,
    ).where(Laboratory.active.is_(True)).order_by(Laboratory.id))
    for laboratory_id, endpoint, fingerprint, plain_allowed in rows:
        place = "Administration, Laboratories"
        if fingerprint and not settings.mllp_tls_port:
            bad = True
            yield wrong("laboratories", f"Laboratory {laboratory_id} is to send over TLS, and no such line is offered.",
                        f"Set {PREFIX}MLLP_TLS_PORT, or take its certificate out ({place}).")
        if plain_allowed and not settings.demo:
            bad = True
            yield warning("laboratories", f"Laboratory {laboratory_id} may send unencrypted from another machine.",
                          f"Register its certificate ({place}), or see that the line runs inside a private network.")
        if problem := endpoint and judge_laboratory_address(endpoint):
            bad = True
            yield wrong("laboratories", f"The address of laboratory {laboratory_id} cannot be one.",
                        f"{problem} ({place})")
        elif urlsplit(endpoint).scheme == "mllp" and not settings.demo:
            bad = True
            yield warning("laboratories", f"Orders for laboratory {laboratory_id} leave by plain MLLP.",
                          "Use mllps://, or see that the line runs inside a private network between the two of you.")
    if not bad:
        yield good("laboratories", "Every laboratory's lines are as they should be.")


def check_mllp(settings: Settings) -> Iterator[Finding]:
    """The listener's reach, and the files for encrypted lines."""
    if settings.mllp_host not in ("127.0.0.1", "::1", "localhost"):
        yield warning("mllp", "The HL7 listener takes unencrypted lines from other machines.",
                      f"Let {PREFIX}MLLP_HOST stand only inside a protected network, or behind a TLS proxy.")
    if is_listening(settings.mllp_port):
        yield good("mllp", f"Somebody listens on port {settings.mllp_port}.")
    else:
        yield warning("mllp", f"Nothing listens on port {settings.mllp_port}.",
                      "Start it, if messages should come in: flask --app wsgi listen mllp")
    if settings.mllp_tls_port and not is_listening(settings.mllp_tls_port):
        yield warning("mllp", f"Nothing listens for encrypted lines on port {settings.mllp_tls_port}.",
                      f"Start the listener again; it needs {PREFIX}MLLP_CERTIFICATE and {PREFIX}MLLP_AUTHORITIES.")
    if settings.mllp_authorities:
        yield _check_trust(Path(settings.mllp_authorities))
    if settings.mllp_certificate:
        yield _check_certificate(Path(settings.mllp_certificate))


def _check_trust(path: Path) -> Finding:
    try:
        ssl.create_default_context(cafile=str(path))
    except (OSError, ssl.SSLError):
        return wrong("mllp", "The certificates of the authorities we trust cannot be read.",
                     f"Correct {PREFIX}MLLP_AUTHORITIES: a PEM file.")
    return good("mllp", "The certificates of the authorities we trust can be read.")


def _check_certificate(path: Path) -> Finding:
    todo = f"Correct {PREFIX}MLLP_CERTIFICATE: one PEM with the certificate and its key."
    try:
        ssl.create_default_context().load_cert_chain(str(path))
        end = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    except (OSError, ValueError, ssl.SSLError):
        return wrong("mllp", "Our certificate for encrypted lines cannot be read, or its key does not fit.", todo)
    if end <= clock.now():
        return wrong("mllp", "Our certificate for encrypted lines has ended.", todo)
    return good("mllp", "Our certificate for encrypted lines is in time.")


CHECKS = (check_destinations, check_laboratories, check_mllp)
