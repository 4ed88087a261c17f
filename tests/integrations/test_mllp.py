"""Sending over MLLP to well-behaved, sloppy and hostile receivers: what may have arrived is never taken for lost."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask

from clinic.delivery_reason import DeliveryReason
from clinic.models import DeliveryState
from integrations.authorities import hl7_oru
from integrations.channel import DeliveryView
from integrations.hl7.frame import FrameReader, wrap
from integrations.transport.http import NoAnswer, NotSent, Patience
from integrations.transport.mllp import Credential, converse, parse_peer
from tests.integrations.certificate import make_authority_and_leaves

BODY = "MSH|^~\\&|CLEARWAY|NBO|UKTB|UKVI|20261120||ORU^R01^ORU_R01|NBO1|P|2.5.1|||AL|AL\rPID|1||ü\r".encode()
HASTE = Patience(connect=2.0, answer=1.0)
Handler = Callable[[socket.socket], None]


def acknowledge(code: str, control_id: str = "NBO1", error: str = "") -> bytes:
    lines = ["MSH|^~\\&|UKTB|UKVI|CLEARWAY|NBO|20261120||ACK^R01^ACK|9|P|2.5.1", f"MSA|{code}|{control_id}", error]
    return wrap("\r".join(filter(None, lines)).encode())


@contextmanager
def receiver(handle: Handler, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """A receiver that does with each connection what `handle` says, after the first whole frame came."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    connection, _ = server.accept()
                except OSError:
                    continue
                try:
                    connection.settimeout(5)
                    secured = context.wrap_socket(connection, server_side=True) if context else connection
                    with secured:
                        handle(secured)
                except OSError:
                    connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            scheme = "mllps" if context else "mllp"
            yield f"{scheme}://127.0.0.1:{server.getsockname()[1]}/UKTB/UKVI"
        finally:
            stop.set()
            thread.join()


def answering(*replies: bytes) -> Handler:
    """Take one frame, send the replies, hang up."""

    def handle(connection: socket.socket) -> None:
        take_frame(connection)
        for reply in replies:
            connection.sendall(reply)

    return handle


def take_frame(connection: socket.socket) -> bytes:
    reader = FrameReader()
    while True:
        piece = connection.recv(65536)
        if not piece:
            return b""
        if found := reader.feed(piece):
            return found[0]


def deliver(address: str) -> tuple[DeliveryState, DeliveryReason, bool]:
    view = DeliveryView("d", "c", "uk", "hl7_oru", address, hl7_oru.CONTENT_TYPE, BODY, "NBO1", "", "")
    outcome = hl7_oru.send(view, HASTE)
    return outcome.state, outcome.reason, outcome.acknowledged


@pytest.mark.parametrize(("replies", "expected"), [
    ([acknowledge("AA")], (DeliveryState.ACCEPTED, DeliveryReason.ACKNOWLEDGED, True)),
    ([acknowledge("CA"), acknowledge("AA")], (DeliveryState.ACCEPTED, DeliveryReason.ACKNOWLEDGED, True)),
    ([acknowledge("CA") + acknowledge("AA")], (DeliveryState.ACCEPTED, DeliveryReason.ACKNOWLEDGED, True)),
    ([acknowledge("CA")], (DeliveryState.ACCEPTED, DeliveryReason.ACCEPTED, False)),
    ([acknowledge("CA"), acknowledge("AA", "other")], (DeliveryState.ACCEPTED, DeliveryReason.ACCEPTED, False)),
    ([acknowledge("CA"), wrap(b"garbage")], (DeliveryState.ACCEPTED, DeliveryReason.ACCEPTED, False)),
    ([acknowledge("CA"), acknowledge("AR")], (DeliveryState.REJECTED, DeliveryReason.REFUSED, False)),
    ([acknowledge("CR")], (DeliveryState.REJECTED, DeliveryReason.REFUSED, False)),
    ([acknowledge("CE")], (DeliveryState.QUEUED, DeliveryReason.BUSY, False)),
    ([acknowledge("AA", "NBO2")], (DeliveryState.UNKNOWN, DeliveryReason.NO_ANSWER, False)),
    ([wrap(b"garbage")], (DeliveryState.UNKNOWN, DeliveryReason.NO_ANSWER, False)),
    ([b"no frame at all"], (DeliveryState.UNKNOWN, DeliveryReason.NO_ANSWER, False)),
    ([], (DeliveryState.UNKNOWN, DeliveryReason.NO_ANSWER, False)),
    ([b"\x0b" + b"a" * 300_000], (DeliveryState.UNKNOWN, DeliveryReason.NO_ANSWER, False)),
    ([b"\r\n" + acknowledge("AA")], (DeliveryState.ACCEPTED, DeliveryReason.ACKNOWLEDGED, True)),
])  # fmt: skip
def test_reply_decides_and_anything_doubtful_is_unknown(
    app: Flask, replies: list[bytes], expected: tuple[DeliveryState, DeliveryReason, bool]
) -> None:
    with receiver(answering(*replies)) as address:
        assert deliver(address) == expected


