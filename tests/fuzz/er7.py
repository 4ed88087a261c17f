"""HL7 v2 as text: what the reader, the acknowledgement, the intake and the lint make of any message."""

from __future__ import annotations

from random import Random
from typing import Any

import hl7

from clinic.errors import Misconfigured
from integrations.hl7.acknowledgement import Unreadable, read_acknowledgement
from integrations.hl7.charset import UnknownCharset, decode
from integrations.hl7.composer import SegmentDraft, compose
from integrations.hl7.lint import check
from integrations.hl7.reader import NotHl7, read_message
from integrations.inbound.intake import Arrival, judge
from integrations.inbound.sender import KnownLaboratory, Senders
from tests.fuzz.harness import Door, Finding
from tests.fuzz.hostile import draw_text, mutate_bytes, mutate_text

HEADER = {
    3: "UKTB",
    4: "UKVI",
    5: "CLEARWAY",
    6: "NBO",
    7: "20261120",
    9: ("ACK", "R01", "ACK"),
    10: "77",
    11: "P",
    12: "2.5.1",
    18: "UNICODE UTF-8",
}
FROM_LABORATORY = {3: "LAB", 4: "L1", 9: ("ORU", "R01", "ORU_R01")}
SENDERS = Senders(frozenset({"UKTB|UKVI"}), {"LAB|L1|NBO": KnownLaboratory("lab", "", False, "utf-8")})
CHARSETS = (
    "",
    "ASCII",
    "UNICODE UTF-8",
    "8859/1",
    "8859/6",
    "GB 18030-2000",
    "ISO IR87",
    "BIG-5",
    "KS X 1001",
    "x",
    "8859/99",
)


class Er7Door(Door):
    """Composed with hostile values, it reads back as it was meant, by us and by another library; then it is spoilt."""

    name, count = "er7", 300
    least = frozenset({"stored", "refused", "unreadable"})

    def draw(self, chance: Random, number: int) -> Any:
        values = [draw_text(chance, True) for _ in range(4)]
        header = HEADER | {18: chance.choice(CHARSETS)} | chance.choice(({}, FROM_LABORATORY))
        if chance.random() < 0.4:
            header[chance.choice(list(HEADER))] = draw_text(chance, True)
        text = compose(
            [
                SegmentDraft("MSH", header),
                SegmentDraft("MSA", {1: chance.choice(("AA", "CA", "AE", "x")), 2: values[0]}),
                SegmentDraft("PID", {3: [(values[1], None, None, ("a", values[2]))], 5: (values[3], "b"), 7: "1991"}),
            ]
        )
        content = text.encode()
        for _ in range(chance.choice((0, 1, 1, 3))):
            content = (
                mutate_bytes(chance, content)
                if chance.random() < 0.7
                else mutate_text(chance, content.decode("utf-8", "replace")).encode("utf-8", "surrogatepass")
            )
        return {"values": values, "content": content}

    def ask(self, given: Any) -> str:
        self._round_trip(given.get("values", []))
        return self._read(given.get("content", b""))

    def _round_trip(self, values: list[str]) -> None:
        text = compose(
            [SegmentDraft("MSH", HEADER), SegmentDraft("PID", {n + 2: value for n, value in enumerate(values)})]
        )
        segment = read_message(text).find("PID")
        other = hl7.parse(text).segment("PID") if len(text) < 20_000 else None
        for place, value in enumerate(values):
            meant = _clean(value)
            if (read := segment.get(place + 2) if segment else None) != meant:
                raise Finding(f"written {value[:50]!r}, read {read!r}")
            if other is not None and place + 2 < len(other):
                raw, ours = str(other[place + 2]).strip(), segment.raw(place + 2).strip()  # it strips the last field
                if raw != ours:
                    raise Finding(f"another library reads {raw[:50]!r}, we {ours[:50]!r}")

    def _read(self, content: bytes) -> str:
        word = "refused"
        verdict = judge(Arrival(content, "127.0.0.1:1"), SENDERS)
        if verdict.hang_up and verdict.answer is not None:
            raise Finding("an answer to who is not there")
        if verdict.row is not None:
            word = "stored"
            for value in (verdict.row["sender"], verdict.row["control_id"], verdict.row["kind"]):
                if "\0" in value:
                    raise Finding(f"{value!r} cannot be stored on PostgreSQL")
        if verdict.answer is not None:
            answer = read_acknowledgement(verdict.answer)
            if b"\n" in verdict.answer or answer.code not in ("AA", "CA", "AR", "CR"):
                raise Finding(f"answered with {verdict.answer!r}")
        try:
            text = decode(content)
            message = read_message(text)
        except (NotHl7, UnicodeDecodeError, UnknownCharset):
            return "unreadable"
        if str(message) != text:
            raise Finding("reading changes the text")
        for segment in message.segments:
            for position in range(-1, min(len(segment.fields), 30) + 3):
                segment.get(position)
                segment.get(position, 2, 2, 2)
        for read in (lambda: read_acknowledgement(content), lambda: check(text)):
            try:
                read()
            except (Unreadable, Misconfigured):
                continue
        return word


def _clean(value: str) -> str:
    """What a one-line field may hold: line breaks are spaces, controls are left out."""
    text = value.replace("\r\n", " ").replace("\r", " ").replace("\n", " ")
    return "".join(sign for sign in text if sign >= " " and sign != "\x7f")
