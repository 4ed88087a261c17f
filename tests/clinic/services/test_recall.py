"""The clock's turn: what is due becomes a task once, whoever sweeps and however late; what settled closes itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, true

from clinic import clock
from clinic.db import db, set_mode
from clinic.errors import InvalidInput
from clinic.models import (
    Answer,
    Case,
    CaseState,
    DiagnosisBasis,
    DiseaseSite,
    DoseState,
    LabComponent,
    LabResult,
    PhaseName,
    Requirement,
    RequirementState,
    ResultStatus,
    SignedExam,
    Specimen,
    SpecimenKind,
    Task,
    TbCase,
    TbDose,
    TbHistory,
    TbMonth,
    TbOutcome,
    TbPhase,
    Treatment,
    TreatmentOutcome,
    User,
)
from clinic.queries.due import SOURCES
from clinic.schemas.door import load
from clinic.schemas.tuberculosis import SideEffectIn
from clinic.services import recall
from clinic.services.recall import Swept, sweep_tasks
from clinic.services.task import NO_MORE, close_task, close_task_of, open_task, postpone_task
from clinic.services.tb_check import record_side_effect
from clinic.services.visit import check_in
from clinic.task_kind import list_task_kinds
from tests.factory import make_case, make_user
from tests.integrations.factory import Hand, make_delivery, make_signed_case

BEGIN = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
DAY = date(2026, 3, 2)


@pytest.fixture
def hand(app: Flask) -> Iterator[Hand]:
    """A clock that the test turns."""
    with clock.stopped_at(BEGIN):
        yield Hand(BEGIN)


def sweep() -> Swept:
    """One turn, as the worker does it: outside any unit."""
    db.session.commit()
    set_mode("read")
    try:
        return sweep_tasks()
    finally:
        db.session.rollback()
        set_mode("write")


def find_tasks(kind: str = "") -> list[Task]:
    query = select(Task).order_by(Task.due_on, Task.key)
    return list(db.session.execute(query.where(Task.kind == kind) if kind else query).unique().scalars())


def add_specimen(case: Case, day: date = DAY) -> Specimen:
    number = f"{case.number}-{len(db.session.query(Specimen).all())}"
    row = Specimen(case_id=case.id, number=number[-24:], kind=SpecimenKind.SPUTUM, collected_on=day,
                   recorded_at=clock.now(), recorded_by_id=case.opened_by_id)
    db.session.add(row)
    db.session.flush()
    return row


def add_culture(pot: Specimen, status: ResultStatus = ResultStatus.FINAL, value: str = "negative") -> LabResult:
    case = db.session.get_one(Case, pot.case_id)
    row = LabResult(case_id=case.id, specimen_id=pot.id, performed_on=pot.collected_on, test="sputum-culture",
                    value=value, status=status, entered_at=clock.now(), entered_by_id=case.opened_by_id)
    db.session.add(row)
    db.session.flush()
    return row


def begin_work(case: Case) -> Case:
    case.state, case.status = CaseState.IN_PROGRESS, "pending-culture"
    return case


@pytest.mark.database
def test_specimen_that_the_laboratory_rejected_is_asked_for_as_another_one(hand: Hand) -> None:
    """The number of those that count is then one for which a task was opened and closed before."""
    case_id = begin_work(make_case("us", circumstances={"tb_symptoms": Answer.YES})).id
    sweep()
    pots = []
    for day in (1, 2, 3):
        hand.turn(days=1)
        pots.append(add_specimen(db.session.get_one(Case, case_id), DAY + timedelta(days=day)).id)
        sweep()
    assert [task.closed_at is not None for task in find_tasks("sputum-due")] == [True] * 3
    db.session.get_one(Specimen, pots[2]).rejected_at = clock.now()
    sweep()
    waiting = [task for task in find_tasks("sputum-due") if task.closed_at is None]
    assert [task.due_on for task in waiting] == [DAY + timedelta(days=3)], "a day after the second one"
    assert sweep() == Swept(), "once"


def test_every_kind_the_clock_opens_has_days_and_says_how_it_settles() -> None:
    kinds = list_task_kinds()
    for source in SOURCES:
        assert kinds[source.kind].days is not None and kinds[source.kind].settled, source.kind


def test_culture_awaited_is_asked_for_once_and_closes_when_it_is_reported(hand: Hand) -> None:
    case = begin_work(make_case())
    pots = [add_specimen(case).id, add_specimen(case).id]
    hand.turn(days=55)
    assert sweep() == Swept()
    hand.turn(days=1)
    assert sweep().opened == 2
    assert sweep() == Swept()
    tasks = find_tasks("culture-awaited")
    assert {(task.due_on, task.role, task.case_id) for task in tasks} == {(DAY + timedelta(days=56), "tbteam", case.id)}
    culture = add_culture(db.session.get_one(Specimen, pots[0]), ResultStatus.PRELIMINARY).id
    assert sweep().settled == 0, "what one person entered is no report yet"
    db.session.get_one(LabResult, culture).status = ResultStatus.FINAL
    assert sweep().settled == 1
    assert [(task.outcome, task.closed_by_id) for task in find_tasks("culture-awaited") if task.closed_at] == [
        ("reported", None)]


def test_culture_waits_for_every_medium_and_a_liquid_one_alone_is_due_sooner(hand: Hand) -> None:
    case = begin_work(make_case())
    liquid, both = add_specimen(case), add_specimen(case)
    liquid.media, both.media, both.inoculated_on = "liquid", "liquid solid", DAY + timedelta(days=2)
    both_id = both.id
    hand.turn(days=42)
    assert sweep().opened == 1
    assert find_tasks()[0].due_on == DAY + timedelta(days=42)
    add_culture(db.session.get_one(Specimen, both_id)).method = "liquid"
    hand.turn(days=15)
    assert sweep().opened == 0
    hand.turn(days=1)
    assert sweep().opened == 1, "its solid medium is outstanding on day 56 after inoculation"
    add_culture(db.session.get_one(Specimen, both_id), value="positive").method = "solid"
    assert sweep().settled == 0, "growth that is not identified settles nothing"
    add_culture(db.session.get_one(Specimen, both_id), value="mtb").method = "solid"
    assert sweep().settled == 1


def test_after_a_standstill_each_thing_is_found_once_and_goes_up_at_once(hand: Hand) -> None:
    case = begin_work(make_case())
    add_specimen(case)
    db.session.add(Treatment(
        case_id=case.id, disease="tuberculosis", outcome=TreatmentOutcome.CURRENT, is_supervised=True, started_on=DAY,
        status=ResultStatus.FINAL, entered_at=clock.now(), entered_by_id=case.opened_by_id))
    hand.turn(days=130)  # nobody ran for more than four months
    assert sweep().opened == 2
    months = find_tasks("treatment-month")
    assert [(one.due_on, one.key.rpartition(":")[2]) for one in months] == [(date(2026, 7, 2), "4")], "the newest only"
    awaited = find_tasks("culture-awaited")[0]
    assert (awaited.due_on, awaited.level, awaited.escalated_role) == (DAY + timedelta(days=56), 2, "physician")
    assert awaited.escalates_at is None
    hand.turn(days=35)
    assert [sweep().opened, len(find_tasks("treatment-month"))] == [1, 2]


def test_two_workers_at_the_same_moment_open_each_task_once(
    app: Flask, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = begin_work(make_case())
    for _number in range(20):
        add_specimen(case)
    hand.turn(days=60)
    db.session.commit()
    set_mode("read")
    meet = Barrier(2, timeout=20)
    opened: list[int] = []
    faults: list[BaseException] = []
    real = recall._open

    def open_together(source: Any, rows: Sequence[Any], zones: dict[str, str]) -> int:
        if source.kind == "culture-awaited":
            meet.wait()  # both have read that nothing is there
            opened.append(real(source, rows, zones))
            return opened[-1]
        return real(source, rows, zones)

    def work() -> None:
        try:
            with app.app_context():
                sweep_tasks()
        except BaseException as fault:
            faults.append(fault)

    monkeypatch.setattr(recall, "_open", open_together)
    threads = [Thread(target=work) for _number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    set_mode("write")
    assert not faults and sum(opened) == 20 and len(opened) == 2
    tasks = find_tasks("culture-awaited")
    assert len(tasks) == 20 and len({task.key for task in tasks}) == 20


def test_sweep_that_is_stopped_goes_on_where_it_was(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recall, "WRITTEN_AT_ONCE", 2)
    monkeypatch.setattr(recall, "READ_AT_ONCE", 3)
    case = begin_work(make_case())
    for _number in range(7):
        add_specimen(case)
    hand.turn(days=56)
    db.session.commit()
    set_mode("read")
    asked = iter([False] * 4 + [True] * 100)
    first = sweep_tasks(lambda: next(asked)).opened
    assert 0 < first < 7
    assert sweep_tasks().opened == 7 - first
    set_mode("write")


def test_late_task_goes_up_step_by_step_and_postponing_does_not_take_it_from_who_sees_it(hand: Hand) -> None:
    nurse, case = make_user("tbteam"), begin_work(make_case())
    add_specimen(case)
    seen = []
    for days in (56, 6, 1, 7):
        hand.turn(days=days)
        sweep()
        task = find_tasks("culture-awaited")[0]
        seen.append((task.level, task.escalated_role))
    assert seen == [(0, None), (0, None), (1, "labsupervisor"), (2, "physician")]
    task = find_tasks("culture-awaited")[0]
    postpone_task(task, clock.today("Africa/Nairobi") + timedelta(days=10), "the laboratory moves", nurse)
    assert (task.level, task.escalated_role, task.escalates_at) == (2, "physician", None)


def test_missing_specimen_is_called_for_one_after_the_other(hand: Hand) -> None:
    nurse = make_user("tbteam")
    case = make_case("us", circumstances={"tb_symptoms": Answer.YES})
    assert db.session.query(Requirement).filter_by(case_id=case.id, exam="sputum-series").count() == 1
    assert sweep().opened == 1
    first = find_tasks("sputum-due")[0]
    assert (first.due_on, first.role) == (DAY + timedelta(days=1), "tbteam")
    hand.turn(days=1)
    add_specimen(db.session.get_one(Case, case.id), DAY + timedelta(days=1))
    done = sweep()
    assert (done.settled, done.opened) == (1, 1)
    second = next(task for task in find_tasks("sputum-due") if task.closed_at is None)
    assert second.due_on == DAY + timedelta(days=2)
    close_task(second, "not-reached", db.session.get_one(type(nurse), nurse.id))
    hand.turn(days=1)
    assert sweep().opened == 0, "the one that follows waits already"
    for day in (2, 3):
        hand.turn(days=1)
        add_specimen(db.session.get_one(Case, case.id), DAY + timedelta(days=day))
    sweep()
    assert sorted(str(task.outcome) for task in find_tasks("sputum-due")) == ["collected", "collected", "not-reached"]


@pytest.mark.database
@pytest.mark.parametrize(("written", "opened"), [(1, 0), (0, 1)])
def test_month_of_treatment_that_is_written_down_is_not_asked_for(hand: Hand, written: int, opened: int) -> None:
    case = begin_work(make_case())
    who = case.opened_by_id
    db.session.add(Treatment(
        case_id=case.id, case=case, disease="tuberculosis", regimen="hrze-hr-daily", status=ResultStatus.FINAL,
        outcome=TreatmentOutcome.CURRENT, started_on=DAY, is_supervised=True, is_refused_here=False,
        entered_at=clock.now(), entered_by_id=who))
    db.session.add(TbMonth(case_id=case.id, month=written, checked_on=DAY, weight_kg="60", remark="",
                           recorded_at=clock.now(), recorded_by_id=who))
    hand.turn(days=31)
    sweep()
    assert len(find_tasks("treatment-month")) == opened


@pytest.mark.database
def test_no_month_is_asked_for_after_the_last_dose(hand: Hand) -> None:
    """Each treatment waits two months for its last cultures, and was asked for weight and sputum of months without a
    dose."""
    case = begin_work(make_case())
    who = case.opened_by_id
    db.session.add(Treatment(
        case_id=case.id, case=case, disease="tuberculosis", regimen="hrze-hr-daily", status=ResultStatus.FINAL,
        outcome=TreatmentOutcome.CURRENT, started_on=DAY, is_supervised=True, is_refused_here=False,
        entered_at=clock.now(), entered_by_id=who))
    phase = TbPhase(case_id=case.id, name=PhaseName.CONTINUATION, regimen="hrze-hr-daily", drugs={}, weight_kg="60",
                    days_per_week=7, planned_doses=31, started_on=DAY, recorded_at=clock.now(), recorded_by_id=who)
    db.session.add(phase)
    db.session.flush()
    db.session.add_all(TbDose(case_id=case.id, phase_id=phase.id, day=DAY + timedelta(days=n), state=DoseState.GIVEN,
                              recorded_at=clock.now(), recorded_by_id=who) for n in range(31))
    hand.turn(days=31)
    sweep()
    assert [task.due_on for task in find_tasks("treatment-month")] == [date(2026, 4, 2)], "the month that it ended"
    for _month in range(2):
        hand.turn(days=31)
        sweep()
    assert len(find_tasks("treatment-month")) == 1


@pytest.mark.database
def test_treatment_whose_doses_are_given_is_asked_about_until_it_has_its_outcome(hand: Hand) -> None:
    """After the last dose nobody was asked for anything: neither for the last cultures nor for the outcome."""
    case = begin_work(make_case())
    doctor = make_user("physician", case.site)
    who, doctor_id = case.opened_by_id, doctor.id
    treatment = Treatment(
        case_id=case.id, case=case, disease="tuberculosis", regimen="hrze-hr-daily", status=ResultStatus.FINAL,
        outcome=TreatmentOutcome.CURRENT, started_on=DAY, is_supervised=True, is_refused_here=False,
        entered_at=clock.now(), entered_by_id=who)
    phase = TbPhase(case_id=case.id, name=PhaseName.CONTINUATION, regimen="hrze-hr-daily", drugs={}, weight_kg="60",
                    days_per_week=7, planned_doses=20, started_on=DAY, recorded_at=clock.now(), recorded_by_id=who)
    db.session.add_all([treatment, phase])
    db.session.flush()
    treatment_id, phase_id = treatment.id, phase.id
    db.session.add_all(TbDose(case_id=case.id, phase_id=phase.id, day=DAY + timedelta(days=n), state=DoseState.GIVEN,
                              recorded_at=clock.now(), recorded_by_id=who) for n in range(20))
    last = DAY + timedelta(days=19)
    hand.turn(days=19 + 6)
    sweep()
    assert not find_tasks("treatment-end")
    hand.turn(days=1)
    sweep()
    (task,) = find_tasks("treatment-end")
    assert (task.role, task.due_on, task.detail) == ("tbteam", last + timedelta(days=7), last.isoformat())
    close_task(task, "cultures-awaited", db.session.get_one(User, doctor_id))
    hand.turn(days=1)
    assert sweep().opened == 0, "the next one waits"
    db.session.get_one(TbPhase, phase_id).planned_doses = 40
    sweep()
    assert [task.outcome for task in find_tasks("treatment-end")][1:] == ["not-needed"], "it goes on"
    db.session.get_one(TbPhase, phase_id).planned_doses = 20
    sweep()
    assert len(find_tasks("treatment-end")) == 2 and [
        task.closed_at is None for task in find_tasks("treatment-end")].count(True) == 1, "and is over again"
    db.session.get_one(Treatment, treatment_id).outcome = TreatmentOutcome.COMPLETED
    sweep()
    assert {task.outcome for task in find_tasks("treatment-end")} == {"cultures-awaited", "treatment-ended"}
    assert not [task for task in find_tasks("treatment-end") if task.closed_at is None]


@pytest.mark.database
@pytest.mark.parametrize(("days_per_week", "wait"), [(7, 4), (5, 6)])
def test_who_takes_no_dose_for_days_is_asked_for_until_the_doses_go_on(
    hand: Hand, days_per_week: int, wait: int
) -> None:
    """An interruption stood on the page of the treatment alone, for whoever opened it."""
    case = begin_work(make_case())
    who, case_id = case.opened_by_id, case.id
    db.session.add(Treatment(
        case_id=case.id, case=case, disease="tuberculosis", regimen="hrze-hr-daily", status=ResultStatus.FINAL,
        outcome=TreatmentOutcome.CURRENT, started_on=DAY, is_supervised=True, is_refused_here=False,
        entered_at=clock.now(), entered_by_id=who))
    phase = TbPhase(case_id=case.id, name=PhaseName.CONTINUATION, regimen="hrze-hr-daily", drugs={}, weight_kg="60",
                    days_per_week=days_per_week, planned_doses=3, started_on=DAY, recorded_at=clock.now(),
                    recorded_by_id=who)
    db.session.add(phase)
    db.session.flush()
    phase_id = phase.id

    def give(days: int) -> None:
        db.session.add(TbDose(case_id=case_id, phase_id=phase_id, day=DAY + timedelta(days=days),
                              state=DoseState.GIVEN, recorded_at=clock.now(), recorded_by_id=who))

    give(0)
    hand.turn(days=wait - 1)
    assert sweep() == Swept()
    hand.turn(days=1)
    assert sweep().opened == 1 and sweep() == Swept(), "once"
    (task,) = find_tasks("doses-missed")
    assert (task.due_on, task.role, task.detail) == (DAY + timedelta(days=wait), "tbteam", DAY.isoformat())
    give(wait)
    assert sweep().settled == 1
    give(wait + 1)
    hand.turn(days=10)
    sweep()
    assert len(find_tasks("doses-missed")) == 1, "its planned doses are given"


def add_tb_case(case: Case) -> TbCase:
    tb = TbCase(
        case_id=case.id, case=case, site_id=case.site_id, number="TB-1", registered_on=DAY,
        registered_by_id=case.opened_by_id, diagnosed_on=DAY, basis=DiagnosisBasis.CLINICAL,
        site_of_disease=DiseaseSite.EXTRAPULMONARY, history=TbHistory.NEW)
    db.session.add(tb)
    db.session.flush()
    return tb


@pytest.mark.database
def test_tuberculosis_is_to_be_notified_until_somebody_writes_it_down(hand: Hand) -> None:
    """Disease outside the lungs holds nobody, and no task asked for its notification."""
    tb_id = add_tb_case(begin_work(make_case())).id
    assert sweep() == Swept()
    hand.turn(days=1)
    assert sweep().opened == 1 and sweep() == Swept(), "once"
    (task,) = find_tasks("tb-notification")
    assert (task.due_on, task.role, task.detail) == (DAY + timedelta(days=1), "tbteam", DAY.isoformat())
    db.session.get_one(TbCase, tb_id).notified_on = DAY + timedelta(days=1)
    assert sweep().settled == 1
    assert [row.outcome for row in find_tasks("tb-notification")] == ["notified"]


@pytest.mark.database
def test_what_ended_by_a_fact_is_asked_for_again_when_that_fact_is_gone(hand: Hand) -> None:
    """A culture taken back, or a case that was on hold meanwhile: its task had ended and nobody was asked again."""
    case_id = begin_work(make_case()).id
    pot = add_specimen(db.session.get_one(Case, case_id))
    pot_id, doctor_id = pot.id, make_user("physician", pot.case.site).id
    hand.turn(days=70)
    sweep()
    culture = add_culture(db.session.get_one(Specimen, pot_id)).id
    hand.turn(minutes=1)
    assert sweep().settled == 1
    db.session.get_one(LabResult, culture).superseded_at = clock.now()
    hand.turn(minutes=1)
    assert (sweep().opened, sweep()) == (1, Swept()), "once"
    (task,) = find_tasks("culture-awaited")
    assert (task.closed_at, task.outcome, task.due_on, task.level) == (
        None, "reported", DAY + timedelta(days=56), 2), "as late as it is"
    close_task(task, "not-needed", db.session.get_one(User, doctor_id), "the pot broke")
    assert sweep() == Swept(), "what a person decided stays decided"


@pytest.mark.database
def test_what_was_asked_for_twice_comes_back_too_when_its_end_is_gone(hand: Hand) -> None:
    """After *Laboratory asked* the key was the first one's, which a person had closed."""
    case = begin_work(make_case())
    pot_id, team_id = add_specimen(case).id, make_user("tbteam", case.site).id
    hand.turn(days=57)
    sweep()
    close_task(find_tasks("culture-awaited")[0], "laboratory-asked", db.session.get_one(User, team_id))
    hand.turn(days=1)
    culture = add_culture(db.session.get_one(Specimen, pot_id)).id
    assert sweep().settled == 1
    db.session.get_one(LabResult, culture).superseded_at = clock.now()
    hand.turn(minutes=1)
    sweep()
    assert sorted((task.outcome, task.closed_at is None) for task in find_tasks("culture-awaited")) == [
        ("laboratory-asked", False), ("reported", True)]


