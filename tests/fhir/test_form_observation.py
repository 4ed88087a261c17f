"""What an answered form says stands as coded Observations and Conditions beside it."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from clinic.db import db
from clinic.models import Case, FormResponse, FormStatus
from clinic.questionnaire import list_questionnaires
from clinic.questionnaire.item import ItemKind
from clinic.services.form import AMENDED
from fhir.code import get_code
from fhir.document import build_document
from fhir.encoder import decode
from fhir.exam_finding import NOT_DONE, VALUES
from fhir.projection import list_differences
from fhir.store import list_history
from fhir.table import StoredVersion
from fhir.vital_sign import MEASURED, PRESSURE, PRESSURE_UNIT
from tests.factory import make_user
from tests.fhir import sample
from tests.fhir.test_document import build_order

ANSWERS: dict[str, Any] = {
    "visit.exam-date": "2026-11-20", "vital.height": "170.0", "vital.weight": "68.40", "vital.systolic": "128",
    "vital.diastolic": "82", "vital.pulse": "72", "vital.respiration": "16", "vital.temperature": "36.60",
    "vital.acuity-right": "6/6", "vital.acuity-left": "6/9", "vital.acuity-corrected": True, "exam.heart": "abnormal",
    "exam.heart.detail": "Murmur <2/6>", "exam.skin": "normal", "exam.genitalia": "not-done",
    "reproductive.pregnant": True, "reproductive.pregnant.weeks": "12", "finding.syphilis": True,
    "finding.syphilis.treated": True, "disorder-1": True, "disorder-1.kind": "mental",
    "disorder-1.diagnosis": "F32.1 moderate depressive episode",
}


def add_form(case: Case, answers: dict[str, Any] = ANSWERS, **values: Any) -> FormResponse:
    """The United States form, completed by a physician."""
    user = make_user("physician")
    row = FormResponse(**{
        "case_id": case.id, "form": "us-medical-exam", "form_version": "1", "status": FormStatus.COMPLETED,
        "answers": dict(answers), "started_at": sample.MOMENT, "started_by_id": user.id, "saved_at": sample.MOMENT,
        "completed_at": sample.MOMENT, "completed_by_id": user.id,
    } | values)
    db.session.add(row)
    db.session.commit()
    return row


def list_newest(kind: str) -> dict[str, dict[str, Any]]:
    """The newest versions by the words of their code."""
    rows = db.session.execute(select(StoredVersion).where(StoredVersion.kind == kind)
                              .order_by(StoredVersion.version)).scalars()
    return {one["code"]["text"]: one for row in rows if (one := decode(row.body))}


def test_vital_signs_carry_the_codes_and_units_of_the_profiles_and_the_digits_as_written(app: Flask) -> None:
    add_form(sample.make_child())
    found = {name: one for name, one in list_newest("Observation").items()
             if one["category"][0]["coding"][0]["code"] == "vital-signs"}
    measured = {one["code"]["coding"][0]["code"]: (str(one["valueQuantity"]["value"]), one["valueQuantity"]["code"])
                for one in found.values() if "valueQuantity" in one}
    assert measured == {
        "8302-2": ("170.0", "cm"), "29463-7": ("68.40", "kg"), "39156-5": ("23.7", "kg/m2"), "8867-4": ("72", "/min"),
        "9279-1": ("16", "/min"), "8310-5": ("36.60", "Cel"),
    }
    assert {one["effectiveDateTime"] for one in found.values()} == {"2026-11-20"}
    pressure = found["Blood pressure"]
    parts = {part["code"]["coding"][0]["code"]: str(part["valueQuantity"]["value"]) for part in pressure["component"]}
    assert parts == {"8480-6": "128", "8462-4": "82"} and "valueQuantity" not in pressure


def test_half_a_blood_pressure_says_that_the_other_half_is_unknown(app: Flask) -> None:
    add_form(sample.make_child(), {"vital.systolic": "110"})
    low = list_newest("Observation")["Blood pressure"]["component"][1]
    assert low["dataAbsentReason"]["coding"][0]["code"] == "unknown" and "valueQuantity" not in low


def test_saturation_carries_both_codes_of_the_profile(app: Flask) -> None:
    add_form(sample.make_child(), {"vital.saturation": "97"})
    found = list_newest("Observation")["Oxygen saturation"]
    assert {one["code"] for one in found["code"]["coding"]} == {"2708-6", "59408-5"}


def test_findings_say_normal_abnormal_with_the_remark_or_not_performed(app: Flask) -> None:
    add_form(sample.make_child())
    found = list_newest("Observation")
    assert found["Heart"]["interpretation"][0]["coding"][0]["code"] == "A"
    assert found["Heart"]["note"] == [{"text": "Murmur <2/6>"}]
    assert found["Skin"]["interpretation"][0]["coding"][0]["code"] == "N" and "note" not in found["Skin"]
    genitalia = found["Genitalia"]
    assert genitalia["dataAbsentReason"]["coding"][0]["code"] == "not-performed" and "interpretation" not in genitalia
    assert "Lymph nodes" not in found  # not answered: nothing is said


def test_pregnancy_stands_with_its_weeks_and_a_man_has_none(app: Flask) -> None:
    add_form(sample.make_child())
    found = list_newest("Observation")["Pregnancy status"]
    assert found["valueCodeableConcept"]["coding"][0]["code"] == get_code("snomed.pregnant")
    assert str(found["component"][0]["valueQuantity"]["value"]) == "12"
    db.session.query(StoredVersion).delete()
    add_form(sample.make_child(), {"vital.pulse": "70"})
    assert "Pregnancy status" not in list_newest("Observation")


def test_diagnoses_are_conditions_with_their_label_and_state(app: Flask) -> None:
    add_form(sample.make_child())
    found = list_newest("Condition")
    assert {name: one["clinicalStatus"]["coding"][0]["code"] for name, one in found.items()} == {
        "Syphilis": "inactive", "F32.1 moderate depressive episode": "active"}
    labels = {name: one["meta"]["security"][0]["code"] for name, one in found.items()}
    assert labels == {"Syphilis": "STD", "F32.1 moderate depressive episode": "PSY"}


def test_disease_named_by_form_and_conclusion_is_one_condition(app: Flask) -> None:
    case = sample.make_child()
    add_form(case)
    db.session.add(sample.build_conclusion(case, make_user("physician"), classes=["B2"],
                                           other_classes=["syphilis:B", "mental:B"]))
    db.session.commit()
    assert set(list_newest("Condition")) == {
        "Syphilis", "F32.1 moderate depressive episode", "Latent tuberculosis infection"}
    assert list(list_differences(db.session)) == []


def test_amendment_amends_what_it_changed_ends_what_it_took_away_and_leaves_the_rest(app: Flask) -> None:
    row = add_form(sample.make_child())
    answers = {name: value for name, value in ANSWERS.items() if name not in ("vital.pulse", "disorder-1")}
    changed = ["vital.weight", "vital.pulse", "disorder-1"]
    row.answers = answers | {"vital.weight": "70.10", AMENDED: changed}
    row.status = FormStatus.AMENDED
    db.session.commit()
    found = list_newest("Observation")
    assert {name: one["status"] for name, one in found.items() if one["meta"]["versionId"] == "2"} == {
        "Body weight": "amended", "Body mass index": "amended", "Heart rate": "entered-in-error"}
    assert found["Body height"]["status"] == "final"
    weights = [decode(one.body) for one in list_history(db.session, "Observation", found["Body weight"]["id"])]
    assert [str(one["valueQuantity"]["value"]) for one in weights] == ["70.10", "68.40"]
    gone = list_newest("Condition")["Mental disorder"]
    assert gone["verificationStatus"]["coding"][0]["code"] == "entered-in-error" and "clinicalStatus" not in gone
    assert list(list_differences(db.session)) == []


def test_form_withdrawn_as_wrong_takes_everything_it_said_with_it(app: Flask) -> None:
    row = add_form(sample.make_child())
    row.status = FormStatus.ENTERED_IN_ERROR
    db.session.commit()
    derived = [one for one in list_newest("Observation").values() if "derivedFrom" in one]
    assert len(derived) > 10 and {one["status"] for one in derived} == {"entered-in-error"}
    assert list(list_differences(db.session)) == []


def test_draft_says_nothing(app: Flask) -> None:
    add_form(sample.make_child(), status=FormStatus.IN_PROGRESS, completed_at=None, completed_by_id=None)
    assert [one for one in list_newest("Observation").values() if "derivedFrom" in one] == []
    assert list_newest("Condition") == {} and list(list_differences(db.session)) == []


def test_document_has_what_forms_say_in_sections_of_their_own(app: Flask) -> None:
    case = sample.make_child()
    add_form(case)
    bundle = decode(build_document(build_order(case, classes=["B2"], overall="class-b")).body)
    sections = {section["code"]["coding"][0]["code"]: section for section in bundle["entry"][0]["resource"]["section"]}
    assert len(sections["8716-3"]["entry"]) == 7 and len(sections["29545-1"]["entry"]) == 4
    assert len(sections["10162-6"]["entry"]) == 1
    assert "Murmur &lt;2/6&gt;" in sections["29545-1"]["text"]["div"]
    assert "Systolic blood pressure 128 mm[Hg]" in sections["8716-3"]["text"]["div"]


@pytest.mark.parametrize("name", sorted(list_questionnaires()))
def test_every_measurement_and_finding_of_our_forms_is_mapped_in_the_same_unit(name: str) -> None:
    for link, item in list_questionnaires()[name].list_questions().items():
        if link.startswith("vital.") and item.kind in (ItemKind.INTEGER, ItemKind.DECIMAL):
            unit = get_code(MEASURED[link][2] if link in MEASURED else PRESSURE_UNIT)
            assert link in MEASURED or link in PRESSURE, link
            assert item.unit == unit, link
        codes = {code for code, _ in item.options}
        if NOT_DONE in codes:
            assert codes <= {NOT_DONE, *VALUES}, link
