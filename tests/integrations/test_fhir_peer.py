"""The exam delivered to a FHIR endpoint that we did not write: @medplum/fhir-router, which validates and keeps it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

import pytest
from flask import Flask

from clinic.config import ROOT
from clinic.delivery_reason import DeliveryReason
from clinic.models import Case, DeliveryState
from fhir.document import build_document
from integrations.authorities import fhir_document
from integrations.channel import DeliveryView, Outcome
from integrations.transport.http import Patience, exchange, forget_connections
from tests.fhir import sample
from tests.fhir.test_document import build_order

PEERS = ROOT / "tests" / "peers"
PATIENCE = Patience(5, 30)

pytestmark = pytest.mark.peers


@contextmanager
def fhir_server() -> Iterator[tuple[int, IO[str]]]:
    """The port of that endpoint, and the lines that it writes about what it stored."""
    node = shutil.which("node")
    assert node and (PEERS / "node_modules" / "@medplum" / "fhir-router").exists(), "run `make test-environment`"
    process = subprocess.Popen([node, str(PEERS / "fhir_server.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True, cwd=PEERS)  # fmt: skip
    assert process.stdout is not None and process.stdin is not None
    try:
        yield int(json.loads(process.stdout.readline())["port"]), process.stdout
    finally:
        forget_connections()
        process.stdin.close()
        process.wait(timeout=60)
        process.stdout.close()


def deliver(body: bytes, port: int) -> Outcome:
    view = DeliveryView("d", "c", "us", "fhir_document", f"http://127.0.0.1:{port}/Bundle", fhir_document.CONTENT_TYPE,
                        body, "key", "ab" * 32, "e30..c2ln")  # fmt: skip
    return fhir_document.send(view, PATIENCE)


@pytest.mark.parametrize("make", [sample.make_clean_adult, sample.make_infiltrate, sample.make_child])
def test_strangers_endpoint_takes_the_document_once_and_gives_it_back(app: Flask, make: Callable[[], Case]) -> None:
    body = build_document(build_order(make())).body
    document: dict[str, Any] = json.loads(body)
    with fhir_server() as (port, lines):
        first = deliver(body, port)
        assert (first.state, first.reason) == (DeliveryState.ACCEPTED, DeliveryReason.ACCEPTED), first.reply
        assert not first.acknowledged
        stored = json.loads(lines.readline())
        assert (stored["identifier"], stored["entries"]) == (document["identifier"]["value"], len(document["entry"]))
        assert first.receipt == stored["id"]
        # The answer was lost on the way: the same bytes again are the same document there.
        assert deliver(body, port).state is DeliveryState.ACCEPTED
        found = exchange("GET", f"http://127.0.0.1:{port}/Bundle", {}, None, PATIENCE)
        entries = json.loads(found.body)["entry"]
        assert len(entries) == 1
        assert entries[0]["resource"]["entry"][0]["resource"]["section"] == document["entry"][0]["resource"]["section"]


def test_strangers_endpoint_refuses_what_is_no_resource_with_its_own_words(app: Flask) -> None:
    body = b'{"resourceType": "Bundle", "type": "document", "colour": "blue"}'
    with fhir_server() as (port, _lines):
        outcome = deliver(body, port)
    assert outcome.state is DeliveryState.REJECTED
    assert "colour" in outcome.words
