"""An INSERT that is a transaction by itself, over a connection of its own: for who stores thousands a second."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine

from clinic.db import find_lock_path, take_file_lock
from clinic.many_rows import ManyRows


class LoneInsert:
    """Stores rows that need nothing else in their transaction; one thread at a time uses it.

    Neither a session nor SQLAlchemy's transaction: on SQLite one statement of many rows, on PostgreSQL one prepared
    statement for each of them in one pipeline, which is one transaction and one way there and back too.
    """

    def __init__(self, engine: Engine, insert: ManyRows) -> None:
        """Connects when it is first needed."""
        self._engine, self._insert = engine, insert
        self._lock_path = find_lock_path(engine)
        self._connection: Any = None

    @property
    def is_embedded(self) -> bool:
        """Whether `run` waits for nothing but a disk of this machine."""
        return self._lock_path is not None

    def run(self, rows: Sequence[dict[str, Any]]) -> set[Any]:
        """The first of what the statement returns for each row, once that is durable; `rows` by column, at least one.

        Raises Unavailable at once where the embedded database has another writer just now, and whatever a driver
        raises; then nothing was stored, unless the connection broke on the way back.
        """
        lock = take_file_lock(self._lock_path, patience=0) if self._lock_path else None
        try:
            self._connection = self._connection or self._connect()
            return self._run_embedded(rows) if self.is_embedded else self._run_postgresql(rows)
        except BaseException:
            self.close()
            raise
        finally:
            if lock is not None:
                os.close(lock)

    def close(self) -> None:
        """Close the connection; the next `run` opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connect(self) -> Any:
        pooled = self._engine.raw_connection()
        connection: Any = pooled.dbapi_connection
        pooled.detach()
        if self.is_embedded:
            connection.execute("PRAGMA busy_timeout = 0")
        else:
            connection.autocommit, connection.prepare_threshold = True, 0
        return connection

    def _run_embedded(self, rows: Sequence[dict[str, Any]]) -> set[Any]:
        return {found[0] for found in self._connection.execute(*self._insert.say(rows)).fetchall()}

    def _run_postgresql(self, rows: Sequence[dict[str, Any]]) -> set[Any]:
        with self._connection.cursor() as cursor:
            cursor.executemany(self._insert.one, [self._insert.list_values(row) for row in rows], returning=True)
            return {found[0] for results in cursor.results() for found in results}
