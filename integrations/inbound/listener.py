"""The MLLP listener: many connections, one writer that commits what arrived together, and only then answers.

Nothing is parsed beyond the header before the answer, so that no fault of ours decides what is acknowledged.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import signal
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Queue
from threading import Thread

from flask import Flask

from clinic.config import get_settings
from clinic.db import read_unit, write_connection
from clinic.errors import Misconfigured
from clinic.models import InboundWay
from integrations.fault import describe_fault
from integrations.hl7.frame import FrameReader, FrameTooLarge, wrap
from integrations.inbound.intake import Arrival, Verdict, judge, store
from integrations.inbound.sender import Senders, list_senders

log = logging.getLogger(__name__)

IDLE_SECONDS = 15 * 60
MESSAGE_SECONDS = 30.0  # from the first byte of a message to its last
TOGETHER = 200  # messages in one commit at most
PIECE = 64 * 1024
SENDERS_SECONDS = 1.0  # so long a sender that was let in no more may still be taken
HANDSHAKE_SECONDS = 10.0
CONNECTIONS = 500  # at once; one more is hung up on, so that a flood of them leaves room for memory


@dataclass(frozen=True)
class _Waiting:
    arrival: Arrival
    answered: asyncio.Future[Verdict]


class Listener:
    """Serves MLLP release 1 for as long as `run` is not cancelled: on one port, on a second one over TLS.

    Over TLS every client shows a certificate that our trust file vouches for; which sender it is, the fingerprint says.
    """

    def __init__(
        self, app: Flask, host: str, port: int, tls_port: int | None = None, context: ssl.SSLContext | None = None
    ) -> None:
        self.app, self.host, self._port = app, host, port
        self._tls_port, self._context = tls_port, context
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(maxsize=10 * TOGETHER)
        self._servers: list[asyncio.Server] = []
        self._senders, self._senders_until = Senders(), 0.0
        self._connections = 0

    @property
    def port(self) -> int:
        """The port it listens on, once it does."""
        return int(self._servers[0].sockets[0].getsockname()[1])

    @property
    def tls_port(self) -> int:
        """The port it listens on over TLS, once it does."""
        return int(self._servers[1].sockets[0].getsockname()[1])

    async def run(self, ready: asyncio.Event | None = None) -> None:
        """Listen and write until cancelled; what was stored by then stays, what was not was never acknowledged."""
        self._servers.append(await asyncio.start_server(self._converse, self.host, self._port))
        if self._context is not None:
            self._servers.append(await asyncio.start_server(
                self._converse, self.host, self._tls_port, ssl=self._context,
                ssl_handshake_timeout=HANDSHAKE_SECONDS))
        if ready is not None:
            ready.set()
        log.info("listening for HL7 v2 at mllp://%s:%d", self.host, self.port)
        if self._context is not None:
            log.info("listening for HL7 v2 at mllps://%s:%d", self.host, self.tls_port)
        try:
            await self._write()
        finally:
            for server in self._servers:
                server.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = ":".join(str(part) for part in (writer.get_extra_info("peername") or ("?",))[:2])
        frames, way, fingerprint = FrameReader(), InboundWay.MLLP, ""
        if (secured := writer.get_extra_info("ssl_object")) is not None:
            way = InboundWay.MLLP_TLS
            fingerprint = hashlib.sha256(secured.getpeercert(binary_form=True) or b"").hexdigest()
        self._connections += 1
        try:
            if self._connections > CONNECTIONS:
                log.warning("connection of %s hung up on: %d are open", peer, CONNECTIONS)
                return
            deadline = None  # of a message that has begun; a byte now and then does not put it off
            while piece := await self._read(reader, deadline):
                for frame in frames.feed(piece):
                    if not await self._answer(Arrival(frame, peer, way, fingerprint), writer):
                        return
                    deadline = None
                if not frames.is_inside:
                    deadline = None
                elif deadline is None:
                    deadline = asyncio.get_running_loop().time() + MESSAGE_SECONDS
        except (OSError, TimeoutError, FrameTooLarge) as fault:
            log.info("connection of %s ended: %s", peer, type(fault).__name__)
        finally:
            self._connections -= 1
            writer.close()

    async def _read(self, reader: asyncio.StreamReader, deadline: float | None) -> bytes:
        until = asyncio.get_running_loop().time() + IDLE_SECONDS if deadline is None else deadline
        async with asyncio.timeout_at(until):
            return await reader.read(PIECE)

    async def _answer(self, arrival: Arrival, writer: asyncio.StreamWriter) -> bool:
        """Wait until a message is stored, then acknowledge it; False to hang up."""
        waiting = _Waiting(arrival, asyncio.get_running_loop().create_future())
        await self._queue.put(waiting)
        verdict = await waiting.answered
        if verdict.answer is not None:
            writer.write(wrap(verdict.answer))
            await writer.drain()
        return not verdict.hang_up

    async def _write(self) -> None:
        while True:
            batch = [await self._queue.get()]
            while len(batch) < TOGETHER and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            try:
                verdicts = await asyncio.to_thread(self._keep, [one.arrival for one in batch])
            except Exception as error:
                # Nothing was stored, so nothing is acknowledged: the senders keep their messages and try again.
                log.error("%d messages could not be stored: %s", len(batch), describe_fault(error))
                verdicts = [Verdict(None, None, hang_up=True)] * len(batch)
            for one, verdict in zip(batch, verdicts, strict=True):
                if not one.answered.done():
                    one.answered.set_result(verdict)

    def _keep(self, arrivals: Sequence[Arrival]) -> list[Verdict]:
        takes_tests = get_settings(self.app).demo
        with self.app.app_context():
            senders = self._find_senders()
            judged = [judge(arrival, senders, takes_tests) for arrival in arrivals]
            if any(verdict.is_stranger for verdict in judged):  # perhaps registered a moment ago
                senders = self._find_senders(anew=True)
                judged = [judge(arrival, senders, takes_tests) for arrival in arrivals]
            if any(verdict.row is not None for verdict in judged):
                with write_connection() as connection:
                    answers = store(connection, judged)
                judged = [Verdict(answer, None, one.hang_up) for one, answer in zip(judged, answers, strict=True)]
        return judged

    def _find_senders(self, anew: bool = False) -> Senders:
        if anew or time.monotonic() >= self._senders_until:
            with read_unit() as session:
                self._senders = list_senders(session)
            self._senders_until = time.monotonic() + SENDERS_SECONDS
        return self._senders


def build_context(certificate: str, authorities: str) -> ssl.SSLContext:
    """TLS 1.2 and later, with a client certificate that the PEM `authorities` vouches for.

    `certificate` is one PEM with our certificate and its key. Raises Misconfigured when a file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_cert_chain(certificate)
        context.load_verify_locations(authorities)
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(
            "Lines with TLS need CLEARWAY_MLLP_CERTIFICATE (our certificate and key) and CLEARWAY_MLLP_AUTHORITIES "
            "(who vouches for the laboratories' certificates): PEM files that can be read."
        ) from error
    return context


