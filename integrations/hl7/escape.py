r"""The escape sequences of HL7 v2 (2.5.1, chapter 2.7): what may stand in a field, and back.

Written are only the delimiters, the escape character and line breaks; letters of every script stay as they are.
Read is everything we know, by the message's own delimiters; an unknown or unterminated sequence keeps its characters
(`C:\temp` survives).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Delimiters:
    """The separators that MSH-1 and MSH-2 declare, and the encoding of MSH-18."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    encoding: str = "utf-8"  # a codec of Python


USUAL = Delimiters()  # what we write
DELIMITERS = {USUAL.field: "F", USUAL.component: "S", USUAL.subcomponent: "T", USUAL.repetition: "R", USUAL.escape: "E"}
_LETTERS = {"F": "field", "S": "component", "T": "subcomponent", "R": "repetition", "E": "escape"}
_HEXADECIMAL = re.compile(r"X(?:[0-9A-Fa-f]{2})+")
_LAYOUT = re.compile(r"\.(br|sp|ce|in|ti|fi|nf|sk)([+-]?\d{0,3})")  # of formatted text (2.7.6)
_BREAKS = re.compile(r"\r\n|\r|\n")
_PLAIN = re.compile(r"[^|^&~\\\x00-\x1f\x7f]*")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


def escape(text: str, *, formatted: bool = False) -> str:
    r"""`text` as it may stand in a component.

    `formatted` is for the data types FT and TX and for NTE-3: a line break becomes `\.br\`, elsewhere a space. A bare
    CR would begin a new segment, so no control character ever survives.
    """
    if _PLAIN.fullmatch(text):  # nearly every value, and an acknowledgement is written for every message
        return text
    parts = [_escape_line(line) for line in _BREAKS.split(text)]
    return ("\\.br\\" if formatted else " ").join(parts)


def unescape(text: str, marks: Delimiters = USUAL) -> str:
    r"""The characters that `text` means where `marks` separate; `\Xdd..\` holds bytes of the message's own encoding."""
    if marks.escape not in text:
        return text
    return _find_sequences(marks).sub(lambda found: _read(found, marks), text)


@lru_cache
def _find_sequences(marks: Delimiters) -> re.Pattern[str]:
    mark, field = re.escape(marks.escape), re.escape(marks.field)
    return re.compile(f"{mark}([^{mark}{field}\\r\\n]{{1,80}}){mark}")


def _escape_line(line: str) -> str:
    clean = _CONTROLS.sub("", line)
    return "".join(f"\\{DELIMITERS[mark]}\\" if mark in DELIMITERS else mark for mark in clean)


def _read(found: re.Match[str], marks: Delimiters) -> str:
    word = found.group(1)
    if (meant := _LETTERS.get(word)) is not None:
        return str(getattr(marks, meant))
    if word in ("H", "N"):  # highlighting on and off says nothing
        return ""
    if layout := _LAYOUT.fullmatch(word.lower()):
        return _lay_out(layout[1], layout[2])
    if _HEXADECIMAL.fullmatch(word):
        try:
            return bytes.fromhex(word[1:]).decode(marks.encoding)
        except (UnicodeDecodeError, LookupError):
            return found.group(0)
    return found.group(0)


def _lay_out(command: str, number: str) -> str:
    """What a command of formatted text leaves in plain text: line breaks and blanks, of all others nothing."""
    count = min(abs(int(number)), 40) if number.strip("+-") else 1
    if command == "sk":
        return " " * count
    return "\n" * (count if command == "sp" else 1) if command in ("br", "sp", "ce") else ""
