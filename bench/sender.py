"""Laboratories that send HL7 v2 over MLLP: connections that each wait for their answer before they send the next.

As lean as Python allows, so that asking costs little beside what is asked: a single connection waits in its socket and
asks no selector, and the next message is put together while the one before is under way. However many connections a
laboratory has, it numbers its messages in one sequence.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count as count_from

from integrations.hl7.frame import END, wrap

LINES = 13
PATIENCE = 30  # seconds for an answer
HEAD = ("MSH|^~\\&|CENTRALLAB|LAB01|CLEARWAY|NBO|20261120080000+0300||ORU^R01^ORU_R01|{number}|P|2.5.1\r"
        "PID|1||NBO-26-000001-R^^^CLEARWAY^MR||Wanjiru^Grace^Achieng||19910105|F\r"
        "ORC|RE|NBO-L-000001-X^CLEARWAY|{number}^LAB01\r"
        "OBR|1|NBO-L-000001-X^CLEARWAY|{number}^LAB01|24323-8^Panel^LN|||20261119\r")  # fmt: skip
BODY = "".join(f"OBX|{line}|NM|2160-{line}^Creatinine^LN||{60 + line}.0|umol/L^umol/L^UCUM|53-97|N|||F\r"
               for line in range(1, LINES + 1))
MESSAGE = (HEAD.format(number="1") + BODY).encode()  # one of them
_AROUND_NUMBER = wrap((HEAD + BODY).encode()).split(b"{number}")


class Sender:
    """One connection with the message that waits for its answer; each has a control id of its own."""

    def __init__(self, port: int, names: Iterator[str]) -> None:
        """Connects and sends the first; `names` gives the control ids of its laboratory."""
        self._port, self._names = port, names
        self._under_way = self._build()
        self.call()
        self._next = self._build()

    def call(self) -> None:
        """Connect and send what has not been answered."""
        self.is_gone, self._got = False, b""
        for _turn in range(6000):  # a server whose queue of connections is full
            try:
                self._line = socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE)
                self._line.settimeout(None)  # Python's own costs a look before each reading; the kernel's nothing
                self._line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", PATIENCE, 0))
                self._line.sendall(self._under_way)
                return
            except OSError:
                time.sleep(0.005)
        raise TimeoutError(f"nobody takes a connection on {self._port}")

    def fileno(self) -> int:
        """The descriptor to wait for."""
        return self._line.fileno()

    def hear(self) -> bool:
        """Read what came; whether it ended an answer, after which the next message is under way.

        `is_gone` says that the server hung up. Raises RuntimeError when it refuses, TimeoutError when it says nothing.
        """
        try:
            piece = self._line.recv(65536)
        except BlockingIOError:
            raise TimeoutError(f"no answer on {self._port} for {PATIENCE} seconds") from None
        except OSError:  # hl7apy's server resets what it has not read
            piece = b""
        self._got += piece
        is_answered = self._got.endswith(END)
        if is_answered:
            if b"MSA|AA" not in self._got:
                raise RuntimeError(self._got[:200])
            self._under_way = self._next
            with suppress(OSError):  # told by the next look at it
                self._line.sendall(self._under_way)
            self._got, self._next = b"", self._build()
        if not piece:
            self.close()
            self.is_gone = True
        return is_answered

    def close(self) -> None:
        """Hang up."""
        self._line.close()

    def _build(self) -> bytes:
        return next(self._names).encode().join(_AROUND_NUMBER)


def load(port: int, count: int, seconds: float) -> float:
    """Messages answered a second over `count` connections."""
    answered, mark = 0, time.time_ns()
    names = (f"{mark:x}{number:08}" for number in count_from())
    start = time.perf_counter()
    end = start + seconds
    senders = [Sender(port, names) for _ in range(count)]
    with select.epoll() as ready:
        places = {sender.fileno(): sender for sender in senders}
        for place in places:
            ready.register(place, select.EPOLLIN)
        while time.perf_counter() < end:
            for sender in senders if count == 1 else [places[place] for place, _event in ready.poll(PATIENCE)]:
                answered += sender.hear()
                if sender.is_gone:
                    sender.call()
                    places[sender.fileno()] = sender
                    ready.register(sender.fileno(), select.EPOLLIN)
    spent = time.perf_counter() - start
    for sender in senders:
        sender.close()
    return answered / spent
