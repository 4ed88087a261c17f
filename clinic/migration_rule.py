"""The rule of migrations: within a release they only add, so that the version before still works on the new tables.

docs/decisions/0015-upgrade-and-backup.md says why and how a column goes away (expand, migrate, contract).
"""

from __future__ import annotations

import re
from typing import Any

from alembic.operations import ops

BASE = "0017"  # the last revision of before the rule; what follows obeys it
ADDING_SQL = re.compile(r"\s*(insert|update|create (unique )?index|select|set local)\b", re.IGNORECASE)
TAKING = (ops.DropColumnOp, ops.DropTableOp, ops.DropConstraintOp, ops.RenameTableOp)
BINDING = (ops.CreateUniqueConstraintOp, ops.CreateCheckConstraintOp, ops.CreatePrimaryKeyOp)


def find_breach(operation: Any, new_tables: set[str]) -> str | None:
    """Why an operation of Alembic would break the version before; None when it only adds.

    `new_tables` are those that the same release made: nothing that runs knows them yet.
    """
    table = getattr(operation, "table_name", None) or getattr(operation, "source_table", None)
    if table in new_tables:
        return None
    if isinstance(operation, TAKING):
        return f"{_name(operation)} takes away what the version before uses"
    if isinstance(operation, BINDING):
        return f"{_name(operation)} on {table}: the version before may write what it forbids"
    if isinstance(operation, ops.AddColumnOp):
        column = operation.column
        if not column.nullable and column.server_default is None:
            return f"{table}.{column.name} is added NOT NULL without server_default: the version before leaves it out"
        return None
    if isinstance(operation, ops.CreateIndexOp) and operation.unique:
        return f"unique index {operation.index_name} on {table}: the version before may write what it forbids"
    if isinstance(operation, ops.AlterColumnOp):
        return _judge_change(operation)
    if isinstance(operation, ops.ExecuteSQLOp):
        return _judge_sql(operation)
    return None


def _judge_change(operation: ops.AlterColumnOp) -> str | None:
    place = f"{operation.table_name}.{operation.column_name}"
    if operation.modify_name is not None:
        return f"{place} is renamed: the version before asks for the old name"
    if operation.modify_nullable is False:
        return f"{place} becomes NOT NULL: the version before may leave it empty"
    if operation.modify_type is not None and not _is_wider(operation):
        return f"{place} gets another type: add a column beside it instead"
    return None


def _is_wider(operation: ops.AlterColumnOp) -> bool:
    before, after = operation.existing_type, operation.modify_type
    if type(before) is not type(after) or before is None:
        return False
    return (getattr(after, "length", None) or 10**9) >= (getattr(before, "length", None) or 10**9)


def _judge_sql(operation: ops.ExecuteSQLOp) -> str | None:
    statement = str(operation.sqltext)
    return None if ADDING_SQL.match(statement) else f"SQL of another kind than insert, update, index: {statement}"


def _name(operation: Any) -> str:
    return type(operation).__name__.removesuffix("Op")
