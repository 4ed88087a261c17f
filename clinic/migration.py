"""Bringing a database to the present version of the tables (Alembic)."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app

from clinic.audit import audit_engine, reads_metadata
from clinic.auth import ensure_roles
from clinic.db import db, set_mode, write_unit
from clinic.seal.table import seal_metadata

MIGRATIONS = Path(__file__).resolve().parent / "migrations"


def alembic_config() -> Config:
    """Alembic's configuration for the current application's database."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["engine"] = db.engine
    return config


def upgrade() -> None:
    """Create or bring forward every table, then the rows that code expects (roles); safe to run again."""
    url = db.engine.url
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    db.session.rollback()
    set_mode("write")
    try:
        command.upgrade(alembic_config(), "head")
    finally:
        set_mode("read")
    reads_metadata.create_all(audit_engine())
    seal_metadata.create_all(audit_engine())
    if audit_engine().url != db.engine.url:
        with db.engine.begin() as connection:
            seal_metadata.create_all(connection)
    with write_unit():
        ensure_roles()


def current_revision() -> str | None:
    """The revision the database stands at, or None when it is empty."""
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def is_current() -> bool:
    """Whether the database stands at the newest revision this code knows."""
    return current_revision() == ScriptDirectory.from_config(alembic_config()).get_current_head()


def has_database() -> bool:
    """Whether the current application's database was ever prepared."""
    return bool(current_app) and current_revision() is not None
