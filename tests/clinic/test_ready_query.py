"""Queries that are compiled once: the same rows as SQLAlchemy's own, in the same unit of work."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Select, event, func, select, text
from sqlalchemy.exc import DBAPIError

from clinic.db import db, read_unit
from clinic.models import Applicant, Case, CaseState
from clinic.ready_query import ReadyQuery, ReadyTogether, among, each, given
from tests.factory import make_applicant, make_case, make_user

CASES = select(Case.id, Case.state, Case.opened_at, Case.authority_case_number, Applicant.birth_date).join(
    Applicant, Applicant.id == Case.applicant_id)
ODD = ("", "a,b", 'quoted "x"', "back\\slash", "{}", "NULL", "é\u2066", "[1]", "o'clock")


def test_row_says_what_sqlalchemys_says(app: Flask) -> None:
    cases = [make_case("us"), make_case("au")]
    ready = ReadyQuery(CASES.where(among(Case.id, "cases")).order_by(Case.id))
    rows = ready.list_rows(cases=[case.id for case in cases])
    said = db.session.execute(CASES.where(Case.id.in_([case.id for case in cases])).order_by(Case.id)).all()
    assert [(row.id, row.state, row.opened_at, row.authority_case_number, row.birth_date) for row in rows] == [
        tuple(row) for row in said]
    assert isinstance(rows[0].state, CaseState) and rows[0].opened_at.utcoffset() == timedelta()
    assert ready.list_rows(cases=[case.id for case in cases]) == rows and len({*rows, *rows}) == 2
    assert ready.list_rows(cases=[]) == [] and ready.find_value(cases=[]) is None
    assert ready.list_values(cases=[cases[0].id]) == [cases[0].id]


def test_queries_that_are_asked_together_say_what_each_says(app: Flask) -> None:
    user = make_user()
    people = [make_applicant(user, family_name=name) for name in ("Quote \" %(x)s", "Æ\u2066", "B")]
    cases = [make_case("us", person, user) for person in people]
    rows = ReadyQuery(CASES.where(among(Case.id, "cases"), Case.programme.in_(("us",))).order_by(Case.id.desc()))
    names = ReadyQuery(select(Applicant.family_name, Applicant.registered_at, Applicant.native_family_name).where(
        Applicant.site_id == given("site_id"), Applicant.family_name.in_(("B", "Quote \" %(x)s"))).order_by(
        Applicant.family_name.desc()))
    count = ReadyQuery(select(func.count()).select_from(Case).where(among(Case.id, "cases")))
    together = ReadyTogether(rows, names, count)
    values = {"cases": [case.id for case in cases[1:]], "site_id": user.site_id}
    found = together.list_rows(**values)
    for query, one in zip((rows, names, count), found, strict=True):
        alone = query.list_rows(**values)
        parts = [name for name, part in vars(type(alone[0])).items() if isinstance(part, property)]
        assert [[getattr(row, name) for name in parts] for row in one] == [
            [getattr(row, name) for name in parts] for row in alone]
    assert [row.id for row in found[0]] == sorted(values["cases"], reverse=True)
    assert [row.family_name for row in found[1]] == ["Quote \" %(x)s", "B"] and found[1][0].registered_at.tzinfo
    assert found[2][0][0] == 2
    assert together.list_rows(cases=[], site_id="nowhere")[:2] == [[], []]


def test_values_are_bound_by_their_columns(app: Flask) -> None:
    case = make_case("us")
    ready = ReadyQuery(select(func.count()).select_from(Case).where(
        Case.opened_at <= given("moment", Case.opened_at.type), Case.opened_at >= given("moment", Case.opened_at.type),
        Case.state == given("state", Case.state.type), Case.programme.in_(("us", "au"))))
    assert ready.find_value(moment=case.opened_at, state=case.state) == 1
    assert ready.find_value(moment=case.opened_at + timedelta(seconds=1), state=case.state) == 0
    assert ready.find_value(moment=case.opened_at, state=CaseState.SIGNED) == 0
    with pytest.raises(KeyError):
        ready.find_value(moment=case.opened_at)


def test_keys_are_found_whatever_is_written_in_them(app: Flask) -> None:
    user = make_user()
    for name in ODD:
        make_applicant(user, family_name=name)
    ready = ReadyQuery(select(Applicant.family_name).where(among(Applicant.family_name, "names")))
    for name in ODD:
        assert ready.list_values(names=[name]) == [name]
    assert sorted(ready.list_values(names=ODD)) == sorted(ODD)


def test_rows_are_joined_to_keys_each_once_whatever_is_written_in_them(app: Flask) -> None:
    user = make_user()
    for name in ODD:
        make_applicant(user, family_name=name)
    names = each("names")
    ready = ReadyQuery(select(Applicant.family_name).join(names, names.c.value == Applicant.family_name))
    for name in ODD:
        assert ready.list_values(names=[name, name, "nobody"]) == [name]
    assert sorted(ReadyTogether(ready).list_rows(names=ODD)[0]) == sorted((name,) for name in ODD)
    assert ready.list_values(names=()) == []


def test_answer_that_came_before_gives_rows_of_its_own_list(app: Flask) -> None:
    user = make_user()
    for number in range(20):
        make_applicant(user, family_name=f"Family of a long name {number}")
    ready = ReadyQuery(select(Applicant.family_name).order_by(Applicant.id))
    first = ready.list_rows()
    first.clear()
    assert len(ready.list_rows()) == 20


def test_what_is_not_written_yet_is_seen(app: Flask) -> None:
    case = make_case("us")
    ready = ReadyQuery(select(Case.state).where(Case.id == given("id")))
    case.state = CaseState.ON_HOLD
    assert ready.list_rows(id=case.id)[0].state is CaseState.ON_HOLD
    case.state = CaseState.SIGNED
    with db.session.no_autoflush:
        assert ready.list_rows(id=case.id)[0].state is CaseState.ON_HOLD


def test_who_watches_statements_sees_them(app: Flask) -> None:
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        ReadyQuery(select(Case.id).where(Case.id == given("id"))).list_rows(id="x")
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    assert len([one for one in seen if "health_case" in one]) == 1


def test_fault_is_sqlalchemys_and_names_no_value(app: Flask) -> None:
    broken: Select[Any] = select(text("nothing")).select_from(text("no_such_table")).where(text("x") == given("name"))
    with read_unit(), pytest.raises(DBAPIError) as caught:
        ReadyQuery(broken).list_rows(name="Wanjiku")
    assert "Wanjiku" not in str(caught.value) and "no_such_table" in str(caught.value)


def test_connection_that_broke_is_not_used_again(app: Flask) -> None:
    if db.engine.dialect.name == "sqlite":
        pytest.skip("a file does not hang up")
    ready = ReadyQuery(select(func.count()).select_from(Case))
    with read_unit() as session:
        own = session.execute(text("select pg_backend_pid()")).scalar_one()
        with db.engine.connect() as other:
            other.execute(text("select pg_terminate_backend(:pid)"), {"pid": own})
        with pytest.raises(DBAPIError) as caught:
            ready.find_value()
    assert caught.value.connection_invalidated
    assert ready.find_value() == 0
