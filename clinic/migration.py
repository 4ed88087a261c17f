"""Bringing a database to the present version of the tables (Alembic)."""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from psycopg.errors import LockNotAvailable
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import OperationalError

from clinic.audit import FORMER_INDEXES, audit_engine, reads_metadata
from clinic.auth import ensure_roles
from clinic.db import db, set_mode, write_unit
from clinic.errors import Unavailable
from clinic.seal.table import seal_metadata

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).resolve().parent / "migrations"
PATIENCE_SECONDS = 120.0
PAUSE_SECONDS = 1.0
MIGRATION_LOCK = 0x636C6561  # "clea": the key of PostgreSQL's advisory lock


def alembic_config() -> Config:
    """Alembic's configuration for the current application's database."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["engine"] = db.engine
    return config


def upgrade() -> None:
    """Create or bring forward every table, then the rows that code expects (roles); safe to run again.

    Several processes may start at once: one migrates, the others wait and find it done. On PostgreSQL no step waits
    longer than a few seconds for a table that somebody reads, so that nobody queues up behind it; the whole is tried
    again until `PATIENCE_SECONDS` have passed. Raises Unavailable then, with nothing changed.
    """
    url = db.engine.url
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    db.session.rollback()
    with _only_one(db.engine):
        _migrate_patiently()
        reads_metadata.create_all(audit_engine())
        for index in (index for table in reads_metadata.sorted_tables for index in table.indexes):
            index.create(audit_engine(), checkfirst=True)  # of a later version than the table
        with audit_engine().begin() as connection:
            for name in FORMER_INDEXES:
                connection.exec_driver_sql(f"DROP INDEX IF EXISTS {name}")
        _bring_seals(audit_engine())
        if audit_engine().url != db.engine.url:
            _bring_seals(db.engine)
        with write_unit():
            ensure_roles()


def _bring_seals(engine: Engine) -> None:
    """The tables of seals, which lie in two databases; with what earlier versions of them lacked."""
    set_mode("write")
    try:
        with engine.begin() as connection:
            seal_metadata.create_all(connection)
            if "witness" not in {column["name"] for column in inspect(connection).get_columns("audit_seal")}:
                connection.exec_driver_sql("ALTER TABLE audit_seal ADD COLUMN witness VARCHAR(90)")
    finally:
        set_mode("read")


def _migrate_patiently() -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        set_mode("write")
        try:
            command.upgrade(alembic_config(), "head")
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable):
                raise
            if time.monotonic() > deadline:
                raise Unavailable(
                    "The tables could not be changed, because somebody reads them all the time. Nothing was changed. "
                    "End long reports and exports, then start again.") from error
            log.warning("a table is in use; the migration makes way and is tried again")
            time.sleep(PAUSE_SECONDS)
        else:
            return
        finally:
            set_mode("read")


@contextmanager
def _only_one(engine: Engine) -> Iterator[None]:
    """Wait until no other process migrates this database, and keep others waiting."""
    if engine.dialect.name == "sqlite":
        if engine.url.database in (None, ":memory:"):
            yield
            return
        lock = os.open(f"{engine.url.database}.migration.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)
        return
    with engine.connect() as connection:  # held for a transaction, not for a session: a pooler may stand between
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        yield


def current_revision() -> str | None:
    """The revision the database stands at, or None when it is empty."""
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


class RevisionAge(StrEnum):
    """How the database stands to this code."""

    CURRENT = "current"
    OLDER = "older"  # to be migrated, or empty
    NEWER = "newer"  # a later version migrated it; by our rule this code still works on it (docs/decisions)


def compare_revisions() -> RevisionAge:
    """Whether the database stands at the newest revision this code knows, before it, or after it."""
    found = current_revision()
    if found == ScriptDirectory.from_config(alembic_config()).get_current_head():
        return RevisionAge.CURRENT
    return RevisionAge.OLDER if found is None or knows_revision(found) else RevisionAge.NEWER


def knows_revision(revision: str) -> bool:
    """Whether this code has the migration of that name."""
    scripts = ScriptDirectory.from_config(alembic_config())
    return any(script.revision == revision for script in scripts.walk_revisions())


def has_database() -> bool:
    """Whether the current application's database was ever prepared."""
    return bool(current_app) and current_revision() is not None
