"""Who did what, and who looked: changes in the change's own transaction, reads on their own connection.

Rows carry ids and codes, never a name. Sealing them in chained batches is the worker's task.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from flask import Flask, current_app, g, has_request_context, request
from flask_login import current_user
from sqlalchemy import Column, Engine, Index, MetaData, String, Table, Text, create_engine, event, insert, text

from clinic import clock
from clinic.audit_file import AuditFile
from clinic.db import check_before_use, db, keep_to_ourselves, run_by_driver
from clinic.key import new_id
from clinic.many_rows import ManyRows
from clinic.models import AuditChange, Case
from clinic.models.column import Instant
from clinic.shared_commit import SharedCommit
from clinic.unit import let_others_begin

LOOKED = "clearway.looked"  # of a request: the rows of what it showed, for the limit of reading
AUDITED = "audit_row_written"  # of a session's notes: the unit that is open has its row of the audit

reads_metadata = MetaData()
audit_read = Table(
    "audit_read", reads_metadata,
    Column("id", String(36), primary_key=True),
    Column("happened_at", Instant(), nullable=False, index=True),
    Column("actor_kind", String(16), nullable=False),  # user, client, system
    Column("actor_id", String(80)),
    Column("site_id", String(36)),
    Column("authority_id", String(16)),
    Column("action", String(60), nullable=False),  # read, search, history, document, …
    Column("subject_kind", String(40), nullable=False),
    Column("subject_id", String(80), nullable=False),
    Column("case_id", String(36)),
    Column("detail", Text, nullable=False),
    # A look enters only the indexes that it can be found by: each is written with every page.
    *(Index(f"ix_audit_read_{name}", column, sqlite_where=text(where), postgresql_where=text(where))
      for name, column, where in (
          ("case", "case_id", "case_id is not null"), ("authority", "authority_id", "authority_id is not null"),
          ("outside", "subject_id", "case_id is null"))),  # looks at what belongs to no case, as an applicant
)
FORMER_INDEXES = ("ix_audit_read_case_id", "ix_audit_read_authority_id")  # of rows without either, too
# Said once for each database: every page and every answer to an authority writes one.
_INSERT_READ = {database: ManyRows(insert(audit_read), database) for database in ("sqlite", "postgresql")}


def install_audit(app: Flask, database_url: str, var_dir: Path) -> None:
    """Open the connection for audit rows of reads: an own file beside SQLite, the same server on PostgreSQL.

    Threads that wait for the same file share a commit; PostgreSQL does that for its connections by itself.
    """
    shared: SharedCommit | None = None
    if database_url.startswith("sqlite"):
        base = Path(database_url.removeprefix("sqlite:///"))
        engine = create_engine(f"sqlite:///{base.with_name(base.stem + '-audit.sqlite3')}")
        keep_to_ourselves(engine)

        @event.listens_for(engine, "connect")
        def _connect(dbapi_connection: Any, _record: Any) -> None:
            cursor = dbapi_connection.cursor()
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = FULL")
            cursor.execute("PRAGMA busy_timeout = 15000")
            cursor.close()

        file = AuditFile(str(engine.url.database), _INSERT_READ["sqlite"])
        event.listen(engine, "engine_disposed", file.close)
        shared = SharedCommit(file.save)
    else:
        engine = create_engine(database_url, pool_size=4)
        check_before_use(engine)
    app.extensions["clearway_audit"] = engine
    app.extensions["clearway_reads"] = shared


def audit_engine() -> Engine:
    """The engine of the rows of reads."""
    engine: Engine = current_app.extensions["clearway_audit"]
    return engine


def find_shared_reads() -> SharedCommit | None:
    """What makes rows of reads durable for several threads at once; None where each commits over its own connection."""
    shared: SharedCommit | None = current_app.extensions["clearway_reads"]
    return shared


def record_read(
    actor_kind: str, actor_id: str, action: str, subject_kind: str, subject_id: str, case_id: str | None = None,
    site_id: str | None = None, authority_id: str | None = None, detail: Mapping[str, Any] | None = None,
) -> None:
    """Write down that somebody looked, durably, before the answer leaves; raises if it cannot be written."""
    cases = [(case_id, detail or {})]
    record_reads(actor_kind, actor_id, action, subject_kind, subject_id, cases, site_id, authority_id)


def record_reads(
    actor_kind: str, actor_id: str, action: str, subject_kind: str, subject_id: str,
    cases: Iterable[tuple[str | None, Mapping[str, Any]]], site_id: str | None = None, authority_id: str | None = None,
) -> None:
    """The same for one look at several cases: a row for each of `cases` (case id, detail), made durable once."""
    why = _say_why() if actor_kind == "user" and has_request_context() else {}
    rows = [build_read(actor_kind, actor_id, action, subject_kind, subject_id, case_id, site_id, authority_id,
                       {**why, **detail}) for case_id, detail in cases]
    shared = find_shared_reads()
    let_others_begin()
    if shared is not None:
        shared.write(*rows)
    else:  # one statement, which is a transaction by itself
        with audit_engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            run_by_driver(connection, *_INSERT_READ["postgresql"].say(rows))
    if why:
        g.read_recorded = True
        request.environ.setdefault(LOOKED, []).extend(rows)


def _say_why() -> dict[str, Any]:
    """What a member of staff had open: the screen's name, which is its station's too, and its path (ids, no query)."""
    posted = {} if request.method in ("GET", "HEAD") else {"posted": 1}  # shown because something was sent
    return {"path": request.path, "screen": request.endpoint, **posted, **g.get("read_reason", {})}


def build_read(
    actor_kind: str, actor_id: str, action: str, subject_kind: str, subject_id: str, case_id: str | None,
    site_id: str | None, authority_id: str | None, detail: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """The row of one look at one case, by column of `audit_read`."""
    return {
        "id": new_id(), "happened_at": clock.now(), "actor_kind": actor_kind, "actor_id": actor_id, "site_id": site_id,
        "authority_id": authority_id, "action": action, "subject_kind": subject_kind, "subject_id": subject_id,
        "case_id": case_id, "detail": json.dumps(dict(detail), separators=(",", ":")),
    }  # fmt: skip


def record_case_read(case: Case, action: str = "read") -> None:
    """Write down that the signed-in user opened a case's page."""
    record_read("user", current_user.id, action, "case", case.id, case_id=case.id, site_id=case.site_id)


