"""Everything that is stored and released passes two validators we did not write, and both catch planted errors."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from clinic.db import db
from clinic.models import Case, CaseState, FormResponse, FormStatus, User
from fhir import questionnaire
from fhir.canonical import list_canonical_resources
from fhir.encoder import decode, encode
from fhir.table import ReleasedVersion, StoredVersion
from tests.factory import make_user
from tests.fhir import sample, validator
from tests.fhir.test_document import build_order, read_body, sign

pytestmark = pytest.mark.peers
VALIDATORS = [validator.validate_with_google, validator.validate_with_medplum]
Validate = Callable[[list[bytes]], dict[int, list[str]]]

FORM = {
    "resourceType": "Questionnaire",
    "item": [
        {"linkId": "history", "type": "group", "text": "History", "item": [
            {"linkId": "tb", "type": "choice", "text": "Tuberculosis before?", "answerOption": [
                {"valueCoding": {"code": "yes", "display": "Yes"}}, {"valueCoding": {"code": "no", "display": "No"}}],
             "item": [{"linkId": "tb-year", "type": "integer", "text": "Year"}]},
            {"linkId": "smokes", "type": "boolean", "text": "Smokes"},
            {"linkId": "said", "type": "display", "text": "Ask everybody"},
        ]},
        {"linkId": "weight", "type": "quantity", "text": "Weight", "extension": [
            {"url": "http://hl7.org/fhir/StructureDefinition/questionnaire-unit",
             "valueCoding": {"code": "kg"}}]},
        {"linkId": "height", "type": "decimal", "text": "Height"},
        {"linkId": "since", "type": "date", "text": "Since"},
        {"linkId": "remarks", "type": "text", "text": "Remarks", "repeats": True},
    ],
}
ANSWERS = {"tb": "yes", "tb-year": "2009", "smokes": False, "weight": "61.50", "height": "1.70", "since": "2024-05",
           "remarks": ["Well <b>nourished</b>", "Second remark"]}


@pytest.fixture
def form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a form that only this test knows."""
    folder = tmp_path / "us" / "forms"
    folder.mkdir(parents=True)
    (folder / "sample-form.json").write_bytes(encode(FORM))
    monkeypatch.setattr(questionnaire, "FORMS", tmp_path)
    return "sample-form"


def _add_form(case: Case, form: str, user: User) -> None:
    db.session.add(FormResponse(
        case_id=case.id, form=form, form_version="1.0", status=FormStatus.COMPLETED, answers=ANSWERS,
        started_at=sample.MOMENT, started_by_id=user.id, saved_at=sample.MOMENT, completed_at=sample.MOMENT,
        completed_by_id=user.id,
    ))


def _make_everything(form: str) -> None:
    """Sample cases, signed, amended and changed afterwards, so that every kind and status is stored and released."""
    signer = make_user("physician", licence_number="KMPDC-77")
    said: list[tuple[Any, dict[str, Any]]] = [
        (sample.make_clean_adult, {"other_classes": ["syphilis:B", "pregnancy:B", "mental:A"], "overall": "class-a"}),
        (sample.make_infiltrate, {"classes": ["B1P", "B3"], "overall": "class-b"}),
        (sample.make_child, {"classes": ["B2"], "overall": "class-b"}),
        (sample.make_child, {"classes": [], "overall": None, "certificate": "issue"}),
        (sample.make_child, {"classes": [], "overall": None, "grades": {
            "chest-xray": {"suggested": "B"}, "hiv": {"suggested": "A", "given": "B"}}}),
    ]
    for make, conclusion in said:
        case = make()
        _add_form(case, form, signer)
        exam, _ = sign(build_order(case, signer, **conclusion))
        result = sample.add_result(case, "sputum-culture", "pending", signer, signer)
        if make is not sample.make_child:
            continue
        result.value = "mtb"
        sign(build_order(case, signer, replaces=exam, classes=["A"], overall="class-a"))
        case.state = CaseState.ON_HOLD
        db.session.commit()
    deferred = sample.make_us_case(sample.make_person(signer), signer, exam_date=None, state=CaseState.REGISTERED)
    sample.add_reading(deferred, [], signer, taken_on=None, view=None, deferred="pregnancy")
    db.session.commit()


@pytest.mark.parametrize("validate", VALIDATORS)
def test_everything_stored_and_released_has_no_error(app: Flask, form: str, validate: Validate) -> None:
    _make_everything(form)
    rows = [*db.session.execute(select(StoredVersion)).scalars(),
            *db.session.execute(select(ReleasedVersion)).scalars()]
    assert {row.kind for row in rows} == {
        "Binary", "Bundle", "Composition", "Condition", "Consent", "DiagnosticReport", "DocumentReference",
        "Encounter", "EpisodeOfCare", "Group", "ImagingStudy", "Immunization", "MedicationStatement", "Observation",
        "Organization", "Patient", "Practitioner", "Provenance", "QuestionnaireResponse", "RelatedPerson",
        "ServiceRequest", "Specimen",
    }
    bodies = [read_body(row) if isinstance(row, ReleasedVersion) else row.body for row in rows]
    found = validate(bodies)
    assert {(rows[position].kind, *errors) for position, errors in found.items()} == set()


