"""Whether a request can have arrived, for each fault that a network can make."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from integrations.transport.http import (
    ANSWER_LIMIT,
    NoAnswer,
    NotSent,
    Patience,
    exchange,
    forget_connections,
)

SHORT = Patience(0.3, 0.3)


@contextmanager
def answering(raw: bytes | None, close: bool = True) -> Iterator[str]:
    """A server that reads one request and then sends `raw`, or hangs up without a word."""
    server = socket.create_server(("127.0.0.1", 0))
    kept: list[socket.socket] = []

    def serve() -> None:
        connection, _peer = server.accept()
        connection.recv(65536)
        if raw:
            connection.sendall(raw)
        if close:
            connection.close()
        else:
            kept.append(connection)

    thread = Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
    finally:
        thread.join(2)
        for connection in kept:
            connection.close()
        server.close()
        forget_connections()


def test_nobody_listening_means_not_sent(closed_port: int) -> None:
    with pytest.raises(NotSent):
        exchange("POST", f"http://127.0.0.1:{closed_port}/", {}, b"x", SHORT)


@pytest.mark.parametrize("url", ["http://", "ftp://127.0.0.1/", "nonsense", "http://127.0.0.1:99999/"])
def test_address_that_cannot_be_used_means_not_sent(url: str) -> None:
    with pytest.raises(NotSent):
        exchange("POST", url, {}, b"x", SHORT)


@pytest.mark.parametrize(
    ("raw", "close"),
    [
        (None, True),  # hung up
        (None, False),  # silent
        (b"garbage\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", True),  # cut short
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", False),  # never ends
    ],
)
def test_no_believable_answer_means_it_may_have_arrived(raw: bytes | None, close: bool) -> None:
    with answering(raw, close) as url, pytest.raises(NoAnswer):
        exchange("POST", url, {}, b"x", SHORT)


def test_redirect_is_an_answer_and_not_followed() -> None:
    with answering(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n") as url:
        assert exchange("POST", url, {}, b"x", SHORT).status == 302


def test_answer_without_end_is_read_up_to_the_limit() -> None:
    flood = b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n" + b"x" * 900000
    with answering(flood) as url:
        assert len(exchange("GET", url, {}, None, SHORT).body) == ANSWER_LIMIT