@pytest.mark.database
def test_month_that_is_written_down_ends_what_was_asked_for_again(hand: Hand) -> None:
    """After *Not reached* the next one stood on, though the month was recorded."""
    case = begin_work(make_case())
    task = open_task("treatment-month", case, "series:1", subject_id="series")
    close_task(task, "not-reached", make_user("tbteam", case.site))
    close_task_of("treatment-month", "series:1", "done", None)
    assert {row.outcome for row in find_tasks("treatment-month")} == {"not-reached", "done"}


@pytest.mark.database
def test_culture_of_a_case_that_was_on_hold_is_asked_for_when_it_goes_on(hand: Hand) -> None:
    case_id = begin_work(make_case()).id
    add_specimen(db.session.get_one(Case, case_id))
    hand.turn(days=56)
    sweep()
    found = []
    for state in (CaseState.ON_HOLD, CaseState.IN_PROGRESS):
        db.session.get_one(Case, case_id).state = state
        hand.turn(minutes=1)
        sweep()
        found.append([(task.closed_at is None, task.outcome) for task in find_tasks("culture-awaited")])
    assert found == [[(False, "not-needed")], [(True, "not-needed")]], "it was not reported"


@pytest.mark.database
def test_clock_writes_that_something_came_only_where_it_did(hand: Hand) -> None:
    """A pot that was rejected had its culture *Reported*, a diagnosis that was wrong was *Notified*."""
    case = begin_work(make_case("us", circumstances={"tb_symptoms": Answer.YES}))
    pot, tb = add_specimen(case), add_tb_case(case)
    pot_id, tb_id, case_id = pot.id, tb.id, case.id
    hand.turn(days=57)
    sweep()
    kinds = ("culture-awaited", "sputum-due", "tb-notification")
    assert all(task.closed_at is None for kind in kinds for task in find_tasks(kind)) and len(find_tasks()) == 4
    db.session.get_one(Specimen, pot_id).rejected_at = clock.now()
    db.session.get_one(TbCase, tb_id).outcome = TbOutcome.NOT_TB
    for row in db.session.query(Requirement).filter_by(case_id=case_id, exam="sputum-series"):
        row.state = RequirementState.WITHDRAWN
    sweep()
    assert {(task.outcome, task.closed_by_id) for kind in kinds for task in find_tasks(kind)} == {("not-needed", None)}


