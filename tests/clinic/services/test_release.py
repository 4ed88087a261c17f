"""Before a result counts and after: calls of critical values, values typed twice, corrections of a signed exam."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from clinic import clock
from clinic.db import db, set_mode
from clinic.demo.second_person import check_result
from clinic.errors import AlreadyDone, InvalidInput, NotAllowed, NotNow
from clinic.models import AmendmentRequest, Case, CaseState, LabResult, ResultStatus, SecondEntry, Task, User
from clinic.queries.alert import AlertKind, list_alerts
from clinic.queries.laboratory import count_waiting_results
from clinic.schemas.door import load
from clinic.schemas.laboratory import LabResultIn
from clinic.services import amendment, draw, lab_order, laboratory, release
from clinic.services.plausibility import get_today
from clinic.services.recall import sweep_tasks
from clinic.services.task import close_task
from tests.factory import make_case, make_laboratory, make_user


@pytest.fixture
def case(app: Flask) -> Case:
    """A New Zealand case, which has the most tests."""
    return make_case("nz", user=make_user("reception"))


@pytest.fixture
def technician(case: Case) -> User:
    return make_user("labtech", case.site)


@pytest.fixture
def supervisor(case: Case) -> User:
    return make_user("labsupervisor", case.site)


def _load(case: Case, test: str, value: str, **more: Any) -> Any:
    return load(LabResultIn(), {"test": test, "value": value, "performed_on": get_today(case).isoformat()} | more)


def _list_tasks(kind: str) -> list[Task]:
    return list(db.session.query(Task).filter(Task.kind == kind))


def test_critical_value_counts_only_after_somebody_was_told(case: Case, technician: User, supervisor: User) -> None:
    row = laboratory.enter_result(case, _load(case, "creatinine-egfr", "22"), technician)
    (task,) = _list_tasks("critical-call")
    assert (task.case_id, task.subject_id, task.closed_at) == (case.id, row.id, None)
    with pytest.raises(NotNow, match="critical"):
        laboratory.confirm_result(row, supervisor)
    for called, at, back, field in (
        ("", clock.now(), True, "called"), ("Dr W", clock.now() + timedelta(hours=1), True, "called_time"),
        ("Dr W", clock.now(), False, "is_read_back"),
    ):
        with pytest.raises(InvalidInput) as refused:
            release.record_call(row, called, at, back, "", supervisor)
        assert field in refused.value.fields
    release.record_call(row, "Dr W", clock.now(), True, "ward 2", supervisor)
    assert (task.closed_at is not None, task.outcome) == (True, "called")
    laboratory.confirm_result(row, supervisor)
    assert row.status is ResultStatus.FINAL


def test_who_closes_the_task_as_told_has_made_the_call(case: Case, technician: User, supervisor: User) -> None:
    """The laboratory was asked to call once more, because the task's end was no call."""
    doctor = make_user("physician", case.site)
    row = laboratory.enter_result(case, _load(case, "creatinine-egfr", "22"), technician)
    (task,) = _list_tasks("critical-call")
    assert release.find_critical(task) is row
    close_task(task, "not-reached", doctor, "no answer")
    release.note_told(task, doctor)
    assert release.needs_call(row), "nobody knows yet"
    (task,) = (one for one in _list_tasks("critical-call") if one.closed_at is None)
    with pytest.raises(InvalidInput):
        close_task(task, "corrected", doctor, "cannot be")  # whoever corrects it ends the task by that
    close_task(task, "called", doctor, "Dr Otieno of the renal ward, " + "long " * 30)
    release.note_told(task, doctor)
    (call,) = release.list_calls(row)
    assert call.is_read_back and call.called.startswith("Dr Otieno") and call.remark == task.remark
    laboratory.confirm_result(row, supervisor)


def _list_open_calls() -> list[str]:
    return [task.subject_id or "" for task in _list_tasks("critical-call") if task.closed_at is None]


@pytest.mark.database
def test_critical_value_that_was_a_slip_calls_nobody_any_more(
    case: Case, technician: User, supervisor: User
) -> None:
    row = laboratory.enter_result(case, _load(case, "creatinine-egfr", "9"), technician)
    assert _list_open_calls() == [row.id]
    worse = laboratory.correct_result(row, _load(case, "creatinine-egfr", "12"), "typed 9", technician)
    assert _list_open_calls() == [worse.id], "what takes its place is critical too, and asks for itself"
    right = laboratory.correct_result(worse, _load(case, "creatinine-egfr", "92"), "the report says 92", technician)
    assert _list_open_calls() == []
    assert {task.outcome for task in _list_tasks("critical-call")} == {"corrected"}
    laboratory.confirm_result(right, supervisor)


