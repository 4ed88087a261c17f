"""A sandbox laboratory: takes orders over MLLP, acknowledges them, and a moment later sends an unremarkable result.

It knows of the clinic only what the order says; the test's normal value stands in the clinic's own catalogue, as a
real laboratory's would in its own.
"""

from __future__ import annotations

import logging
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from clinic import clock
from clinic.key import new_id
from clinic.laboratory_test import LaboratoryTest, Unit, list_tests
from integrations.hl7.acknowledgement import build_acknowledgement
from integrations.hl7.charset import UTF_8, UnknownCharset, decode
from integrations.hl7.composer import Field, SegmentDraft, compose
from integrations.hl7.frame import FrameReader, FrameTooLarge, wrap
from integrations.hl7.moment import format_moment
from integrations.hl7.reader import Message, NotHl7, Segment, read_message
from integrations.hl7.word import LOCAL, VERSION

log = logging.getLogger("sandbox")

APPLICATION, FACILITY = "SANDBOXLAB", "LAB"
OURS, SITE = "CLEARWAY", "NBO"  # whom it sends to: MSH-5, and MSH-6 of the demo's first site
ANSWER_SECONDS = 4.0  # from an order to its result
LINE_SECONDS = 10.0
UNSUPPORTED = ("200", "Unsupported message type")


@dataclass(frozen=True)
class Clinic:
    """Where results go."""

    port: int
    seconds: float = ANSWER_SECONDS


class SandboxLaboratory(socketserver.ThreadingTCPServer):
    """The laboratory's listener on 127.0.0.1."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int, clinic: Clinic) -> None:
        super().__init__(("127.0.0.1", port), _Conversation)
        self.clinic = clinic

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.server_address[1])


class _Conversation(socketserver.BaseRequestHandler):
    server: SandboxLaboratory
    request: socket.socket

    def handle(self) -> None:
        reader = FrameReader()
        self.request.settimeout(LINE_SECONDS)
        try:
            while piece := self.request.recv(65536):
                for frame in reader.feed(piece):
                    self._take(frame)
        except (OSError, FrameTooLarge, NotHl7, UnknownCharset, UnicodeDecodeError):
            return

    def _take(self, frame: bytes) -> None:
        order = read_message(decode(frame))
        is_order = order.header.get(9) == "OML" and order.header.get(5) == APPLICATION
        answer = build_acknowledgement(order, "CA" if is_order else "CR", _number(), clock.now(),
                                       None if is_order else UNSUPPORTED)
        self.request.sendall(wrap(answer.encode()))
        orc = order.find("ORC")
        if is_order and orc is not None and orc.get(1) == "NW" and (result := write_result(order)):
            timer = threading.Timer(self.server.clinic.seconds, send, (result.encode(), self.server.clinic.port))
            timer.daemon = True
            timer.start()


def write_result(order: Message) -> str | None:
    """The ORU^R01 that answers an order with an unremarkable result; None for a test that it does not do."""
    obr, pid, spm = order.find("OBR"), order.find("PID"), order.find("SPM")
    test = list_tests().get(obr.get(4, 4) or obr.get(4)) if obr else None
    if obr is None or pid is None or test is None or (values := _list_values(test, pid)) is None:
        return None
    now, filler = format_moment(clock.now()), (_number(), FACILITY)
    taken = obr.get(7) or now
    segments = [
        SegmentDraft("MSH", {
            3: APPLICATION, 4: FACILITY, 5: order.header.get(3), 6: order.header.get(4), 7: now,
            9: ("ORU", "R01", "ORU_R01"), 10: _number(), 11: order.header.get(11), 12: VERSION, 18: UTF_8}),
        _copy(pid),
        SegmentDraft("ORC", {1: "RE", 2: (obr.get(2), obr.get(2, 2)), 3: filler}),
        SegmentDraft("OBR", {1: "1", 2: (obr.get(2), obr.get(2, 2)), 3: filler,
                             4: (test.name, test.label, LOCAL), 7: taken, 22: now, 25: "F"}),
        *(SegmentDraft("OBX", {1: str(number), **value, 11: "F"}) for number, value in enumerate(values, 1)),
    ]  # fmt: skip
    if spm is not None:
        segments.append(SegmentDraft("SPM", {1: "1", 2: ((spm.get(2), spm.get(2, 1, 2)),), 4: spm.get(4), 17: taken}))
    return compose(segments)


def send(result: bytes, port: int) -> bool:
    """Send a result to the clinic's listener; False when nobody took it."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=LINE_SECONDS) as line:
            line.sendall(wrap(result))
            return b"MSA|AA" in line.recv(65536)
    except OSError as fault:
        log.info("laboratory: the clinic took no result: %s", type(fault).__name__)
        return False


