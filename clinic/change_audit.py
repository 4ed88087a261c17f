"""No request changes a health record without a row in the audit of changes, in the same transaction.

A service says what it changed by `record_change`. Should one forget, tests fail; in the house a plain row is written
in its place, so that the change is never without one, and the log says which screen it was.
"""

from __future__ import annotations

import logging

from flask import Flask, current_app, has_request_context, request
from flask_login import current_user
from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

from clinic.audit import AUDITED, record_change
from clinic.db import Base
from clinic.models import AuditChange

log = logging.getLogger(__name__)
_TOUCHED = "audit_touched_tables"
_OF_PEOPLE = {"case_id", "applicant_id", "family_id"}
_AGGREGATES = {"applicant", "health_case", "family"}
# What follows from other rows, or only keeps what somebody is still typing.
_DERIVED = {"audit_change", "fhir_version", "released_version", "applicant_key", "kept_input", "requirement"}


class Unaudited(RuntimeError):
    """A programmer's error: a request changed a health record and called no `record_change`."""


def install_change_audit(app: Flask) -> None:
    """Watch every transaction that a request commits."""
    app.extensions["clearway_change_audit"] = True


@event.listens_for(Session, "after_flush")
def _note(session: Session, _context: object) -> None:
    for row in (*session.new, *session.dirty, *session.deleted):
        if isinstance(row, AuditChange):
            session.info[AUDITED] = True
        elif row not in session.dirty or session.is_modified(row):
            table = getattr(type(row), "__tablename__", "")
            if table in list_health_tables():
                session.info.setdefault(_TOUCHED, set()).add(table)


@event.listens_for(Session, "before_commit")
def _check(session: Session) -> None:
    if not has_request_context() or session.in_nested_transaction():
        return
    session.flush()
    touched = session.info.get(_TOUCHED)
    if not touched or session.info.get(AUDITED) or not current_app.extensions.get("clearway_change_audit"):
        return
    if current_app.testing:
        raise Unaudited(f"{request.endpoint} changed {', '.join(sorted(touched))} and wrote no row of the audit")
    log.error("unaudited change at %s", request.endpoint)
    record_change("change", "screen", str(request.endpoint), case_id=(request.view_args or {}).get("case_id"),
                  site_id=getattr(current_user, "site_id", None), detail={"tables": sorted(touched)})
    session.flush()


@event.listens_for(Session, "after_transaction_end")
def _forget(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.info.pop(_TOUCHED, None)
        session.info.pop(AUDITED, None)


def list_health_tables() -> set[str]:
    """The tables whose rows are part of somebody's health record."""
    if not _tables:
        _tables.update(
            name for name, table in Base.metadata.tables.items()
            if name not in _DERIVED and (name in _AGGREGATES or _OF_PEOPLE & set(table.columns.keys()))
        )
    return _tables


_tables: set[str] = set()
