"""Has a stranger's film prepared in a child process with limits, two at a time over all processes of this machine."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clinic.dicom.child import NO_ROOM, REFUSED
from clinic.dicom.fault import Fault, FilmFault
from clinic.dicom.summary import Summary, read_summary
from clinic.errors import Unavailable

ROOT = Path(__file__).resolve().parent.parent.parent
SECONDS = 45.0  # for one film, by the wall; a large one takes three
PATIENCE_SECONDS = 60.0
POLL_SECONDS = 0.05
AT_ONCE = 2  # each takes up to 0.3 GB (hl7-dicom.md 5.3)
# Nothing of our own environment reaches the child: no keys, no addresses.
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1",
               "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"}


def prepare_safely(source: Path, folder: Path, slots: Path, seconds: float = SECONDS) -> Summary:
    """Prepare the film at `source` into `folder`; `slots` is the folder of the locks that count the children.

    Raises FilmFault, Unavailable when too many films came at once, or OSError when the disk is full.
    """
    with _slot(slots):
        child = subprocess.Popen(
            [sys.executable, "-m", "clinic.dicom.child", str(source), str(folder)], cwd=ROOT, env=ENVIRONMENT,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )
        try:
            status = child.wait(seconds)
        except subprocess.TimeoutExpired:
            status = -signal.SIGXCPU
        finally:
            _end(child)
    if status == 0:
        return read_summary(folder)
    if status == NO_ROOM:
        raise OSError(errno.ENOSPC, "no room to prepare a film")
    raise FilmFault(_find_fault(status, folder))


def _find_fault(status: int, folder: Path) -> Fault:
    if status == REFUSED:
        return Fault((folder / "fault").read_text())
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        return Fault.TOO_SLOW
    return Fault.DAMAGED  # a decoder fell over it


def _end(child: subprocess.Popen[bytes]) -> None:
    """Stop the child, if it still runs, with what it started (which has its limits)."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


@contextmanager
def _slot(folder: Path) -> Iterator[None]:
    """One of the few places for a child, held by a file lock that ends with its process."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    deadline = time.monotonic() + PATIENCE_SECONDS
    handles = [os.open(folder / f"slot-{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
               for number in range(AT_ONCE)]
    try:
        while not any(_take(handle) for handle in handles):
            if time.monotonic() > deadline:
                raise Unavailable("Many films are being received just now. Please send this one again in a minute.")
            time.sleep(POLL_SECONDS)
        yield
    finally:
        for handle in handles:
            os.close(handle)


def _take(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
