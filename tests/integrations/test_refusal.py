"""The log names whoever is refused, why, and what to do; once, however often they repeat it."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from flask import Flask

from clinic.config import ROOT, get_settings
from integrations.hl7.frame import wrap
from integrations.inbound.listener import listening
from integrations.inbound.refusal import AGAIN_SECONDS, Refusals
from tests.integrations.certificate import CertificateFiles, make_authority_and_leaves
from tests.integrations.test_laboratory_intake import (
    ORU,
    certificates,
    converse,
    laboratory_id,
    read_fingerprint,
    secured,
    set_laboratory,
    show,
)

__all__ = ["certificates", "laboratory_id"]


def list_refusals(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.name == "integrations.inbound.refusal"]


def test_refused_message_is_named_in_the_log(
    app: Flask, laboratory_id: str, certificates: CertificateFiles, caplog: pytest.LogCaptureFixture
) -> None:
    """A laboratory that was refused for days left no trace at the clinic."""
    with listening(app) as port:
        converse(port, wrap(ORU.replace("CENTRALLAB", "OTHERLAB").encode()))
        converse(port, wrap(ORU.replace("ORU^R01", "ADT^A01").encode()))
    set_laboratory(laboratory_id, fingerprint="ab" * 32)
    with listening(app) as port:
        converse(port, wrap(ORU.encode()))
        converse(port, wrap(ORU.encode()))
    with secured(app, certificates) as port:
        converse(port, wrap(ORU.encode()), context=show(certificates, certificates.client))
    stranger, kind, clear, other = list_refusals(caplog)
    assert "127.0.0.1:" in stranger and "'OTHERLAB|" in stranger and "register it (Administration" in stranger
    assert laboratory_id in kind and "types are taken" in kind
    assert laboratory_id in clear and "Without encryption" in clear
    assert laboratory_id in other and read_fingerprint(certificates.client) in other and "has renewed it" in other


def test_line_over_tls_that_is_not_opened_is_named_in_the_log(
    app: Flask, laboratory_id: str, certificates: CertificateFiles, caplog: pytest.LogCaptureFixture, tmp_path: Path,
) -> None:
    """An ended certificate, none, one that nobody vouches for, no TLS at all: nothing said why a line fell silent."""
    (tmp_path / "strange").mkdir()
    strangers = make_authority_and_leaves(tmp_path / "strange")
    with secured(app, certificates) as port:
        for shown in (certificates.ended, strangers.client, None):
            with suppress(OSError):
                converse(port, wrap(ORU.encode()), context=show(certificates, shown))
        with suppress(OSError):
            converse(port, wrap(ORU.encode()))
        with socket.create_connection(("127.0.0.1", port)):
            pass  # a monitor that knocks
        converse(port, wrap(ORU.encode()), context=show(certificates, certificates.client))
    expired, unknown, none, clear, _message = list_refusals(caplog)
    assert "127.0.0.1:" in expired and "expired" in expired and "make a new certificate" in expired
    assert "CLEARWAY_MLLP_AUTHORITIES" in unknown
    assert "shows no certificate" in none
    assert "no TLS was agreed on" in clear


def test_same_refusal_is_said_once_in_a_while_with_how_often_it_came(caplog: pytest.LogCaptureFixture) -> None:
    seconds = 0.0
    said = Refusals(lambda: seconds)
    with caplog.at_level(logging.WARNING):
        for _time in range(3):
            said.tell_message("10.0.0.7:4711", "laboratory 1: MSH-5", "")
        said.tell_message("10.0.0.8:4711", "laboratory 1: MSH-5", "")
        seconds = AGAIN_SECONDS
        said.tell_message("10.0.0.7:4712", "laboratory 1: MSH-5", "")
    first, other, again = list_refusals(caplog)
    assert "more since" not in first + other and "(2 more since this was said)" in again



def test_listener_that_cannot_start_says_so_in_a_sentence(app: Flask) -> None:
    """The log had sixty lines of where it came up, anew at each attempt."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port, settings = taken.getsockname()[1], get_settings(app)
        environment = os.environ | {
            "CLEARWAY_VAR_DIR": str(settings.var_dir), "CLEARWAY_SECRET_KEY": settings.secret_key,
            "CLEARWAY_DATABASE_URL": settings.database_url, "CLEARWAY_MLLP_PORT": str(port)}
        done = subprocess.run([sys.executable, "-m", "flask", "--app", "wsgi", "listen", "mllp"], cwd=ROOT,
                              env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert f"Error: Port {port} is taken; set CLEARWAY_MLLP_PORT" in done.stderr
