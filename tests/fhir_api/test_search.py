"""Searching what was released: every kind of parameter, paging, inclusion, refusals."""

from __future__ import annotations

import gzip
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from flask import Flask
from sqlalchemy import select

from clinic.audit import audit_engine, audit_read
from clinic.db import db, write_unit
from tests.factory import make_authority, make_user
from tests.fhir.sample import MOMENT, make_person
from tests.fhir_api.conftest import Scene
from tests.fhir_api.exam import ReleasedExam, release_exam
from tests.fhir_api.machine import Machine


def list_ids(bundle: dict[str, Any], mode: str = "match") -> list[str]:
    return [e["resource"]["id"] for e in bundle.get("entry", []) if e["search"]["mode"] == mode]


def list_kinds(bundle: dict[str, Any], mode: str) -> list[str]:
    return sorted(e["resource"]["resourceType"] for e in bundle.get("entry", []) if e["search"]["mode"] == mode)


def find_link(bundle: dict[str, Any], relation: str) -> str | None:
    return next((link["url"] for link in bundle["link"] if link["relation"] == relation), None)


CASES = [
    ("Patient?family=tesf", 1), ("Patient?family=TESFAYE", 1), ("Patient?family=esfaye", 0),
    ("Patient?family:contains=sfay", 1), ("Patient?family:exact=Tesfaye", 1), ("Patient?family:exact=tesfaye", 0),
    ("Patient?family:exact=Tesfay", 0), ("Patient?family:missing=true", 0), ("Practitioner?family:exact=Müller", 1),
    ("Practitioner?family:exact=Muller", 0), ("Patient?_tag=x", 0), ("Patient?_tag:not=x", 1),
    ("Patient?_security:missing=true", 1), ("Patient?given=marta", 1), ("Patient?name=Hanna,Nobody", 1),
    ("Practitioner?family=muller", 1), ("Practitioner?family=MÜLL", 1), ("Practitioner?name=100%25", 0),
    ("Patient?gender=female", 1), ("Patient?gender=male", 0), ("Patient?gender:not=male", 1),
    ("Patient?gender:not=female", 0), ("Patient?gender=male,female", 1), ("Patient?gender=female&gender=male", 0),
    ("Patient?birthdate=1991-01-05", 1), ("Patient?birthdate=1991", 1), ("Patient?birthdate=1991-02", 0),
    ("Patient?birthdate=lt1991", 0), ("Patient?birthdate=le1991", 1), ("Patient?birthdate=ge1991-01-05", 1),
    ("Patient?birthdate=gt1991-01-05", 0), ("Patient?birthdate=sa1990", 1), ("Patient?birthdate=eb1991-01-06", 1),
    ("Patient?birthdate=ne1991-01-05", 0), ("Patient?birthdate=ne1991-01-04", 1), ("Patient?birthdate=ap1991", 1),
    ("Patient?birthdate=gt1990&birthdate=lt1992", 1),
    ("Patient?birthdate:missing=false", 1), ("Patient?birthdate:missing=true", 0),
    ("Patient?organization:missing=true", 1),
    ("Observation?code=71773-6", 1), ("Observation?code=http://loinc.org|71773-6", 1),
    ("Observation?code=http://other.example|71773-6", 0), ("Observation?code=|71773-6", 0),
    ("Observation?code=http://loinc.org|", 3), ("Observation?status=|final", 1), ("Observation?status=final", 1),
    ("Observation?status=final,corrected", 3), ("Observation?category=laboratory&status=final", 1),
    ("Observation?date=2026-11-11", 1), ("Observation?date=ge2026-11-11", 2), ("Observation?date=2026-11", 3),
    ("Observation?date=ge2026-11-11T00:00:00%2B00:00", 2), ("Observation?date=ge2026-11-11T00:00:00+00:00", 2),
    ("Observation?value-concept=260385009", 3), ("Observation?_lastUpdated=ge2026-11-20", 3),
    ("Observation?_lastUpdated=gt2026-11-20", 0), ("Observation?_lastUpdated=2026-11-20T08:30:15.120Z", 3),
    ("Observation?patient.identifier=nobody", 0), ("Observation?subject:Patient.family=tesfaye", 3),
    ("Observation?patient.gender:not=male", 3), ("Observation?patient.birthdate=1991", 3),
    ("Patient?_id=none", 0), ("Patient?identifier=urn:passport|", 1),
    ("Patient?family=a\\,b", 0), ("Bundle?type=document", 1),
    ("DocumentReference?category:missing=true", 0), ("Bundle?timestamp=2026-11-20", 1),
]  # fmt: skip


