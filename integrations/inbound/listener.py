"""The MLLP listener: many connections; what arrived together is stored by one commit, and only then answered.

Nothing is parsed beyond the header before the answer, so that no fault of ours decides what is acknowledged.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import ssl
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from itertools import zip_longest
from queue import Empty, Queue, SimpleQueue
from threading import Thread

from flask import Flask

from clinic import clock
from clinic.config import get_settings
from clinic.db import db, read_unit, write_connection
from clinic.errors import Misconfigured, Unavailable
from clinic.key import new_ids
from integrations.fault import describe_fault
from integrations.inbound.intake import Arrival, Verdict, build_lone_insert, judge, store
from integrations.inbound.line import Line
from integrations.inbound.refusal import Refusals
from integrations.inbound.secured import SecuredDoor
from integrations.inbound.sender import Senders, list_senders

log = logging.getLogger(__name__)

TOGETHER = 200  # messages in one commit of the thread at most
SMALL = 1024 * 1024  # bytes of messages that the loop itself stores: more would hold it up for longer than a moment
PAUSE_SECONDS = 0.02  # that the loop may stand still on average: it has connections to look after
PAUSES = 10  # that the average is made of
PATIENCE = 0.5  # of what a commit takes on average, that it is put off for those who were answered together before
WATCH_SECONDS = 0.25  # between two looks at who keeps us waiting
SENDERS_SECONDS = 1.0  # so long a sender that was let in no more may still be taken


class Listener:
    """Serves MLLP release 1 for as long as `run` is not cancelled: on one port, on a second one over TLS.

    Over TLS every client shows a certificate that our trust file vouches for; which sender it is, the fingerprint says.
    What came in one turn of the loop is stored there and then where that waits for this machine's disk alone: in an
    embedded database on a quick disk that nobody else writes to just now, small new messages of senders looked up
    within the second. One thread sees to everything else, so that the loop never waits for a writer or a server.
    """

    def __init__(
        self, app: Flask, host: str, port: int, tls_port: int | None = None, context: ssl.SSLContext | None = None
    ) -> None:
        self.app, self.host, self._port = app, host, port
        self._tls_port = tls_port
        self._takes_tests = get_settings(app).demo
        with app.app_context():
            self._insert = build_lone_insert(db.engine)
        self._arrived: list[tuple[Arrival, Line]] = []  # in this turn of the loop; one for each connection at most
        self._waiting: SimpleQueue[tuple[Arrival, Line] | None] = SimpleQueue()  # for the thread
        self._left_to_thread = 0  # and not yet answered
        self._pause = 0.0  # seconds that the loop stood still to store, the last ones on average
        self._expected, self._wait_until = 1, 0.0  # how many are likely to speak together, and how long they may take
        self._servers: list[asyncio.Server] = []
        self._refusals = Refusals()
        self._door = SecuredDoor(self._begin, context, self._refusals) if context else None
        self._senders, self._senders_until = Senders(), 0.0
        self._lines: set[Line] = set()

    @property
    def port(self) -> int:
        """The port it listens on, once it does."""
        return int(self._servers[0].sockets[0].getsockname()[1])

    @property
    def tls_port(self) -> int:
        """The port it listens on over TLS, once it does."""
        if self._door is None:
            raise RuntimeError("no line over TLS is offered")
        return self._door.port

    async def run(self, ready: asyncio.Event | None = None) -> None:
        """Listen and write until cancelled; what was stored by then stays, what was not was never acknowledged."""
        loop = asyncio.get_running_loop()
        self._servers.append(await loop.create_server(self._begin, self.host, self._port))
        if self._door is not None:
            await self._door.open(self.host, self._tls_port or 0)
        log.info("listening for HL7 v2 at mllp://%s:%d", self.host, self.port)
        if self._door is not None:
            log.info("listening for HL7 v2 at mllps://%s:%d", self.host, self.tls_port)
        with closing(self._insert), ThreadPoolExecutor(1, "mllp-store") as store_thread:
            storing = asyncio.wrap_future(store_thread.submit(self._write, loop))
            if ready is not None:
                ready.set()
            try:
                while not storing.done():
                    await asyncio.wait([storing], timeout=WATCH_SECONDS)
                    for line in list(self._lines):
                        line.watch(loop.time())
                await storing
            finally:
                self._waiting.put(None)
                for server in self._servers:
                    server.close()
                if self._door is not None:
                    self._door.close()
                for line in list(self._lines):
                    line.close()

    def _begin(self) -> Line:
        return Line(self._lines, self._take, self._refusals)

    def _take(self, arrival: Arrival, line: Line) -> None:
        if not self._arrived:
            self._wait_until = time.monotonic() + self._pause * PATIENCE
        self._arrived.append((arrival, line))
        if len(self._lines) == 1 and not line.has_more:
            self._end_turn()  # nobody else can have said anything in this turn
        elif len(self._arrived) == 1:
            asyncio.get_running_loop().call_soon(self._end_turn)

    def _end_turn(self) -> None:
        """Store and answer what came in this turn of the loop, or leave it to the thread.

        Who was answered together speaks again together, but not in one turn: a moment's wait saves a commit.
        """
        if not self._arrived:  # it was stored with what came after it, when only one connection was left
            return
        if len(self._arrived) < min(self._expected, len(self._lines)) and time.monotonic() < self._wait_until:
            asyncio.get_running_loop().call_soon(self._end_turn)
            return
        batch, self._arrived = self._arrived, []
        self._expected = max(len(batch), self._expected * 9 // 10)
        verdicts: list[Verdict | None] = []
        if self._is_free(batch):
            begun = time.monotonic()
            verdicts = self._keep_at_once([arrival for arrival, _line in batch])
            self._pause += (time.monotonic() - begun - self._pause) / PAUSES
        for (arrival, line), verdict in zip_longest(batch, verdicts):
            if verdict is not None:
                line.answer(verdict)
            else:
                self._left_to_thread += 1
                self._waiting.put((arrival, line))

    def _is_free(self, batch: Sequence[tuple[Arrival, Line]]) -> bool:
        """Whether the loop itself may store: nobody has waited for longer, and it stands still for a moment only."""
        return (
            self._insert.is_embedded and not self._left_to_thread and time.monotonic() < self._senders_until
            and self._pause < PAUSE_SECONDS and sum(len(arrival.frame) for arrival, _line in batch) <= SMALL
        )  # fmt: skip

    def _write(self, loop: asyncio.AbstractEventLoop) -> None:
        """Store what waits, and only then have it answered; until None is found in the queue."""
        with self.app.app_context():
            while batch := self._gather():
                try:
                    verdicts = self._keep([arrival for arrival, _line in batch])
                except Exception as error:
                    # Nothing was stored, so nothing is acknowledged: the senders keep their messages and try again.
                    log.error("%d messages could not be stored: %s", len(batch), describe_fault(error))
                    verdicts = [Verdict(None, None, hang_up=True)] * len(batch)
                with suppress(RuntimeError):  # the loop is closed: nobody is there to be answered
                    loop.call_soon_threadsafe(self._answer, [line for _arrival, line in batch], verdicts)

    def _answer(self, lines: Sequence[Line], verdicts: Sequence[Verdict]) -> None:
        self._left_to_thread -= len(lines)
        for line, verdict in zip(lines, verdicts, strict=True):
            line.answer(verdict)

    def _gather(self) -> list[tuple[Arrival, Line]]:
        """What waits now, at least one; nothing at the end."""
        first = self._waiting.get()
        batch = [first] if first is not None else []
        with suppress(Empty):
            while batch and len(batch) < TOGETHER:
                following = self._waiting.get_nowait()
                if following is None:
                    self._waiting.put(None)  # for the next turn
                    break
                batch.append(following)
        return batch

    def _keep(self, arrivals: Sequence[Arrival]) -> list[Verdict]:
        """Store in the thread, however long it takes; on a server one statement saves ways there and back too."""
        self._find_senders()
        kept: list[Verdict | None] = [None] * len(arrivals)
        if not self._insert.is_embedded:
            kept = self._keep_at_once(arrivals)
        left = [arrival for arrival, verdict in zip(arrivals, kept, strict=True) if verdict is None]
        rest = iter(self._keep_in_unit(left) if left else ())
        return [verdict or next(rest) for verdict in kept]

    def _keep_at_once(self, arrivals: Sequence[Arrival]) -> list[Verdict | None]:
        """Store what is new by one statement; None for what needs more: repetitions, strangers, all after a fault."""
        try:
            judged = self._judge(arrivals)
            rows = [verdict.row for verdict in judged if verdict.row is not None]
            fresh = self._insert.run(rows) if rows else set()
        except Exception as error:  # a unit meets it too, and says what came of it
            if not isinstance(error, Unavailable):
                log.warning("%d messages could not be stored at once: %s", len(arrivals), describe_fault(error))
            return [None] * len(arrivals)
        return [verdict if not verdict.is_stranger and (verdict.row is None or verdict.row["id"] in fresh) else None
                for verdict in judged]

    def _keep_in_unit(self, arrivals: Sequence[Arrival]) -> list[Verdict]:
        """Store in a unit of work, which waits for other writers and knows what a repetition was answered."""
        self._find_senders()
        judged = self._judge(arrivals)
        if any(verdict.is_stranger for verdict in judged):  # perhaps registered a moment ago
            self._find_senders(anew=True)
            judged = self._judge(arrivals)
        if any(verdict.row is not None for verdict in judged):
            with write_connection() as connection:
                answers = store(connection, judged)
            judged = [one._replace(answer=answer, row=None) for one, answer in zip(judged, answers, strict=True)]
        return judged

    def _judge(self, arrivals: Sequence[Arrival]) -> list[Verdict]:
        now = clock.now()
        return [judge(arrival, self._senders, self._takes_tests, now, own_id)
                for arrival, own_id in zip(arrivals, new_ids(len(arrivals)), strict=True)]

    def _find_senders(self, anew: bool = False) -> None:
        if anew or time.monotonic() >= self._senders_until:
            with read_unit() as session:
                self._senders = list_senders(session)
            self._senders_until = time.monotonic() + SENDERS_SECONDS
            self._pause = 0.0  # perhaps the disk is quicker by now


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
