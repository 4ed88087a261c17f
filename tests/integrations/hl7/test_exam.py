"""The exam message: composed from the signed document's bytes, taken by an independent reader, nothing left out."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from clinic.models import Case, ContactKind
from clinic.services.plausibility import get_today
from fhir.document import build_document
from integrations.hl7 import lint
from integrations.hl7.exam import Envelope, compose_exam
from integrations.hl7.reader import Message, read_message
from tests.factory import make_user
from tests.fhir import sample, story
from tests.fhir.test_document import build_order

ENVELOPE = {
    "control_id": "NBO261120000001", "facility": "NBO", "country": "KEN", "receiver": ("UKTB", "UKVI"),
    "authority": "UK", "composed_at": datetime(2026, 11, 20, 8, 30, 15, tzinfo=UTC), "is_production": True,
    "version": 1, "sha256": "ab" * 32, "jws": "e30..c2ln" * 30, "pdf": b"%PDF-1.7\nprinted\n%%EOF\n",
}  # fmt: skip


def make_uk_case() -> Case:
    """A United Kingdom case with findings that have the certificate's own numbers."""
    nurse = make_user("nurse")
    case = sample.make_us_case(sample.make_person(nurse), nurse, "uk", category="ENTRY_CLEARANCE")
    sample.add_reading(case, ["RETICULAR", "CAVITY"], make_user("radiologist"), numbered=["4.1", "4.7"], result="tb")
    return case


def make_treated() -> Case:
    """A case of tuberculosis with its phases, doses, holds and a tube of blood."""
    case = story.treat_tuberculosis(story.make_staff())
    case.exam_date = get_today(case)
    return case


SAMPLES = [sample.make_clean_adult, sample.make_infiltrate, sample.make_child, make_uk_case, make_treated]


def compose(case: Case, **values: Any) -> tuple[str, dict[str, Any]]:
    """The message of a case, and the document that it was made from."""
    built = build_document(build_order(case))
    return compose_exam(built.body, Envelope(**ENVELOPE | values)), json.loads(built.body, parse_float=Decimal)


def list_kind(document: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in document["entry"] if entry["resource"]["resourceType"] == kind]


@pytest.mark.parametrize("make", SAMPLES)
def test_message_of_every_sample_passes_the_lint(app: Flask, make: Callable[[], Case]) -> None:
    text, _ = compose(make())
    lint.check(text)


@pytest.mark.parametrize("make", SAMPLES)
def test_every_observation_of_the_document_is_written_once(app: Flask, make: Callable[[], Case]) -> None:
    text, document = compose(make())
    written = [segment.get(3, part) for segment in read_message(text).list("OBX") for part in (1, 4)]
    for observation in list_kind(document, "Observation"):
        if "component" in observation and not any(name.startswith("value") for name in observation):
            continue
        assert observation["code"]["coding"][0]["code"] in written
    results = sum(1 for one in list_kind(document, "Observation")
                  if one["code"]["coding"][0]["code"] == "539-7")
    assert written.count("539-7") == results


def test_person_keeps_both_names_every_number_and_leading_zeros(app: Flask) -> None:
    case = sample.make_clean_adult()
    next(one for one in case.applicant.contacts if one.kind is ContactKind.PHONE).value = "00254 020 0550100"
    pid = _read(case).find("PID")
    assert pid is not None
    assert [pid.get(5, 1, repetition=n) for n in (1, 2)] == ["Tesfaye", "ተስፋዬ"]
    assert (pid.get(5, 7), pid.get(5, 8, repetition=2)) == ("L", "I")
    kinds = {raw.split("^")[4]: raw.split("^")[0] for raw in pid.repetitions(3)}
    assert kinds["MR"] == case.number and kinds["AN"] == case.authority_case_number
    assert kinds["PPN"].startswith("EP") and pid.get(13, 12) == "00254 020 0550100"
    assert (pid.get(7), pid.get(8)) == ("19910105", "F")


def test_values_stay_as_they_were_written(app: Flask) -> None:
    found = {segment.get(3): segment for segment in _read(sample.make_clean_adult()).list("OBX")}
    assert (found["tb1"].get(2), found["tb1"].get(5), found["tb1"].get(6)) == ("NM", "0.10", "[iU]/mL")
    assert (found["tb2"].get(2), found["tb2"].get(5, 1), found["tb2"].get(5, 2)) == ("SN", "<", "0.05")