def test_every_kind_that_may_be_awaited_no_more_can_end_so() -> None:
    for source in SOURCES:
        if source.has_come is not true:
            assert NO_MORE in list_task_kinds()[source.kind].outcomes, source.kind


@pytest.mark.database
def test_exam_that_ends_is_told_of_again_when_the_case_that_followed_was_withdrawn(hand: Hand) -> None:
    case = make_signed_case()
    exam = db.session.get_one(SignedExam, make_delivery(case).signed_exam_id)
    exam.valid_until = DAY + timedelta(days=20)
    applicant_id, programme, who = case.applicant_id, case.programme, case.opened_by_id
    sweep()
    hand.turn(days=1)
    later = make_case(programme, user=db.session.get_one(User, who))
    later.applicant_id, later.opened_at = applicant_id, clock.now()
    later_id = later.id
    sweep()
    assert [task.outcome for task in find_tasks("validity-ending")] == ["new-exam"]
    db.session.get_one(Case, later_id).state = CaseState.WITHDRAWN
    sweep()
    assert [task.closed_at for task in find_tasks("validity-ending")] == [None]


@pytest.mark.database
def test_who_refused_treatment_is_told_when_the_year_of_waiting_ends(hand: Hand) -> None:
    case = begin_work(make_case("us"))
    case.opened_at = clock.now()
    tb = add_tb_case(case)
    tb.notified_on = tb.refused_on = tb.elsewhere_began_on = DAY
    tb.elsewhere_ended_on = DAY + timedelta(days=180)
    applicant_id, site_id, who = case.applicant_id, case.site_id, case.opened_by_id
    hand.turn(days=180 + 334)
    sweep()
    assert not find_tasks("refusal-return")
    hand.turn(days=1)
    sweep()
    (task,) = find_tasks("refusal-return")
    assert (task.due_on, task.role) == (DAY + timedelta(days=180 + 365), "reception")
    new = make_case("us", user=db.session.get_one(User, who))
    assert new.site_id == site_id
    new.applicant_id, new.opened_at = applicant_id, clock.now()
    sweep()
    assert [row.outcome for row in find_tasks("refusal-return")] == ["new-exam"]


