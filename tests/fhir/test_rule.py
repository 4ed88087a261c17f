"""Our own rule layer and the shape checker together refuse what R4 forbids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from clinic.db import db
from clinic.key import new_id
from clinic.models import FormResponse, FormStatus
from fhir import form_observation
from fhir.document import build_document
from fhir.encoder import decode
from fhir.naming import Naming
from fhir.rule import list_faults
from fhir.table import StoredVersion
from fhir.validation import InvalidResource, validate
from tests.fhir import sample
from tests.fhir.test_document import build_order

Plant = Callable[[dict[str, Any]], Any]
COMPONENT = {"code": {"text": "x"}, "valueQuantity": {"value": 1, "unit": "kg", "code": "kg"}}

IN_OBSERVATION: dict[str, Plant] = {
    "status outside the required list": lambda one: one.update(status="done"),
    "reference to the wrong type": lambda one: one.update(subject={"reference": "Practitioner/1"}),
    "encounter that is no encounter": lambda one: one.update(encounter={"reference": "Patient/1"}),
    "value and reason of absence": lambda one: one.update(dataAbsentReason={"text": "lost"}),
    "unit code without system": lambda one: one.update(component=[COMPONENT]),
    "code that is not in the table": lambda one: one["code"]["coding"].append(
        {"system": one["code"]["coding"][0]["system"], "code": "1-8"}),
    "code system that is not in the table": lambda one: one["code"]["coding"].append(
        {"system": "http://example.org/x", "code": "y"}),
    "element of R4B alone": lambda one: one.update(extension=[{"url": "u", "valueRatioRange": {}}]),
    "missing required element": lambda one: one.pop("code"),
    "unknown element": lambda one: one.update(colour="red"),
    "two values at once": lambda one: one.update(valueString="x", valueBoolean=True),
    "impossible date": lambda one: one.update(effectiveDateTime="2026-02-30"),
    "resource type of R5": lambda one: one.update(resourceType="NutritionIntake"),
    "empty array": lambda one: one.update(note=[]),
    "empty object deep inside": lambda one: one["component"][0].update(code={}),
    "null": lambda one: one.update(note=None),
    "float": lambda one: one["component"][0]["valueQuantity"].update(value=0.1),
    "unit outside the closed list": lambda one: one["component"][0]["valueQuantity"].update(code="furlong"),
    "time without zone": lambda one: one.update(effectiveDateTime="2026-11-20T08:30:00"),
    "time without seconds": lambda one: one.update(issued="2026-11-20T08:30Z"),
    "contained resource": lambda one: one.update(contained=[{"resourceType": "Organization", "id": "x", "name": "X"}]),
    "component with the code of the whole": lambda one: one["component"][0].update(code=one["code"]),
    "no resource type at all": lambda one: one.update(resourceType="Nonsense"),
}
IN_DOCUMENT: dict[str, Plant] = {
    "duplicate fullUrl": lambda bundle: bundle["entry"].append(bundle["entry"][1]),
    "no identifier": lambda bundle: bundle.pop("identifier"),
    "no Composition first": lambda bundle: bundle["entry"].pop(0),
    "unknown resource inside": lambda bundle: bundle["entry"].append(
        {"fullUrl": "http://x/fhir/Nonsense/1", "resource": {"resourceType": "Nonsense"}}),
    "required section missing": lambda bundle: bundle["entry"][0]["resource"]["section"].pop(1),
    "section without entries or reason": lambda bundle: [
        one.pop("emptyReason") for one in bundle["entry"][0]["resource"]["section"] if "emptyReason" in one],
    "script in a narrative": lambda bundle: bundle["entry"][0]["resource"]["text"].update(
        div='<div xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></div>'),
    "handler in a narrative": lambda bundle: bundle["entry"][0]["resource"]["text"].update(
        div='<div xmlns="http://www.w3.org/1999/xhtml"><p onclick="x()">a</p></div>'),
    "period that ends before it starts": lambda bundle: bundle["entry"][2]["resource"].update(
        period={"start": "2026-11-21", "end": "2026-11-20"}),
    "wrong status inside": lambda bundle: bundle["entry"][0]["resource"].update(status="signed"),
    "two clinical states": lambda bundle: [
        entry["resource"].update(verificationStatus={"coding": [{"code": "entered-in-error"}]})
        for entry in bundle["entry"] if entry["resource"]["resourceType"] == "Condition"],
}


IN_VITAL_SIGN: dict[str, Plant] = {
    "no day": lambda one: one.pop("effectiveDateTime"),
    "a month for a day": lambda one: one.update(effectiveDateTime="2026-11"),
    "no value and no reason": lambda one: one.pop("component"),
    "a part with neither": lambda one: one["component"][0].pop("valueQuantity"),
    "another unit": lambda one: one["component"][0]["valueQuantity"].update(code="kg", unit="kg"),
}


@pytest.mark.parametrize("name", IN_VITAL_SIGN)
def test_error_planted_in_a_vital_sign_is_refused(app: Flask, name: str) -> None:
    form = FormResponse(form="us-medical-exam", status=FormStatus.COMPLETED, completed_at=sample.MOMENT, id=new_id(),
                        answers={"vital.systolic": "120", "vital.diastolic": "80"}, case=sample.make_child(),
                        completed_by_id=new_id())
    pressure = form_observation.to_said(form, Naming())[0]
    validate(pressure)
    IN_VITAL_SIGN[name](pressure)
    assert list_faults(pressure)


@pytest.fixture
def observation(app: Flask) -> dict[str, Any]:
    """A stored Observation that passes."""
    sample.make_clean_adult()
    db.session.commit()
    rows = db.session.query(StoredVersion).filter_by(kind="Observation")
    found: dict[str, Any] = next(one for row in rows if "component" in (one := decode(row.body)))
    validate(found)
    return found


@pytest.mark.parametrize("name", IN_OBSERVATION)
def test_error_planted_in_an_observation_is_refused(observation: dict[str, Any], name: str) -> None:
    IN_OBSERVATION[name](observation)
    with pytest.raises(InvalidResource):
        validate(observation)


@pytest.mark.parametrize("name", IN_DOCUMENT)
def test_error_planted_in_a_document_is_refused(app: Flask, name: str) -> None:
    bundle = decode(build_document(build_order(sample.make_child(), classes=["B2"])).body)
    validate(bundle)
    IN_DOCUMENT[name](bundle)
    with pytest.raises(InvalidResource):
        validate(bundle)


def test_refusal_tells_the_path_and_never_what_a_person_typed(
    observation: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    observation["note"] = [{"text": 5, "extra": "Grace Wanjiru"}]
    with pytest.raises(InvalidResource) as caught:
        validate(observation)
    assert "Wanjiru" not in caplog.text + str(caught.value.ids) and "note" in caplog.text


def test_answer_of_a_form_may_carry_its_own_code_system(app: Flask) -> None:
    answer = {"valueCoding": {"system": "https://clearway.example/fhir/CodeSystem/answer", "code": "yes"}}
    response = {"resourceType": "QuestionnaireResponse", "status": "completed",
                "item": [{"linkId": "1", "answer": [answer]}]}
    assert list_faults(response) == []
