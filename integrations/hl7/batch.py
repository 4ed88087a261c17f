"""Files of messages: one, several behind each other, or a batch (FHS BHS … BTS FTS; 2.5.1, chapter 2.10.3).

Cut on bytes, because every message of a file may have characters of its own.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence

from integrations.hl7.frame import END, START

_LINES = re.compile(rb"\r\n|\r|\n")
WRAPPERS = (b"FHS", b"BHS", b"BTS", b"FTS")


class BatchFault(Exception):
    """The file as a whole cannot be trusted: nothing of it is taken."""


def split_file(content: bytes) -> list[bytes]:
    """The messages of a file, each with CR after every segment and otherwise byte for byte.

    Raises BatchFault when there is none, when something stands before the first header that is neither a comment nor a
    wrapper, or when a trailer counts otherwise.
    """
    text = content.removeprefix(codecs.BOM_UTF8).replace(START, b"").replace(END, b"\r")
    messages: list[list[bytes]] = []
    batches, in_batch, found_in_batch = 0, False, 0
    for line in (one for one in _LINES.split(text) if one.strip()):
        name = line[:3]
        if name == b"MSH":
            messages.append([line])
            found_in_batch += 1
        elif name == b"BHS":
            batches, in_batch, found_in_batch = batches + 1, True, 0
        elif name == b"BTS":
            _ensure_count(line, found_in_batch, "BTS-1", "messages")
            in_batch = False
        elif name == b"FTS":
            _ensure_count(line, batches, "FTS-1", "batches")
        elif name == b"FHS" or line.startswith((b"#", b"//")):
            continue
        elif messages:
            messages[-1].append(line)
        else:
            raise BatchFault("the file does not begin with a message header")
    if in_batch:
        raise BatchFault("the batch has no trailer (BTS): the file was cut off")
    if not messages:
        raise BatchFault("the file holds no message")
    return [_join(lines) for lines in messages]


def _ensure_count(line: bytes, found: int, place: str, what: str) -> None:
    stated = line.split(line[3:4] or b"|")[1].strip() if len(line) > 4 else b""
    if stated and stated != str(found).encode():
        raise BatchFault(f"{place} counts {stated[:10].decode('latin-1')} {what}, the file holds {found}")


def _join(lines: Sequence[bytes]) -> bytes:
    return b"".join(line + b"\r" for line in lines)