def test_sputum_results_name_their_specimen(app: Flask) -> None:
    message = _read(sample.make_infiltrate())
    orders, order = {}, ""
    for segment in message.segments:
        if segment.name == "OBR":
            order = segment.get(4, 2)
        if segment.name == "SPM":
            orders.setdefault(order, []).append(segment.get(2))
    assert any(number.startswith("NBO-S-") for numbers in orders.values() for number in numbers)


def test_treatment_goes_with_its_medicines_and_the_doses_of_each_month(app: Flask) -> None:
    text, document = compose(make_treated())
    message = read_message(text)
    said = [segment.get(5) for segment in message.list("OBX") if segment.get(3) == "TREATMENT"]
    assert len(said) == 2 and any("Isoniazid 300 mg, 7 days a week" in words for words in said)
    given = [segment for segment in message.list("OBX") if segment.get(3) == "doses-given"]
    months = [one for one in list_kind(document, "Observation") if one["code"]["coding"][0]["code"] == "tb-doses"]
    assert sum(int(segment.get(5)) for segment in given) == 37
    assert sorted(segment.get(14) for segment in given) == sorted(
        month["effectivePeriod"]["end"].replace("-", "") for month in months)
    (tube,) = list_kind(document, "Specimen")
    assert tube["accessionIdentifier"]["value"] in [segment.get(2) for segment in message.list("SPM")]
    assert not any(word in text for word in story.STAYS_HERE)


def test_report_and_proof_travel_with_the_exam(app: Flask) -> None:
    found = {segment.get(3): segment for segment in _read(sample.make_clean_adult()).list("OBX")}
    assert base64.b64decode(found["RPT-PDF"].get(5, 5)) == ENVELOPE["pdf"]
    assert (found["RPT-PDF"].get(2), found["RPT-PDF"].get(5, 4)) == ("ED", "Base64")
    assert found["DOC-SHA256"].get(5) == ENVELOPE["sha256"] and found["DOC-JWS"].get(5) == ENVELOPE["jws"]


def test_child_orders_point_to_the_exam(app: Flask) -> None:
    case = sample.make_clean_adult()
    first, *others = list(_read(case).list("OBR"))
    assert (first.get(2), first.get(3), first.get(18)) == (case.authority_case_number, case.number, "1")
    assert others and {order.get(29, 2) for order in others} == {case.number}
    assert len({order.get(3) for order in [first, *others]}) == len(others) + 1


def test_amended_exam_goes_as_a_correction_with_all_its_results(app: Flask) -> None:
    case = sample.make_clean_adult()
    first, again = read_message(compose(case)[0]), read_message(compose(case, version=2)[0])
    assert {segment.get(11) for segment in again.list("OBX")} == {"C"}
    assert next(again.list("OBR")).get(18) == "2" and next(again.list("OBR")).get(25) == "C"
    assert [segment.get(3) for segment in first.list("OBX")] == [segment.get(3) for segment in again.list("OBX")]


def test_what_people_type_forges_no_segment_and_no_field(app: Flask) -> None:
    case = sample.make_clean_adult()
    case.applicant.given_names = "Ann|B^C&D~E\\F\rOBX|9|ST|forged"
    text, _ = compose(case)
    lint.check(text)
    pid = read_message(text).find("PID")
    assert pid is not None and "|B^C&D~E\\F" in pid.get(5, 2) + " " + pid.get(5, 3)
    assert "forged" not in {segment.get(3) for segment in read_message(text).list("OBX")}


def test_case_without_the_authoritys_number_is_known_by_ours(app: Flask) -> None:
    case = sample.make_child()
    orders = list(_read(case).list("OBR"))
    assert orders[0].get(2) == "" and orders[1].get(29, 2) == case.number


def _read(case: Case) -> Message:
    return read_message(compose(case)[0])


def test_treatment_is_told_with_its_course(app: Flask) -> None:
    told = [segment.get(5) for segment in _read(sample.make_infiltrate()).list("OBX") if segment.get(3) == "TREATMENT"]
    assert len(told) == 2 and all("doses planned 180" in one for one in told)
    assert sorted("not-taken" in one for one in told) == [False, True]
