"""A treated case of tuberculosis: what of diagnosis, phases, doses, holds, exposure, tubes is stored and released."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from clinic import clock
from clinic.db import db
from clinic.models import (
    Case,
    ContactSetting,
    InfectionHold,
    LabComponent,
    LabResult,
    Relation,
    ResultStatus,
    TbCase,
    TbContact,
    TbOutcome,
    TbPhase,
    TbSideEffect,
)
from clinic.schemas.door import load
from clinic.schemas.tb_contact import NewContact
from clinic.schemas.tuberculosis import NewDose, NewOutcome, SideEffectIn
from clinic.services.hold import lift_hold
from clinic.services.plausibility import get_today
from clinic.services.tb_check import record_side_effect
from clinic.services.tb_contact import confirm_contact, withdraw_contact
from clinic.services.tb_treatment import list_doses, record_doses, void_phase
from clinic.services.tuberculosis import end_treatment
from fhir.encoder import decode
from fhir.projection import list_differences
from fhir.table import ReleasedVersion, StoredVersion
from tests.factory import make_applicant
from tests.fhir import story, validator
from tests.fhir.test_document import build_order, read_body, sign

Resource = dict[str, Any]


@pytest.fixture
def staff(app: Flask) -> story.Staff:
    """One person for each role."""
    return story.make_staff()


@pytest.fixture
def case(staff: story.Staff) -> Case:
    """Treated for forty days, held, exposed to somebody, with a tube of blood that has its result."""
    return story.treat_tuberculosis(staff)


def _stored(case: Case) -> list[Resource]:
    """The newest version of everything that the clinic's own record holds."""
    rows = db.session.execute(select(StoredVersion).order_by(StoredVersion.version)).scalars()
    return list({(row.kind, row.id): decode(row.body) for row in rows if row.case_id in (case.id, None)}.values())


def _released(case: Case) -> list[Resource]:
    rows = db.session.execute(select(ReleasedVersion).where(
        ReleasedVersion.case_id == case.id, ReleasedVersion.is_current.is_(True))).scalars()
    return [decode(read_body(row)) for row in rows if row.kind != "Binary"]


def _of(resources: list[Resource], kind: str, code: str = "") -> list[Resource]:
    return [one for one in resources if one["resourceType"] == kind and (
        not code or code in {each.get("code") for each in one.get("code", {}).get("coding", [])})]


def _count(resource: Resource) -> dict[str, int]:
    return {part["code"]["coding"][0]["code"]: part["valueInteger"] for part in resource["component"]
            if "valueInteger" in part}


def test_diagnosis_phases_and_doses_are_stored(case: Case) -> None:
    stored = _stored(case)
    (problem,) = _of(stored, "Condition")
    assert problem["code"]["text"] == "Tuberculosis of the lungs and elsewhere"
    assert problem["bodySite"] == [{"text": "Lymph node"}]
    assert problem["evidence"] == [{"code": [{"text": "Clinical, without bacteriology"}]}]
    assert problem["clinicalStatus"]["coding"][0]["code"] == "active"
    whole, phase = _of(stored, "MedicationStatement")
    if "partOf" not in phase:
        whole, phase = phase, whole
    assert phase["partOf"] == [{"reference": f"MedicationStatement/{whole['id']}"}]
    assert (phase["status"], len(phase["dosage"])) == ("active", 4)
    assert phase["dosage"][1]["text"] == "Isoniazid 300 mg, 7 days a week"
    months = sorted(_of(stored, "Observation", "tb-doses"), key=lambda one: one["effectivePeriod"]["start"])
    assert [one["status"] for one in months] == ["final"] * (len(months) - 1) + ["preliminary"]
    total = [sum(_count(one)[name] for one in months) for name in ("doses-given", "doses-observed", "doses-missed")]
    assert total == [37, 37, 4]
    assert list(list_differences(db.session)) == []


@pytest.mark.database
def test_days_held_by_a_stop_are_counted_as_the_calendar_counts_them(case: Case, staff: story.Staff) -> None:
    """All medicines were stopped for weeks, and no figure said that anything was held back."""
    tb = db.session.execute(select(TbCase).where(TbCase.case_id == case.id)).scalar_one()
    today = get_today(case)
    plain = {"kind": "hepatitis", "grade": "3", "began_on": today.isoformat(), "action": "all-stopped"}

    def tell(day: date, replaces: TbSideEffect | None = None, **more: str) -> TbSideEffect:
        with clock.stopped_at(datetime(day.year, day.month, day.day, 9, tzinfo=UTC)):
            row = record_side_effect(tb, load(SideEffectIn(), plain | more), staff["physician"], replaces)
            db.session.commit()
        return row

    def count_held() -> int:
        return sum(_count(one)["doses-held"] for one in _of(_stored(case), "Observation", "tb-doses")
                   if one["status"] != "entered-in-error")

    before = count_held()
    begin = today + timedelta(days=1)
    first = tell(begin)
    assert count_held() == before + 1, "until somebody last wrote: the store is right on any later day"
    assert list(list_differences(db.session)) == []
    worse = tell(begin + timedelta(days=40), first, grade="4")
    assert count_held() == before + 41
    tell(begin + timedelta(days=50), worse, ended_on=(begin + timedelta(days=5)).isoformat())
    assert count_held() == before + 5, "it had ended long before"
    assert list(list_differences(db.session)) == [], "months of which nothing is left are in error"


