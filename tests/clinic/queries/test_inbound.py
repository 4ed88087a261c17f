"""What came in, in pages: of several laboratories newest first, each state by the index that has it."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from clinic import clock
from clinic.db import db
from clinic.models import InboundMessage, InboundState, Laboratory, User
from clinic.queries import inbound, reported
from tests.factory import make_laboratory, make_user

S = InboundState


@pytest.fixture
def laboratories(app: Flask) -> list[Laboratory]:
    """Two of the site; another's messages are between theirs."""
    made = [make_laboratory(name=name, application=name) for name in ("CENTRAL", "NORTH", "OTHER")]
    for number in range(12):
        _receive(made[number % 3].id, number, S.APPLIED)
    for number in range(12, 18):
        _receive(made[number % 3].id, number, S.NEW)
    return made[:2]


def _receive(laboratory_id: str | None, number: int, state: InboundState) -> None:
    db.session.add(InboundMessage(
        id=f"{number:08}-0000-7000-8000-000000000000", received_at=clock.now(), peer="127.0.0.1", sender="A|B",
        control_id=str(number), kind="ORU^R01", sha256=f"{number:064}", raw=b"MSH", laboratory_id=laboratory_id,
        state=state))  # fmt: skip
    db.session.flush()


def _numbers(rows: list[InboundMessage]) -> list[int]:
    return [int(row.control_id) for row in rows]


def test_page_of_several_laboratories_is_newest_first_and_goes_on(app: Flask, laboratories: list[Laboratory]) -> None:
    user, ids = make_user("laboratory"), [one.id for one in laboratories]
    first = reported.list_messages(user, ids, S.APPLIED, limit=3)
    assert _numbers(first) == [10, 9, 7]
    assert _numbers(reported.list_messages(user, ids, S.APPLIED, first[-1].id, limit=9)) == [6, 4, 3, 1, 0]
    assert _numbers(reported.list_messages(user, ids, S.NEW)) == [16, 15, 13, 12]
    assert reported.list_messages(user, [], S.NEW) == []
    assert reported.count_messages(ids) == {S.NEW: 4, S.APPLIED: 8, S.HELD: 0, S.ERROR: 0}


def test_authorities_messages_are_without_laboratories(app: Flask, laboratories: list[Laboratory]) -> None:
    user: User = make_user("administrator")
    _receive(None, 40, S.NEW)
    _receive(None, 41, S.HELD)
    assert _numbers(inbound.list_messages(user, S.NEW)) == [40]
    assert _numbers(inbound.list_messages(user, S.HELD)) == [41]
    assert inbound.count_messages(user) == {S.NEW: 1, S.APPLIED: 0, S.HELD: 1, S.ERROR: 0}


def test_no_page_sorts_what_there_is(app: Flask, laboratories: list[Laboratory]) -> None:
    """However many messages there are of several laboratories, a page reads no more than its own rows of each."""
    if db.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL reads so few rows as they lie")
    ids = [one.id for one in laboratories]
    for state, index in ((S.NEW, "ix_inbound_message_new"), (S.APPLIED, "ix_inbound_message_seen")):
        asked: list[tuple[str, Any]] = []

        def keep(_connection: Any, _cursor: Any, statement: str, values: Any, *_rest: Any,
                 asked: list[tuple[str, Any]] = asked) -> None:
            asked.append((statement, values))

        event.listen(db.engine, "before_cursor_execute", keep)
        try:
            reported.list_messages(make_user("laboratory"), ids, state)
        finally:
            event.remove(db.engine, "before_cursor_execute", keep)
        statement, values = next(one for one in asked if "UNION ALL" in one[0])
        plan = [row[3] for row in db.session.connection().exec_driver_sql(f"explain query plan {statement}", values)]
        parts = [step for step in plan if index in step]
        assert len(parts) == len(ids), plan
        assert sum("TEMP B-TREE" in step for step in plan) <= 1, plan  # of the pages' own few rows