def run_listener(app: Flask) -> None:
    """Listen on the settings' port until SIGTERM or Ctrl-C; raises Misconfigured when the port is taken."""
    settings = get_settings(app)
    context = build_context(settings.mllp_certificate, settings.mllp_authorities) if settings.mllp_tls_port else None
    listener = Listener(app, settings.mllp_host, settings.mllp_port, settings.mllp_tls_port, context)

    async def serve() -> None:
        task = asyncio.create_task(listener.run())
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, task.cancel)
        with suppress(asyncio.CancelledError):
            await task

    try:
        asyncio.run(serve())
    except OSError as error:
        ports = " or ".join(str(port) for port in (settings.mllp_port, settings.mllp_tls_port) if port)
        raise Misconfigured(f"Port {ports} is taken; set CLEARWAY_MLLP_PORT or CLEARWAY_MLLP_TLS_PORT to another one.",
                            ports=ports) from error


@contextmanager
def listening(app: Flask, port: int = 0, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Listen in a thread for as long as the block runs; gives the port, with a `context` that of the TLS line."""
    started: Queue[tuple[int, asyncio.AbstractEventLoop, asyncio.Task[None]]] = Queue()

    async def serve() -> None:
        listener, ready = Listener(app, "127.0.0.1", port, 0, context), asyncio.Event()
        task = asyncio.create_task(listener.run(ready))
        await ready.wait()
        started.put((listener.tls_port if context else listener.port, asyncio.get_running_loop(), task))
        with suppress(asyncio.CancelledError):
            await task

    thread = Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    bound, loop, task = started.get(timeout=10)
    try:
        yield bound
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()
