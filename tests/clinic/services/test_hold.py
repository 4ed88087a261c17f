"""Holds: who may be infectious is held by the facts or a physician's word, and nothing clears them meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from clinic.db import db, set_mode
from clinic.errors import AlreadyDone, NotAllowed, NotNow
from clinic.models import (
    Answer,
    AuditChange,
    Case,
    CaseState,
    ConclusionKind,
    InfectionHold,
    SpecimenKind,
    Task,
)
from clinic.queries.frame import find_frame
from clinic.rules.infection import Cause, find_causes, list_cause_rules
from clinic.schemas.imaging import NewReading
from clinic.schemas.laboratory import NewResult, NewSpecimen
from clinic.services import laboratory, radiology
from clinic.services.assessment import refresh
from clinic.services.circumstance import write_answers
from clinic.services.conclusion import ConclusionInput
from clinic.services.hold import ensure_may_clear, get_hold, is_held, lift_hold, list_holds, place_hold
from clinic.services.plausibility import get_today
from clinic.services.signing import hand_out, sign
from clinic.services.specimen import take_specimen
from tests.factory import make_case, make_user
from tests.us_case import Staff, make_complete_case, make_staff

DAY = "2026-03-05"


def facts(results: dict[str, Any], yes: tuple[str, ...] = (), programme: str = "us") -> dict[str, Any]:
    return {
        "id": "x", "programme": programme, "category": {"us": "IV", "uk": "ENTRY_CLEARANCE"}[programme],
        "exam_date": "2026-03-10", "birth_date": "1991-01-05", "yes": list(yes), "unknown": [], "results": results,
        "residence": {"country": "KEN", "tb_incidence_per_100k": None},
    }


def pot(day: int = 5, smear: str = "negative", culture: str = "pending", naat: str | None = None) -> dict[str, Any]:
    return {"collected": f"2026-03-0{day}", "smear": smear, "naat": naat, "culture": culture,
            "culture_reported": None if culture == "pending" else "2026-05-05"}


CLEAN = [pot(day, culture="negative") for day in (5, 6, 7)]
CURED = {"status": "completed", "dot_under_panel_physician": True, "dot_refused": False, "ended": "2026-09-01",
         "end_cultures_negative_reported": "2026-11-01"}
FILM = {"taken": DAY, "findings": ["INFILTRATE"]}


@pytest.mark.parametrize(("results", "yes", "causes"), [
    ({}, (), ()),
    ({"sputum": [pot(culture="mtb")]}, (), ("culture",)),
    ({"sputum": [pot(culture="mtb"), *CLEAN[1:]]}, (), ("culture",)),
    ({"sputum": [pot(culture="mtb")], "tb_treatment": CURED}, (), ()),
    ({"sputum": [pot(naat="detected")], "tb_treatment": CURED | {"end_cultures_negative_reported": None}}, (),
     ("naat",)),
    ({"sputum": [pot(smear="positive")]}, (), ("smear",)),
    ({"sputum": [pot(smear="positive", culture="negative"), *CLEAN[1:]]}, (), ()),
    ({"sputum": [pot(naat="trace")]}, (), ("trace",)),
    ({"chest_xray": FILM}, (), ()),
    ({"chest_xray": FILM}, ("tb_symptoms",), ("film", "symptoms")),
    ({"chest_xray": FILM | {"findings": ["CAVITY"]}}, (), ("cavity",)),
    ({"chest_xray": FILM | {"findings": ["CAVITY"]}, "sputum": CLEAN}, ("tb_symptoms",), ()),
    ({}, ("tb_symptoms",), ("symptoms",)),
    ({"sputum": [pot(5), pot(6), pot(7)]}, ("tb_symptoms",), ()),
    ({"tb_diagnosis": {"clinical": True}}, (), ("diagnosis",)),
    ({}, ("on_tb_treatment",), ("treatment",)),
    ({}, ("on_tb_treatment", "extrapulmonary_tb"), ()),
    ({"chest_xray": FILM}, ("on_tb_treatment", "extrapulmonary_tb"), ("treatment",)),
])
def test_causes_follow_from_the_facts(results: dict[str, Any], yes: tuple[str, ...], causes: tuple[str, ...]) -> None:
    for programme in ("us", "uk"):
        found = find_causes(facts(results, yes, programme), asks_sputum=True)
        assert tuple(cause.name for cause in found) == causes


def test_what_waits_for_its_second_person_holds_too_also_who_was_cured() -> None:
    for results in ({}, {"sputum": [pot(culture="mtb")], "tb_treatment": CURED}):
        assert find_causes(facts(results), False, ["2026-03-06", "2026-03-05"]) == (
            Cause("unconfirmed", "2026-03-05 2026-03-06"),)


@pytest.mark.database
def test_positive_smear_holds_before_it_is_confirmed_and_until_its_correction_is(app: Flask) -> None:
    """Who entered it went home; the person sat among others until somebody confirmed it next morning."""
    case = make_case()
    technician, second = make_user("labtech", case.site), make_user("labsupervisor", case.site)
    pot_id = take_specimen(case, NewSpecimen(SpecimenKind.SPUTUM, get_today(case), confirmed=["unwatched"]),
                           technician).id

    def smear(value: str) -> NewResult:
        return NewResult("sputum-smear", value, specimen_id=pot_id)

    def list_standing() -> list[str]:
        return [row.cause for row in list_holds(case.applicant_id)]

    row = laboratory.enter_result(case, smear("positive"), technician)
    assert list_standing() == ["unconfirmed"] and _read_task(case).detail == "unconfirmed"
    laboratory.confirm_result(row, second)
    assert list_standing() == ["smear"] and _read_task(case).detail == "smear"
    made = laboratory.correct_result(row, smear("negative"), "read anew", technician)
    assert list_standing() == ["unconfirmed"], "one person alone lets nobody go"
    laboratory.confirm_result(made, second)
    assert list_standing() == [] and _read_task(case).outcome == "hold-ended"


def _read_task(case: Case) -> Task:
    return db.session.execute(select(Task).where(Task.kind == "infectious", Task.case_id == case.id)
                              .order_by(Task.id.desc()).limit(1)).unique().scalar_one()


def test_evidence_names_the_days_and_every_cause_has_a_sentence_and_a_source() -> None:
    found = find_causes(facts({"sputum": [pot(6, smear="positive"), pot(5, smear="positive")]}), asks_sputum=True)
    assert found == (Cause("smear", "2026-03-05 2026-03-06"),)
    assert all(rule.says and rule.source for rule in list_cause_rules().values())
    assert not find_causes(facts({}, ("tb_symptoms",)), asks_sputum=False)


@pytest.fixture
def staff(app: Flask) -> Staff:
    """The six of one site."""
    return make_staff()


def accept(case: Case, staff: Staff) -> str:
    db.session.flush()
    case_id, version, signer_id = case.id, case.version, staff.physician.id
    db.session.commit()
    set_mode("read")
    try:
        return sign(case_id, version, signer_id, ConclusionInput(ConclusionKind.ACCEPTED))
    finally:
        set_mode("write")


def test_symptoms_hold_until_the_facts_say_otherwise_and_call_the_team_once(staff: Staff) -> None:
    case = make_case("us", user=staff.reception, circumstances={"tb_symptoms": Answer.YES})
    assert [row.cause for row in list_holds(case.applicant_id)] == ["symptoms"]
    reading = NewReading(get_today(case), "pa", ("CAVITY",), confirmed=[radiology.ELSEWHERE])
    radiology.record_reading(case, reading, staff.radiologist)
    assert [row.cause for row in list_holds(case.applicant_id)] == ["symptoms", "cavity", "film"]
    assert find_frame(staff.reception, get_today(case)).held == {case.applicant_id} and is_held(case.applicant)
    tasks = db.session.query(Task).filter_by(kind="infectious").all()
    assert [(task.role, task.case_id) for task in tasks] == [("tbteam", case.id)]
    write_answers(case, {"tb_symptoms": Answer.NO}, staff.reception)
    refresh(case)
    assert [row.cause for row in list_holds(case.applicant_id)] == ["cavity"]
    actions = {row.action for row in db.session.query(AuditChange).filter_by(subject_kind="infection-hold")}
    assert actions == {"begin-hold", "end-hold"}


def test_nothing_that_clears_is_signed_while_a_physicians_hold_stands(staff: Staff) -> None:
    case = make_complete_case(staff)
    assert case.state is CaseState.IN_REVIEW
    with pytest.raises(NotAllowed):
        place_hold(case, "Coughs blood in the waiting room", staff.reception)
    row = place_hold(case, "Coughs blood in the waiting room", staff.physician)
    assert case.state is CaseState.IN_REVIEW
    with pytest.raises(AlreadyDone):
        place_hold(case, "Coughs blood in the waiting room", staff.physician)
    with pytest.raises(NotNow, match="may be infectious"):
        accept(case, staff)
    held = get_hold(row.id, db.session.get_one(Case, row.case_id))
    for actor in (staff.nurse, staff.reception):
        with pytest.raises(NotAllowed):
            lift_hold(held, "Seen by the chest clinic", actor)
    lift_hold(held, "Seen by the chest clinic: bronchitis", staff.physician)
    assert (held.ended_by_id, held.end_reason) == (staff.physician.id, "Seen by the chest clinic: bronchitis")
    assert [task.outcome for task in db.session.query(Task).filter_by(kind="infectious")] == ["hold-ended"]
    with pytest.raises(AlreadyDone):
        lift_hold(held, "once more", staff.physician)
    assert accept(case, staff)


def test_hold_on_one_case_of_a_person_holds_the_other_also_between_the_halves(
    staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clinic.services import signing

    case = make_complete_case(staff)
    other = make_case("uk", applicant=case.applicant, user=staff.reception)
    other_id = other.id
    whole = signing.prepare_signature

    def prepare_and_find(*args: Any) -> Any:
        prepared = whole(*args)
        with signing.write_unit() as session:
            place_hold(session.get_one(Case, other_id), "Smear positive elsewhere",
                       session.get_one(type(staff.physician), args[2]))
        return prepared

    monkeypatch.setattr(signing, "prepare_signature", prepare_and_find)
    with pytest.raises(NotNow, match="may be infectious"):
        accept(case, staff)


def test_lifted_cause_comes_back_only_with_new_evidence(staff: Staff) -> None:
    case = make_case("us", user=staff.reception)
    reading = NewReading(get_today(case), "pa", ("CAVITY",), confirmed=[radiology.ELSEWHERE])
    first = radiology.record_reading(case, reading, staff.radiologist)
    lift_hold(list_holds(case.applicant_id)[0], "Old cavity, seen on films of 2019", staff.physician)
    refresh(case)
    assert not list_holds(case.applicant_id)
    write_answers(case, {"on_tb_treatment": Answer.YES}, staff.reception)
    refresh(case)
    assert [row.cause for row in list_holds(case.applicant_id)] == ["treatment"]
    assert first and db.session.query(InfectionHold).count() == 2


def test_paper_signed_before_is_not_handed_out_and_a_refusal_is(staff: Staff) -> None:
    from clinic.models import Conclusion, SignedExam

    case = make_complete_case(staff)
    exam = db.session.get_one(SignedExam, accept(case, staff))
    conclusion = db.session.get_one(Conclusion, exam.conclusion_id)
    case = db.session.get_one(Case, case.id)
    assert hand_out(exam, case, conclusion).startswith(b"%PDF")
    place_hold(case, "Culture elsewhere grew M. tuberculosis", staff.physician)
    with pytest.raises(NotNow):
        hand_out(exam, case, conclusion)
    for status, concluded in (("not-cleared", {}), ("physician-decision", {"classes": ["A"]}),
                              ("final", {"certificate": "refuse"})):
        ensure_may_clear(case, status, concluded)
    for status, concluded in (("final", {"classes": ["NONE"]}), ("final", {"certificate": "issue"}),
                              ("physician-decision", {"classes": ["A-W"]})):
        with pytest.raises(NotNow):
            ensure_may_clear(case, status, concluded)
