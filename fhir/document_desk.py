"""Hands out signed documents by prepared statements: who may have it, what it is, and that it was handed out.

SQLite: one SELECT, then the disclosure's row in the audit file, committed with fsync before the answer leaves; threads
that wait for the same disk share one commit. PostgreSQL: both in one statement, so one round trip and one commit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

from flask import Flask
from sqlalchemy import Engine, event
from sqlalchemy.dialects import sqlite

from clinic import clock
from clinic.audit import audit_engine, build_read, find_shared_reads
from clinic.audit_file import open_file
from clinic.db import db
from clinic.shared_commit import NotSaved, SharedCommit
from fhir.access import Access
from fhir.released import DOCUMENT_KIND, build_hand_out, build_look_up

ACTION = "document"
DESK = "clearway_document_desk"


class DeskClosed(Exception):
    """The database did not answer; nothing was handed out."""


@dataclass(frozen=True)
class Found:
    """A document that may leave; `packed` (gzip) is None when the client has it already."""

    signed_at: datetime
    packed: bytes | None


class Desk:
    """Connections of one kind, and what to ask over them; any thread may use it."""

    def __init__(self, connect: Callable[[], Any], ask: Callable[[Any, Access, str, bool], Found | None],
                 *faults: type[Exception]) -> None:
        self._connect, self._ask, self._faults = connect, ask, faults
        self._idle: list[Any] = []
        self._lock = Lock()

    def hand_out(self, access: Access, bundle_id: str, is_known: bool) -> Found | None:
        """The document if this client may have it, once its disclosure is durable; None if not. Raises DeskClosed."""
        try:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            connection = connection or self._connect()
        except self._faults as problem:
            raise DeskClosed from problem
        try:
            found = self._ask(connection, access, bundle_id, is_known)
        except self._faults as problem:
            connection.close()
            raise DeskClosed from problem
        with self._lock:
            self._idle.append(connection)
        return found

    def close(self, _engine: Engine | None = None) -> None:
        """Close the connections that nobody uses now."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


def open_desk(app: Flask) -> Desk | None:
    """The desk of the application's database, which `find_desk` finds from then on; None for one in memory.

    Connects when it is first asked.
    """
    with app.app_context():
        engine, audit, reads = db.engine, audit_engine(), find_shared_reads()
    if reads is None:
        desk = _open_postgresql(engine)
    elif engine.url.database and engine.url.database != ":memory:":
        desk = _open_sqlite(engine, reads)
    else:
        return None
    event.listen(audit, "engine_disposed", desk.close)
    app.extensions[DESK] = desk
    return desk


def find_desk(app: Flask) -> Desk | None:
    """The desk of the application, if it has one."""
    desk: Desk | None = app.extensions.get(DESK)
    return desk


def _open_sqlite(engine: Engine, reads: SharedCommit) -> Desk:
    dialect = sqlite.dialect(paramstyle="named")
    look_up = {known: str(build_look_up(with_body=not known).compile(dialect=dialect)) for known in (False, True)}

    def ask(connection: sqlite3.Connection, access: Access, bundle_id: str, is_known: bool) -> Found | None:
        rows = connection.execute(look_up[is_known], {
            "authority": access.authority_id, "client": access.client_id, "bundle": bundle_id,
            "today": clock.today().isoformat(),
        }).fetchall()
        if not rows:
            return None
        case_id, sha256, signed_at, packed = rows[0]
        reads.write(build_read("client", access.client_id, ACTION, DOCUMENT_KIND, bundle_id, case_id, None,
                               access.authority_id, {"sha256": sha256, "unchanged": is_known}))
        return Found(datetime.fromisoformat(signed_at + "+00:00"), packed)

    main = str(engine.url.database)
    return Desk(lambda: open_file(main, "PRAGMA query_only = ON"), ask, sqlite3.Error, NotSaved)


def _open_postgresql(engine: Engine) -> Desk:
    import psycopg

    _positional, options = engine.dialect.create_connect_args(engine.url)
    statements = {known: str(build_hand_out(with_body=not known).compile(dialect=engine.dialect))
                  for known in (False, True)}

    def ask(connection: psycopg.Connection[Any], access: Access, bundle_id: str, is_known: bool) -> Found | None:
        # What the row says of the document itself, its case and digest, is filled in by the statement.
        row = build_read("client", access.client_id, ACTION, DOCUMENT_KIND, bundle_id, None, None,
                         access.authority_id, {})
        row |= {"authority": access.authority_id, "client": access.client_id, "today": clock.today()}
        found = connection.execute(statements[is_known], row | {"bundle": bundle_id}, binary=True).fetchone()
        return Found(found[0], found[1]) if found else None

    return Desk(lambda: psycopg.connect(**options, autocommit=True), ask, psycopg.Error)