class Stray(StrEnum):
    """What real laboratories send besides answers: each needs a person at the clinic."""

    STRANGER = "stranger"
    UNKNOWN_CODE = "unknown-code"
    SPOILT = "spoilt"


STRAYS = {
    Stray.STRANGER: "A result of somebody whom the clinic has never ordered anything for",
    Stray.UNKNOWN_CODE: "A result under a code that means nothing to the clinic yet",
    Stray.SPOILT: "A message whose text is not in the character set that it names",
}


def write_stray(kind: Stray, site: str = SITE) -> bytes:
    """An ORU^R01 of an invented person to the clinic's `site`, as MSH-6 names it."""
    now, test = format_moment(clock.now()), list_tests()["haemoglobin"]
    name: Field = ("HB-TOTAL", "Haemoglobin, total", "L") if kind is Stray.UNKNOWN_CODE \
        else (test.name, test.label, LOCAL)
    message = compose([
        SegmentDraft("MSH", {3: APPLICATION, 4: FACILITY, 5: OURS, 6: site, 7: now, 9: ("ORU", "R01", "ORU_R01"),
                             10: _number(), 11: "P", 12: VERSION, 18: UTF_8}),
        SegmentDraft("PID", {1: "1", 3: (_number(), None, None, APPLICATION, "PI"), 5: ("Müller-Achieng", "Zoë"),
                             7: "19880229", 8: "F"}),
        SegmentDraft("OBR", {1: "1", 3: (_number(), FACILITY), 4: name, 7: now, 22: now, 25: "F"}),
        SegmentDraft("OBX", {1: "1", 2: "NM", 3: name, 5: "12.9", 6: ("g/dL", "g/dL", "UCUM"), 8: "N", 11: "F"}),
    ])  # fmt: skip
    return message.encode("latin-1" if kind is Stray.SPOILT else "utf-8")


@contextmanager
def examining(clinic: Clinic, port: int = 0) -> Iterator[int]:
    """Take orders in a thread for as long as the block runs; gives the port."""
    server = SandboxLaboratory(port, clinic)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _list_values(test: LaboratoryTest, pid: Segment) -> list[dict[int, Field]] | None:
    """The lines of an unremarkable result; None for a test with parts of its own."""
    name = (test.name, test.label, LOCAL)
    if test.normal:
        line: dict[int, Field] = {2: "CWE", 3: name, 5: (test.normal[0], test.normal[0], LOCAL)}
        return [line | {17: (test.methods[0],)} if test.by_method else line]
    unit = test.number
    if unit is None or unit.low is None or unit.high is None:
        return None
    value = _find_usual(test, unit, pid).quantize(Decimal(1).scaleb(-unit.decimals))
    return [{2: "NM", 3: name, 5: str(value), 6: (unit.code, unit.code, "UCUM"), 8: "N"}]


def _find_usual(test: LaboratoryTest, unit: Unit, pid: Segment) -> Decimal:
    """A number in the range of a person of that sex and age, so that the clinic calls it unremarkable too."""
    today, born = clock.now().strftime("%Y%m%d"), pid.get(7)[:8]
    age = (int(today) - int(born)) // 10000 if len(born) == 8 and born.isdigit() else 30
    found = test.find_reference(unit.code, {"M": "male", "F": "female"}.get(pid.get(8), ""), age)
    low, high = (found.low, found.high) if found else (None, None)
    if low and high:
        return (Decimal(low) + Decimal(high)) / 2
    if low or high:
        return Decimal(low) * Decimal("1.1") if low else Decimal(high or 0) * Decimal("0.8")
    return max((Decimal(unit.low or 0) + Decimal(unit.high or 0)) / 4, Decimal(unit.low or 0))


def _copy(segment: Segment) -> SegmentDraft:
    """PID as the order said it: number, name, birth date, sex."""
    return SegmentDraft("PID", {1: "1", 3: (segment.get(3), None, None, segment.get(3, 4), segment.get(3, 5)),
                                5: (segment.get(5), segment.get(5, 2)), 7: segment.get(7), 8: segment.get(8)})


def _number() -> str:
    return "S" + new_id().replace("-", "")[-16:].upper()
