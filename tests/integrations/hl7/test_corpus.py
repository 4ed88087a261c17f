"""Real messages of other systems: each comes back byte for byte from our reader, and each is answered by the listener.

The files stay in their folder ($HL7_CORPUS; by default beside the repository); without it nothing is read.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

import pytest

from clinic.config import ROOT
from integrations.hl7.acknowledgement import read_acknowledgement
from integrations.hl7.batch import BatchFault, split_file
from integrations.hl7.charset import decode
from integrations.hl7.reader import read_message
from integrations.inbound.intake import Arrival, judge
from integrations.inbound.sender import KnownLaboratory, Senders

CORPUS = Path(os.environ.get("HL7_CORPUS", ROOT.parent / "shared" / "data" / "hl7"))
WRAPPER = re.compile(rb"^(FHS|BHS|BTS|FTS).*$", re.MULTILINE)
OUR = {5: "CLEARWAY", 6: "NBO"}
SENDERS = Senders(frozenset(), {"LAB|L1|NBO": KnownLaboratory("lab", "", False, "utf-8")})


def list_messages() -> list[tuple[str, bytes]]:
    """(name, message) of every file; of one that is refused as a whole, the messages all the same."""
    found = []
    for path in sorted(CORPUS.rglob("*")):
        if not path.is_file() or path.name == "README.md":
            continue
        try:
            messages = split_file(path.read_bytes())
        except BatchFault as fault:
            print(f"refused as a whole: {path.name}: {fault}")
            messages = split_file(WRAPPER.sub(b"", path.read_bytes()))
        found += [(f"{path.name}#{number}", message) for number, message in enumerate(messages)]
    return found


@pytest.fixture(scope="module")
def messages() -> list[tuple[str, bytes]]:
    found = list_messages() if CORPUS.is_dir() else []
    print(f"{len(found)} messages read from {CORPUS}" if found else f"no corpus at {CORPUS}: nothing was read")
    if not found:
        pytest.skip("there is no corpus")
    return found


def write_back(text: str) -> str:
    """The message from its parts alone."""
    message = read_message(text)
    lines = [segment.delimiters.field.join((segment.name, *segment.fields)) for segment in message.segments]
    for segment in message.segments:
        for position in range(1, len(segment.fields) + 1):
            marks = segment.delimiters
            whole = marks.repetition.join(segment.repetitions(position))
            assert whole == segment.raw(position) or (segment.name == "MSH" and position <= 2)
            segment.get(position, 2, 2)
    return "".join(line + "\r" for line in lines)


def test_every_message_comes_back_byte_for_byte(messages: list[tuple[str, bytes]]) -> None:
    for name, message in messages:
        try:
            text = decode(message)
        except UnicodeDecodeError:
            text = message.decode("latin-1")
        assert write_back(text) == text, name
        assert str(read_message(text)) == text, name


def test_every_message_is_answered_with_acceptance_or_a_reason(messages: list[tuple[str, bytes]]) -> None:
    """First as it came, which is for somebody else; then under names that we know, as if it were for us."""
    for name, message in messages:
        verdict = judge(Arrival(message, "127.0.0.1:1"), SENDERS)
        assert verdict.answer, name
        answer = read_acknowledgement(verdict.answer)
        assert (answer.code in ("AR", "CR"), bool(answer.words), verdict.row) == (True, True, None), name
    codes: Counter[str] = Counter()
    for name, message in messages:
        ours = readdress(message)
        verdict = judge(Arrival(ours, "127.0.0.1:1"), SENDERS, takes_tests=True)
        assert not verdict.hang_up, name
        if verdict.answer is None:
            continue  # it asks for none (MSH-15), or is an answer itself
        answer = read_acknowledgement(verdict.answer)
        codes[answer.code] += 1
        assert answer.code in ("AA", "CA", "AR", "CR"), name
        assert answer.is_positive == (verdict.row is not None) and (answer.is_positive or answer.words), name
        if verdict.row is not None:
            assert verdict.row["raw"] == ours, name
    print("answered:", dict(codes))
    assert codes["AA"] > 10 and codes["AR"] > 10


def readdress(message: bytes) -> bytes:
    """The same message from a laboratory that we know to us; only the header's names change."""
    end = re.search(rb"[\r\n]", message)
    first, rest = (message[: end.start()], message[end.start() :]) if end else (message, b"")
    mark = first.lstrip(b"\xef\xbb\xbf")[3:4]
    fields = first.split(mark)
    fields += [b""] * (12 - len(fields))
    fields[2:6] = [b"LAB", b"L1", OUR[5].encode(), OUR[6].encode()]
    return mark.join(fields) + rest
