"""Rows of several threads made durable by one commit: one fsync for all who wait, before their answers leave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

Row = dict[str, Any]


class NotSaved(Exception):
    """No row of whom this is raised for is durable."""


@dataclass(eq=False)
class _Waiting:
    """Rows, and whoever waits for them: woken when it is decided, or when the next commit is theirs to make."""

    rows: Sequence[Row]
    turn: Any = field(default_factory=Lock)
    is_decided: bool = False
    is_saved: bool = False
    problem: Exception | None = None


class SharedCommit:
    """Who comes while nobody commits does so at once; who comes meanwhile waits, and the first of them commits for all.

    `save` makes rows durable, all or none, and raises otherwise; it is never called by two threads at a time.
    """

    def __init__(self, save: Callable[[Sequence[Row]], None]) -> None:
        self._save = save
        self._lock = Lock()
        self._is_busy = False
        self._queue: list[_Waiting] = []

    def write(self, *rows: Row) -> None:
        """Return once `rows` are durable, all or none. Raises NotSaved; what cannot be saved harms no other's rows."""
        mine = _Waiting(rows)
        batch = self._join(mine)
        if not batch:
            mine.turn.acquire()
            batch = [] if mine.is_decided else self._take()
        if batch:
            try:
                self._commit(batch)
            finally:
                self._hand_over(mine, batch)
        if not mine.is_saved:
            raise NotSaved from mine.problem

    def _join(self, mine: _Waiting) -> list[_Waiting]:
        """What to commit now; nothing when another is at it, who will see to it that `mine` is woken."""
        with self._lock:
            if not self._is_busy:
                self._is_busy = True
                return [mine]
            mine.turn.acquire()
            self._queue.append(mine)
            return []

    def _take(self) -> list[_Waiting]:
        with self._lock:
            batch, self._queue = self._queue, []
            return batch

    def _commit(self, batch: list[_Waiting]) -> None:
        try:
            self._save([row for waiting in batch for row in waiting.rows])
        except Exception as problem:
            if len(batch) == 1:
                batch[0].problem = problem
                return
            for waiting in batch:
                self._commit([waiting])
        else:
            for waiting in batch:
                waiting.is_saved = True

    def _hand_over(self, mine: _Waiting, batch: list[_Waiting]) -> None:
        """Wake who commits next, then those that this commit was for."""
        with self._lock:
            following = self._queue[0] if self._queue else None
            self._is_busy = following is not None
        if following is not None:
            following.turn.release()
        for waiting in batch:
            waiting.is_decided = True
            if waiting is not mine:
                waiting.turn.release()
