"""Hands out signed documents by prepared statements: who may have it, what it is, and that it was handed out.

SQLite: one SELECT, then the disclosure's row in the audit file, committed with fsync before the answer leaves.
PostgreSQL: both in one statement, so one round trip and one commit.
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
from clinic.audit import audit_engine, audit_read, build_read
from clinic.db import db
from fhir.access import Access
from fhir.released import DOCUMENT_KIND, build_hand_out, build_look_up

ACTION = "document"
BUSY_SECONDS = 15.0


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
                 faults: type[Exception]) -> None:
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
    """The desk of the application's database; None for one in memory. Connects when it is first asked."""
    with app.app_context():
        engine, audit = db.engine, audit_engine()
    if engine.dialect.name != "sqlite":
        desk = _open_postgresql(engine)
    elif engine.url.database and engine.url.database != ":memory:":
        desk = _open_sqlite(engine, audit)
    else:
        return None
    event.listen(audit, "engine_disposed", desk.close)
    return desk


class _Files:
    """The two SQLite files of an installation: one that is only read here, one that takes the disclosures."""

    def __init__(self, main: str, audit: str) -> None:
        self.main = _open_file(main, "PRAGMA query_only = ON")
        self.audit = _open_file(audit, "PRAGMA synchronous = FULL")

    def close(self) -> None:
        self.main.close()
        self.audit.close()


def _open_file(path: str, *pragmas: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    for pragma in pragmas:
        connection.execute(pragma)
    return connection


def _open_sqlite(engine: Engine, audit: Engine) -> Desk:
    dialect = sqlite.dialect(paramstyle="named")
    look_up = {known: str(build_look_up(with_body=not known).compile(dialect=dialect)) for known in (False, True)}
    insert = str(audit_read.insert().compile(dialect=dialect))
    to_stored = {column.name: column.type.dialect_impl(dialect).bind_processor(dialect) for column in audit_read.c}

    def ask(files: _Files, access: Access, bundle_id: str, is_known: bool) -> Found | None:
        rows = files.main.execute(look_up[is_known], {
            "authority": access.authority_id, "client": access.client_id, "bundle": bundle_id,
            "today": clock.today().isoformat(),
        }).fetchall()
        if not rows:
            return None
        case_id, sha256, signed_at, packed = rows[0]
        row = build_read("client", access.client_id, ACTION, DOCUMENT_KIND, bundle_id, case_id, None,
                         access.authority_id, {"sha256": sha256, "unchanged": is_known})
        files.audit.execute(insert, {name: turn(row[name]) if (turn := to_stored.get(name)) else row[name]
                                     for name in row})
        return Found(datetime.fromisoformat(signed_at + "+00:00"), packed)

    main, beside = str(engine.url.database), str(audit.url.database)
    return Desk(lambda: _Files(main, beside), ask, sqlite3.Error)


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
