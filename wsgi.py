"""The composition root: introduces the clinic, FHIR and the integrations to each other."""

from __future__ import annotations

import gc
import importlib.util
import sys
from pathlib import Path

# Our `fhir` shares its name with the library's: the project root must come first (docs/decisions/0001-one-datum.md).
ROOT = str(Path(__file__).resolve().parent)
if sys.path[0] != ROOT:
    sys.path.insert(0, ROOT)

from flask import Flask  # noqa: E402

from clinic.api import laboratory_result  # noqa: E402
from clinic.app import create_app as create_clinic  # noqa: E402
from clinic.auth import csrf  # noqa: E402
from clinic.cli import CLINIC_COMMANDS, install_commands  # noqa: E402
from clinic.config import Settings  # noqa: E402
from clinic.doctor.clinic_check import CLINIC_CHECKS  # noqa: E402
from clinic.doctor.examination import add_checks  # noqa: E402
from clinic.error_page import answer_errors_under  # noqa: E402
from clinic.errors import Misconfigured  # noqa: E402
from clinic.machine_path import serve_machines_only  # noqa: E402
from clinic.ports import ports  # noqa: E402

YOUNG = 10_000  # values that gather before rubbish is looked for among them; Python's own are 700
COMMANDS = (*CLINIC_COMMANDS, "fhir.command", "fhir.command_client", "fhir.command_audit", "integrations.command",
            "clinic.demo.command", "integrations.command_backup", "integrations.journey")


def create_app(settings: Settings | None = None) -> Flask:
    """Build the whole application: all routes, all commands, all hooks between the packages."""
    app = create_clinic(settings)
    add_checks(app, CLINIC_CHECKS)
    csrf.exempt(laboratory_result.blueprint)  # laboratories prove themselves with a token
    answer_errors_under(app, laboratory_result.PREFIX, laboratory_result.render_problem)
    serve_machines_only(app, laboratory_result.PREFIX)
    _connect_fhir(app)
    _connect_integrations(app)
    install_commands(app, tuple(name for name in COMMANDS if _exists(name)))
    return app


def _connect_fhir(app: Flask) -> None:
    import fhir.table  # noqa: F401
    from fhir.doctor import CHECKS

    add_checks(app, CHECKS)
    if _exists("fhir.projection"):
        from fhir.projection import foresee, install_projection, project

        ports.project, ports.foresee = project, foresee
        install_projection()
    if _exists("fhir.document"):
        from fhir.document import build_document, build_proof
        from fhir.document_reference import prepare_print
        from fhir.withdrawal import revoke

        ports.build_document, ports.build_proof = build_document, build_proof
        ports.prepare_print, ports.revoke = prepare_print, revoke
    if _exists("fhir.release"):
        from fhir.release import release

        ports.release = release
    if _exists("fhir.audit_export"):
        from fhir.audit_export import build_bundle

        ports.export_audit = build_bundle
    if _exists("fhir.api"):
        from fhir.api import fhir_blueprint
        from fhir.outcome import render_error
        from fhir.smart import smart_blueprint

        for blueprint in (fhir_blueprint, smart_blueprint):
            csrf.exempt(blueprint)  # machines prove themselves with a token or a signed assertion
            app.register_blueprint(blueprint)
        answer_errors_under(app, "/fhir", render_error)
        serve_machines_only(app, "/fhir")
        serve_machines_only(app, "/oauth")
    if _exists("fhir.fast_path"):
        from fhir.fast_path import install_fast_path

        install_fast_path(app)


def _connect_integrations(app: Flask) -> None:
    from integrations.doctor import CHECKS

    add_checks(app, CHECKS)
    if _exists("integrations.rendering"):
        from integrations.rendering import render_delivery

        ports.render_delivery = render_delivery
    if _exists("integrations.line_test"):
        from integrations.line_test import judge_address, judge_laboratory_address, list_channels, test_line

        ports.list_channels, ports.judge_address, ports.test_line = list_channels, judge_address, test_line
        ports.judge_laboratory_address = judge_laboratory_address
    if _exists("integrations.order_composing"):
        from integrations.order_composing import compose

        ports.compose_order = compose
    if _exists("integrations.message"):
        from integrations.message import find_report, read_message_in_words

        ports.read_message, ports.find_report = read_message_in_words, find_report
    if _exists("integrations.inbound.results"):
        from integrations.inbound.results import read_reports

        ports.read_reports = read_reports


def _exists(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _start() -> Flask:
    """For servers and commands: a setting that cannot be read ends the process in one sentence, not in a traceback."""
    try:
        made = create_app()
    except Misconfigured as fault:
        raise SystemExit(fault.message) from None
    # What stands now stands as long as the process and need not be looked through; and a page makes thousands of
    # values that are gone with it, among which Python would look for rubbish several times.
    gc.freeze()
    gc.set_threshold(YOUNG, 10, 10)
    return made


app = _start() if __name__ != "__main__" and "pytest" not in sys.modules else None
