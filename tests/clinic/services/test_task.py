"""Dated tasks: the same is asked for once, only an outcome ends one, and what is late goes up."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from clinic import clock
from clinic.db import db
from clinic.errors import AlreadyDone, InvalidInput, NotAllowed, NotFound, NotNow
from clinic.models import AuditChange, Task
from clinic.permissions import ROLES
from clinic.services.task import (
    close_task,
    close_tasks_about,
    end_of_withdrawn,
    get_task,
    give_task,
    has_open_task,
    insert_tasks,
    list_receiving_roles,
    may_work,
    open_task,
    open_task_by_hand,
    postpone_task,
)
from clinic.task_kind import BY_HAND, list_task_kinds
from tests.factory import make_case, make_site, make_user

MORNING = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)  # nine o'clock at the site
TODAY = date(2026, 3, 2)


def list_actions() -> list[str]:
    return sorted(db.session.execute(select(AuditChange.action).where(AuditChange.subject_kind == "task")
                                     ).scalars())


def test_every_kind_names_roles_and_outcomes_that_exist() -> None:
    for kind in list_task_kinds().values():
        assert {kind.role, *(step.role for step in kind.steps)} <= set(ROLES), kind.name
        assert kind.outcomes and {*kind.explained, *kind.again, *kind.recorded} <= set(kind.outcomes), kind.name
        assert kind.settled is None or kind.settled in kind.outcomes, kind.name
        assert all((step.days is None) != (step.minutes is None) for step in kind.steps), kind.name
        assert [step.days or 0 for step in kind.steps] == sorted(step.days or 0 for step in kind.steps), kind.name
        assert kind.source and len(kind.name) <= 40, kind.name
        assert kind.work & ROLES[kind.role][1], f"{kind.name}: its own role cannot do it"
    assert set(BY_HAND) <= set(list_task_kinds())


def test_same_key_opens_one_task_also_after_it_was_closed(app: Flask) -> None:
    nurse, case = make_user("tbteam"), make_case()
    with clock.stopped_at(MORNING):
        first = open_task("sputum-due", case, "x", subject_id=case.id)
        assert open_task("sputum-due", case, "x", date(2026, 5, 1)).id == first.id
        with pytest.raises(InvalidInput):
            close_task(first, "collected", nurse)  # it is, when the specimen is recorded
        close_task(first, "not-needed", nurse, "taken elsewhere")
        again = open_task("sputum-due", case, "x")
    assert (again.id, again.due_on, again.outcome) == (first.id, TODAY, "not-needed")
    assert (again.role, again.opened_by_id, again.case_id) == ("tbteam", None, case.id)
    assert list_actions() == ["close-task", "open-task"]
    with pytest.raises(InvalidInput):
        open_task("no-such-kind", case, "x")


def test_batch_counts_and_audits_only_what_it_opened(app: Flask) -> None:
    case = make_case()
    from clinic.services.task import NewTask

    wanted = [NewTask("standstill", str(n), case.site_id, TODAY, case.id) for n in range(5)]
    zones = {case.site_id: "Africa/Nairobi"}
    assert insert_tasks(wanted[:2], zones) == 2
    assert insert_tasks([*wanted, wanted[0]], zones) == 3
    assert (insert_tasks(wanted, zones), insert_tasks([], zones)) == (0, 0)
    assert db.session.execute(select(func.count()).select_from(Task)).scalar() == 5
    assert list_actions() == ["open-task"] * 5


def test_task_closes_only_with_an_outcome_of_its_kind_and_words_where_needed(app: Flask) -> None:
    nurse, case = make_user("tbteam"), make_case()
    task = open_task("culture-awaited", case, "x")
    for outcome, remark, field in (("", "", "outcome"), ("tested", "", "outcome"), ("not-needed", " ", "remark")):
        with pytest.raises(InvalidInput) as refused:
            close_task(task, outcome, nurse, remark)
        assert list(refused.value.fields) == [field]
    assert close_task(task, "not-needed", nurse, "Specimen was withdrawn") is None
    assert (task.closed_by_id, task.remark, task.escalates_at) == (nurse.id, "Specimen was withdrawn", None)
    with pytest.raises(AlreadyDone):
        close_task(task, "not-needed", nurse, "again")


def test_nobody_says_by_hand_that_something_came_which_nobody_recorded(app: Flask) -> None:
    """The task ended, what it awaited was missing, and the clock never asked for it again."""
    for kind in list_task_kinds().values():
        if kind.settled:
            assert kind.settled in kind.recorded, kind.name


@pytest.mark.parametrize(("kind", "outcome", "days"), [
    ("infectious", "isolated", 30), ("infectious", "referred", 14), ("order-refused", "laboratory-asked", 2),
    ("doses-missed", "held-back", 7), ("doses-missed", "not-needed", 7), ("validity-ending", "told", 30)])
def test_word_that_settles_nothing_opens_the_next_one(app: Flask, kind: str, outcome: str, days: int) -> None:
    """The hold stood, the laboratory had no order, nobody had travelled, and no list had it any more."""
    case = make_case()
    doctor = make_user("physician", case.site)
    with clock.stopped_at(MORNING):
        task = open_task(kind, case, "x", subject_id=case.id)
        second = close_task(task, outcome, doctor, "ward 4")
    assert second is not None and (second.due_on, second.subject_id) == (TODAY + timedelta(days=days), case.id)


def test_withdrawn_case_ends_what_was_awaited_of_it_in_its_own_words(app: Flask) -> None:
    nurse, case = make_user("tbteam"), make_case()
    for kind in ("nobody-came", "sputum-due", "critical-call"):
        open_task(kind, case, kind, subject_id=case.id)
    end_of_withdrawn(case, nurse)
    found = {row.kind: row.outcome for row in db.session.execute(select(Task)).unique().scalars()}
    assert found == {"nobody-came": "withdrawn", "sputum-due": "not-needed", "critical-call": None}


def test_not_reached_opens_the_next_one(app: Flask) -> None:
    nurse, case = make_user("tbteam"), make_case()
    with clock.stopped_at(MORNING):
        task = open_task("sputum-due", case, "x", subject_id=case.id)
        second = close_task(task, "not-reached", nurse)
        assert second is not None and (second.due_on, second.subject_id) == (TODAY + timedelta(days=1), case.id)
        third = close_task(second, "not-reached", nurse)
        assert third is not None and [one.key for one in (task, second, third)] == [
            "sputum-due:x~1", "sputum-due:x~2", "sputum-due:x"], "the newest has the key"
        assert open_task("sputum-due", case, "x").id == third.id
        assert has_open_task("sputum-due", case.id)
        assert close_tasks_about("sputum-due", case.id, "collected", None) == 1
    assert not has_open_task("sputum-due", case.id)


def test_only_the_list_it_is_in_or_who_directs_works_on_a_task(app: Flask) -> None:
    case = make_case()
    task = open_task("result-unconfirmed", case, "x")
    phlebotomist, supervisor, physician = make_user("phlebotomist"), make_user("labsupervisor"), make_user("physician")
    stranger = make_user("labsupervisor", make_site("KLA"))
    assert [may_work(task, one) for one in (phlebotomist, supervisor, physician, stranger)] == [
        False, True, True, False]
    with pytest.raises(NotAllowed):
        close_task(task, "not-needed", phlebotomist, "not mine")
    with pytest.raises(NotFound):
        get_task(task.id, stranger)
    nurse = make_user("nurse")
    assert not may_work(task, nurse)
    give_task(task, "labsupervisor", nurse, "on leave", supervisor)
    assert may_work(task, nurse)
    for role, person in (("nobody", None), ("nurse", stranger)):
        with pytest.raises(InvalidInput):
            give_task(task, role, person, "on leave", supervisor)


@pytest.mark.database
def test_task_is_given_only_to_who_can_do_it(app: Flask) -> None:
    """Whoever could not confirm a result had it in their list, and nobody else looked."""
    case = make_case()
    supervisor, phlebotomist, doctor = (make_user(role) for role in ("labsupervisor", "phlebotomist", "physician"))
    task = open_task("result-unconfirmed", case, "x")
    assert list_receiving_roles(task.kind, task.key, task.site_id) == ["labsupervisor"], "no nurse works here"
    for role, person, word in (
            ("labsupervisor", phlebotomist, "This person's role does not include"),
            ("reception", None, "This role does not include"), ("nurse", None, "Nobody at the site")):
        with pytest.raises(InvalidInput) as refused:
            give_task(task, role, person, "on leave", supervisor)
        assert word in refused.value.fields["to"][0]
    assert (task.role, task.assignee_id) == ("labsupervisor", None)
    about = open_task("follow-up", case, "side-effect:1:rash", role="physician")
    assert list_receiving_roles(about.kind, about.key, about.site_id) == ["physician"]
    with pytest.raises(InvalidInput, match="correct what is marked"):
        open_task_by_hand(case, "follow-up", clock.today("Africa/Nairobi"), "radiographer", "old films", doctor)


def test_postponing_needs_a_day_ahead_and_keeps_the_first_one(app: Flask) -> None:
    nurse, case = make_user("tbteam"), make_case()
    with clock.stopped_at(MORNING):
        task = open_task("sputum-due", case, "x")
        for days in (0, -1, 8):
            with pytest.raises(InvalidInput) as refused:
                postpone_task(task, TODAY + timedelta(days=days), "travels", nurse)
            assert "09-Mar-2026" in refused.value.fields["until"][0]
        postpone_task(task, TODAY + timedelta(days=3), "travels", nurse)
        assert (task.first_due_on, task.due_on, task.postponed) == (TODAY, date(2026, 3, 5), 1)
        assert task.escalates_at == datetime(2026, 3, 7, 21, tzinfo=UTC)  # three days later, midnight at the site
        call = open_task("critical-call", case, "y")
        with pytest.raises(NotNow):
            postpone_task(call, date(2026, 3, 3), "later", make_user("physician"))
        assert call.escalates_at == MORNING + timedelta(minutes=30)
