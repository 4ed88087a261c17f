"""Sending 60 kB to a receiver on this machine: as the channels do, as http.client does, and as the worker delivers."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time

from bench.measure import ROUNDS, Figure, alternate, rate, side_by_side
from bench.place import find_port, make_settings, open_app
from clinic.config import ROOT
from clinic.db import db, read_unit, write_unit
from clinic.models import Authority, Delivery, DeliveryState
from integrations.dispatcher import Dispatcher
from integrations.transport.http import exchange
from tests.factory import make_user
from tests.integrations.factory import make_delivery, make_signed_case

BODY = b"x" * 62_000
KEPT, CHANNEL = "kept-alive http.client", "the channels' HTTP (urllib3)"
DELIVERIES = 25  # a round
HEADERS = {"Content-Type": "application/fhir+json"}


def run(database: str, _full: bool = False) -> list[Figure]:
    """Requests a second; and deliveries a second of the dispatcher, which claims and records each durably."""
    port = find_port()
    receiver = subprocess.Popen([sys.executable, "-m", "bench.receiver", str(port)], cwd=ROOT,
                                env=os.environ | {"PYTHONPATH": str(ROOT)})  # fmt: skip
    try:
        connection = _connect(port)

        def send() -> None:
            connection.request("POST", "/", BODY, HEADERS)
            connection.getresponse().read()

        figures = side_by_side(
            {KEPT: send, CHANNEL: lambda: exchange("POST", f"http://127.0.0.1:{port}/", HEADERS, BODY)}, KEPT,
            goals={CHANNEL: "G6"},
        )
        figures += _deliver(database, port, lambda: rate(send, 0.5))
        connection.close()
        return figures
    finally:
        receiver.terminate()
        receiver.wait(timeout=10)


def _deliver(database: str, port: int, measure_kept) -> list[Figure]:  # type: ignore[no-untyped-def]
    with make_settings(database) as settings, open_app(settings):
        with write_unit():
            physician = make_user("physician")
            for _ in range(DELIVERIES * ROUNDS):
                make_delivery(make_signed_case(physician)).body = BODY
            authority = db.session.get_one(Authority, "us")
            authority.channel, authority.endpoint = "fhir_document", f"http://127.0.0.1:{port}"
        dispatcher = Dispatcher()

        def deliver() -> float:
            start = time.perf_counter()
            sent = dispatcher.drain("us", DELIVERIES)
            return sent / (time.perf_counter() - start)

        whole = "the worker's dispatcher: claimed, sent, recorded"
        figures = alternate({KEPT: measure_kept, whole: deliver}, KEPT)
        with read_unit() as session:
            left = session.query(Delivery).filter(Delivery.state != DeliveryState.ACCEPTED).count()
        assert not left, f"{left} deliveries were not accepted: the rate would mean nothing"
        return figures[1:]


def _connect(port: int) -> http.client.HTTPConnection:
    deadline = time.monotonic() + 20
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        try:
            connection.connect()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return connection
