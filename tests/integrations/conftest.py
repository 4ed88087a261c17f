"""A sandbox authority on a free port, a clock that stands still, a dispatcher without patience."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from clinic import clock
from integrations.dispatcher import Dispatcher
from integrations.retry import RetryPlan
from integrations.sandbox.behaviour import Patience as SandboxPatience
from integrations.sandbox.server import serving
from integrations.transport.http import Patience, exchange, forget_connections
from tests.integrations.factory import START, Hand


@dataclass
class Sandbox:
    """One sandbox authority, reached over HTTP only."""

    address: str
    authority: str = "us"

    @property
    def endpoint(self) -> str:
        """Where it receives exams."""
        return f"{self.address}/{self.authority}/fhir"

    def behave(self, behaviour: str) -> None:
        """Throw its switch."""
        self.post("switch", {"behaviour": behaviour})

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST JSON to one of its pages."""
        headers = {"Content-Type": "application/json"}
        answer = exchange("POST", f"{self.address}/{self.authority}/{path}", headers, json.dumps(body).encode())
        assert answer.status == 200, answer.body
        return dict(json.loads(answer.body))

    def list_received(self) -> list[dict[str, Any]]:
        """Its inbox."""
        answer = exchange("GET", f"{self.address}/{self.authority}/inbox.json", {})
        return list(json.loads(answer.body)["received"])


@pytest.fixture
def hand() -> Iterator[Hand]:
    """A clock that moves only when the test turns it."""
    hand = Hand()
    with clock.stopped_at(START):
        yield hand


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox authority that accepts."""
    with serving(tmp_path / "sandbox.sqlite3", patience=SandboxPatience(10, 0.02)) as address:
        yield Sandbox(address)
    forget_connections()


@pytest.fixture
def dispatcher(app: Flask, hand: Hand) -> Dispatcher:
    """A dispatcher that waits 0.3 seconds for an answer, without chance in its delays."""
    return Dispatcher(worker="test", patience=Patience(0.3, 0.3), plan=RetryPlan(draw=lambda: 1.0))


@pytest.fixture
def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
