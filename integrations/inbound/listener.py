"""The MLLP listener: many connections, one writer that commits what arrived together, and only then answers.

Nothing is parsed beyond the header before the answer, so that no fault of ours decides what is acknowledged.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Queue
from threading import Thread

from flask import Flask

from clinic.config import get_settings
from clinic.db import read_unit, write_unit
from clinic.errors import Misconfigured
from integrations.fault import describe_fault
from integrations.hl7.frame import FrameReader, FrameTooLarge, wrap
from integrations.inbound.intake import Arrival, Verdict, judge, list_senders, store

log = logging.getLogger(__name__)

IDLE_SECONDS = 15 * 60
MESSAGE_SECONDS = 30.0  # from the first byte of a message to its last
TOGETHER = 200  # messages in one commit at most
PIECE = 64 * 1024


@dataclass(frozen=True)
class _Waiting:
    arrival: Arrival
    answered: asyncio.Future[Verdict]


class Listener:
    """Serves MLLP release 1 on one port for as long as `run` is not cancelled."""

    def __init__(self, app: Flask, host: str, port: int) -> None:
        self.app, self.host, self._port = app, host, port
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(maxsize=10 * TOGETHER)
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port it listens on, once it does."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def run(self, ready: asyncio.Event | None = None) -> None:
        """Listen and write until cancelled; what was stored by then stays, what was not was never acknowledged."""
        self._server = await asyncio.start_server(self._converse, self.host, self._port)
        if ready is not None:
            ready.set()
        log.info("listening for HL7 v2 at mllp://%s:%d", self.host, self.port)
        async with self._server:
            await self._write()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = ":".join(str(part) for part in (writer.get_extra_info("peername") or ("?",))[:2])
        frames = FrameReader()
        try:
            while piece := await self._read(reader, frames.is_inside):
                for frame in frames.feed(piece):
                    if not await self._answer(Arrival(frame, peer), writer):
                        return
        except (OSError, TimeoutError, FrameTooLarge) as fault:
            log.info("connection of %s ended: %s", peer, type(fault).__name__)
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader, is_inside: bool) -> bytes:
        async with asyncio.timeout(MESSAGE_SECONDS if is_inside else IDLE_SECONDS):
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
        with self.app.app_context():
            with read_unit() as session:
                senders = list_senders(session)
            judged = [judge(arrival, senders) for arrival in arrivals]
            if any(verdict.row is not None for verdict in judged):
                with write_unit() as session:
                    answers = store(session, judged)
                judged = [Verdict(answer, None, one.hang_up) for one, answer in zip(judged, answers, strict=True)]
        return judged


def run_listener(app: Flask) -> None:
    """Listen on the settings' port until SIGTERM or Ctrl-C; raises Misconfigured when the port is taken."""
    settings = get_settings(app)
    listener = Listener(app, settings.mllp_host, settings.mllp_port)

    async def serve() -> None:
        task = asyncio.create_task(listener.run())
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, task.cancel)
        with suppress(asyncio.CancelledError):
            await task

    try:
        asyncio.run(serve())
    except OSError as error:
        port = settings.mllp_port
        raise Misconfigured(f"Port {port} is taken; set CLEARWAY_MLLP_PORT to another one.", port=port) from error


@contextmanager
def listening(app: Flask, port: int = 0) -> Iterator[int]:
    """Listen in a thread for as long as the block runs; gives the port."""
    started: Queue[tuple[int, asyncio.AbstractEventLoop, asyncio.Task[None]]] = Queue()

    async def serve() -> None:
        listener, ready = Listener(app, "127.0.0.1", port), asyncio.Event()
        task = asyncio.create_task(listener.run(ready))
        await ready.wait()
        started.put((listener.port, asyncio.get_running_loop(), task))
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