def _list_stops(resource: Resource) -> list[dict[str, str]]:
    return [part["valuePeriod"] for part in resource["component"] if "valuePeriod" in part]


@pytest.mark.database
def test_stop_that_stands_is_a_period_without_an_end(case: Case, staff: story.Staff) -> None:
    """Weeks after the last entry the store said of one day that it was held, and that the medicines were taken."""
    tb = db.session.execute(select(TbCase).where(TbCase.case_id == case.id)).scalar_one()
    plain = {"kind": "hepatitis", "grade": "3", "began_on": get_today(case).isoformat(), "action": "all-stopped"}
    begin = get_today(case) + timedelta(days=1)
    with clock.stopped_at(datetime(begin.year, begin.month, begin.day, 9, tzinfo=UTC)):
        stop = record_side_effect(tb, load(SideEffectIn(), plain), staff["physician"])
        db.session.commit()

    def tell() -> tuple[str, list[dict[str, str]]]:
        stored = _stored(case)
        (phase,) = [one for one in _of(stored, "MedicationStatement") if one.get("partOf")]
        newest = max((one for one in _of(stored, "Observation", "tb-doses") if one["status"] != "entered-in-error"),
                     key=lambda one: one["effectivePeriod"]["start"])
        return phase["status"], _list_stops(newest)

    assert tell() == ("on-hold", [{"start": begin.isoformat()}])
    later = begin + timedelta(days=20)
    with clock.stopped_at(datetime(later.year, later.month, later.day, 9, tzinfo=UTC)):
        assert list(list_differences(db.session)) == [], "true at any later reading"
        order = build_order(case, staff["physician"], classes=["A", "B3"], overall="class-a")
        order.conclusion.decided_at = clock.now()
        sign(order)
        released = _released(case)
        held = [one for one in _of(released, "Observation", "tb-doses") if one["status"] == "final"]
        assert sum(_count(one)["doses-held"] for one in held) == 21, "a signed document: to its signature"
        assert [_list_stops(one) for one in held[-1:]] == [[{"start": begin.isoformat()}]]
        (composition,) = _of(released, "Composition")
        assert "All medicines stopped since" in str(composition)
        record_side_effect(tb, load(SideEffectIn(), plain | {"ended_on": later.isoformat()}), staff["physician"], stop)
        db.session.commit()
    last = later - timedelta(days=1)
    assert tell() == ("active", [{"start": begin.isoformat(), "end": last.isoformat()}])
    assert list(list_differences(db.session)) == []


@pytest.mark.database
def test_diagnosis_that_was_wrong_is_entered_in_error(case: Case, staff: story.Staff) -> None:
    tb = db.session.execute(select(TbCase).where(TbCase.case_id == case.id)).scalar_one()
    end_treatment(tb, NewOutcome(TbOutcome.NOT_TB, get_today(case), "lymphoma"), staff["physician"])
    db.session.commit()
    (problem,) = [one for one in _of(_stored(case), "Condition")
                  if one["code"].get("text") != "Exposure" and "verificationStatus" in one]
    assert problem["verificationStatus"]["coding"][0]["code"] == "entered-in-error"
    assert list(list_differences(db.session)) == []


def test_blood_names_its_tube(case: Case) -> None:
    stored = _stored(case)
    (tube,) = _of(stored, "Specimen")
    assert tube["accessionIdentifier"]["value"].startswith("NBO-S-") and tube["container"][0]["type"]["text"]
    (result,) = [one for one in _of(stored, "Observation") if one.get("specimen")]
    assert result["specimen"] == {"reference": f"Specimen/{tube['id']}"}


def test_authority_gets_what_its_class_asks_for(case: Case, staff: story.Staff) -> None:
    sign(build_order(case, staff["physician"], classes=["A", "B3"], overall="class-a"))
    released = _released(case)
    assert len(_of(released, "Condition")) == 2, "tuberculosis once, exposure once"
    holds = {hold["code"]["coding"][0]["code"]: hold["status"] for hold in _of(released, "Flag")}
    assert holds == {"diagnosis": "active", "treatment": "active", "person": "active"}
    (exposure,) = _of(released, "Observation", "tb-exposure")
    assert exposure["valueCodeableConcept"]["text"] == "Household"
    assert {part["valueCodeableConcept"]["text"] for part in exposure["component"]} == {
        "sibling", "Multidrug-resistant"}
    assert {one["status"] for one in _of(released, "Observation", "tb-doses")} == {"final"}
    (tube,) = _of(released, "Specimen")
    assert [one["specimen"]["reference"] for one in _of(released, "Observation") if "specimen" in one] == [
        f"Specimen/{tube['id']}"]
    said = str(released)
    assert all(word not in said for word in story.STAYS_HERE)
    (composition,) = _of(released, "Composition")
    titles = [section["title"] for section in composition["section"]]
    assert titles[:2] == ["Classification", "Alerts"]
    medications = next(one for one in composition["section"] if one["title"] == "Medications")
    assert "Isoniazid 300 mg, 7 days a week" in medications["text"]["div"]


