"""Tells of every statement of ours that reads a growing table from one end to the other, as the suite's tests run it.

Asked of SQLite: without statistics its plan does not depend on how many rows there are, so that a table of three rows
tells what a table of millions would do.
"""

from __future__ import annotations

import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from clinic.audit import reads_metadata
from clinic.db import Base

ROOT = Path(__file__).parent.parent
# What an installation has few of, however many people it examines.
FEW = frozenset({
    "alembic_version", "authorisation", "authority", "authority_client", "code_mapping", "counter", "destination",
    "heartbeat", "kept_input", "laboratory", "lease", "partner", "role", "site", "site_programme", "tb_contact",
    "unsaved_page", "user", "user_role",
})
# Indexes of what waits, a handful of rows of a table that grows.
SHORT = frozenset({
    "ix_amendment_request_open", "ix_applicant_merge_standing", "ix_delivery_due", "ix_film_held",
    "ix_inbound_message_new", "ix_lab_order_live", "ix_lab_result_sent_back", "ix_lab_result_waiting",
    "ix_order_message_due",
})
# Who may: what an operator asks for and waits for, and walks that end when a page is full.
MAY = (
    "clinic/demo/", "clinic/doctor/", "clinic/file_check.py", "clinic/migrations/", "clinic/restoration.py",
    "clinic/queries/audit_trail.py _run", "clinic/queries/authority_access.py run", "clinic/seal/",
    "fhir/release.py reindex", "fhir/source.py list_sources", "fhir/store.py list_newest",
)
THROUGH = ("clinic/db.py", "clinic/ready_query.py")  # run what others ask
_QUESTION = re.compile(r"\s*(select|update|delete|with)\b", re.IGNORECASE)
_NOTHING = "WHERE 0 = 1"  # asks for nothing, and nothing is read
_found: dict[str, list[str]] = {}  # what each statement reads whole, by its text
_known: set[str] = set()  # statements as they came, of which the text was looked at
_new: list[str] = []


@contextmanager
def watched() -> Iterator[None]:
    """Look at each statement once, while a test run lasts."""
    event.listen(Engine, "before_cursor_execute", _look)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", _look)


def take_found() -> list[str]:
    """What was found since the last call, each with the place that asked."""
    found = list(_new)
    _new.clear()
    return found


def _look(connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, is_many: bool) -> None:
    if statement in _known or connection.dialect.name != "sqlite" or is_many:
        return
    if not _QUESTION.match(statement) or _NOTHING in statement:
        return
    text = re.sub(r"\(\?(, \?)*\)", "(?)", statement)
    if text not in _found and (place := _find_place()) is not None:
        _ask(connection, statement, values, text, place)
    if text in _found:
        _known.add(statement)


def _ask(connection: Any, statement: str, values: Any, text: str, place: str) -> None:
    plan: list[str] = []  # stays empty where the statement is wrong, as whoever asked will be told
    with suppress(sqlite3.Error), closing(connection.connection.dbapi_connection.cursor()) as cursor:
        plan = [row[3] for row in cursor.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    _found[text] = [line for line in plan if _reads_whole(line, statement)]
    if not place.startswith(MAY):
        _new.extend(f"{place}: {line}: {' '.join(text.split())[:300]}" for line in _found[text])


def _reads_whole(line: str, statement: str) -> bool:
    told = re.match(r'SCAN "?(\w+)"?(?: USING (?:COVERING )?INDEX (\w+))?', line)
    if told is None or told[2] in SHORT:
        return False
    named = re.search(rf'(?:from|join|,)\s+"?(\w+)"? as {re.escape(told[1])}\b', statement, re.I)
    table = named[1] if named else told[1]
    return table in {*Base.metadata.tables, *reads_metadata.tables} - FEW  # a subquery by a name is no table


def _find_place() -> str | None:
    """The function of ours that asked; None when a test asked itself."""
    frame: Any = sys._getframe(2)
    while frame is not None:
        name = _name(frame.f_code.co_filename)
        if name and name not in THROUGH:
            return None if name.startswith(("tests/", "bench/")) else f"{name} {frame.f_code.co_name}"
        frame = frame.f_back
    return None


@cache
def _name(file: str) -> str:
    """A file of ours by its place in the house; nothing for a file of others."""
    path = Path(file)
    is_ours = path.is_relative_to(ROOT) and not path.is_relative_to(ROOT / ".venv")
    return path.relative_to(ROOT).as_posix() if is_ours else ""