def _answer_everything(items: list[dict[str, Any]]) -> dict[str, Any]:
    """An answer to every question of a form, whether or not it would be asked."""
    simple = {"boolean": True, "integer": "37", "decimal": "36.60", "date": "2026-11-20"}
    answers: dict[str, Any] = {}
    for item in items:
        if item["type"] == "choice":
            answers[item["linkId"]] = item["answerOption"][0]["valueCoding"]["code"]
        elif item["type"] not in ("group", "display"):
            answers[item["linkId"]] = simple.get(item["type"], "Something <said>")
        answers |= _answer_everything(item.get("item", []))
    return answers


@pytest.mark.parametrize("validate", VALIDATORS)
def test_fully_answered_form_of_ours_has_no_error(app: Flask, validate: Validate) -> None:
    case, user = sample.make_child(), make_user("physician")
    forms = questionnaire.list_questionnaires()
    for name, form in forms.items():
        db.session.add(FormResponse(
            case_id=case.id, form=name, form_version=form["version"], status=FormStatus.AMENDED,
            answers=_answer_everything(form["item"]), started_at=sample.MOMENT, started_by_id=user.id,
            saved_at=sample.MOMENT, completed_at=sample.MOMENT, completed_by_id=user.id,
        ))
    db.session.commit()
    of_forms = StoredVersion.kind.in_(("QuestionnaireResponse", "Observation", "Condition"))
    rows = list(db.session.execute(select(StoredVersion).where(of_forms)).scalars())
    responses = [row.body for row in rows if row.kind == "QuestionnaireResponse"]
    assert len(responses) == len(forms) and len(rows) > 10 * len(forms)
    assert all(b"36.60" in body for body in responses if b"valueDecimal" in body)
    assert validate([row.body for row in rows]) == {}


@pytest.mark.once
@pytest.mark.parametrize("validate", VALIDATORS)
def test_what_we_publish_has_no_error(app: Flask, validate: Validate) -> None:
    published = list_canonical_resources()
    assert len(published) >= 10
    assert validate([encode(resource) for resource in published]) == {}


def _plant_missing_status(resource: dict[str, Any]) -> None:
    del resource["status"]


def _plant_unknown_element(resource: dict[str, Any]) -> None:
    resource["colour"] = "red"


def _plant_number_as_text(resource: dict[str, Any]) -> None:
    resource["component"][0]["valueQuantity"]["value"] = "0.04"


def _plant_object_for_array(resource: dict[str, Any]) -> None:
    resource["category"] = resource["category"][0]


@pytest.mark.once
@pytest.mark.parametrize("validate", VALIDATORS)
@pytest.mark.parametrize(
    "plant", [_plant_missing_status, _plant_unknown_element, _plant_number_as_text, _plant_object_for_array]
)
def test_planted_error_is_caught_and_the_same_resource_without_it_passes(
    app: Flask, validate: Validate, plant: Callable[[dict[str, Any]], None]
) -> None:
    sample.make_clean_adult()
    db.session.commit()
    bodies = db.session.execute(select(StoredVersion.body).where(StoredVersion.kind == "Observation")).scalars()
    good = next(body for body in bodies if b"component" in body)
    bad = decode(good)
    plant(bad)
    assert validate([good, encode(bad)]).keys() == {1}


@pytest.mark.once
def test_google_catches_a_code_outside_the_required_list_and_medplum_a_document_without_composition(
    app: Flask,
) -> None:
    order = build_order(sample.make_child())
    from fhir.document import build_document

    bundle = decode(build_document(order).body)
    coded = decode(encode(bundle["entry"][1]["resource"]))
    coded["gender"] = "lady"
    assert validator.validate_with_google([encode(coded)]).keys() == {0}
    bundle["entry"] = bundle["entry"][1:]
    assert validator.validate_with_medplum([encode(bundle)]).keys() == {0}


def test_missing_peer_says_what_to_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(validator, "GOOGLE_PYTHON", tmp_path / "python")
    with pytest.raises(validator.PeerMissing, match="make"):
        validator.validate_with_google([b"{}"])
    monkeypatch.setattr(validator, "PEERS", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: "/bin/true")
    with pytest.raises(validator.PeerMissing, match="npm ci"):
        validator.validate_with_medplum([b"{}"])