def test_search_finds_what_meets_the_condition(scene: Scene) -> None:
    for query, found in CASES:
        answer = scene.us.get(query, Prefer="handling=strict")
        assert answer.status_code == 200, (query, answer.text)
        assert answer.json["total"] == found, query
        assert len(list_ids(answer.json)) == found, query
        assert ("entry" in answer.json) == (found > 0), query


def test_reference_is_found_in_every_spelling(scene: Scene) -> None:
    patient = scene.us_exam.id_of("Patient")
    spellings = [
        f"patient={patient}", f"patient=Patient/{patient}", f"subject=Patient/{patient}",
        f"subject:Patient={patient}", f"patient=http://localhost:8000/fhir/Patient/{patient}",
        f"patient=Patient/{patient}/_history/1", f"patient=nobody,Patient/{patient}",
    ]  # fmt: skip
    for spelling in spellings:
        assert scene.us.get(f"Observation?{spelling}").json["total"] == 3, spelling
        assert scene.uk.get(f"Observation?{spelling}").json["total"] == 0, spelling
    for other in (f"http://elsewhere.example/fhir/Patient/{patient}", f"Group/{patient}"):
        assert scene.us.get(f"Observation?subject={quote(other)}").json["total"] == 0


def test_bundle_found_by_search_is_the_signed_document(scene: Scene) -> None:
    answer = scene.us.get(f"Bundle?_id={scene.us_exam.bundle_id}")
    assert scene.us_exam.document in answer.data


def test_post_search_answers_like_get(scene: Scene) -> None:
    by_form = scene.us.post("Observation/_search", {"status": "final,corrected"})
    assert by_form.json["total"] == 3
    mixed = scene.us.post("Observation/_search?status=final,corrected", {"date": "2026-11-11"})
    assert mixed.json["total"] == 1
    assert mixed.json["link"][0]["url"].startswith("http://localhost:8000/fhir/Observation?")
    assert scene.us.http.post(
        "/fhir/Observation/_search", json={}, headers={"Authorization": f"Bearer {scene.us.token}"}
    ).status_code == 415


def test_include_adds_what_is_referred_to_and_what_refers(scene: Scene) -> None:
    both = scene.us.get("Observation?status=final&_include=Observation:subject&_include=Observation:performer").json
    assert list_kinds(both, "include") == ["Patient", "Practitioner"]
    assert both["total"] == 1
    every = scene.us.get("Observation?status=final&_include=*").json
    assert list_kinds(every, "include") == ["Patient", "Practitioner"]
    typed = scene.us.get("Composition?_include=Composition:author:Organization").json
    assert list_kinds(typed, "include") == []
    back = scene.us.get("Composition?_revinclude=Provenance:target").json
    assert list_kinds(back, "include") == ["Provenance"]
    around = scene.us.get("Patient?_revinclude=Observation:patient&_revinclude=EpisodeOfCare:patient").json
    assert list_kinds(around, "include") == ["EpisodeOfCare", *["Observation"] * 3]


def test_include_leaves_out_types_beyond_the_scopes(app: Flask, scene: Scene) -> None:
    with write_unit():
        narrow = Machine(app, "us", scopes="system/Observation.rs")
    narrow.sign_in()
    answer = narrow.get("Observation?_include=*&_revinclude=Provenance:target").json
    assert list_kinds(answer, "include") == []
    assert answer["total"] == 3


@pytest.fixture
def many(app: Flask) -> tuple[Machine, ReleasedExam]:
    """A US exam of 25 observations, in the same moment, and one of 4 a day later."""
    physician = make_user("physician")
    exam = release_exam(make_person(physician), physician, observations=25)
    release_exam(make_person(physician), physician, observations=4, released_at=MOMENT + timedelta(days=1))
    machine = Machine(app, "us")
    db.session.commit()
    return machine.sign_in(), exam