@pytest.mark.database
def test_nobody_is_asked_for_doses_while_all_medicines_are_stopped_and_again_when_they_go_on(hand: Hand) -> None:
    """Doses that a physician held back were asked for as missed."""
    case = begin_work(make_case())
    who = make_user("tbteam", case.site)
    db.session.add(Treatment(
        case_id=case.id, case=case, disease="tuberculosis", regimen="hrze-hr-daily", status=ResultStatus.FINAL,
        outcome=TreatmentOutcome.CURRENT, started_on=DAY, is_supervised=True, is_refused_here=False,
        entered_at=clock.now(), entered_by_id=who.id))
    phase = TbPhase(case_id=case.id, name=PhaseName.INTENSIVE, regimen="hrze-hr-daily", drugs={}, weight_kg="60",
                    days_per_week=7, planned_doses=56, started_on=DAY, recorded_at=clock.now(), recorded_by_id=who.id)
    db.session.add(phase)
    tb = add_tb_case(case)
    hand.turn(days=4)
    sweep()
    plain = {"kind": "hepatitis", "grade": "3", "began_on": DAY.isoformat(), "action": "all-stopped"}
    stopped = record_side_effect(tb, load(SideEffectIn(), plain), who)
    assert [task.outcome for task in find_tasks("doses-missed")] == ["held-back"]
    hand.turn(days=8)
    sweep()
    assert [task.outcome for task in find_tasks("doses-missed")] == ["held-back"], "held back, not missed"
    assert [task.outcome for task in find_tasks("medicines-stopped")] == [None], "who decides is asked by a day"
    record_side_effect(tb, load(SideEffectIn(), plain | {"ended_on": clock.today().isoformat()}), who, stopped)
    assert [task.outcome for task in find_tasks("medicines-stopped")] == ["decided-on"]
    went_on = clock.today()
    hand.turn(days=3)
    sweep()
    assert len(find_tasks("doses-missed")) == 1, "they went on three days ago"
    hand.turn(days=1)
    sweep()
    assert [(task.outcome, task.detail) for task in find_tasks("doses-missed")][1:] == [(None, went_on.isoformat())]


