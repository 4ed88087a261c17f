"""The child process that opens one stranger's PDF: bytes on its input, the number of pages on its output.

Exit 0: it can be kept; REFUSED: with the fault's code on the output; anything else: it broke or was stopped.
"""

from __future__ import annotations

import sys
from io import BytesIO
from typing import Any

from clinic.limited_child import REFUSED, Limits, take_limits

LIMITS = Limits(cpu_seconds=15, memory_bytes=1024**3, file_bytes=0)
# What makes a PDF do something by itself, or carry what is no page (ISO 32000-1, 12.6.4, 7.11.4, 12.7.8).
ACTIVE = frozenset({"/JS", "/JavaScript", "/Launch", "/EmbeddedFiles", "/RichMedia", "/XFA", "/SubmitForm",
                    "/ImportData"})
MOST_OBJECTS = 200_000


class Refused(Exception):
    """With the code of a fault."""


def look(content: bytes) -> int:
    """The number of pages. Raises Refused, or anything that a damaged file makes the reader raise."""
    from pyhanko.pdf_utils.reader import PdfFileReader  # only after the limits

    reader = PdfFileReader(BytesIO(content))
    if reader.encrypted:
        raise Refused("locked")
    pages = int(reader.root["/Pages"]["/Count"])
    if pages < 1:
        raise Refused("no-pdf")
    _walk(reader.root)
    return pages


def _walk(root: Any) -> None:
    """Look at every object that can be reached from the catalogue, once."""
    waiting: list[Any] = [root]
    seen: set[int] = set()
    count = 0
    while waiting:
        one = waiting.pop()
        count += 1
        if count > MOST_OBJECTS:
            raise Refused("no-pdf")
        if hasattr(one, "keys"):
            names = set(one.keys())
            if names & ACTIVE or str(one.get("/S", "")) in ACTIVE or str(one.get("/Type", "")) == "/EmbeddedFile":
                raise Refused("active")
            raws = [one.raw_get(name) for name in names if name not in ("/Parent", "/P", "/Prev", "/Dest")]
        elif isinstance(one, list):
            array: Any = one
            raws = [array.raw_get(at) for at in range(len(array))]
        else:
            continue
        for raw in raws:
            number = getattr(raw, "idnum", None)
            if number is not None:
                if number in seen:
                    continue
                seen.add(number)
                waiting.append(raw.get_object())
            else:
                waiting.append(raw)


def run() -> int:
    """Look at one file; returns the exit status."""
    try:
        pages = look(sys.stdin.buffer.read())
    except Refused as fault:
        sys.stdout.write(str(fault))
        return REFUSED
    except Exception:  # damaged bytes make a reader fail in many ways; each means the same
        sys.stdout.write("no-pdf")
        return REFUSED
    sys.stdout.write(str(pages))
    return 0


if __name__ == "__main__":
    take_limits(LIMITS)
    sys.exit(run())
