"""A tuberculosis case from its diagnosis to the return to the exam, and everything that refuses or asks on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from clinic import clock
from clinic.caution import NeedsConfirmation
from clinic.db import db
from clinic.errors import CaseChanged, ClearwayError, InvalidInput, NotFound, NotNow
from clinic.models import (
    Answer,
    AuditChange,
    Case,
    DosePlace,
    DoseState,
    InterruptionDecision,
    Specimen,
    Task,
    TbCase,
    TbDose,
    Treatment,
    TreatmentOutcome,
    User,
)
from clinic.schemas.door import load
from clinic.schemas.laboratory import LabResultIn, SpecimenIn
from clinic.schemas.treatment import TreatmentIn
from clinic.schemas.tuberculosis import MonthIn, NewDose, OutcomeIn, PhaseIn, RefusalIn, SideEffectIn, TbCaseIn
from clinic.services import laboratory, specimen, tb_check, tb_given, tb_summary, tb_treatment, treatment, tuberculosis
from clinic.services.assessment import assess
from clinic.services.fact import build_facts, build_results
from clinic.services.task import open_task
from tests.factory import make_case, make_site, make_user

FIRST = date(2026, 3, 2)
DRUGS = {"isoniazid": "300", "rifampicin": "600", "pyrazinamide": "1500", "ethambutol": "1000"}
ANY = ["hiv-untested", "clinical-only", "not-notified", "intensive-short", "end-cultures", "not-all-doses",
       "few-doses", "not-observed", "early-negative", "late-entry", "same-day", "no-growth",
       "long-ago-performed_on", "long-ago-collected_on"]


class Ward:
    """One case under treatment and the people who treat, with a calendar that is turned."""

    def __init__(self, days: ExitStack) -> None:
        self.days = days
        self.turn(FIRST)
        self.case: Case = make_case("us", user=make_user("reception"), circumstances={"tb_symptoms": Answer.YES})
        self.doctor, self.nurse = make_user("tbteam", self.case.site), make_user("nurse", self.case.site)
        self.second = make_user("labsupervisor", self.case.site)

    def turn(self, day: date) -> None:
        self.days.enter_context(clock.stopped_at(datetime(day.year, day.month, day.day, 9, tzinfo=UTC)))

    def sputum(self, day: date, purpose: str = "diagnosis", **more: Any) -> Specimen:
        return specimen.take_specimen(self.case, load(SpecimenIn(), {
            "kind": "sputum", "collected_on": day.isoformat(), "purpose": purpose, "confirmed": ANY} | more),
            self.doctor)

    def result(self, pot: Specimen, test: str, value: str, day: date, **more: Any) -> Any:
        row = laboratory.enter_result(self.case, load(LabResultIn(), {
            "test": test, "value": value, "specimen_id": pot.id, "reported_on": day.isoformat(), "confirmed": ANY}
            | more), self.doctor)
        laboratory.confirm_result(row, self.second)
        return row

    def open(self, basis: str = "clinical", **more: Any) -> TbCase:
        return tuberculosis.open_tb_case(self.case, load(TbCaseIn(), {
            "diagnosed_on": FIRST.isoformat(), "basis": basis, "site_of_disease": "pulmonary", "history": "new",
            "confirmed": ANY} | more), self.doctor)

    def begin(self, tb: TbCase, day: date = FIRST, name: str = "intensive", **more: Any) -> Any:
        drugs = DRUGS if name == "intensive" else {drug: DRUGS[drug] for drug in ("isoniazid", "rifampicin")}
        return tb_treatment.start_phase(tb, load(PhaseIn(), {
            "name": name, "regimen": "hrze-hr-daily", "weight_kg": "60", "days_per_week": "7",
            "started_on": day.isoformat(), "drugs": drugs, "confirmed": ANY} | more), self.doctor)

    def dose(self, tb: TbCase, day: date, state: DoseState | None = DoseState.GIVEN, shown: DoseState | None = None,
             watched: bool = True, reason: str = "ill") -> int:
        new = NewDose(day, state, shown, DosePlace.CLINIC, self.nurse.id if watched else None, reason)
        return tb_treatment.record_doses(tb, [new], self.nurse)

    def give(self, tb: TbCase, first: date, last: date, watched: bool = True) -> None:
        span = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        tb_treatment.record_doses(tb, [NewDose(day, DoseState.GIVEN, None, DosePlace.CLINIC,
                                               self.nurse.id if watched else None) for day in span], self.nurse)

    def treatments(self) -> list[Treatment]:
        rows = [row for row in treatment.list_treatments(self.case) if row.disease == "tuberculosis"]
        return sorted(rows, key=lambda row: -row.revision)


@pytest.fixture
def ward(app: Flask) -> Iterator[Ward]:
    """A case with symptoms, on the second of March."""
    with ExitStack() as days:
        yield Ward(days)


@pytest.mark.database
def test_month_that_is_written_down_is_asked_for_no_more(ward: Ward) -> None:
    tb = ward.open()
    ward.begin(tb)
    series = ward.treatments()[0].series_id
    for month in (1, 2, 3):
        open_task("treatment-month", ward.case, f"{series}:{month}", subject_id=series)
    tb_check.record_month(tb, load(MonthIn(), {
        "month": "2", "checked_on": FIRST.isoformat(), "weight_kg": "60", "confirmed": ANY}), ward.nurse)
    rows = db.session.execute(select(Task).where(Task.kind == "treatment-month").order_by(Task.key)).unique().scalars()
    assert [task.outcome for task in rows] == ["done", "done", None], "the third month is still to come"


@pytest.mark.database
def test_dose_is_watched_by_somebody_of_the_site_or_by_nobody(ward: Ward) -> None:
    """The page offers nobody else; a form made by hand named staff of another site, or whom the database refused."""
    tb = ward.open()
    ward.begin(tb)
    for stranger in (make_user("nurse", make_site("FAR")).id, "nobody"):
        with pytest.raises(InvalidInput) as refused:
            tb_treatment.record_doses(tb, [NewDose(FIRST, DoseState.GIVEN, None, DosePlace.CLINIC, stranger)],
                                      ward.nurse)
        assert list(refused.value.fields) == ["observer_id"]
    assert ward.dose(tb, FIRST, watched=False) == 1


@pytest.mark.database
def test_diagnosis_that_was_wrong_leads_back_to_the_exam(ward: Ward) -> None:
    tb = ward.open()
    assert build_facts(ward.case)["results"]["tb_diagnosis"] == {"clinical": True}
    assert "A" in assess(ward.case)["classes"]
    ward.begin(tb)
    words = {"outcome": "not-tb", "outcome_on": FIRST.isoformat(), "remark": "the film was another person's"}
    tuberculosis.end_treatment(tb, load(OutcomeIn(), words), ward.doctor)
    assert "tb_diagnosis" not in build_facts(ward.case)["results"] and "A" not in assess(ward.case)["classes"]
    assert ward.treatments()[0].outcome is TreatmentOutcome.STOPPED
    tuberculosis.reopen_treatment(tb, "it was theirs", ward.doctor)
    assert "A" in assess(ward.case)["classes"]


@pytest.mark.database
def test_diagnosis_is_not_called_wrong_against_a_confirmed_result(ward: Ward) -> None:
    ward.result(ward.sputum(FIRST), "sputum-naat", "detected", FIRST)
    tb = ward.open("naat")
    end = load(OutcomeIn(), {"outcome": "not-tb", "outcome_on": FIRST.isoformat(), "remark": "the film was normal"})
    assert "have it corrected or withdrawn first" in _refused(
        lambda: tuberculosis.end_treatment(tb, end, ward.doctor), "outcome")


def _refused(call: Any, name: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        call()
    return str(caught.value.fields[name][0])


def _asked(call: Any) -> list[str]:
    with pytest.raises(NeedsConfirmation) as caught:
        call()
    return [caution.code for caution in caught.value.cautions]


def test_basis_needs_its_confirmed_result(ward: Ward) -> None:
    assert "No confirmed result" in _refused(lambda: ward.open("culture"), "basis")
    pot = ward.sputum(FIRST)
    ward.turn(FIRST + timedelta(days=20))
    ward.result(pot, "sputum-culture", "mtb", FIRST + timedelta(days=20), method="liquid")
    tb = ward.open("culture")
    assert tb.number == "NBO-TB00001" and assess(ward.case)["classes"] == ["A"]
    with pytest.raises(NotNow):
        ward.open()


def test_clinical_diagnosis_is_class_a_and_asked_for(ward: Ward) -> None:
    assert _asked(lambda: ward.open(confirmed=[])) == ["hiv-untested", "clinical-only"]
    ward.open(hiv_untested="declined")
    assert build_results(ward.case)["tb_diagnosis"] == {"clinical": True}
    assert assess(ward.case)["classes"] == ["A"]


def test_disease_outside_the_lungs_names_its_organ_and_is_a_circumstance(ward: Ward) -> None:
    with pytest.raises(InvalidInput) as caught:
        ward.open("histology", site_of_disease="extrapulmonary")
    assert "organ" in caught.value.fields
    ward.open("histology", site_of_disease="extrapulmonary", organ="cervical lymph node")
    facts = build_facts(ward.case)
    assert "extrapulmonary_tb" in facts["yes"] and facts["results"]["extrapulmonary_site"] == "cervical lymph node"


def test_doses_by_weight_are_asked_for_and_missing_medicines_refused(ward: Ward) -> None:
    tb = ward.open()
    assert "milligrams" in _refused(lambda: ward.begin(tb, drugs={"isoniazid": "300"}), "drugs.rifampicin")
    assert _asked(lambda: ward.begin(tb, drugs=DRUGS | {"isoniazid": "900"})) == ["dose-isoniazid", "not-notified"]
    phase = ward.begin(tb)
    assert phase.planned_doses == 56
    row = ward.treatments()[0]
    assert (row.outcome, row.doses_planned, row.started_on) == (TreatmentOutcome.CURRENT, 56, FIRST)
    assert build_results(ward.case)["tb_treatment"]["status"] == "current"


def test_regimen_of_ones_own_says_which_and_who_agreed(ward: Ward) -> None:
    with pytest.raises(InvalidInput) as caught:
        load(PhaseIn(), {"name": "intensive", "regimen": "other", "weight_kg": "60", "days_per_week": "7",
                         "started_on": FIRST.isoformat(), "drugs": {"bedaquiline": "400"}})
    assert set(caught.value.fields) == {"planned_doses", "detail"}


def test_continuation_before_the_intensive_phase_is_refused(ward: Ward) -> None:
    tb = ward.open()
    assert "begins with its intensive" in _refused(lambda: ward.begin(tb, name="continuation"), "name")


def test_resisted_medicine_is_asked_for(ward: Ward) -> None:
    pot = ward.sputum(FIRST)
    ward.result(pot, "sputum-naat", "detected", FIRST, components={"rifampicin": "resistant"})
    tb = ward.open("naat")
    assert _asked(lambda: ward.begin(tb)) == ["resisted-rifampicin", "not-notified"]
    assert tb_summary.find_case_resistance(ward.case).value == "rr"  # type: ignore[union-attr]


def test_a_day_has_one_dose_and_the_older_word_stays(ward: Ward) -> None:
    tb = ward.open()
    ward.begin(tb)
    assert ward.dose(tb, FIRST) == 1
    with pytest.raises(CaseChanged):
        ward.dose(tb, FIRST, DoseState.MISSED, shown=None)
    assert ward.dose(tb, FIRST, DoseState.GIVEN, shown=DoseState.GIVEN) == 0
    ward.dose(tb, FIRST, DoseState.MISSED, shown=DoseState.GIVEN)
    rows = list(db.session.execute(select(TbDose).order_by(TbDose.superseded_at.is_(None))).scalars())
    assert [(row.state, row.superseded_at is None) for row in rows] == [
        (DoseState.GIVEN, False), (DoseState.MISSED, True)]
    ward.dose(tb, FIRST, None, shown=DoseState.MISSED)
    assert tb_treatment.list_doses(tb) == []


def test_days_that_cannot_be(ward: Ward) -> None:
    tb = ward.open()
    ward.begin(tb)
    for day, word in ((FIRST + timedelta(days=1), "not come"), (FIRST - timedelta(days=1), "No phase")):
        assert word in _refused(lambda day=day: ward.dose(tb, day), f"day-{day.isoformat()}")
    assert "Say why" in _refused(lambda: ward.dose(tb, FIRST, DoseState.MISSED, reason=""), "reason")


def test_doses_of_every_day_make_no_report_of_their_own(ward: Ward) -> None:
    tb = ward.open()
    ward.begin(tb)
    ward.turn(FIRST + timedelta(days=5))
    ward.give(tb, FIRST, FIRST + timedelta(days=4))
    assert len(ward.treatments()) == 1
    count = tb_summary.count_all(ward.case.id)
    assert (count.given, count.observed, count.planned) == (5, 5, 56)


def test_interruption_of_more_than_two_weeks_begins_the_first_phase_anew(ward: Ward) -> None:
    tb = ward.open()
    phase = ward.begin(tb)
    ward.turn(FIRST + timedelta(days=26))
    ward.give(tb, FIRST, FIRST + timedelta(days=9))
    (one,) = tb_treatment.list_interruptions(tb)
    assert (one.gap.days, one.gap.is_open, one.advice) == (16, True, InterruptionDecision.RESTART)
    with pytest.raises(NotFound):
        tb_treatment.decide_interruption(tb, FIRST, InterruptionDecision.RESTART, 0, "away", ward.doctor)
    tb_treatment.decide_interruption(tb, one.gap.from_on, InterruptionDecision.RESTART, 0, "travelled", ward.doctor)
    assert phase.is_void and tb_summary.count_all(ward.case.id).given == 0
    ward.begin(tb, FIRST + timedelta(days=26))
    assert tb_summary.count_all(ward.case.id).planned == 56
    assert [each.decided.decision for each in tb_treatment.list_interruptions(tb) if each.decided] == [
        InterruptionDecision.RESTART]


def test_shorter_interruption_extends_the_phase(ward: Ward) -> None:
    tb = ward.open()
    phase = ward.begin(tb)
    ward.turn(FIRST + timedelta(days=10))
    ward.give(tb, FIRST, FIRST + timedelta(days=3))
    ward.dose(tb, FIRST + timedelta(days=9))
    (one,) = tb_treatment.list_interruptions(tb)
    assert (one.gap.days, one.gap.is_open, one.advice) == (5, False, InterruptionDecision.EXTEND)
    tb_treatment.decide_interruption(tb, one.gap.from_on, InterruptionDecision.EXTEND, 5, "ill", ward.doctor)
    assert phase.planned_doses == 61
    with pytest.raises(NotNow):
        tb_treatment.decide_interruption(tb, one.gap.from_on, InterruptionDecision.EXTEND, 5, "ill", ward.doctor)


def test_months_weight_and_side_effects(ward: Ward) -> None:
    tb = ward.open()
    ward.begin(tb)
    ward.turn(FIRST + timedelta(days=31))
    plain = {"month": "1", "checked_on": "2026-04-02", "weight_kg": "56.9"}
    assert _asked(lambda: tb_check.record_month(tb, load(MonthIn(), plain), ward.nurse)) == ["weight-lost"]
    tb_check.record_month(tb, load(MonthIn(), plain | {"weight_kg": "57,0"}), ward.nurse)
    again = plain | {"weight_kg": "61.5"}
    (asked,) = _asked(lambda: tb_check.record_month(tb, load(MonthIn(), again), ward.nurse))
    assert asked.startswith("month-recorded:"), "what was written down is not replaced without a word"
    tb_check.record_month(tb, load(MonthIn(), again | {"confirmed": [asked]}), ward.nurse)
    lines = tb_check.list_month_lines(tb)
    assert [(line.month, line.check.weight_kg if line.check else None) for line in lines] == [(0, None), (1, "61.5")]
    made = tb_check.record_side_effect(tb, load(SideEffectIn(), {
        "kind": "rash", "grade": "1", "began_on": "2026-03-20", "action": "none"}), ward.nurse)
    tb_check.record_side_effect(tb, load(SideEffectIn(), {
        "kind": "rash", "grade": "1", "began_on": "2026-03-20", "ended_on": "2026-03-25", "action": "none"}),
        ward.nurse, made)
    assert [row.ended_on for row in tb_check.list_side_effects(tb)] == [date(2026, 3, 25)]


def test_no_month_follows_the_last_dose(ward: Ward) -> None:
    tb = ward.open()
    ward.begin(tb, name="continuation", regimen="other", detail="begun elsewhere", planned_doses="10")
    ward.turn(FIRST + timedelta(days=70))
    assert [line.month for line in tb_check.list_month_lines(tb)] == [0, 1, 2]
    ward.give(tb, FIRST, FIRST + timedelta(days=9))
    assert [line.month for line in tb_check.list_month_lines(tb)] == [0]
    ward.sputum(FIRST + timedelta(days=40), "end-of-treatment")
    assert [line.month for line in tb_check.list_month_lines(tb)] == [0, 1], "its specimens are shown"


def _find_follow_ups() -> list[str]:
    return [task.detail for task in db.session.execute(
        select(Task).where(Task.kind.in_(("follow-up", "medicines-stopped"))).order_by(Task.id)).unique().scalars()]


def test_grave_side_effect_is_the_physicians_task_and_says_which_medicine(ward: Ward) -> None:
    """A nurse stopped the medicines, and nobody who decides on the treatment was told."""
    tb, plain = ward.open(), {"kind": "rash", "grade": "1", "began_on": FIRST.isoformat(), "action": "none"}
    phase = ward.begin(tb)
    with pytest.raises(InvalidInput) as refused:
        load(SideEffectIn(), plain | {"action": "drug-stopped"})
    assert refused.value.fields["remark"] == ["Say which medicine."]
    ward.turn(FIRST + timedelta(days=1))
    mild = tb_check.record_side_effect(tb, load(SideEffectIn(), plain), ward.nurse)
    assert not _find_follow_ups() and not tb_check.list_standing([mild], phase)
    grave = load(SideEffectIn(), plain | {"grade": "3", "action": "all-stopped"})
    row = tb_check.record_side_effect(tb, grave, ward.nurse, mild)
    tb_check.record_side_effect(tb, load(SideEffectIn(), plain | {"grade": "4", "kind": "hepatitis"}), ward.doctor)
    assert _find_follow_ups() == [
        "Rash, itching under tuberculosis treatment, grade 3: decide how the medicines go on."]
    assert tb_check.list_standing(tb_check.list_side_effects(tb), phase) == [row]
    ward.turn(FIRST + timedelta(days=3))
    later = ward.begin(tb, FIRST + timedelta(days=3))
    assert not tb_check.list_standing(tb_check.list_side_effects(tb), later), "its medicines were decided knowing it"


def _stop(ward: Ward, tb: TbCase, replaces: Any = None, actor: User | None = None, **more: Any) -> Any:
    return tb_check.record_side_effect(tb, load(SideEffectIn(), {
        "kind": "hepatitis", "grade": "3", "began_on": FIRST.isoformat(), "action": "all-stopped"} | more),
        actor or ward.nurse, replaces)


@pytest.mark.database
def test_no_dose_is_given_or_missed_while_all_medicines_are_stopped(ward: Ward) -> None:
    """The page asked to hold the dose back, and took it all the same."""
    tb, on = ward.open(), [FIRST + timedelta(days=n) for n in range(9)]
    ward.begin(tb)
    ward.turn(on[3])
    ward.give(tb, on[0], on[1])
    stopped = _stop(ward, tb)
    ward.turn(on[5])
    for state in (DoseState.GIVEN, DoseState.MISSED):
        assert "how the side effect goes on, or changes the medicines" in _refused(
            lambda state=state: ward.dose(tb, on[5], state), f"day-{on[5]}")
    ward.dose(tb, on[2]), ward.dose(tb, on[4], DoseState.HELD)  # before they were stopped; in a person's own words
    changes = tb_given.list_changes(tb)
    assert list(tb_given.list_held_days(tb, changes)) == [on[3], on[5]]
    for more, name in (({"ended_on": on[5].isoformat()}, "ended_on"), ({"action": "none"}, "action")):
        assert "physician or the tuberculosis team records" in _refused(
            lambda more=more: _stop(ward, tb, stopped, **more), name)
    worse = _stop(ward, tb, stopped, grade="4")
    ward.turn(on[6])
    _stop(ward, tb, worse, ward.doctor, ended_on=on[6].isoformat())
    (change,) = tb_given.list_changes(tb)
    assert (change.from_on, change.until) == (on[3], on[6]), "what was told of it twice is one"
    ward.dose(tb, on[6])
    assert "stand as held back" in _refused(lambda: ward.dose(tb, on[5]), f"day-{on[5]}")


@pytest.mark.database
def test_stopped_medicines_go_on_with_the_phase_that_is_begun_since(ward: Ward) -> None:
    tb, on = ward.open(), [FIRST + timedelta(days=n) for n in range(9)]
    first = ward.begin(tb)
    ward.turn(on[3])
    ward.give(tb, on[1], on[2])
    _stop(ward, tb, actor=ward.doctor)
    (asked,) = db.session.execute(select(Task).where(Task.kind == "medicines-stopped")).unique().scalars()
    assert (asked.role, asked.due_on) == ("physician", on[3] + timedelta(days=7)), "who stopped them is asked too"
    ward.turn(on[5])
    later = ward.begin(tb, on[6])
    assert asked.outcome == "decided-on"
    _refused(lambda: ward.dose(tb, on[5]), f"day-{on[5]}")
    ward.turn(on[6])
    ward.dose(tb, on[6])
    courses = tb_given.list_courses(tb, tb_given.list_changes(tb))
    assert [(courses[row.id].first_on, courses[row.id].last_on, [
        (one.from_on, one.until) for one in courses[row.id].changes]) for row in (first, later)] == [
        (on[1], on[2], [(on[3], on[6])]), (on[6], on[6], [])]


@pytest.mark.database
def test_phase_that_goes_on_under_other_medicines_plans_what_is_left(ward: Ward) -> None:
    """The doses of both were planned twice, and the treatment could never be complete."""
    tb = ward.open()
    first = ward.begin(tb)
    ward.turn(FIRST + timedelta(days=12))
    ward.give(tb, FIRST, FIRST + timedelta(days=9))
    more = {"regimen": "other", "detail": "without pyrazinamide, Dr Karimi", "planned_doses": "46"}
    second = ward.begin(tb, FIRST + timedelta(days=12), **more)
    counts = tb_summary.count_doses(ward.case.id)
    assert (counts[first.id].planned, counts[second.id].planned) == (10, 46)
    assert tb_summary.count_all(ward.case.id).planned == 56
    tb_treatment.void_phase(tb, second, "by mistake", ward.doctor)
    assert tb_summary.count_all(ward.case.id).planned == 56


def test_treatment_that_begins_says_nothing_of_doses(ward: Ward) -> None:
    """A not cleared exam was signed with "0 given", weeks into the treatment: the row is not written anew each day."""
    ward.begin(ward.open())
    row = ward.treatments()[0]
    assert (row.outcome, row.doses_planned) == (TreatmentOutcome.CURRENT, 56)
    assert row.doses_given is None and row.doses_missed is None


def _treat_to_the_end(ward: Ward, watched: bool = True) -> TbCase:
    pot = ward.sputum(FIRST)
    ward.result(pot, "sputum-naat", "detected", FIRST)
    tb = ward.open("naat")
    ward.begin(tb)
    change, last = FIRST + timedelta(days=56), FIRST + timedelta(days=181)
    ward.turn(change)
    ward.give(tb, FIRST, change - timedelta(days=1), watched)
    ward.begin(tb, change, "continuation")
    ward.turn(last)
    ward.give(tb, change, last, watched)
    return tb


def test_culture_positive_through_treatment_to_b0(ward: Ward) -> None:
    tb = _treat_to_the_end(ward)
    last = FIRST + timedelta(days=181)
    ends = [ward.sputum(last - timedelta(days=n), "end-of-treatment", treatment_month="6") for n in (1, 0)]
    end = load(OutcomeIn(), {"outcome": "cured", "outcome_on": last.isoformat(), "confirmed": []})
    assert "final and negative" in _refused(lambda: tuberculosis.end_treatment(tb, end, ward.doctor), "outcome")
    done = {"outcome": "completed", "outcome_on": last.isoformat()}
    assert _asked(lambda: tuberculosis.end_treatment(tb, load(OutcomeIn(), done), ward.doctor)) == ["end-cultures"]
    tuberculosis.end_treatment(tb, load(OutcomeIn(), done | {"confirmed": ["end-cultures"]}), ward.doctor)
    assert assess(ward.case)["classes"] == ["A"]
    reported = last + timedelta(days=57)
    ward.turn(reported)
    for pot in ends:
        ward.result(pot, "sputum-smear", "negative", last + timedelta(days=1))
        for medium in ("liquid", "solid"):
            ward.result(pot, "sputum-culture", "negative", reported, method=medium)
    row = ward.treatments()[0]
    assert (row.cultures_negative_on, row.doses_given, row.doses_planned) == (reported, 182, 182)
    assert row.is_supervised
    assert build_results(ward.case)["tb_treatment"] == {
        "status": "completed", "dot_under_panel_physician": True, "dot_refused": False, "ended": last.isoformat(),
        "end_cultures_negative_reported": reported.isoformat()}
    found = assess(ward.case)
    assert found["status"] == "incomplete" and found["classes"] == [], "the exam goes on, no more Class A"
    assert "tb-treatment-dot" not in [item["exam"] for item in found["next"]]


def test_treatment_that_nobody_watched_is_no_directly_observed_one(ward: Ward) -> None:
    tb = _treat_to_the_end(ward, watched=False)
    done = load(OutcomeIn(), {"outcome": "completed", "outcome_on": (FIRST + timedelta(days=181)).isoformat()})
    assert _asked(lambda: tuberculosis.end_treatment(tb, done, ward.doctor)) == ["not-observed", "end-cultures"]


def test_positive_culture_at_the_end_keeps_the_case_class_a(ward: Ward) -> None:
    tb = _treat_to_the_end(ward)
    last = FIRST + timedelta(days=181)
    pots = [ward.sputum(last - timedelta(days=n), "end-of-treatment") for n in (2, 1, 0)]
    tuberculosis.end_treatment(tb, load(OutcomeIn(), {
        "outcome": "completed", "outcome_on": last.isoformat(), "confirmed": ANY}), ward.doctor)
    ward.turn(last + timedelta(days=57))
    for pot, value in zip(pots, ("negative", "negative", "mtb"), strict=True):
        ward.result(pot, "sputum-smear", "negative", last + timedelta(days=2))
        ward.result(pot, "sputum-culture", value, last + timedelta(days=57))
    assert not tb_summary.find_end_cultures(ward.case).is_negative
    assert assess(ward.case)["classes"] == ["A"]


def test_lost_treatment_says_what_happened_and_can_be_taken_back(ward: Ward) -> None:
    tb = ward.open()
    ward.begin(tb)
    with pytest.raises(InvalidInput):
        load(OutcomeIn(), {"outcome": "lost", "outcome_on": FIRST.isoformat()})
    tuberculosis.end_treatment(tb, load(OutcomeIn(), {
        "outcome": "lost", "outcome_on": FIRST.isoformat(), "remark": "did not return"}), ward.doctor)
    assert ward.treatments()[0].outcome is TreatmentOutcome.STOPPED
    with pytest.raises(NotNow):
        ward.dose(tb, FIRST)
    tuberculosis.reopen_treatment(tb, "came back", ward.doctor)
    assert ward.dose(tb, FIRST) == 1


def test_refusal_and_the_year_of_waiting(ward: Ward) -> None:
    tb = ward.open()
    refusal = {"refused_on": FIRST.isoformat(), "refusal_reason": "wants treatment at home"}
    tuberculosis.record_refusal(tb, load(RefusalIn(), refusal), ward.doctor)
    assert build_results(ward.case)["tb_treatment"]["dot_refused"]
    with pytest.raises(NotNow):
        ward.begin(tb)
    with pytest.raises(InvalidInput):
        load(RefusalIn(), refusal | {"elsewhere_ended_on": "2026-09-01"})
    ward.turn(date(2026, 9, 2))
    early = {"elsewhere": "Chest clinic, Kampala", "elsewhere_began_on": "2025-03-05",
             "elsewhere_ended_on": "2025-09-01"}
    assert "before this site's was refused" in _refused(lambda: tuberculosis.record_refusal(tb, load(
        RefusalIn(), refusal | early), ward.doctor), "elsewhere_ended_on"), "the year would have begun too soon"
    tuberculosis.record_refusal(tb, load(RefusalIn(), refusal | {
        "elsewhere": "Chest clinic, Kampala", "elsewhere_began_on": "2026-03-05", "elsewhere_ended_on": "2026-09-01"}),
        ward.doctor)
    assert assess(ward.case)["reexam_not_before"] == "2027-09-01"
    assert tuberculosis.find_return_day(tb) == date(2027, 9, 1)
    tuberculosis.withdraw_refusal(tb, "takes it here", ward.doctor)
    assert ward.begin(tb, date(2026, 9, 2)).planned_doses == 56


def test_treatment_is_told_in_one_place(ward: Ward) -> None:
    ward.begin(ward.open())
    with pytest.raises(NotNow, match="tuberculosis case"):
        treatment.report_treatment(ward.case, load(TreatmentIn(), {
            "disease": "tuberculosis", "outcome": "current", "regimen": "hrze-hr-daily",
            "started_on": FIRST.isoformat()}), 1, ward.doctor)


def test_every_change_leaves_a_row_of_the_audit(ward: Ward) -> None:
    def count() -> int:
        return db.session.execute(select(func.count()).select_from(AuditChange).where(
            AuditChange.subject_kind == "tb-case")).scalar_one()

    tb = ward.open()
    ward.begin(tb)
    ward.dose(tb, FIRST)
    assert count() == 3


def test_user_of_no_site_watches_nothing(ward: Ward) -> None:
    tb = ward.open()
    ward.begin(tb)
    assert isinstance(ward.nurse, User)
    with pytest.raises(ClearwayError):
        ward.dose(tb, FIRST + timedelta(days=400))