def walk(machine: Machine, first: str) -> list[dict[str, Any]]:
    pages, address = [], f"http://localhost:8000/fhir/{first}"
    while address:
        parts = urlsplit(address)
        page = machine.get(f"{parts.path.removeprefix('/fhir/')}?{parts.query}")
        assert page.status_code == 200, page.text
        pages.append(page.json)
        address = find_link(page.json, "next") or ""
    return pages


def test_pages_together_hold_each_match_once(many: tuple[Machine, ReleasedExam]) -> None:
    for order in ("", "&_sort=_lastUpdated", "&_sort=-_lastUpdated"):
        for count in (1, 4, 28, 29, 30):
            check_pages(many, count, order)


def check_pages(many: tuple[Machine, ReleasedExam], count: int, order: str) -> None:
    pages = walk(many[0], f"Observation?status=final,corrected&_count={count}{order}")
    found = [entry["resource"] for page in pages for entry in page["entry"]]
    assert len({resource["id"] for resource in found}) == len(found) == 29
    places = [(resource["meta"]["lastUpdated"], resource["id"]) for resource in found]
    assert places == sorted(places, reverse="-_" in order)
    assert pages[0]["total"] == 29
    assert all("total" not in page for page in pages[1:])
    assert len(pages) == -(-29 // count)


def test_page_mark_works_for_its_own_search_and_client_alone(app: Flask, many: tuple[Machine, ReleasedExam]) -> None:
    machine, _exam = many
    following = find_link(machine.get("Observation?_count=5").json, "next") or ""
    mark = following.split("_cursor=")[1]
    assert machine.get(f"Observation?_count=5&_cursor={mark}").status_code == 200
    assert machine.get(f"Observation?_count=6&_cursor={mark}").status_code == 400
    assert machine.get(f"Patient?_count=5&_cursor={mark}").status_code == 400
    assert machine.get(f"Observation?_count=5&_cursor={mark[:-2]}xx").status_code == 400
    assert machine.get("Observation?_count=5&_cursor=").status_code == 200
    with write_unit():
        make_authority("uk")
        other = Machine(app, "uk")
    assert other.sign_in().get(f"Observation?_count=5&_cursor={mark}").status_code == 400


def test_count_is_bounded_and_zero_asks_for_the_total(many: tuple[Machine, ReleasedExam]) -> None:
    machine, _exam = many
    for query in ("_count=0", "_summary=count"):
        answer = machine.get(f"Observation?{query}").json
        assert answer["total"] == 29
        assert "entry" not in answer
    assert len(list_ids(machine.get("Observation?_count=100000").json)) == 29
    assert "total" not in machine.get("Observation?_count=5&_total=none").json


UNREADABLE = [
    "_count=x", "_count=-1", "_count=²", "_sort=name", "_summary=perhaps", "_elements=", "_elements=a.b.c",
    "_elements=id,$x", "_summary=text&_include=Observation:subject", "_summary=true&_elements=id", "_total=perhaps",
    "_include=Nonsense:subject", "_include=Observation:code", "_include=Observation:nothing", "_include=Observation",
    "_include:iterate=Observation:subject", "_revinclude=Provenance:nothing", "date=yesterday", "date=2026-02-30",
    "date=2026-13", "date=", "date=99999", "date=2026-11-11T25:00:00Z", "status:exact=final", "code:in=x",
    "subject:Device=1", "patient.name.family=x", "patient.nothing=x", "subject:Device.name=x", "code.text=x",
    "_has:Provenance:target:agent=x", "patient:identifier=x", "code=|", "patient=", "status=%00", "_id:missing=true",
    "date:missing=perhaps", "_lastUpdated=x", "status=" + "x" * 9000, "status=" + ",".join("x" * 250),
    "&".join(["status=final"] * 50),
]  # fmt: skip


def test_search_that_cannot_be_read_is_refused_whatever_the_handling(scene: Scene) -> None:
    for query in UNREADABLE:
        answer = scene.us.get(f"Observation?{query}")
        assert answer.status_code == 400, (query, answer.text)
        assert answer.json["resourceType"] == "OperationOutcome"


def test_unknown_parameter_is_left_out_or_refused_when_strict(scene: Scene) -> None:
    lenient = scene.us.get("Observation?colour=red&status=final")
    assert lenient.json["total"] == 1
    assert find_link(lenient.json, "self") == "http://localhost:8000/fhir/Observation?status=final"
    assert scene.us.get("Observation?colour=red", Prefer="handling=strict").status_code == 400
    assert scene.us.get("Observation?colour=red", Prefer="handling=lenient").status_code == 200


def test_searchset_is_valid_and_carries_the_stored_bytes(scene: Scene) -> None:
    from fhir.resources.R4B.bundle import Bundle

    answer = scene.us.get("Observation?_include=Observation:subject")
    Bundle.model_validate_json(answer.data)
    Bundle.model_validate_json(scene.us.get("Observation?status=amended").data)
    one = scene.us.get(f"Observation/{scene.us_exam.id_of('Observation')}")
    assert one.data in answer.data
    assert f"http://localhost:8000/fhir/Observation/{one.json['id']}" in answer.text
    Bundle.model_validate_json(scene.us.get(f"Patient/{scene.us_exam.id_of('Patient')}/_history").data)


def test_long_answer_is_compressed_when_the_client_takes_it(scene: Scene) -> None:
    plain = scene.us.get("Observation")
    packed = scene.us.get("Observation", Accept_Encoding="gzip")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data


def test_search_writes_down_what_it_showed_and_no_name(scene: Scene) -> None:
    scene.us.get("Patient?family=tesfaye&_revinclude=Observation:patient")
    with audit_engine().connect() as connection:
        row = connection.execute(select(audit_read).order_by(audit_read.c.id.desc()).limit(1)).one()
    assert (row.action, row.case_id, row.authority_id) == ("search", scene.us_exam.case_id, "us")
    assert row.detail.count("Observation/") == 3
    assert "tesfaye" not in row.detail.lower()


def test_search_by_a_packed_form_is_refused_rather_than_read_as_empty(scene: Scene) -> None:
    packed = gzip.compress(b"status=final")
    answer = scene.us.http.post("/fhir/Observation/_search", data=packed, headers={
        "Authorization": f"Bearer {scene.us.token}", "Content-Encoding": "gzip",
        "Content-Type": "application/x-www-form-urlencoded"})
    assert (answer.status_code, answer.json["resourceType"]) == (415, "OperationOutcome")


def test_too_large_a_form_is_refused_as_an_outcome(scene: Scene) -> None:
    answer = scene.us.post("Observation/_search", {"status": "x" * 3_000_000})
    assert (answer.status_code, answer.json["issue"][0]["code"]) == (413, "too-long")


SUBSETS = [
    ("_summary=true", {"status", "code", "subject", "effectiveDateTime", "performer", "valueCodeableConcept"}),
    ("_summary=text", {"status", "code"}),
    ("_summary=data", {"status", "category", "code", "subject", "effectiveDateTime", "performer",
                       "valueCodeableConcept"}),
    ("_elements=subject", {"status", "code", "subject"}),
    ("_elements=Observation.subject,Patient.name", {"status", "code", "subject"}),
    ("_elements=subject&_elements=category", {"status", "code", "subject", "category"}),
]  # fmt: skip


def test_subset_keeps_what_was_asked_and_says_that_it_is_one(scene: Scene) -> None:
    from fhir.resources.R4B.bundle import Bundle

    for query, kept in SUBSETS:
        answer = scene.us.get(f"Observation?{query}")
        Bundle.model_validate_json(answer.data)
        for entry in answer.json["entry"]:
            assert set(entry["resource"]) - {"resourceType", "id", "meta"} == kept, query
            assert entry["resource"]["meta"]["tag"][-1]["code"] == "SUBSETTED"
            assert entry["resource"]["meta"]["versionId"] == "1"
        assert find_link(answer.json, "self").count("_") >= 1
    included = scene.us.get("Observation?_elements=status&_include=Observation:subject").json["entry"][-1]["resource"]
    assert "tag" not in included["meta"]
    assert included["name"]
    whole = scene.us.get("Observation?_summary=false").json["entry"][0]["resource"]
    assert "tag" not in whole["meta"]
