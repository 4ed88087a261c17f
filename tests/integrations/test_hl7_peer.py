"""HL7 v2 with software that we did not write: python-hl7 and @medplum/hl7 receive, read and send our messages."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import hl7
import pytest
from flask import Flask
from hl7.mllp import HL7StreamReader, HL7StreamWriter, start_hl7_server
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from clinic.config import ROOT
from clinic.models import DeliveryState
from integrations.authorities import hl7_oru
from integrations.channel import DeliveryView
from integrations.hl7.reader import read_message
from integrations.inbound.listener import listening
from integrations.transport.http import Patience
from tests.fhir import sample
from tests.integrations.hl7.test_exam import SAMPLES, compose
from tests.integrations.test_hl7_delivery import ACK

PEERS = ROOT / "tests" / "peers"
CONTROL_ID = "NBO261120000001"

pytestmark = pytest.mark.peers


def deliver(text: str, port: int) -> tuple[DeliveryState, bool, str]:
    view = DeliveryView("d", "c", "uk", "hl7_oru", f"mllp://127.0.0.1:{port}/UKTB/UKVI", hl7_oru.CONTENT_TYPE,
                        text.encode(), CONTROL_ID, "", "")  # fmt: skip
    outcome = hl7_oru.send(view, Patience(5, 2))
    return outcome.state, outcome.acknowledged, outcome.detail


@contextmanager
def medplum_server(*arguments: str) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """The port of a receiver by @medplum/hl7, and what it has received so far."""
    node = shutil.which("node")
    assert node and (PEERS / "node_modules" / "@medplum" / "hl7").exists(), "run `make test-environment`"
    process = subprocess.Popen([node, str(PEERS / "hl7_server.mjs"), *arguments], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True, cwd=PEERS)  # fmt: skip
    received: list[dict[str, Any]] = []
    assert process.stdout is not None and process.stdin is not None
    port = json.loads(process.stdout.readline())["port"]
    stream = process.stdout
    thread = threading.Thread(target=lambda: [received.append(json.loads(line)) for line in stream], daemon=True)
    thread.start()
    try:
        yield port, received
    finally:
        process.stdin.close()
        process.wait(10)
        thread.join(10)
        process.stdout.close()


@pytest.mark.parametrize("arguments", [(), ("enhanced",)])
def test_medplum_receives_an_exam_and_we_believe_its_acknowledgement(app: Flask, arguments: tuple[str, ...]) -> None:
    text, _ = compose(sample.make_infiltrate())
    with medplum_server(*arguments) as (port, received):
        assert deliver(text, port)[:2] == (DeliveryState.ACCEPTED, True)
    ours = read_message(text)
    assert [one["controlId"] for one in received] == [CONTROL_ID]
    assert [name for name in received[0]["segments"] if name] == [segment.name for segment in ours.segments]
    assert received[0]["family"] == "Tesfaye"
    assert received[0]["values"] == [segment.raw(5).split("^")[0] for segment in ours.list("OBX")]


@contextmanager
def python_hl7_server() -> Iterator[tuple[int, list[hl7.Message]]]:
    """The port of a receiver by python-hl7, and what it has received so far."""
    received: list[hl7.Message] = []
    started: list[Any] = []
    ready = threading.Event()

    async def take(reader: HL7StreamReader, writer: HL7StreamWriter) -> None:
        message = await reader.readmessage()
        received.append(message)
        writer.writemessage(message.create_ack("AA"))
        await writer.drain()
        writer.close()

    async def serve() -> None:
        server = await start_hl7_server(take, "127.0.0.1", 0, encoding="utf-8", limit=2**24)
        stop = asyncio.Event()
        started.extend([server.sockets[0].getsockname()[1], asyncio.get_running_loop(), stop])
        ready.set()
        async with server:
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    port, loop, stop = started
    try:
        yield port, received
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


def test_python_hl7_receives_an_exam_and_we_believe_its_acknowledgement(app: Flask) -> None:
    text, _ = compose(sample.make_clean_adult())
    with python_hl7_server() as (port, received):
        assert deliver(text, port)[:2] == (DeliveryState.ACCEPTED, True)
    assert str(received[0]["MSH.F10"]) == CONTROL_ID
    assert len(received[0]) == len(read_message(text).segments)


@pytest.mark.parametrize("make", SAMPLES)
def test_three_readers_agree_on_number_segments_and_every_value(app: Flask, make: Any) -> None:
    text, _ = compose(make())
    ours, theirs = read_message(text), hl7.parse(text)
    third = parse_message(text, validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=False)
    assert str(theirs["MSH.F10"]) == third.msh.msh_10.to_er7() == ours.control_id
    names = [segment.name for segment in ours.segments]
    assert [str(segment[0]) for segment in theirs] == names == [segment.name for segment in third.children]
    values = [segment.raw(5) for segment in ours.list("OBX")]
    assert [str(segment[5]) if len(segment) > 5 else "" for segment in theirs.segments("OBX")] == values
    assert [segment.obx_5.to_er7() for segment in third.children if segment.name == "OBX"] == values


def test_medplum_sends_to_our_listener_and_reads_its_answer(app: Flask) -> None:
    from clinic.db import write_unit
    from clinic.models import Authority

    with write_unit() as session:
        session.add(Authority(id="uk", programme="uk", name="UK", channel="hl7_oru",
                              endpoint="mllp://127.0.0.1:1/SANDBOX/UK"))  # fmt: skip
    node = shutil.which("node")
    assert node is not None
    lines = "\n".join(json.dumps(ACK.replace("A7", f"M{number}")) for number in range(3))
    with listening(app) as port:
        done = subprocess.run([node, str(PEERS / "hl7_client.mjs"), str(port)], input=lines, capture_output=True,
                              text=True, timeout=60, cwd=PEERS, check=True)  # fmt: skip
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers == [{"code": "CA", "controlId": f"M{number}"} for number in range(3)]