@pytest.mark.database
def test_critical_value_taken_back_or_sent_back_and_entered_anew_calls_nobody_any_more(
    case: Case, technician: User, supervisor: User
) -> None:
    row = laboratory.enter_result(case, _load(case, "creatinine-egfr", "9"), technician)
    laboratory.refuse_result(row, "the report says 90", supervisor)
    assert _list_open_calls() == [row.id], "until the value is there nobody knows"
    again = laboratory.enter_result(case, _load(case, "creatinine-egfr", "8"), technician)
    assert _list_open_calls() == [again.id]
    laboratory.withdraw_result(again, "another person's blood", technician)
    assert _list_open_calls() == []


def test_laboratorys_own_critical_mark_asks_for_a_call_too(case: Case, technician: User) -> None:
    new = _load(case, "haemoglobin", "6.4", unit="g/dL", mark="critical", confirmed=["unusual-haemoglobin"])
    row = laboratory.enter_result(case, new, technician)
    assert release.needs_call(row) and len(_list_tasks("critical-call")) == 1


def test_call_about_a_value_says_nothing_of_its_correction(case: Case, technician: User, supervisor: User) -> None:
    row = laboratory.enter_result(case, _load(case, "creatinine-egfr", "22"), technician)
    check_result(row, supervisor)
    made = laboratory.correct_result(row, _load(case, "creatinine-egfr", "19"), "repeated", technician)
    assert release.needs_call(made)


def test_value_typed_twice_agrees_digit_by_digit(case: Case, technician: User, supervisor: User) -> None:
    row = laboratory.enter_result(case, _load(case, "hba1c", "41"), technician)
    assert release.is_blind_for(row, supervisor) and not release.is_blind_for(row, technician)
    assert not release.is_blind_for(row, make_user("physician", case.site)), "who treats the person types nothing"
    assert not laboratory.may_confirm_together(row)
    with pytest.raises(NotNow, match="typed twice"):
        laboratory.confirm_result(row, supervisor)
    with pytest.raises(NotAllowed, match="another person"):
        release.enter_second(row, "41", "mmol/mol", technician)
    entry = release.enter_second(row, "14", "mmol/mol", supervisor)
    assert not entry.agrees and not release.is_blind_for(row, supervisor), "both see the mismatch"
    with pytest.raises(NotNow, match="typed twice"):
        laboratory.confirm_result(row, supervisor)
    made = laboratory.correct_result(row, _load(case, "hba1c", "40"), "read again", technician)
    assert release.is_blind_for(made, supervisor), "the new version is typed twice again"
    assert release.enter_second(made, "40", "mmol/mol", supervisor).agrees
    with pytest.raises(NotNow, match="typed twice"):
        laboratory.confirm_result(made, make_user("nurse", case.site))
    laboratory.confirm_result(made, supervisor)
    with pytest.raises(AlreadyDone):
        release.enter_second(made, "40", "mmol/mol", supervisor)


@pytest.mark.database
def test_who_typed_a_value_first_is_asked_to_look_again_when_the_second_entry_differs(
    case: Case, technician: User, supervisor: User
) -> None:
    """It stood nowhere in the first one's lists: the second waited for somebody who knew of nothing."""
    row = laboratory.enter_result(case, _load(case, "hba1c", "41"), technician)
    release.enter_second(row, "14", "mmol/mol", supervisor)
    release.enter_second(row, "15", "mmol/mol", supervisor)
    (task,) = _list_tasks("entries-differ")
    assert (task.assignee_id, task.role, task.due_on) == (technician.id, "labtech", get_today(case))
    assert release.find_result(task) == row
    made = laboratory.correct_result(row, _load(case, "hba1c", "40"), "read again", technician)
    release.enter_second(made, "41", "mmol/mol", supervisor)
    assert [one.outcome for one in _list_tasks("entries-differ")] == ["one-value", None]
    release.enter_second(made, "40", "mmol/mol", supervisor)
    assert [one.outcome for one in _list_tasks("entries-differ")] == ["one-value", "one-value"]


@pytest.mark.database
def test_entries_that_differ_are_asked_about_by_the_clock_too_and_no_more_once_sent_back(
    case: Case, technician: User, supervisor: User
) -> None:
    row = laboratory.enter_result(case, _load(case, "hba1c", "41"), technician)
    release.enter_second(row, "14", "mmol/mol", supervisor)
    laboratory.refuse_result(row, "illegible", supervisor)
    waits = laboratory.enter_result(make_case("nz", user=make_user("reception", case.site)), _load(
        case, "hba1c", "41"), technician)
    db.session.add(SecondEntry(case_id=waits.case_id, result_id=waits.id, value="14", unit="mmol/mol", agrees=False,
                               entered_at=clock.now(), entered_by_id=supervisor.id))
    waits_id = waits.id
    db.session.commit()
    set_mode("read")
    sweep_tasks()
    db.session.rollback()
    set_mode("write")
    assert {(one.outcome, one.subject_id == waits_id) for one in _list_tasks("entries-differ")} == {
        ("one-value", False), (None, True)}


