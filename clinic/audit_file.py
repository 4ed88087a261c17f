"""The file that takes the rows of reads beside an SQLite database: one statement for each commit, by one connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from threading import Lock
from typing import Any

from clinic.many_rows import ManyRows
from clinic.shared_commit import Row

BUSY_SECONDS = 15.0


def open_file(path: str, *pragmas: str) -> sqlite3.Connection:
    """A connection of the driver's own, each of whose statements is a transaction by itself."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    for pragma in pragmas:
        connection.execute(pragma)
    return connection


class AuditFile:
    """Opens the file when it is first needed; any thread may use it."""

    def __init__(self, path: str, insert: ManyRows) -> None:
        self._path, self._insert = path, insert
        self._connection: sqlite3.Connection | None = None
        self._lock = Lock()

    def save(self, rows: Sequence[Row]) -> None:
        """Commit `rows` with fsync. Raises sqlite3.Error; then none of them is there."""
        # One statement is a transaction by itself; several would let go of Python's lock between them.
        statement, stored = self._insert.say(rows)
        with self._lock:
            connection = self._connection = self._connection or open_file(self._path, "PRAGMA synchronous = FULL")
            try:
                connection.execute(statement, stored)
            except BaseException:
                self._close()
                raise

    def close(self, _engine: Any = None) -> None:
        """Whoever saves next opens the file anew, which may be another one then."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
