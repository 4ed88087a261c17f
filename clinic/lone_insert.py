"""An INSERT that is a transaction by itself, over a connection of its own: for who stores thousands a second."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Engine

from clinic.db import find_lock_path
from clinic.errors import Unavailable
from clinic.file_lock import EagerLock
from clinic.many_rows import ManyRows

LOG_PAGES = 4000  # of 4 KB that SQLite's log may hold before they are written back, which takes longer than a commit


class LoneInsert:
    """Stores rows that need nothing else in their transaction; one thread at a time uses it.

    Neither a session nor SQLAlchemy's transaction: on SQLite one statement of many rows, on PostgreSQL one prepared
    statement for each of them in one pipeline, which is one transaction and one way there and back too.
    """

    def __init__(self, engine: Engine, insert: ManyRows) -> None:
        """Connects when it is first needed. On PostgreSQL `insert` returns the id of what it stored.

        On SQLite it returns nothing, for to ask takes a sixth of the time of many rows.
        """
        self._engine, self._insert = engine, insert
        self._lock_path = find_lock_path(engine)
        self._lock: EagerLock | None = None  # as long as the connection
        self._connection: Any = None

    @property
    def is_embedded(self) -> bool:
        """Whether `run` waits for nothing but a disk of this machine."""
        return self._lock_path is not None

    def run(self, rows: Sequence[dict[str, Any]]) -> set[Any]:
        """The ids of those `rows` that were stored, once that is durable; `rows` by column, at least one, with new ids.

        Raises Unavailable at once where the embedded database has another writer just now, or one that waits, and
        whatever a driver raises; then nothing was stored, unless the connection broke on the way back.
        """
        try:
            self._connection = self._connection or self._connect()
            return self._run_postgresql(rows) if self._lock is None else self._run_embedded(rows, self._lock)
        except Unavailable:
            raise
        except BaseException:
            with suppress(Exception):
                self.close()
            raise

    def close(self) -> None:
        """Close the connection; the next `run` opens another."""
        connection, self._connection = self._connection, None
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()
        if connection is not None:
            connection.close()

    def _connect(self) -> Any:
        pooled = self._engine.raw_connection()
        connection: Any = pooled.dbapi_connection
        pooled.detach()
        if self._lock_path is not None:
            self._lock = EagerLock(self._lock_path)
            connection.execute("PRAGMA busy_timeout = 0")
            connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
        else:
            connection.autocommit, connection.prepare_threshold = True, 0
        return connection

    def _run_embedded(self, rows: Sequence[dict[str, Any]], lock: EagerLock) -> set[Any]:
        statement, values = self._insert.say(rows)
        if not lock.try_take():
            raise Unavailable("Another writer is at work, or waits.")
        try:
            stored = self._connection.execute(statement, values).rowcount
        finally:
            lock.let_go()
        ids = [row["id"] for row in rows]
        if stored == len(ids):
            return set(ids)
        marks = ", ".join("?" * len(ids))
        asked = f"SELECT id FROM {self._insert.table} WHERE id IN ({marks})"  # noqa: S608 -- names of our own
        return {found[0] for found in self._connection.execute(asked, ids).fetchall()}

    def _run_postgresql(self, rows: Sequence[dict[str, Any]]) -> set[Any]:
        with self._connection.cursor() as cursor:
            cursor.executemany(self._insert.one, [self._insert.list_values(row) for row in rows], returning=True)
            return {found[0] for results in cursor.results() for found in results}
