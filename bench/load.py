"""A client that loads a server over kept-alive connections from one thread; standard library alone."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle


@dataclass
class _Line:
    """One connection and what has come of the answer it waits for."""

    socket: socket.socket
    received: bytearray = field(default_factory=bytearray)
    wanted: int = 0  # bytes of the whole answer, once its head has come


class LoadFailed(RuntimeError):
    """The server answered something else than it should: the rate would mean nothing."""


def drive(port: int, requests: list[bytes], status: int, seconds: float, connections: int = 8) -> float:
    """Answers a second of 127.0.0.1:`port` to `requests`, sent in turn; every answer must have `status`."""
    waiting = cycle(requests)
    selector = selectors.DefaultSelector()
    expected = b"HTTP/1.1 %d" % status
    try:
        for _ in range(connections):
            line = _Line(socket.create_connection(("127.0.0.1", port)))
            line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(line.socket, selectors.EVENT_READ, line)
            line.socket.sendall(next(waiting))
        rate = _count(selector, waiting, expected, seconds)
        _hear_out(selector, expected)
        return rate
    finally:
        for key in list(selector.get_map().values()):
            key.data.socket.close()
        selector.close()


def _count(selector: selectors.BaseSelector, waiting: Iterator[bytes], expected: bytes, seconds: float) -> float:
    answers, start = 0, time.perf_counter()
    end = start + seconds
    while (now := time.perf_counter()) < end:
        for key, _events in selector.select(timeout=1):
            if _receive(key.data, expected):
                answers += 1
                key.data.socket.sendall(next(waiting))
    return answers / (now - start)


def _hear_out(selector: selectors.BaseSelector, expected: bytes) -> None:
    """Wait for the answers still owed, or the next measure would wait for them."""
    while selector.get_map():
        found = selector.select(timeout=30)
        if not found:
            raise LoadFailed("no answer within 30 seconds")
        for key, _events in found:
            if _receive(key.data, expected):
                selector.unregister(key.data.socket)
                key.data.socket.close()


def _receive(line: _Line, expected: bytes) -> bool:
    """Take what has come; whether the answer is whole."""
    came = line.socket.recv(262_144)
    if not came:
        raise LoadFailed("the server closed the connection")
    line.received += came
    if not line.wanted:
        end = line.received.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(line.received[:end])
        if not head.startswith(expected):
            raise LoadFailed(head.split(b"\r\n", 1)[0].decode("latin-1"))
        line.wanted = end + 4 + _read_length(head)
    if len(line.received) < line.wanted:
        return False
    line.received.clear()
    line.wanted = 0
    return True


def _read_length(head: bytes) -> int:
    for row in head.lower().split(b"\r\n"):
        if row.startswith(b"content-length:"):
            return int(row.split(b":")[1])
    if b" 304 " in head[:16] or head[9:12] == b"304":
        return 0
    raise LoadFailed("an answer without Content-Length")
