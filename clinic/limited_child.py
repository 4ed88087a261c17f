"""A stranger's file is opened in a process of its own, with limits: the one way for films, pictures, what comes next.

The child takes its limits before it loads anything that reads the bytes: processor time, memory, file size, open files,
no network where the kernel allows that, no rights it could gain. It gets none of our environment. The parent counts the
children over all processes of this machine by file locks and ends one that takes too long.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clinic.errors import Unavailable

ROOT = Path(__file__).resolve().parent.parent
REFUSED = 3  # the child's exit status for a file it understood and will not take
PATIENCE_SECONDS = 60.0
POLL_SECONDS = 0.05
AT_ONCE = 2  # each takes up to 0.3 GB (hl7-dicom.md 5.3)
NEW_USERS, NEW_NETWORK, NO_NEW_RIGHTS = 0x10000000, 0x40000000, 38  # linux/sched.h, linux/prctl.h
# Nothing of our own environment reaches the child: no keys, no addresses.
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1",
               "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"}


@dataclass(frozen=True)
class Limits:
    """What a child may use."""

    cpu_seconds: int
    memory_bytes: int
    file_bytes: int
    open_files: int = 64


@dataclass(frozen=True)
class Ended:
    """How a child ended: its exit status (negative: the signal that ended it) and what it wrote."""

    status: int
    output: bytes

    @property
    def was_too_slow(self) -> bool:
        """Whether it used more time than it may."""
        return self.status in (-signal.SIGXCPU, -signal.SIGKILL)


def take_limits(limits: Limits) -> None:
    """In the child, first of all: no more than `limits`, no memory image left behind, no network if that can be."""
    for kind, limit in ((resource.RLIMIT_CPU, limits.cpu_seconds), (resource.RLIMIT_AS, limits.memory_bytes),
                        (resource.RLIMIT_FSIZE, limits.file_bytes), (resource.RLIMIT_NOFILE, limits.open_files),
                        (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(kind, (limit, limit))
    system = ctypes.CDLL(None)
    system.prctl(NO_NEW_RIGHTS, 1, 0, 0, 0)
    if system.unshare(NEW_USERS | NEW_NETWORK):
        system.unshare(NEW_NETWORK)  # refused too where the kernel or a container forbids it: the limits above stand


def run_limited(module: str, arguments: Sequence[str], slots: Path, seconds: float, content: bytes = b"") -> Ended:
    """Run `python -m module arguments` with `content` on its input; `slots` is the folder of the locks.

    Raises Unavailable when too many files came at once.
    """
    from clinic.unit import let_others_begin  # the application's, which a child must not load

    let_others_begin()
    with take_slot(slots):
        child = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], cwd=ROOT, env=ENVIRONMENT, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
        )
        output = b""
        try:
            output, _nothing = child.communicate(content, seconds)
            status = child.returncode
        except subprocess.TimeoutExpired:
            status = -signal.SIGXCPU
        finally:
            _end(child)
    return Ended(status, output)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Stop the child, if it still runs, with what it started (which has its limits)."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()


@contextmanager
def take_slot(folder: Path) -> Iterator[None]:
    """One of the few places for a child, held by a file lock that ends with its process."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    deadline = time.monotonic() + PATIENCE_SECONDS
    handles = [os.open(folder / f"slot-{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
               for number in range(AT_ONCE)]
    try:
        while not any(_lock(handle) for handle in handles):
            if time.monotonic() > deadline:
                raise Unavailable("Many files are being received just now. Please send this one again in a minute.")
            time.sleep(POLL_SECONDS)
        yield
    finally:
        for handle in handles:
            os.close(handle)


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