def test_what_a_line_brought_is_not_typed_twice(case: Case, supervisor: User) -> None:
    line = make_laboratory(case.site).user
    row = laboratory.enter_result(case, _load(case, "hba1c", "41"), line)
    assert not release.needs_second_entry(row)
    laboratory.confirm_result(row, supervisor)


def test_correction_before_the_signature_alerts_the_physician(
    case: Case, technician: User, supervisor: User
) -> None:
    row = laboratory.enter_result(case, _load(case, "urine-protein", "negative"), technician)
    check_result(row, supervisor)
    laboratory.correct_result(row, _load(case, "urine-protein", "positive"), "wrong tube", technician)
    assert AlertKind.CORRECTED in {alert.kind for alert in list_alerts(case)}
    assert _list_tasks("amendment") == []


@pytest.mark.parametrize("state", [CaseState.SIGNED, CaseState.SUBMITTED, CaseState.ACKNOWLEDGED])
def test_correction_after_the_signature_keeps_both_and_asks_for_an_amendment(
    case: Case, technician: User, supervisor: User, state: CaseState
) -> None:
    row = laboratory.enter_result(case, _load(case, "urine-protein", "negative"), technician)
    check_result(row, supervisor)
    case.state = state
    db.session.flush()
    with pytest.raises(NotNow, match="signed"):
        laboratory.enter_result(case, _load(case, "urine-glucose", "negative"), technician)
    made = laboratory.correct_result(row, _load(case, "urine-protein", "positive"), "tubes exchanged", technician)
    assert count_waiting_results(supervisor) == 1, "the second person finds it"
    check_result(made, supervisor)
    assert (case.state, row.status, made.status) == (state, ResultStatus.FINAL, ResultStatus.CORRECTED)
    assert (row.superseded_at is not None, made.revision, row.value, made.value) == (True, 2, "negative", "positive")
    (request,) = amendment.list_open_requests(case)
    assert "tubes exchanged" in request.reason
    (task,) = _list_tasks("amendment")
    assert (task.role, task.subject_id, task.closed_at) == ("physician", request.id, None)
    amendment.decline_request(request, "no change of the class", make_user("physician", case.site))
    assert task.outcome == "no-amendment"
    assert db.session.query(AmendmentRequest).count() == 1


@pytest.mark.database
def test_result_taken_back_after_the_signature_asks_for_an_amendment(
    case: Case, technician: User, supervisor: User
) -> None:
    row = laboratory.enter_result(case, _load(case, "urine-protein", "negative"), technician)
    check_result(row, supervisor)
    case.state = CaseState.SIGNED
    db.session.flush()
    laboratory.withdraw_result(row, "another person's cup", technician)
    assert (case.state, row.status) == (CaseState.SIGNED, ResultStatus.ENTERED_IN_ERROR)
    (request,) = amendment.list_open_requests(case)
    assert "taken back after the signature: another person's cup" in request.reason
    assert [task.role for task in _list_tasks("amendment")] == ["physician"]


@pytest.fixture
def corrected(case: Case, technician: User, supervisor: User) -> LabResult:
    """A correction made after the signature that waits for its second person."""
    row = laboratory.enter_result(case, _load(case, "creatinine", "81.25", unit="umol/L"), technician)
    check_result(row, supervisor)
    case.state = CaseState.SUBMITTED
    db.session.flush()
    return laboratory.correct_result(row, _load(case, "creatinine", "18.5", unit="umol/L", confirmed=[
        "unusual-creatinine"]), "read again", technician)


@pytest.mark.database
def test_author_takes_back_an_unconfirmed_correction_and_what_counted_stands_again(
    case: Case, technician: User, supervisor: User, corrected: LabResult
) -> None:
    with pytest.raises(NotNow, match="signed"):
        laboratory.withdraw_result(corrected, "not mine", make_user("labtech", case.site))
    laboratory.withdraw_result(corrected, "another person's sheet", technician)
    first, second, third = laboratory.list_results(case)
    assert (second.status, second.remark, second.is_current) == (
        ResultStatus.ENTERED_IN_ERROR, "another person's sheet", False)
    assert (third.value, third.unit, third.status, third.counts) == ("81.25", "umol/L", ResultStatus.FINAL, True)
    assert (third.revision, third.series_id, third.confirmed_by_id) == (3, first.series_id, supervisor.id)
    assert AlertKind.CORRECTED not in {alert.kind for alert in list_alerts(case)}
    assert case.state is CaseState.SUBMITTED and count_waiting_results(supervisor) == 0
    assert amendment.list_open_requests(case) == [], "nobody amends an exam for a correction that is gone"
    assert [task.outcome for task in _list_tasks("amendment")] == ["no-amendment"]
    laboratory.correct_result(third, _load(case, "creatinine", "91", unit="umol/L"), "the right sheet", technician)
    assert len(amendment.list_open_requests(case)) == 1


