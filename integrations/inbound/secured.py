"""The door for lines over TLS: whoever cannot show a certificate that is vouched for stays outside, and is named.

The event loop's own server says nothing of a handshake that fails; a laboratory whose certificate has ended would be
away without a word.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

from integrations.inbound.refusal import Refusals

log = logging.getLogger(__name__)

HANDSHAKE_SECONDS = 10.0
HANDSHAKES = 500  # at once; one more is hung up on
BACKLOG = 100
BREATH_SECONDS = 1.0  # after a fault of ours, such as too many open files


class SecuredDoor:
    """Accepts connections and hands those over whose handshake succeeded; `close` it."""

    def __init__(
        self, begin: Callable[[], asyncio.Protocol], context: ssl.SSLContext, refusals: Refusals
    ) -> None:
        self._begin, self._context, self._refusals = begin, context, refusals
        self._sockets: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []
        self._shaking: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The port it listens on, once it does."""
        return int(self._sockets[0].getsockname()[1])

    async def open(self, host: str, port: int) -> None:
        """Listen. Raises OSError when the port is taken."""
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM,
                                                             flags=socket.AI_PASSIVE)
        for family, _kind, _protocol, _name, address in dict.fromkeys(found):
            one = socket.create_server(address[:2], family=family, backlog=BACKLOG)
            one.setblocking(False)
            self._sockets.append(one)
        self._accepting = [asyncio.create_task(self._accept(one)) for one in self._sockets]

    def close(self) -> None:
        """Take no more connections; lines that are open stay so."""
        for task in (*self._accepting, *self._shaking):
            task.cancel()
        for one in self._sockets:
            one.close()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(listening)
            except OSError as error:
                log.warning("no connection could be taken: %s", error.strerror or type(error).__name__)
                await asyncio.sleep(BREATH_SECONDS)
                continue
            if len(self._shaking) >= HANDSHAKES:
                connection.close()
                continue
            task = asyncio.create_task(self._shake_hands(connection, f"{address[0]}:{address[1]}"))
            self._shaking.add(task)
            task.add_done_callback(self._shaking.discard)

    async def _shake_hands(self, connection: socket.socket, peer: str) -> None:
        with suppress(OSError):  # what is no fault of a handshake: the peer is gone
            try:
                await asyncio.get_running_loop().connect_accepted_socket(
                    self._begin, connection, ssl=self._context, ssl_handshake_timeout=HANDSHAKE_SECONDS)
            except (ssl.SSLError, ConnectionError, TimeoutError) as error:
                self._refusals.tell_handshake(peer, error)