@pytest.mark.database
def test_stop_that_stands_is_asked_about_again_whatever_is_said_of_the_task(hand: Hand) -> None:
    """A physician who closed the task while the stop stood was never asked again."""
    case = begin_work(make_case())
    nurse, doctor = make_user("nurse", case.site), make_user("physician", case.site)
    db.session.add(TbPhase(
        case_id=case.id, name=PhaseName.INTENSIVE, regimen="hrze-hr-daily", drugs={}, weight_kg="60", days_per_week=7,
        planned_doses=56, started_on=DAY, recorded_at=clock.now(), recorded_by_id=doctor.id))
    tb = add_tb_case(case)
    hand.turn(days=1)
    plain = {"kind": "hepatitis", "grade": "3", "began_on": DAY.isoformat(), "action": "all-stopped"}
    stopped = record_side_effect(tb, load(SideEffectIn(), plain), nurse)
    (task,) = find_tasks("medicines-stopped")
    assert (task.due_on, task.role) == (clock.today(), "physician")
    for outcome, words in (("decided-on", "goes on"), ("still-stopped", "")):
        with pytest.raises(InvalidInput):
            close_task(task, outcome, doctor, words)
    close_task(task, "still-stopped", doctor, "enzymes still high")
    again = find_tasks("medicines-stopped")[-1]
    assert (again.outcome, again.due_on) == (None, clock.today() + timedelta(days=7))
    worse = record_side_effect(tb, load(SideEffectIn(), plain | {"grade": "4"}), nurse, stopped)
    assert [row.due_on for row in find_tasks("follow-up")] == [clock.today()], "worse is told at once"
    assert len(find_tasks("medicines-stopped")) == 2
    record_side_effect(tb, load(SideEffectIn(), plain | {"action": "none", "grade": "1"}), doctor, worse)
    assert {row.outcome for row in find_tasks()} == {"still-stopped", "decided-on", "done"}


