"""Alembic's environment: runs inside the application, on the engine it is given."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import types

import fhir.table  # noqa: F401  the tables of all packages share one metadata
from clinic.audit import reads_metadata
from clinic.db import Base

LOCK_SECONDS = 3  # clinic/migration.py tries again
KEPT = {"fk_released_index_authority_id"}  # constraints of SQLite's tables that the models do without (0039)
engine = context.config.attributes["engine"]


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our column kinds as the plain ones beneath them, so that a migration never imports today's code."""
    if kind == "type" and isinstance(item, types.TypeDecorator):
        return f"sa.{item.impl!r}"
    return False


def include_name(name: str | None, kind: str, _parents: Any) -> bool:
    """Leave out what is not Alembic's: the audit of reads, what lies beside it, and seals have their own metadata."""
    return not (kind == "table" and name in (*reads_metadata.tables, "audit_seal", "audit_seal_member"))


def include_object(_item: Any, name: str | None, kind: str, _is_reflected: bool, _compared: Any) -> bool:
    """Leave out what SQLite keeps because it would copy a large table to be rid of it."""
    return not (kind == "foreign_key_constraint" and name in KEPT and engine.dialect.name == "sqlite")


def switch_foreign_keys(connection: Any, state: str) -> None:
    """SQLite changes a table by making it anew, which rows that point at it would forbid; not within a transaction."""
    if engine.dialect.name == "sqlite":
        connection.connection.dbapi_connection.execute(f"PRAGMA foreign_keys = {state}")


with engine.connect() as connection:
    switch_foreign_keys(connection, "OFF")
    try:
        context.configure(
            connection=connection, target_metadata=Base.metadata, compare_type=True, render_item=render_item,
            include_name=include_name, include_object=include_object, render_as_batch=engine.dialect.name == "sqlite",
        )
        with context.begin_transaction():
            if engine.dialect.name == "postgresql":  # whoever waits for a table makes all others wait behind
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
            context.run_migrations()
            if engine.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                raise RuntimeError("a migration would leave rows that point at nothing; nothing was changed")
        connection.commit()
    finally:
        connection.rollback()
        switch_foreign_keys(connection, "ON")
