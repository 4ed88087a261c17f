"""What the doctor says of sending and receiving: unknown channels, lines in the clear, files of MLLP; each planted."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from clinic.config import Settings
from clinic.db import db
from clinic.doctor.finding import Check, Finding, Verdict
from integrations.doctor import check_destinations, check_laboratories, check_mllp
from tests.factory import make_authority, make_laboratory, make_site
from tests.integrations.certificate import make_authority_and_leaves


def judge(check: Check, settings: Settings) -> list[Finding]:
    return list(check(settings))


@pytest.mark.parametrize(("channel", "endpoint", "demo", "verdict"), [
    ("fhir_document", "https://a.test/fhir", False, Verdict.GOOD),
    ("fhir_document", "http://a.test/fhir", False, Verdict.WRONG),
    ("fhir_document", "http://a.test/fhir", True, Verdict.GOOD),
    ("hl7_oru", "mllp://a.test:2575/A/B", False, Verdict.WARNING),
    ("hl7_oru", "mllps://a.test:2575/A/B", False, Verdict.GOOD),
    ("pigeon", "https://a.test", True, Verdict.WRONG),
    ("fhir_document", "nonsense", False, Verdict.WRONG),
    ("fhir_document", "https://not a machine/fhir", False, Verdict.WRONG),
    ("fhir_document", "https://[a.test/fhir", True, Verdict.WRONG),
    ("hl7_oru", "https://a.test/fhir", False, Verdict.WRONG),
])
def test_destination_is_judged(
    app: Flask, settings: Settings, channel: str, endpoint: str, demo: bool, verdict: Verdict
) -> None:
    make_authority("us", channel=channel, endpoint=endpoint)
    db.session.commit()
    app.config["CLEARWAY"] = replace(app.config["CLEARWAY"], demo=demo)
    assert [one.verdict for one in judge(check_destinations, replace(settings, demo=demo))] == [verdict]


def test_address_that_cannot_be_one_is_told_with_what_to_write(app: Flask, settings: Settings) -> None:
    make_authority("us", channel="fhir_document", endpoint="nonsense")
    db.session.commit()
    [found] = judge(check_destinations, settings)
    assert found.words == "The address of destination us cannot be one."
    assert found.todo == "Write an address like https://authority.example/fhir. (Administration, Destinations)"


@pytest.mark.parametrize(("facts", "tls_port", "demo", "verdicts"), [
    ({}, 0, False, [Verdict.GOOD]),
    ({"fingerprint": "a" * 64}, 0, False, [Verdict.WRONG]),
    ({"fingerprint": "a" * 64}, 2576, False, [Verdict.GOOD]),
    ({"plain_allowed": True, "endpoint": "mllp://lab.test:2575"}, 0, False, [Verdict.WARNING] * 2),
    ({"plain_allowed": True, "endpoint": "mllp://lab.test:2575"}, 0, True, [Verdict.GOOD]),
    ({"plain_allowed": True, "active": False}, 0, False, [Verdict.GOOD]),
    ({"endpoint": "mllp://:2575"}, 0, False, [Verdict.WRONG]),
])
def test_laboratory_is_judged(
    app: Flask, settings: Settings, facts: dict[str, Any], tls_port: int, demo: bool, verdicts: list[Verdict]
) -> None:
    laboratory = make_laboratory(make_site())
    for name, value in facts.items():
        setattr(laboratory, name, value)
    db.session.commit()
    found = judge(check_laboratories, replace(settings, demo=demo, mllp_tls_port=tls_port))
    assert [one.verdict for one in found] == verdicts


def test_listener_that_others_reach_or_that_is_not_there_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings = Settings(mllp_port=server.getsockname()[1])
        assert [one.verdict for one in judge(check_mllp, settings)] == [Verdict.GOOD]
        wide = judge(check_mllp, replace(settings, mllp_host="0.0.0.0"))
        assert [one.verdict for one in wide] == [Verdict.WARNING, Verdict.GOOD]
    assert [one.verdict for one in judge(check_mllp, settings)] == [Verdict.WARNING]
    both = judge(check_mllp, replace(settings, mllp_tls_port=settings.mllp_port))
    assert [one.verdict for one in both] == [Verdict.WARNING] * 2


def test_files_of_encrypted_lines_are_tried(tmp_path: Path) -> None:
    files = make_authority_and_leaves(tmp_path)
    good = Settings(mllp_authorities=str(files.authority), mllp_certificate=str(files.client))
    assert [one.verdict for one in judge(check_mllp, good)][-2:] == [Verdict.GOOD] * 2
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    for name in (str(broken), str(tmp_path / "none.pem")):
        bad = Settings(mllp_authorities=name, mllp_certificate=name)
        assert [one.verdict for one in judge(check_mllp, bad)][-2:] == [Verdict.WRONG] * 2, name
    unfit = Settings(mllp_certificate=str(files.authority))  # a certificate without its key
    assert judge(check_mllp, unfit)[-1].verdict is Verdict.WRONG