@pytest.mark.database
def test_medicine_that_the_bacilli_resist_is_asked_about_until_it_is_changed(hand: Hand) -> None:
    """Resistance came in weeks after the first dose, and nobody was told."""
    case = begin_work(make_case())
    doctor, pot = make_user("physician", case.site), add_specimen(case)

    def add_phase(**more: Any) -> TbPhase:
        phase = TbPhase(
            case_id=case.id, name=PhaseName.INTENSIVE, regimen="other", weight_kg="60", days_per_week=7,
            planned_doses=56, recorded_at=clock.now(), recorded_by_id=doctor.id, **more)
        db.session.add(phase)
        return phase

    def answer(**drugs: str) -> LabResult:
        row = LabResult(case_id=case.id, specimen_id=pot.id, performed_on=DAY, test="dst", value="resistant",
                        status=ResultStatus.FINAL, entered_at=clock.now(), entered_by_id=doctor.id,
                        confirmed_at=clock.now(), confirmed_by_id=doctor.id)
        row.components = [LabComponent(name=drug, value=said) for drug, said in drugs.items()]
        db.session.add(row)
        return row

    add_tb_case(case)
    answer(ethambutol="resistant")
    hand.turn(days=1)
    phase = add_phase(started_on=DAY, drugs={"isoniazid": "300", "ethambutol": "900", "levofloxacin": "750"})
    sweep()
    assert not find_tasks("resisted-medicine"), "known when the phase was begun: its physician was asked then"
    hand.turn(days=30)
    answer(rifampicin="resistant", isoniazid="susceptible")
    first = answer(isoniazid="resistant")
    sweep()
    (task,) = find_tasks("resisted-medicine")
    assert (task.role, task.due_on, task.subject_id) == ("physician", clock.today(), first.id)
    with pytest.raises(InvalidInput):
        close_task(task, "given-all-the-same", doctor, "")
    first.superseded_at = clock.now()
    sweep()
    assert [row.outcome for row in find_tasks("resisted-medicine")] == ["changed-medicines"], "it was not right"
    hand.turn(minutes=1)
    answer(fluoroquinolone="resistant")
    sweep()
    assert [row.outcome for row in find_tasks("resisted-medicine")].count(None) == 1, "one of a class"
    phase.ended_on = clock.today()
    hand.turn(minutes=1)
    add_phase(started_on=clock.today(), drugs={"isoniazid": "300"})
    sweep()
    assert {row.outcome for row in find_tasks("resisted-medicine")} == {"changed-medicines"}


