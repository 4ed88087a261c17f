"""Lists of cases: complete pages in both directions, counters, filters, and the indexes that make them quick."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, text

from clinic import clock
from clinic.db import db
from clinic.models import Case, CaseState, FormResponse, LineOutcome, User
from clinic.queries import page as pages
from clinic.queries.laboratory import count_waiting_results, list_waiting_results
from clinic.queries.page import Page
from clinic.queries.standing import load_standings
from clinic.queries.waiting import View
from clinic.queries.worklist import Filter, count_cases, count_mine, count_waiting, list_cases, list_waiting
from clinic.schemas.laboratory import NewResult
from clinic.schemas.vaccination import NewOutcome
from clinic.services import laboratory, vaccination
from clinic.services.plausibility import get_today
from tests.factory import make_applicant, make_authority, make_case, make_site, make_user

MOMENT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "SIZE", 3)


def make_bare_cases(user: User, number: int, **values: Any) -> list[str]:
    """Cases without any work, straight into the table; half of them changed at the same moment."""
    make_authority("us")
    applicant = make_applicant(user)
    rows = []
    for n in range(number):
        moment = MOMENT + timedelta(minutes=0 if n % 2 else n)
        rows.append(Case(**{
            "site_id": user.site_id, "number": f"T-{n:04}-{random.random()}"[:24], "applicant_id": applicant.id,
            "programme": "us", "category": "IV", "authority_id": "us", "state": CaseState.IN_PROGRESS,
            "opened_at": moment, "opened_by_id": user.id, "updated_at": moment,
        } | values))
    db.session.add_all(rows)
    db.session.flush()
    return [row.id for row in rows]


def read_all(fetch: Any, moment: str) -> tuple[list[list[str]], Page]:
    """Every page from the first to the last, as ids, and the last page."""
    page, found = fetch(), []
    while True:
        found.append([row.id for row in page.rows])
        if not page.has_next:
            return found, page
        last = page.rows[-1]
        page = fetch(after=(getattr(last, moment), last.id))


@pytest.mark.parametrize("narrowed", [Filter(), Filter(opened_from=LONG_AGO), Filter(state=CaseState.IN_PROGRESS)])
def test_pages_under_ties_are_complete_forward_and_the_same_backward(app: Flask, narrowed: Filter) -> None:
    user = make_user("reception")
    ids = make_bare_cases(user, 11)
    moment = "opened_at" if narrowed.opened_from else "updated_at"

    def fetch(**place: Any) -> Page:
        return list_cases(user, narrowed, **place)

    forward, page = read_all(fetch, moment)
    flat = [one for each in forward for one in each]
    assert sorted(flat) == sorted(ids) and len(flat) == len(set(flat))
    backward = [[row.id for row in page.rows]]
    while page.has_previous:
        first = page.rows[0]
        page = fetch(before=(getattr(first, moment), first.id))
        backward.append([row.id for row in page.rows])
        assert page.has_next
    assert [one for each in reversed(backward) for one in each] == flat
    assert count_cases(user, narrowed) == 11


def test_waiting_work_comes_longest_waiting_first(app: Flask) -> None:
    user = make_user("reception")
    ids = make_bare_cases(user, 7, status="undecided")
    found, _page = read_all(lambda **place: list_waiting(user, View.FACTS, LONG_AGO, **place), "updated_at")
    flat = [one for each in found for one in each]
    moments = {row.id: (row.updated_at, row.id) for row in db.session.query(Case).all()}
    assert flat == sorted(ids, key=lambda one: moments[one])
    assert count_waiting(user, View.FACTS, LONG_AGO) == 7


def test_other_site_is_in_no_list_and_no_counter(app: Flask) -> None:
    user = make_user("reception")
    make_bare_cases(user, 2, status="undecided")
    stranger = make_user("reception", make_site("AMM"))
    for view in View:
        assert list_waiting(stranger, view, LONG_AGO).rows == []
        assert count_waiting(stranger, view, LONG_AGO) == 0
    assert count_cases(stranger, Filter(ended=True)) == 0 and count_mine(stranger, list(View), LONG_AGO) == 0


def test_every_filter_narrows(app: Flask) -> None:
    user = make_user("reception")
    us = make_case("us", make_applicant(user, family_name="Okonkwo", given_names="Ada"), user,
                   authority_case_number="NRB2026123456")
    uk = make_case("uk", make_applicant(user, family_name="Okafor", given_names="Ben"), user)
    uk.state = CaseState.WITHDRAWN
    db.session.flush()
    now = clock.now()

    def found(**values: Any) -> set[str]:
        return {row.id for row in list_cases(user, Filter(**values)).rows}

    assert found() == {us.id} and found(ended=True) == {us.id, uk.id}
    assert found(state=CaseState.WITHDRAWN) == {uk.id}
    assert found(ended=True, programme="uk") == {uk.id} and found(category=us.category) == {us.id}
    assert found(waits_for=View.TAKE) == {us.id} and found(waits_for=View.READ) == set()
    assert found(name="okon") == {us.id} and found(name="okon ada") == {us.id} and found(name="ok zz") == set()
    assert found(ended=True, name="ok") == {us.id, uk.id}
    assert found(number=us.number) == {us.id} and found(number="nrb 2026 123456") == {us.id}
    assert found(opened_from=now - timedelta(hours=1)) == {us.id}
    assert found(opened_from=now + timedelta(hours=1)) == set()
    assert found(opened_before=now - timedelta(hours=1)) == set()


def test_mine_counts_a_case_once_and_own_entries_are_not_mine_to_confirm(app: Flask) -> None:
    site = make_site()
    technician, supervisor = make_user("labtech", site), make_user("labsupervisor", site)
    case = make_case("us", user=make_user("reception", site))
    laboratory.enter_result(case, NewResult("igra", "negative", get_today(case)), technician)
    assert count_waiting(technician, View.CONFIRM, LONG_AGO) == 0
    assert count_waiting(supervisor, View.CONFIRM, LONG_AGO) == 1 == count_waiting_results(supervisor)
    assert count_mine(supervisor, [View.CONFIRM, View.ENTER], LONG_AGO) == 1
    row = list_waiting_results(supervisor).rows[0]
    assert row[0].case_id == case.id and row.entered_by == technician.name


def test_sent_back_result_waits_until_it_is_entered_again(app: Flask) -> None:
    site = make_site()
    technician, supervisor = make_user("labtech", site), make_user("labsupervisor", site)
    case = make_case("us", user=make_user("reception", site))
    today = get_today(case)
    first = laboratory.enter_result(case, NewResult("igra", "negative", today), technician)
    assert count_waiting(technician, View.SENT_BACK, LONG_AGO) == 0
    laboratory.refuse_result(first, "the wrong tube", supervisor)
    assert [row.id for row in list_waiting(technician, View.SENT_BACK, LONG_AGO).rows] == [case.id]
    laboratory.enter_result(case, NewResult("igra", "positive", today), technician)
    assert count_waiting(technician, View.SENT_BACK, LONG_AGO) == 0


def test_lists_take_the_same_number_of_queries_however_long(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "SIZE", 50)
    user = make_user("physician reception labtech")
    statements: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))

    def count_statements() -> int:
        db.session.flush()
        statements.clear()
        page = list_cases(user, Filter())
        load_standings([row.id for row in page.rows])
        return len(statements)

    make_case("us", user=user)
    one = count_statements()
    for _each in range(4):
        case = make_case("us", user=user)
        laboratory.enter_result(case, NewResult("igra", "negative", get_today(case)), user)
        vaccination.record_outcome(case, NewOutcome("MMR", LineOutcome.REFUSED, "asked for a waiver"), user)
    assert count_statements() == one


EXPLAINED = (
    (lambda user: list_cases(user, Filter()), ("ix_health_case_open",)),
    (lambda user: list_cases(user, Filter(state=CaseState.IN_REVIEW)), ("ix_health_case_site_state",)),
    (lambda user: list_cases(user, Filter(ended=True)), ("ix_health_case_opened",)),
    (lambda user: list_cases(user, Filter(ended=True, opened_from=MOMENT)), ("ix_health_case_opened",)),
    (lambda user: count_waiting(user, View.TAKE, LONG_AGO), ("ix_requirement_open",)),
    (lambda user: count_waiting(user, View.HELD, LONG_AGO), ("ix_film_held",)),
    (lambda user: count_waiting(user, View.CONFIRM, LONG_AGO), ("ix_lab_result_waiting",)),
    (lambda user: count_waiting(user, View.SENT_BACK, LONG_AGO), ("ix_lab_result_sent_back",)),
    (lambda user: count_waiting(user, View.MINE, LONG_AGO), ("ix_form_response_draft",)),
)


@pytest.mark.parametrize("number", range(len(EXPLAINED)))
def test_index_serves_the_list(app: Flask, number: int) -> None:
    run, indexes = EXPLAINED[number]
    user = make_user("labtech")
    make_bare_cases(user, 40)
    seen: list[tuple[str, Any]] = []
    sqlite = db.engine.dialect.name == "sqlite"

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        seen.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", note)
    run(user)
    event.remove(db.engine, "before_cursor_execute", note)
    statement, parameters = seen[-1]
    connection = db.session.connection()
    if not sqlite:  # a table of forty rows is read whole unless that is forbidden
        connection.execute(text("set local enable_seqscan = off"))
    said = connection.exec_driver_sql(f"{'explain query plan' if sqlite else 'explain'} {statement}", parameters)
    plan = "\n".join(str(row) for row in said)
    assert any(index in plan for index in indexes), plan
    if sqlite:
        assert "SCAN health_case" not in plan, plan


def test_draft_is_in_the_list_of_who_began_it_alone(app: Flask) -> None:
    nurse, other = make_user("nurse"), make_user("nurse")
    case = make_case("us", user=make_user("reception"))
    db.session.add(FormResponse(case_id=case.id, form="us-medical-exam", form_version="1", answers={},
                                started_at=clock.now(), started_by_id=nurse.id, saved_at=clock.now()))
    db.session.flush()
    assert [row.id for row in list_waiting(nurse, View.MINE, LONG_AGO).rows] == [case.id]
    assert list_waiting(other, View.MINE, LONG_AGO).rows == []
