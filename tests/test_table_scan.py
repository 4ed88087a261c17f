"""The watch over statements sees what it is there for, and passes what it should."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from clinic.db import db
from tests import table_scan


def _as_ours(statement: str, file: str = "clinic/made_up.py") -> None:
    """Run a statement as a function of our own would that stands in `file`."""
    place: dict[str, Any] = {}
    source = "def ask(run, statement):\n    return run(statement)\n"
    exec(compile(source, str(table_scan.ROOT / file), "exec"), place)
    ask: Callable[..., Any] = place["ask"]
    ask(db.session.execute, text(statement))


@pytest.mark.parametrize(("statement", "found"), [
    ("select id from health_case where category = '{n}'", "SCAN health_case"),
    ("select c.id from health_case as c join applicant a on a.id = c.applicant_id where c.category = '{n}'", "SCAN c"),
    ("select id from health_case where id = '{n}'", ""),
    ("select id from site where name = '{n}'", ""),
])
def test_reading_a_growing_table_whole_is_told_with_its_place(app: Flask, statement: str, found: str) -> None:
    if db.engine.dialect.name != "sqlite":
        pytest.skip("SQLite's plans are asked")
    _as_ours(statement.format(n=found or statement[-20:-6]))
    told = table_scan.take_found()
    assert [one.split(": ")[:2] for one in told] == ([["clinic/made_up.py ask", found]] if found else [])


def test_what_a_test_or_an_operator_asks_is_not_told(app: Flask) -> None:
    db.session.execute(text("select number from health_case where category = 'asked by a test'"))
    _as_ours("select number from health_case where category = 'asked by the doctor'", "clinic/doctor/made_up.py")
    assert table_scan.take_found() == []
