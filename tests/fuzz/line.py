"""The MLLP listener, over a real socket: pieces, several in one packet, no end, noise between, TLS from a stranger."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from sqlalchemy import select

from clinic.db import read_unit
from clinic.models import InboundMessage
from integrations.hl7.acknowledgement import Acknowledgement, read_acknowledgement
from integrations.hl7.frame import END, START, FrameReader, wrap
from integrations.inbound import line, listener
from tests.factory import make_authority, make_laboratory
from tests.fuzz.harness import Door, Finding
from tests.fuzz.hostile import draw_text, mutate_bytes
from tests.fuzz.world import World

PATIENCE = 20.0  # seconds for an answer on a busy machine
SHORT = 1.5  # seconds from the first byte of a message to its last, within the fuzz
HELLO = bytes.fromhex("16030100c8010000c40303") + b"\x13" * 190  # how a TLS client begins
CONTROLS = dict.fromkeys([*range(32), 127])
NOISE = (b"", b"\r\n", b"\0\0", b"garbage", END, b"\x1c", b"\r", START, START + START, HELLO, b"GET / HTTP/1.1\r\n\r\n")


class LineDoor(Door):
    """Whole messages among the noise are answered each with its own number; afterwards the next caller is served."""

    name, count, hang = "lines", 60, 120.0
    least = frozenset({"answered", "hung up"})
    on_database = True

    @contextmanager
    def opened(self) -> Iterator[None]:
        world, limit = World(self.folder, self.database_url), line.MESSAGE_SECONDS
        world.build(_make_senders)
        line.MESSAGE_SECONDS = SHORT
        self.world = world
        try:
            with listener.listening(world.app) as self.port:
                yield
        finally:
            line.MESSAGE_SECONDS = limit
            world.close()

    def draw(self, chance: Random, number: int) -> Any:
        pieces: list[tuple[str, bytes]] = []
        for place in range(chance.randint(1, 6)):
            control_id = f"{number}-{place}"
            match chance.randrange(9):
                case 0 | 1 | 2 | 3:
                    pieces.append((control_id, wrap(_message(control_id))))
                case 4:
                    pieces.append((control_id, START + b"MSH|^~\\&|cut" + wrap(_message(control_id))))  # begins anew
                case 5:
                    pieces.append(("", mutate_bytes(chance, wrap(_message("spoilt")), 2)))
                case 6:
                    pieces.append(("", wrap(draw_text(chance, True).encode())))
                case 7:
                    pieces.append(("", chance.choice((START + b"MSH|never ends", wrap(b""), wrap(START * 50)))))
                case _:
                    pieces.append(("", chance.choice(NOISE)))
        return {"pieces": pieces, "cuts": [chance.random() for _ in range(chance.choice((0, 0, 1, 5)))]}

    def ask(self, given: Any) -> str:
        pieces = given.get("pieces", [])
        content = b"".join(piece for _name, piece in pieces)
        told = self._talk(content, given.get("cuts", []))
        answers = [answer.control_id for answer in told]
        sure = _list_sure(pieces)
        for control_id in sure:
            if answers.count(control_id) != 1:
                raise Finding(f"message {control_id} has {answers.count(control_id)} answers: {answers}")
        self._check_stored([answer.control_id for answer in told if answer.is_positive])
        if [answer.control_id for answer in self._talk(wrap(_message("next")), [])] != ["next"]:
            raise Finding("the next caller is not served")
        return "answered" if answers else "hung up"

    def _talk(self, content: bytes, cuts: list[float]) -> list[Acknowledgement]:
        """Every answer until the listener hangs up, or we have said everything and it has answered."""
        frames, reader = [], FrameReader()
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as line:
            try:
                places = sorted(int(cut * len(content)) for cut in cuts)
                for first, last in zip([0, *places], [*places, len(content)], strict=True):
                    line.sendall(content[first:last])
                line.shutdown(socket.SHUT_WR)
                while piece := line.recv(65536):
                    frames += reader.feed(piece)
            except TimeoutError:
                raise Finding(f"neither answered nor hung up within {PATIENCE:g} seconds") from None
            except OSError:
                pass  # it hung up while we spoke
        return [read_acknowledgement(frame) for frame in frames]

    def _check_stored(self, names: list[str]) -> None:
        with self.world.app.app_context(), read_unit() as session:
            for name in names:
                column = InboundMessage.control_id
                if session.execute(select(column).where(column == name[:200]).limit(1)).first():
                    continue
                # No control character survives in what we write: the answer names it without those it is stored with.
                stored = session.execute(select(column).distinct()).scalars()
                if name[:200] not in {text.translate(CONTROLS).strip() for text in stored}:
                    raise Finding(f"{name} was acknowledged and is not stored")


def _make_senders() -> None:
    make_authority("uk", endpoint="mllp://127.0.0.1:9/UKTB/UKVI")
    make_laboratory(our_facility="NBO")


def _message(control_id: str) -> bytes:
    """An acknowledgement of an authority, or a laboratory's results; which, the number decides."""
    if sum(control_id.encode()) % 2:
        return (
            f"MSH|^~\\&|CENTRALLAB|LAB01|CLEARWAY|NBO|20261120||ORU^R01^ORU_R01|{control_id}|P|2.5.1|||AL|NE\r"
            "PID|1||NBO-1^^^CLEARWAY^MR||Doe^Jo\rOBR|1||L1|X\rOBX|1|ST|X||1||||||F\r"
        ).encode()
    return (
        f"MSH|^~\\&|UKTB|UKVI|CLEARWAY|NBO|20261120||ACK^R01^ACK|{control_id}|P|2.5.1|||AL|NE||UNICODE UTF-8\r"
        "MSA|AA|nothing\r"
    ).encode()


def _list_sure(pieces: list[tuple[str, bytes]]) -> list[str]:
    """The messages that must be answered: whole ones before the first piece that may swallow or end it all."""
    sure = []
    for name, _piece in pieces:
        if not name:
            break
        sure.append(name)
    return sure
