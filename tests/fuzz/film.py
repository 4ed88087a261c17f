"""Films: headers that lie, pixels that end, files that grow when they are opened."""

from __future__ import annotations

import os
import signal
import time
import zlib
from contextlib import suppress
from functools import cache
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.datadict import keyword_for_tag

from clinic.dicom import child
from clinic.dicom.fault import Fault, FilmFault
from clinic.dicom.process import prepare_safely
from clinic.dicom.summary import read_summary
from clinic.limited_child import take_limits
from tests.film import make_film
from tests.fuzz.harness import Door, Finding
from tests.fuzz.hostile import draw_text, mutate_bytes

SECONDS = 60.0
SAFELY_EVERY = 25  # one film in so many goes the whole way through a new process
SYNTAXES = (
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.5",
)
NUMBERS = (0, 1, 2, 3, 8, 16, 32, 64, 4096, 8192, 65535)


class FilmDoor(Door):
    """A small good film changed; the child with its limits prepares or refuses it and never falls over in Python."""

    name, count, hang = "films", 45, 120.0
    least = frozenset({"prepared", "refused"})

    def draw(self, chance: Random, number: int) -> Any:
        with suppress(Exception):  # what cannot be written is no input
            content = _spoil(chance, chance.choice(SYNTAXES), chance.random() < 0.9)
            match chance.randrange(6):
                case 0:
                    return number, mutate_bytes(chance, content, 3)
                case 1:
                    head = content[:1500]
                    return number, mutate_bytes(chance, head, 2) + content[1500:]
                case 2:
                    return number, content[: chance.randrange(len(content))]
                case 3:
                    return number, _bomb(content, chance)
            return number, content
        return number, mutate_bytes(chance, make_film(side=64), 2)

    def ask(self, given: Any) -> str:
        number, content = given
        place = self.folder / "film"
        place.mkdir(exist_ok=True)
        for file in place.iterdir():
            file.unlink()
        source = place / "source"
        source.write_bytes(content)
        status = self._prepare_safely(source) if number % SAFELY_EVERY == 0 else _prepare(source)
        if status == 0:
            read_summary(place)
            return "prepared"
        if status == child.REFUSED:
            Fault((place / "fault").read_text())
            return "refused"
        if status > 0:
            error = place / "error"
            raise Finding(
                f"the child fell over in Python, status {status}: {error.read_text() if error.exists() else ''}"
            )
        return f"stopped by {signal.Signals(-status).name}"

    def _prepare_safely(self, source: Path) -> int:
        try:
            prepare_safely(source, source.parent, self.folder / "slots", SECONDS)
        except FilmFault as fault:
            (source.parent / "fault").write_text(fault.fault.value)
            return child.REFUSED
        return 0


def _prepare(source: Path) -> int:
    """The child's work in a copy of this process, which spares loading everything again; its exit status."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            signal.setitimer(signal.ITIMER_REAL, 0)
            take_limits(child.LIMITS)
            status = child.main(source, source.parent)
        except BaseException as error:
            import traceback

            (source.parent / "error").write_text("".join(traceback.format_exception(error))[-2000:])
        finally:
            os._exit(status)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    raise Finding(f"not done within {SECONDS:g} seconds, whatever its limits")


@cache
def _write_good(syntax: str) -> bytes:
    return make_film(syntax=syntax, side=64)


def _spoil(chance: Random, syntax: str, with_head: bool) -> bytes:
    """A film whose header lies; compressed before it does, for a library that compresses believes the header."""
    film = dcmread(BytesIO(_write_good(syntax)))
    for _ in range(chance.choice((0, 1, 1, 3))):
        _change(chance, film)
    written = BytesIO()
    if with_head:
        film.save_as(written, enforce_file_format=True)
    else:
        del film.file_meta, film.preamble
        film.save_as(written, implicit_vr=syntax == SYNTAXES[0], little_endian=True)
    return written.getvalue()


def _change(chance: Random, film: Dataset) -> None:
    element = chance.choice(list(film))
    if chance.random() < 0.2:
        del film[element.tag]
    elif keyword_for_tag(element.tag) == "PixelData":
        film.PixelData = film.PixelData[: chance.randrange(len(film.PixelData)) // 2 * 2]
    elif element.VR in ("US", "UL", "SS", "SL"):
        element.value = chance.choice(NUMBERS) if chance.random() < 0.8 else [1, 2, 3]
    else:
        element.value = draw_text(chance, True) if chance.random() < 0.8 else [draw_text(chance, True)] * 3


def _bomb(content: bytes, chance: Random) -> bytes:
    """A deflated film that grows when it is opened."""
    place = make_film(syntax=SYNTAXES[2], side=64)
    size = chance.choice((10, 100, 600)) * 1024 * 1024
    squeezed = zlib.compressobj(9, zlib.DEFLATED, -15)
    made = squeezed.compress(content[200:]) + b"".join(squeezed.compress(bytes(1 << 20)) for _ in range(size >> 20))
    return place[:400] + made + squeezed.flush()