def test_correction_sent_back_after_the_signature_can_be_made_again(
    case: Case, technician: User, supervisor: User, corrected: LabResult
) -> None:
    """It could neither be corrected nor entered anew, and no result counted any more."""
    laboratory.refuse_result(corrected, "the report says 81.25", supervisor)
    *_others, newest = laboratory.list_results(case)
    assert newest.counts and newest.value == "81.25" and not newest.is_sent_back
    assert amendment.list_open_requests(case) == []
    (told,) = _list_tasks("follow-up")
    assert (told.assignee_id, told.role) == (technician.id, "labtech") and "the report says 81.25" in told.detail
    laboratory.correct_result(newest, _load(case, "creatinine", "82", unit="umol/L"), "typed again", technician)


def test_result_that_never_counted_is_taken_back_by_its_author_after_the_signature(
    case: Case, technician: User
) -> None:
    row = laboratory.enter_result(case, _load(case, "urine-protein", "negative"), technician)
    case.state = CaseState.SIGNED
    db.session.flush()
    laboratory.withdraw_result(row, "another person's cup", technician)
    assert (row.status, case.state) == (ResultStatus.ENTERED_IN_ERROR, CaseState.SIGNED)
    assert db.session.query(LabResult).count() == 1


def test_call_before_the_draw_is_refused(case: Case, technician: User, supervisor: User) -> None:
    order = lab_order.order_test(case, "hba1c", technician, "thirst")
    draw.draw(case, ["edta"], None, "", technician)
    row = laboratory.enter_result(case, _load(case, "hba1c", "92"), technician)
    assert row.order_id == order.id
    db.session.expire(order)  # as whoever opens the page reads it
    with pytest.raises(InvalidInput) as refused:
        release.record_call(row, "Dr N. Wambui", clock.now() - timedelta(hours=3), True, "", technician)
    assert "called_time" in refused.value.fields
    release.record_call(row, "Dr N. Wambui", clock.now(), True, "", technician)


@pytest.mark.database
def test_time_of_a_call_before_midnight_is_yesterdays(case: Case, technician: User, supervisor: User) -> None:
    """Whoever recorded the night's call after midnight was told that the time is still to come."""
    zone = ZoneInfo(case.site.time_zone)
    midnight = datetime.combine(get_today(case) + timedelta(days=1), time(0), zone)
    with clock.stopped_at(midnight - timedelta(minutes=30)):
        order = lab_order.order_test(case, "hba1c", technician, "thirst")
        draw.draw(case, ["edta"], None, "", technician)
        row = laboratory.enter_result(case, _load(case, "hba1c", "92"), technician)
        db.session.expire(order)  # as whoever opens the page reads it
    with clock.stopped_at(midnight + timedelta(minutes=20)):
        moment = release.find_call_moment(row, time(23, 50))
        assert moment == midnight - timedelta(minutes=10)
        assert release.find_call_moment(row, time(0, 10)) == midnight + timedelta(minutes=10)
        assert release.find_call_moment(row, None) == clock.now()
        for slip in (time(23, 20), time(2, 0), time(12, 0)):  # before the draw; today's to come; too long ago
            assert release.find_call_moment(row, slip) > clock.now()
        with pytest.raises(InvalidInput) as refused:
            release.record_call(row, "Dr W", release.find_call_moment(row, time(23, 20)), True, "", supervisor)
        assert "still to come" in refused.value.fields["called_time"][0]
        call = release.record_call(row, "Dr W", moment, True, "", supervisor)
        assert call.called_at == moment


def test_time_of_yesterday_counts_for_half_a_day_where_no_draw_is_known(case: Case, technician: User) -> None:
    row = laboratory.enter_result(case, _load(case, "creatinine-egfr", "22"), technician)
    morning = datetime.combine(get_today(case), time(9, 0), ZoneInfo(case.site.time_zone))
    with clock.stopped_at(morning):
        assert release.find_call_moment(row, time(21, 30)) == morning - timedelta(hours=11, minutes=30)
        assert release.find_call_moment(row, time(10, 30)) == morning + timedelta(hours=1, minutes=30)


def test_unconfirmed_result_of_a_signed_case_is_not_corrected(case: Case, technician: User) -> None:
    row = laboratory.enter_result(case, _load(case, "urine-protein", "negative"), technician)
    case.state = CaseState.SIGNED
    db.session.flush()
    with pytest.raises(NotNow, match="signed"):
        laboratory.correct_result(row, _load(case, "urine-protein", "positive"), "x", technician)
    assert db.session.query(LabResult).count() == 1