def record_change(
    action: str, subject_kind: str, subject_id: str, case_id: str | None = None, site_id: str | None = None,
    detail: Mapping[str, Any] | None = None, actor_id: str | None = None, actor_kind: str | None = None,
) -> None:
    """Write down a change in its own transaction; the actor defaults to who is signed in, else the system."""
    if actor_id is None and has_request_context() and getattr(current_user, "is_authenticated", False):
        actor_id, actor_kind = current_user.id, "user"
    db.session.add(AuditChange(**_build_change(
        action, subject_kind, subject_id, case_id, site_id, detail, actor_id,
        actor_kind or ("user" if actor_id else "system"))))


def build_change(
    action: str, subject_kind: str, subject_id: str, case_id: str, site_id: str, detail: Mapping[str, Any],
    actor_id: str,
) -> dict[str, Any]:  # fmt: skip
    """The row of a person's change by column, for who adds it to this unit of work past the session."""
    db.session.info[AUDITED] = True
    return _build_change(action, subject_kind, subject_id, case_id, site_id, detail, actor_id, "user")


def _build_change(
    action: str, subject_kind: str, subject_id: str, case_id: str | None, site_id: str | None,
    detail: Mapping[str, Any] | None, actor_id: str | None, actor_kind: str,
) -> dict[str, Any]:  # fmt: skip
    return {
        "happened_at": clock.now(), "actor_kind": actor_kind, "actor_id": actor_id, "site_id": site_id,
        "action": action, "subject_kind": subject_kind, "subject_id": subject_id, "case_id": case_id,
        "detail": dict(detail or {}),
    }  # fmt: skip
