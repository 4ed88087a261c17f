"""The sandbox authorities' HL7 side: takes exam messages over MLLP in enhanced mode, with the same switches."""

from __future__ import annotations

import base64
import hashlib
import logging
import socket
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from clinic import clock
from clinic.key import new_id
from integrations.hl7.acknowledgement import build_acknowledgement
from integrations.hl7.charset import UnknownCharset, decode
from integrations.hl7.frame import FrameReader, FrameTooLarge, wrap
from integrations.hl7.reader import Message, NotHl7, read_message
from integrations.hl7.word import DOCUMENT_DIGEST, DOCUMENT_SIGNATURE, EXAM
from integrations.sandbox.behaviour import Behaviour, Patience
from integrations.sandbox.signature import SignatureState
from integrations.sandbox.store import Receipt, SandboxStore

log = logging.getLogger("sandbox")

APPLICATION = "SANDBOX"  # MSH-5 of what is for us; MSH-6 names the authority
IDLE_SECONDS = 60.0
CLINIC_SECONDS = 5.0
INTERNAL, DUPLICATE_KEY = ("207", "Application internal error"), ("205", "Duplicate key identifier")
MISSING, UNKNOWN_KEY = ("101", "Required field missing"), ("204", "Unknown key identifier")


class SandboxListener(socketserver.ThreadingTCPServer):
    """One listener for every sandbox authority, on 127.0.0.1."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, store: SandboxStore, port: int, patience: Patience, authorities: frozenset[str]) -> None:
        super().__init__(("127.0.0.1", port), _Conversation)
        self.store, self.patience, self.authorities = store, patience, authorities

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.server_address[1])


class _Conversation(socketserver.BaseRequestHandler):
    """One connection: each message is stored, then acknowledged, then answered in the authority's own name."""

    server: SandboxListener
    request: socket.socket

    def handle(self) -> None:
        reader = FrameReader()
        self.request.settimeout(IDLE_SECONDS)
        try:
            while piece := self.request.recv(65536):
                for frame in reader.feed(piece):
                    if not self._take(frame):
                        return
        except (OSError, FrameTooLarge):
            return

    def _take(self, frame: bytes) -> bool:
        """Deal with one message; False to hang up."""
        try:
            message = read_message(decode(frame))
        except (NotHl7, UnknownCharset, UnicodeDecodeError):
            return False
        authority = message.header.get(6).lower()
        if message.header.get(5) != APPLICATION or authority not in self.server.authorities:
            return self._answer(message, "AR", UNKNOWN_KEY, "MSH-5 and MSH-6 name no sandbox authority")
        behaviour = self.server.store.get_behaviour(authority)
        log.info("mllp %s %s", authority, behaviour)
        if behaviour is Behaviour.DOWN:
            return self._answer(message, "CE", INTERNAL, "The sandbox authority was told to be down")
        if behaviour is Behaviour.REFUSE:
            return self._answer(message, "CA") and self._answer(
                message, "AR", MISSING, "The sandbox authority was told to refuse every exam")
        if behaviour is Behaviour.SLOW:
            self.server.patience.wait(self.server.patience.slow_seconds)
        receipt = _store(self.server.store, authority, message, frame, behaviour)
        return self._reply(message, behaviour, receipt)

    def _reply(self, message: Message, behaviour: Behaviour, receipt: Receipt | None) -> bool:
        if receipt is None:
            return self._answer(message, "AE", MISSING, "No exam was found in the message")
        if behaviour is Behaviour.SILENT:
            self.server.patience.wait(self.server.patience.silent_seconds)
            return False
        if behaviour is Behaviour.DROP:
            return False
        if behaviour is Behaviour.GARBAGE:
            self.request.sendall(wrap(b"<html><body>It works!</body></html>"))
            return False
        if behaviour is Behaviour.OTHER:
            other = read_message(message.text.replace(message.control_id, "SOMEBODY-ELSE", 1))
            return self._answer(other, "CA")
        if behaviour is Behaviour.DUPLICATE:
            return self._answer(message, "AE", DUPLICATE_KEY, "This number was received before")
        if not self._answer(message, "CA"):
            return False
        return not receipt.acknowledged_at or self._answer(message, "AA", own_id=receipt.receipt)

    def _answer(self, message: Message, code: str, error: tuple[str, str] | None = None, words: str = "",
                own_id: str = "") -> bool:
        own = own_id or new_id().replace("-", "")[-20:]
        self.request.sendall(wrap(build_acknowledgement(message, code, own, clock.now(), error, words).encode()))
        return True


def tell_clinic(body: bytes, receipt: str, port: int) -> bool:
    """Send the authority's own word about a stored message to the clinic's listener; False when nobody took it."""
    message = read_message(decode(body))
    text = build_acknowledgement(message, "AA", receipt, clock.now(), wants_answer=True)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=CLINIC_SECONDS) as connection:
            connection.sendall(wrap(text.encode()))
            return bool(connection.recv(65536))
    except OSError:
        return False


@contextmanager
def listening(store: SandboxStore, authorities: frozenset[str], port: int = 0,
              patience: Patience | None = None) -> Iterator[int]:
    """Listen in a thread for as long as the block runs; gives the port."""
    server = SandboxListener(store, port, patience or Patience(), authorities)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.port
    finally:
        server.patience.end_waits()
        server.shutdown()
        server.server_close()
        thread.join()


def _store(store: SandboxStore, authority: str, message: Message, frame: bytes, behaviour: Behaviour) -> Receipt | None:
    """Keep an exam once under its MSH-10; None when the message holds none."""
    exam = next((segment for segment in message.list("OBR") if segment.get(4) == EXAM[0]), None)
    if exam is None or not message.control_id:
        return None
    now = clock.now().isoformat()
    later = behaviour is Behaviour.ACCEPT_LATER
    kept, _known = store.add(authority, Receipt(
        idempotency_key=message.control_id, received_at=now, bundle_id=exam.get(3),
        sha256=_find(message, DOCUMENT_DIGEST[0]) or hashlib.sha256(frame).hexdigest(),
        jws=_find(message, DOCUMENT_SIGNATURE[0]), signature=SignatureState.NOT_CHECKED, size=len(frame),
        summary=_describe(message, exam.get(22)), receipt=f"{authority.upper()}{new_id()[-12:].upper()}",
        acknowledged_at=None if later else now, times=1,
    ), frame)  # fmt: skip
    return kept


def find_report(body: bytes) -> bytes | None:
    """The printed report that a message carries; None when `body` is no such message."""
    try:
        message = read_message(decode(body))
    except (NotHl7, UnknownCharset, UnicodeDecodeError):
        return None
    found = next((one for one in message.list("OBX") if one.get(2) == "ED" and one.get(5, 3).lower() == "pdf"), None)
    return base64.b64decode(found.get(5, 5)) if found else None


def _find(message: Message, code: str) -> str:
    return next((one.get(5) for one in message.list("OBX") if one.get(3) == code), "")


def _describe(message: Message, reported: str) -> str:
    person = message.find("PID")
    name = f"{person.get(5).upper()}, {person.get(5, 2)}" if person else ""
    parts = [EXAM[1], reported[:8], name, person.get(7) if person else "", f"{len(message.segments)} segments"]
    return " · ".join(part for part in parts if part)