@pytest.mark.database
def test_each_culture_that_grew_waits_for_its_own_susceptibility(hand: Hand) -> None:
    """Resistance that the laboratory never reported was asked for by nobody."""
    case = begin_work(make_case())
    first, second = add_specimen(case), add_specimen(case, DAY + timedelta(days=1))
    grown = [add_culture(pot, value="mtb") for pot in (first, second)]
    for pot, row in zip((first, second), grown, strict=True):
        row.reported_on = pot.collected_on + timedelta(days=30)
    add_culture(add_specimen(case), value="negative")
    pot_id = first.id

    def add_answers(drug: str) -> None:
        pot = db.session.get_one(Specimen, pot_id)
        row = LabResult(case_id=pot.case_id, specimen_id=pot.id, performed_on=pot.collected_on, test="dst",
                        value="susceptible", status=ResultStatus.FINAL, entered_at=clock.now(),
                        entered_by_id=pot.recorded_by_id)
        row.components = [LabComponent(name=drug, value="susceptible")]
        db.session.add(row)

    hand.turn(days=50)
    add_answers("rifampicin")
    sweep()
    assert not find_tasks("susceptibility-awaited")
    hand.turn(days=1)
    sweep()
    (task,) = find_tasks("susceptibility-awaited")
    assert (task.subject_id, task.role, task.due_on) == (pot_id, "tbteam", DAY + timedelta(days=51))
    hand.turn(days=1)
    sweep()
    assert len(find_tasks("susceptibility-awaited")) == 2
    add_answers("isoniazid")
    sweep()
    assert [row.outcome for row in find_tasks("susceptibility-awaited")] == ["reported", None]