@pytest.mark.database
def test_exposure_says_of_the_source_what_its_results_say_since(case: Case, staff: story.Staff) -> None:
    """The store is written anew when a result of the source comes in, though nobody touched the contact."""
    person = make_applicant(staff["reception"])
    contact = confirm_contact(person, NewContact(
        Relation.SIBLING, ContactSetting.HOUSEHOLD, last_exposed_on=get_today(case)), staff["physician"], case)
    db.session.commit()

    def tell() -> str:
        (exposure,) = [one for one in _of(_stored(case), "Observation", "tb-exposure")
                       if one["subject"]["reference"].endswith(contact.applicant_id)]
        return str({part["valueCodeableConcept"]["text"] for part in exposure["component"]})

    assert "Multidrug-resistant" not in tell()
    row = LabResult(case_id=case.id, performed_on=get_today(case), test="dst", value="resistant", method="molecular",
                    status=ResultStatus.FINAL, entered_at=clock.now(), entered_by_id=staff["labtech"].id,
                    confirmed_at=clock.now(), confirmed_by_id=staff["labsupervisor"].id)
    row.components = [LabComponent(name=drug, value="resistant") for drug in ("isoniazid", "rifampicin")]
    db.session.add(row)
    db.session.commit()
    assert "Multidrug-resistant" in tell()
    assert list(list_differences(db.session)) == []


def test_exposure_is_told_only_with_its_class_and_an_ended_hold_not_at_all(case: Case, staff: story.Staff) -> None:
    exam, _built = sign(build_order(case, staff["physician"], classes=["A", "B3"], overall="class-a"))
    hold = db.session.execute(select(InfectionHold).where(
        InfectionHold.case_id == case.id, InfectionHold.cause == "person")).scalar_one()
    lift_hold(hold, "Cultures are negative", staff["physician"])
    db.session.commit()
    sign(build_order(case, staff["physician"], replaces=exam, classes=["A"], overall="class-a"))
    released = _released(case)
    assert [one["status"] for one in _of(released, "Flag") if one["code"]["coding"][0]["code"] == "person"] == [
        "inactive"]
    assert [one["status"] for one in _of(released, "Observation", "tb-exposure")] == ["entered-in-error"]
    assert [one["status"] for one in _of(_stored(case), "Flag")].count("inactive") >= 1


def test_what_was_wrong_or_begun_anew_says_so(case: Case, staff: story.Staff) -> None:
    tb = db.session.execute(select(TbCase).where(TbCase.case_id == case.id)).scalar_one()
    phase = db.session.execute(select(TbPhase).where(TbPhase.case_id == case.id)).scalar_one()
    cleared = [NewDose(dose.day, None, dose.state) for dose in list_doses(tb)]
    record_doses(tb, cleared, staff["tbteam"])
    void_phase(tb, phase, "Eight weeks without a dose", staff["physician"])
    contact = db.session.execute(select(TbContact)).scalar_one()
    withdraw_contact(contact, "Another person", staff["physician"])
    db.session.commit()
    stored = _stored(case)
    assert {one["status"] for one in _of(stored, "Observation", "tb-doses")} == {"entered-in-error"}
    assert {one["status"] for one in _of(stored, "Observation", "tb-exposure")} == {"entered-in-error"}
    assert [one["status"] for one in _of(stored, "MedicationStatement") if one.get("partOf")] == ["stopped"]
    assert list(list_differences(db.session)) == []


@pytest.mark.peers
@pytest.mark.parametrize("validate", [validator.validate_with_google, validator.validate_with_medplum])
def test_all_of_it_passes_validators_of_others(
    case: Case, staff: story.Staff, validate: Callable[[list[bytes]], dict[int, list[str]]]
) -> None:
    sign(build_order(case, staff["physician"], classes=["A", "B3"], overall="class-a"))
    rows = [*db.session.execute(select(StoredVersion)).scalars(),
            *db.session.execute(select(ReleasedVersion)).scalars()]
    assert {"Flag", "Specimen", "MedicationStatement"} <= {row.kind for row in rows}
    bodies = [read_body(row) if isinstance(row, ReleasedVersion) else row.body for row in rows]
    assert {(rows[place].kind, *errors) for place, errors in validate(bodies).items()} == set()