def test_message_arrives_byte_for_byte_and_the_connection_is_closed_after_the_wait(app: Flask) -> None:
    seen: list[bytes] = []
    closed = threading.Event()

    def hold(connection: socket.socket) -> None:
        seen.append(take_frame(connection))
        if not connection.recv(1):
            closed.set()

    with receiver(hold) as address:
        assert deliver(address)[0] is DeliveryState.UNKNOWN
        assert closed.wait(5) and seen == [BODY]


def test_late_reply_is_never_taken_for_the_next_messages(app: Flask) -> None:
    """The fault of a well-known engine: after a time-out the old reply was read as the next message's."""
    count = 0

    def lag(connection: socket.socket) -> None:
        nonlocal count
        take_frame(connection)
        count += 1
        if count == 1:
            connection.recv(1)  # until the sender hangs up
        connection.sendall(acknowledge("AA"))

    with receiver(lag) as address:
        assert deliver(address)[0] is DeliveryState.UNKNOWN
        assert deliver(address)[0] is DeliveryState.ACCEPTED
    assert count == 2


def test_nobody_listening_means_nothing_arrived(app: Flask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert deliver(f"mllp://127.0.0.1:{port}/UKTB/UKVI")[:2] == (DeliveryState.QUEUED, DeliveryReason.UNREACHABLE)


def test_large_message_arrives_whole() -> None:
    body = BODY + b"OBX|1|ED|" + b"QUJD" * 500_000
    seen: list[bytes] = []

    def take(connection: socket.socket) -> None:
        seen.append(take_frame(connection))
        connection.sendall(acknowledge("AA"))

    with receiver(take) as address, converse(parse_peer(address), body, Patience()) as replies:
        replies.next(5)
    assert seen == [body]


def test_encrypted_receiver_sees_our_certificate(app: Flask, tmp_path: Path) -> None:
    files = make_authority_and_leaves(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.server)
    context.load_verify_locations(files.authority)
    context.verify_mode = ssl.CERT_REQUIRED
    shown: list[bytes | None] = []

    def look(connection: socket.socket) -> None:
        assert isinstance(connection, ssl.SSLSocket)
        shown.append(connection.getpeercert(binary_form=True))
        answering(acknowledge("AA"))(connection)

    credential = Credential(str(files.authority), str(files.client))
    with receiver(look, context) as address:
        with converse(parse_peer(address), BODY, HASTE, credential) as replies:
            assert b"MSA|AA|NBO1" in replies.next(5)
        with pytest.raises(NotSent), converse(parse_peer(address), BODY, HASTE):  # we do not know its authority
            pass
        nobody = Credential(str(files.authority))  # it does not know us: TLS 1.3 tells so only after our first bytes
        with pytest.raises(NoAnswer), converse(parse_peer(address), BODY, HASTE, nobody) as replies:
            replies.next(5)
    assert shown and shown[0]


@pytest.mark.parametrize("address", [
    "", "http://a:1/b/c", "mllp://a/b/c", "mllp://a:1", "mllp://a:1/b", "mllp://:1/b/c", "mllp://a:99999/b/c"])
def test_address_that_cannot_be_used_says_why(address: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_peer(address)
