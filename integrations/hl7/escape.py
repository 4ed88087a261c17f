r"""The escape sequences of HL7 v2 (2.5.1, chapter 2.7): what may stand in a field, and back.

Written are only the delimiters, the escape character and line breaks; letters of every script stay as they are.
Read is everything we know; an unknown or unterminated sequence keeps its characters (`C:\temp` survives).
"""

from __future__ import annotations

import re

DELIMITERS = {"|": "F", "^": "S", "&": "T", "~": "R", "\\": "E"}
_LETTERS = {letter: mark for mark, letter in DELIMITERS.items()}
_SEQUENCE = re.compile(r"\\([^\\|\r\n]{1,80})\\")
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


def unescape(text: str, encoding: str = "utf-8") -> str:
    r"""The characters that `text` means; `\Xdd..\` holds bytes of the message's own `encoding`."""
    return _SEQUENCE.sub(lambda found: _read(found, encoding), text) if "\\" in text else text


def _escape_line(line: str) -> str:
    clean = _CONTROLS.sub("", line)
    return "".join(f"\\{DELIMITERS[mark]}\\" if mark in DELIMITERS else mark for mark in clean)


def _read(found: re.Match[str], encoding: str) -> str:
    word = found.group(1)
    if word in _LETTERS:
        return _LETTERS[word]
    if word in ("H", "N"):  # highlighting on and off says nothing
        return ""
    if layout := _LAYOUT.fullmatch(word.lower()):
        return _lay_out(layout[1], layout[2])
    if _HEXADECIMAL.fullmatch(word):
        try:
            return bytes.fromhex(word[1:]).decode(encoding)
        except (UnicodeDecodeError, LookupError):
            return found.group(0)
    return found.group(0)


def _lay_out(command: str, number: str) -> str:
    """What a command of formatted text leaves in plain text: line breaks and blanks, of all others nothing."""
    count = min(abs(int(number)), 40) if number.strip("+-") else 1
    if command == "sk":
        return " " * count
    return "\n" * (count if command == "sp" else 1) if command in ("br", "sp", "ce") else ""
