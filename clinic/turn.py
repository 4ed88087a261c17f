"""One page at a time in a process: whoever makes one is not interrupted by others who would make theirs.

Python lets one thread compute at a time anyway, but hands over whenever the database is asked: pages that are made side
by side change places a dozen times each, which costs a fifth of them and makes everybody wait for the last. So a page
is made in one go, and whoever waits for the disk lets the next one begin. Nobody waits for long behind somebody slow.
"""

from __future__ import annotations

from threading import Lock, local

PATIENCE_SECONDS = 0.05  # some pages' worth; after that both go on side by side


class Turn:
    """Who may compute now; for threads that serve people."""

    def __init__(self) -> None:
        self._lock, self._mine = Lock(), local()

    def take(self) -> None:
        """Wait for the turn, or until patience ends."""
        self._mine.has = self._lock.acquire(timeout=PATIENCE_SECONDS)

    def let_go(self) -> None:
        """Let the next one begin; nothing where this thread has no turn."""
        if getattr(self._mine, "has", False):
            self._mine.has = False
            self._lock.release()
