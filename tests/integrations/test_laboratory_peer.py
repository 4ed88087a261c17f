"""Laboratories' software that we did not write: mllp_send and @medplum/hl7 send results, python-hl7 takes an order."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import hl7
import pytest
from flask import Flask
from sqlalchemy import select

from clinic.db import db
from clinic.models import DeliveryState, InboundMessage
from integrations.authorities import hl7_oru
from integrations.channel import DeliveryView
from integrations.hl7.order import compose_order
from integrations.hl7.reader import read_message
from integrations.hl7.report import read_report
from integrations.inbound.listener import listening
from integrations.transport.http import Patience
from tests.factory import make_laboratory
from tests.integrations.factory import close_unit
from tests.integrations.hl7.test_corpus import list_messages
from tests.integrations.hl7.test_order import ORDER
from tests.integrations.test_hl7_peer import PEERS, medplum_server, python_hl7_server
from tests.integrations.test_laboratory_intake import ORU

pytestmark = pytest.mark.peers


@pytest.fixture
def laboratory(app: Flask) -> None:
    make_laboratory()
    close_unit()


def list_kept() -> list[str]:
    db.session.rollback()
    return list(db.session.execute(select(InboundMessage.control_id).order_by(InboundMessage.control_id)).scalars())


def test_mllp_send_of_python_hl7_is_answered(app: Flask, laboratory: None, tmp_path: Path) -> None:
    file = tmp_path / "results.hl7"
    file.write_bytes(b"".join(b"\x0b" + ORU.replace("|L1|", f"|P{number}|").encode() + b"\x1c\r"
                              for number in range(3)))
    command = Path(sys.executable).with_name("mllp_send")
    with listening(app) as port:
        done = subprocess.run([str(command), "-p", str(port), "-f", str(file), "127.0.0.1"], capture_output=True,
                              text=True, timeout=60, check=True)
    assert [f"MSA|AA|P{number}" in done.stdout for number in range(3)] == [True] * 3
    assert list_kept() == ["P0", "P1", "P2"]


def test_medplum_sends_results_over_a_kept_connection(app: Flask, laboratory: None) -> None:
    node = shutil.which("node")
    assert node is not None
    lines = "\n".join(json.dumps(ORU.replace("|L1|", f"|M{number}|")) for number in range(5))
    with listening(app) as port:
        done = subprocess.run([node, str(PEERS / "hl7_client.mjs"), str(port)], input=lines, capture_output=True,
                              text=True, timeout=60, cwd=PEERS, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers == [{"code": "AA", "controlId": f"M{number}"} for number in range(5)]
    assert list_kept() == [f"M{number}" for number in range(5)]


def test_order_is_taken_by_two_other_servers_and_their_answers_believed(app: Flask) -> None:
    text = compose_order(ORDER)
    for server in (medplum_server, python_hl7_server):
        with server() as (port, received):
            view = DeliveryView("d", "c", "lab", "hl7_oru", f"mllp://127.0.0.1:{port}/CENTRALLAB/LAB01",
                                hl7_oru.CONTENT_TYPE, text.encode(), ORDER.control_id, "", "")
            assert hl7_oru.send(view, Patience(5, 2)).state is DeliveryState.ACCEPTED
        assert len(received) == 1  # what it had to say is read to its end by now


def test_another_reader_finds_the_same_results_in_the_corpus() -> None:
    """python-hl7 and ours agree on every OBX-3 and OBX-5 of every ORU that it can read."""


    compared = 0
    for name, raw in list_messages():
        try:
            text = raw.decode("utf-8")
            theirs = hl7.parse(text)
            values = [(str(segment(3)(0)(0)) if segment(3) else "", str(segment(5)) if len(segment) > 5 else "")
                      for segment in theirs.segments("OBX")]
        except (UnicodeDecodeError, hl7.HL7Exception, KeyError, IndexError, TypeError):
            continue
        message = read_message(text)
        assert [(segment.raw(3).split("^")[0], segment.raw(5)) for segment in message.list("OBX")] == [
            (code.split("^")[0], value) for code, value in values], name
        reports = read_report(message, ZoneInfo("UTC"))
        found = sum(len(panel.values) for one in reports for panel in one.panels)
        pieces = sum(segment.get(2) == "ED" for segment in message.list("OBX"))
        assert found + pieces <= len(values) and (found or pieces or not message.list("OBR")), name
        compared += 1
    print(f"{compared} messages compared with python-hl7")
