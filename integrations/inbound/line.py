"""One MLLP connection: cuts messages out of the bytes, has one at a time stored, and answers in the order they came."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import deque
from collections.abc import Callable
from typing import cast

from clinic.models import InboundWay
from integrations.hl7.frame import FrameReader, FrameTooLarge, wrap
from integrations.inbound.intake import Arrival, Verdict
from integrations.inbound.refusal import Refusals

log = logging.getLogger(__name__)

IDLE_SECONDS = 15 * 60
MESSAGE_SECONDS = 30.0  # from the first byte of a message to its last
FAREWELL_SECONDS = 2.0  # so long a peer that we hang up on may go on talking: a reset would take our answers from it
CONNECTIONS = 500  # at once; one more is hung up on, so that a flood of them leaves room for memory


class Line(asyncio.Protocol):
    """A connection of the listener's loop.

    `take` has an arrival stored; `answer` is called with what came of it. The next message of the same connection waits
    until then, and nothing is read meanwhile once it is there: a sender that does not wait costs no memory.
    """

    def __init__(self, lines: set[Line], take: Callable[[Arrival, Line], None], refusals: Refusals) -> None:
        self._lines, self._take, self._refusals = lines, take, refusals
        self._frames, self._next = FrameReader(), deque[bytes]()
        self._is_storing, self._is_choked, self._is_paused = False, False, False
        self._has_ended, self._is_over = False, False  # the peer says no more; we do not listen any more
        self._way, self._fingerprint, self._peer = InboundWay.MLLP, "", "?"

    @property
    def has_more(self) -> bool:
        """Whether a message waits behind the one that is being stored."""
        return bool(self._next)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A peer has called; over TLS it has shown its certificate by now."""
        self._transport = cast(asyncio.Transport, transport)
        self._loop = asyncio.get_running_loop()
        self._peer = ":".join(str(part) for part in (transport.get_extra_info("peername") or ("?",))[:2])
        if (secured := transport.get_extra_info("ssl_object")) is not None:
            self._way = InboundWay.MLLP_TLS
            self._fingerprint = hashlib.sha256(secured.getpeercert(binary_form=True) or b"").hexdigest()
        self._until = self._loop.time() + IDLE_SECONDS
        self._has_begun = False
        self._lines.add(self)
        if len(self._lines) > CONNECTIONS:
            log.warning("connection of %s hung up on: %d are open", self._peer, CONNECTIONS)
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Over; what is being stored stays, its answer reaches nobody, and the sender sends it again."""
        self._lines.discard(self)
        self._next.clear()
        self._is_over = True
        if exc is not None:
            log.info("connection of %s ended: %s", self._peer, type(exc).__name__)

    def data_received(self, data: bytes) -> None:
        """Bytes, cut in whatever way."""
        if self._is_over:
            return
        try:
            found = self._frames.feed(data)
        except FrameTooLarge as fault:
            self._give_up(fault)
            return
        if not self._frames.is_inside:
            self._has_begun, self._until = False, self._loop.time() + IDLE_SECONDS
        elif found or not self._has_begun:  # a byte now and then does not put it off
            self._has_begun, self._until = True, self._loop.time() + MESSAGE_SECONDS
        self._next.extend(found)
        self._go_on()

    def eof_received(self) -> bool:
        """The peer says no more; what it said is still answered, which TLS has no way to do."""
        self._has_ended = True
        if not self._is_over:
            self._go_on()
        return self._way is InboundWay.MLLP and self._is_storing

    def pause_writing(self) -> None:
        """The peer reads no answers: nothing more is taken from it until it does."""
        self._is_choked = True

    def resume_writing(self) -> None:
        """It reads again."""
        self._is_choked = False
        self._go_on()

    def answer(self, verdict: Verdict) -> None:
        """What came of the message that was taken last."""
        self._is_storing = False
        if verdict.fault:
            self._refusals.tell_message(self._peer, verdict.fault, verdict.todo, self._fingerprint)
        if self._is_over:
            return
        if verdict.answer is not None:
            self._transport.write(wrap(verdict.answer))
        if verdict.hang_up:
            self._hang_up()
        else:
            self._until = max(self._until, self._loop.time() + (MESSAGE_SECONDS if self._has_begun else IDLE_SECONDS))
            self._go_on()

    def close(self) -> None:
        """End the connection at once, but for what was written."""
        self._is_over = True
        self._next.clear()
        self._transport.close()

    def watch(self, now: float) -> None:
        """Hang up when the peer keeps us waiting; we do not count what it waits for us."""
        if now > self._until and self._is_over:
            self._transport.abort()
        elif now > self._until and not self._is_storing:
            self._give_up(TimeoutError())

    def _go_on(self) -> None:
        if self._next and not self._is_storing and not self._is_choked:
            self._is_storing = True
            self._take(Arrival(self._next.popleft(), self._peer, self._way, self._fingerprint), self)
        if self._next:
            self._is_paused = True
            self._transport.pause_reading()
        elif self._has_ended:
            if not self._is_storing:
                self.close()
        elif self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()

    def _give_up(self, fault: Exception) -> None:
        log.info("connection of %s ended: %s", self._peer, type(fault).__name__)
        self._hang_up()

    def _hang_up(self) -> None:
        """Say that we are done and hear the peer out: what reaches a closed line resets it, unread answers and all."""
        if self._has_ended or not self._transport.can_write_eof():
            self.close()
            return
        self._is_over = True
        self._next.clear()
        self._until = self._loop.time() + FAREWELL_SECONDS
        self._transport.write_eof()
        self._transport.resume_reading()