def test_unconfirmed_result_is_called_for_after_a_day(hand: Hand) -> None:
    case = begin_work(make_case())
    culture = add_culture(add_specimen(case), ResultStatus.PRELIMINARY).id
    hand.turn(hours=23)
    assert sweep().opened == 0
    hand.turn(hours=1)
    assert sweep().opened == 1
    assert find_tasks()[0].subject_id == culture
    with_words = db.session.get_one(LabResult, culture)
    with_words.status, with_words.confirmed_at = ResultStatus.ENTERED_IN_ERROR, clock.now()
    assert sweep().settled == 1


def test_exam_that_ends_is_told_thirty_days_before_unless_it_is_replaced(hand: Hand) -> None:
    case = make_signed_case()
    exam_id = make_delivery(case).signed_exam_id
    db.session.get_one(SignedExam, exam_id).valid_until = DAY + timedelta(days=40)
    hand.turn(days=9)
    assert sweep().opened == 0
    hand.turn(days=1)
    assert sweep().opened == 1
    task = find_tasks("validity-ending")[0]
    assert (task.due_on, task.role, task.detail) == (DAY + timedelta(days=10), "reception", "2026-04-11")
    db.session.get_one(SignedExam, exam_id).revoked_at = clock.now()
    assert sweep().settled == 1


def test_nobody_came_until_reception_sees_them(hand: Hand) -> None:
    reception = make_user("reception")
    case = make_case(user=reception)
    other = make_case(user=reception)
    check_in(other, reception)
    hand.turn(days=10)
    sweep()
    assert [task.case_id for task in find_tasks("nobody-came")] == [case.id]
    check_in(db.session.get_one(Case, case.id), db.session.get_one(type(reception), reception.id))
    assert sweep().settled == 1


def test_case_stands_still_only_where_nobody_has_anything_to_do_on_it(hand: Hand) -> None:
    still, busy, culture = (make_case() for _number in range(3))
    for case in (still, busy):
        case.state, case.status = CaseState.IN_PROGRESS, "incomplete"
    begin_work(culture)
    held = make_case()
    held.state = CaseState.ON_HOLD
    add_specimen(begin_work(busy))
    busy.status = "incomplete"
    hand.turn(days=60)
    sweep()
    assert {(task.kind, task.case_id) for task in find_tasks()} == {
        ("standstill", still.id), ("culture-awaited", busy.id), ("on-hold", held.id)}
    moving = db.session.get_one(Case, still.id)
    moving.updated_at = clock.now() + timedelta(seconds=1)
    assert sweep().settled == 1
