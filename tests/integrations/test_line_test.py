"""The test of a line, against servers that answer, answer otherwise, keep silent, or are not there; HTTP and MLLP."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest
from flask import Flask, jsonify
from sqlalchemy import select

from clinic.clock import now
from clinic.db import current_mode, db
from clinic.errors import InvalidInput
from clinic.line_test import LineResult
from clinic.models import AuditChange, DeliveryState
from clinic.services.authority import change_authority
from integrations import line_test
from integrations.authorities import hl7_oru
from integrations.transport.http import Patience
from integrations.transport.mllp import Credential
from tests.browser.server import serve
from tests.factory import make_authority
from tests.integrations.certificate import make_authority_and_leaves
from tests.integrations.factory import make_delivery, make_signed_case


@contextmanager
def listening(context: ssl.SSLContext | None = None, answer: bytes | None = None) -> Iterator[int]:
    """A port that takes one connection, and answers it or keeps it until the end."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept = []

        def take() -> None:
            try:
                connection, _peer = server.accept()
                kept.append(context.wrap_socket(connection, server_side=True) if context else connection)
                if answer:
                    kept[-1].sendall(answer)
            except OSError:
                return

        thread = Thread(target=take, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)  # wakes the thread, so that nothing is taken after the last look
            thread.join(2)
            for one in kept:
                one.close()


def find_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_fhir_server_answers_for_itself(app: Flask) -> None:
    with serve(app) as address:
        report = line_test.test_line("fhir_document", f"{address}/fhir")
    assert (report.result, report.detail) == (LineResult.ANSWERS, "HTTP 200")


def test_server_of_another_kind_is_told_apart(app: Flask) -> None:
    other = Flask("other")
    other.add_url_rule("/odd/metadata", view_func=lambda: jsonify(["CapabilityStatement"]))
    with serve(other) as address:
        for path in ("", "/odd"):
            assert line_test.test_line("fhir_document", address + path).result is LineResult.ANSWERS_OTHERWISE


def test_only_the_question_is_sent_and_nothing_of_the_query(app: Flask) -> None:
    seen: list[tuple[str, str, bytes]] = []
    other = Flask("other")

    @other.route("/<path:path>", methods=["GET", "POST"])
    def _take(path: str) -> str:
        from flask import request

        seen.append((request.method, request.full_path, request.get_data()))
        return "{}"

    with serve(other) as address:
        line_test.test_line("fhir_document", f"{address}/fhir/?token=secret")
    assert seen == [("GET", "/fhir/metadata?", b"")]


def test_silent_and_absent_servers_are_told_apart(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_test, "PATIENCE", Patience(1.0, 0.3))
    with listening() as port:
        assert line_test.test_line("fhir_document", f"http://127.0.0.1:{port}/fhir").result is LineResult.NO_ANSWER
    absent = find_free_port()
    assert line_test.test_line("fhir_document", f"http://127.0.0.1:{absent}/").result is LineResult.UNREACHABLE
    assert line_test.test_line("hl7_oru", f"mllp://127.0.0.1:{absent}/A/B").result is LineResult.UNREACHABLE


def test_mllp_line_stands_once_the_connection_is_taken(app: Flask) -> None:
    with listening() as port:
        assert line_test.test_line("hl7_oru", f"mllp://127.0.0.1:{port}/A/B").result is LineResult.CONNECTS


def test_encrypted_mllp_line_is_judged_by_its_certificate(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = make_authority_and_leaves(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(str(files.server))
    with listening(context) as port:
        report = line_test.test_line("hl7_oru", f"mllps://127.0.0.1:{port}/A/B")
        assert report.result is LineResult.UNREACHABLE, "nobody we trust vouches for it"
        assert "certificate" in report.detail.lower()
    monkeypatch.setattr(hl7_oru, "_credential", lambda: Credential(str(files.authority), str(files.client)))
    with listening(context) as port:
        assert line_test.test_line("hl7_oru", f"mllps://127.0.0.1:{port}/A/B").result is LineResult.CONNECTS


def test_address_and_way_that_cannot_be_used_are_said(app: Flask) -> None:
    assert line_test.test_line("hl7_oru", "https://a.example").result is LineResult.UNUSABLE
    assert line_test.test_line("pigeon", "https://a.example").result is LineResult.UNUSABLE


@pytest.mark.parametrize(("channel", "address", "demo", "fits"), [
    ("fhir_document", "https://a.example/fhir", False, True), ("fhir_document", "http://a.example/fhir", False, False),
    ("fhir_document", "http://127.0.0.1:8090/us/fhir", True, True), ("fhir_document", "ftp://a.example", True, False),
    ("fhir_document", "https:///fhir", False, False), ("fhir_document", "https://a.example:99999/", False, False),
    ("fhir_document", "https://a..example/fhir", False, False), ("fhir_document", "https://10.0.0/", False, False),
    ("fhir_document", "https://[::1]:8443/fhir", False, True), ("fhir_document", "https://[a", False, False),
    ("fhir_document", "https://a.example/fh ir", False, False), ("hl7_oru", "mllp://-a-:2575/A/B", False, False),
    ("fhir_document", "https://bücher.example/fhir", False, True),
    ("hl7_oru", "mllp://a.example:2575/A/B", False, True),
    ("hl7_oru", "mllps://a.example:2575/A/B", False, True), ("hl7_oru", "mllps://a.example/A/B", False, False),
    ("hl7_oru", "mllps://a.example:2575/A", False, False), ("hl7_oru", "https://a.example", False, False),
])
def test_address_is_judged_by_its_channel(app: Flask, channel: str, address: str, demo: bool, fits: bool) -> None:
    app.config["CLEARWAY"] = replace(app.config["CLEARWAY"], demo=demo)
    assert (line_test.judge_address(channel, address) == "") is fits


def test_channel_stays_while_exams_wait_and_the_address_can_change(app: Flask) -> None:
    delivery = make_delivery(make_signed_case(), queued_at=now())
    authority = make_authority("us")
    with pytest.raises(InvalidInput) as refused:
        change_authority("us", authority.name, "hl7_oru", "mllps://a.example:2575/A/B")
    assert list(refused.value.fields) == ["channel"]
    assert change_authority("us", authority.name, "fhir_document", "https://new.example/fhir") == ["endpoint"]
    delivery.state = DeliveryState.ACCEPTED
    assert change_authority("us", authority.name, "hl7_oru", "mllps://a.example:2575/A/B") == ["channel", "endpoint"]
    assert current_mode() == "write"
    details = db.session.execute(select(AuditChange.detail).where(AuditChange.action == "change-authority")).scalars()
    assert [one["endpoint"] for one in details][-1] == ["https://new.example/fhir", "mllps://a.example:2575/A/B"]
