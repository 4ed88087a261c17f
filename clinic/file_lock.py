"""The lock that orders the writers of an embedded database, whatever process they are in.

Two files: whoever wants the lock first takes the turn, then waits for the lock, then gives the turn on. So somebody who
writes again and again cannot keep the one out who waits.
"""

from __future__ import annotations

import fcntl
import os
import time

from clinic.errors import Unavailable

TURN_POLL_SECONDS = 0.004
LOCK_POLL_SECONDS = 0.001  # one process at most looks so often: the one whose turn it is


def take_file_lock(path: str, patience: float) -> int:
    """Wait at most `patience` seconds for the exclusive lock of `path`.

    Returns its descriptor; to close that lets go. Raises Unavailable.
    """
    deadline = time.monotonic() + patience
    lock, turn = _open(path), _open(_turn_of(path))
    try:
        for handle, pause in ((turn, TURN_POLL_SECONDS), (lock, LOCK_POLL_SECONDS)):
            while not _try(handle):
                if time.monotonic() > deadline:
                    raise Unavailable("The database is busy and nothing was saved. Please try again.")
                time.sleep(pause)
    except BaseException:
        os.close(lock)
        raise
    finally:
        os.close(turn)
    return lock


class EagerLock:
    """The same lock for somebody who takes it thousands of times a second and never waits for it."""

    def __init__(self, path: str) -> None:
        self._lock, self._turn = _open(path), _open(_turn_of(path))

    def try_take(self) -> bool:
        """Take the lock unless somebody has it just now or waits for it."""
        if not _try(self._turn):
            return False
        try:
            return _try(self._lock)
        finally:
            fcntl.flock(self._turn, fcntl.LOCK_UN)

    def let_go(self) -> None:
        """Give it back."""
        fcntl.flock(self._lock, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give it back for good."""
        os.close(self._lock)
        os.close(self._turn)


def _turn_of(path: str) -> str:
    return f"{path.removesuffix('.lock')}.turn.lock"


def _open(path: str) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _try(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
