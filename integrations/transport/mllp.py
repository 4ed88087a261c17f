"""One MLLP conversation: send one message, read its replies, and know in the end whether it can have arrived.

Every message has a connection of its own and a window of one. Whatever goes wrong after the first byte left, the
connection is closed: a late reply on a connection kept open would be taken for the next message's.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import unquote

from clinic.machine_address import split_address
from integrations.hl7.frame import FrameReader, FrameTooLarge, wrap
from integrations.transport.http import NoAnswer, NotSent, Patience

REPLY_LIMIT = 256 * 1024  # bytes; no acknowledgement is longer
PIECE = 64 * 1024


@dataclass(frozen=True)
class Peer:
    """Where and as whom a receiver listens, read from an address such as `mllp://host:2575/APPLICATION/FACILITY`."""

    host: str
    port: int
    application: str  # MSH-5
    facility: str  # MSH-6
    is_encrypted: bool


@dataclass(frozen=True)
class Credential:
    """Files of an encrypted connection: whom we trust, and how we prove who we are."""

    authorities: str = ""  # PEM of the certificate authorities; empty: the system's
    certificate: str = ""  # PEM with our certificate and key; empty: none is shown


def parse_peer(address: str) -> Peer:
    """The receiver behind `mllp://` or, over TLS, `mllps://`; raises ValueError saying what is wrong."""
    parts = split_address(address)
    if parts.scheme not in ("mllp", "mllps"):
        raise ValueError("it begins neither with mllp:// nor with mllps://")
    names = [unquote(name) for name in parts.path.split("/") if name]
    if not parts.hostname or not parts.port:
        raise ValueError("it names no port")
    if len(names) != 2:
        raise ValueError("it must end in /APPLICATION/FACILITY, as the authority calls itself")
    return Peer(parts.hostname, parts.port, names[0], names[1], parts.scheme == "mllps")


@contextmanager
def converse(peer: Peer, message: bytes, patience: Patience, credential: Credential | None = None) -> Iterator[Replies]:
    """Send `message` framed; gives the replies as they come.

    Raises NotSent when nothing can have arrived, NoAnswer when it may have.
    """
    connection = _connect(peer, patience, credential or Credential())
    try:
        try:
            connection.settimeout(patience.answer)
            connection.sendall(wrap(message))
        except OSError as error:
            # Part of the frame may have left, and a receiver may be lenient about its end.
            raise NoAnswer(_describe(error)) from error
        yield Replies(connection)
    finally:
        connection.close()


def probe(peer: Peer, patience: Patience, credential: Credential | None = None) -> None:
    """Connect to a receiver and hang up without a word. Raises NotSent when no line can be had."""
    _connect(peer, patience, credential or Credential()).close()


class Replies:
    """The frames that come back over one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._reader = FrameReader(REPLY_LIMIT)
        self._waiting: list[bytes] = []

    def next(self, seconds: float) -> bytes:
        """The next reply within `seconds`; raises NoAnswer when there is none, or when it is no frame."""
        deadline = time.monotonic() + seconds
        while not self._waiting:
            left = deadline - time.monotonic()
            if left <= 0:
                raise NoAnswer(f"no reply within {seconds:g} seconds")
            try:
                self._connection.settimeout(left)
                piece = self._connection.recv(PIECE)
            except TimeoutError:
                raise NoAnswer(f"no reply within {seconds:g} seconds") from None
            except OSError as error:
                raise NoAnswer(_describe(error)) from error
            if not piece:
                raise NoAnswer("the connection was closed before a reply came")
            try:
                self._waiting += self._reader.feed(piece)
            except FrameTooLarge as error:
                raise NoAnswer(f"the reply is too large: {error}") from error
        return self._waiting.pop(0)

    def say(self, message: bytes) -> None:
        """Answer a reply that asks for an answer; a fault on the way decides nothing any more."""
        try:
            self._connection.sendall(wrap(message))
        except OSError:
            return


def _connect(peer: Peer, patience: Patience, credential: Credential) -> socket.socket:
    try:
        connection = socket.create_connection((peer.host, peer.port), timeout=patience.connect)
    except OSError as error:
        raise NotSent(_describe(error)) from error
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if not peer.is_encrypted:
        return connection
    try:
        return _secure(connection, peer, credential)
    except OSError as error:  # ssl.SSLError among them: the handshake comes before anything is sent
        connection.close()
        raise NotSent(_describe(error)) from error


def _secure(connection: socket.socket, peer: Peer, credential: Credential) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=credential.authorities or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if credential.certificate:
        context.load_cert_chain(credential.certificate)
    return context.wrap_socket(connection, server_hostname=peer.host)


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {getattr(error, 'strerror', None) or error}"[:300]
