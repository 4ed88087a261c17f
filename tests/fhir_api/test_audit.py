"""Looks of authorities: written down, shown to the clinic by case, and to the authority its own."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from clinic.db import db, write_unit
from clinic.models import Case, User
from tests.factory import make_site, make_user
from tests.fhir_api.conftest import Scene
from tests.fhir_api.machine import Machine
from tests.fhir_api.test_search import find_link, list_ids
from tests.sign_in import sign_in


def list_events(machine: Machine, query: str = "") -> list[dict[str, Any]]:
    answer = machine.get(f"AuditEvent?_count=200{query}", Prefer="handling=strict")
    assert answer.status_code == 200, answer.text
    assert answer.json["total"] == len(answer.json.get("entry", []))
    return [entry["resource"] for entry in answer.json.get("entry", [])]


def test_authority_sees_its_own_looks_and_no_other_s(scene: Scene) -> None:
    from fhir.resources.R4B.auditevent import AuditEvent

    us_patient, uk_patient = scene.us_exam.id_of("Patient"), scene.uk_exam.id_of("Patient")
    scene.us.get(f"Patient/{us_patient}")
    scene.us.get("Observation?status=final&_include=Observation:subject")
    scene.us.get("Patient?_summary=count")
    scene.us.get(f"Patient/{uk_patient}")  # not found: nothing was seen
    scene.uk.get(f"Patient/{uk_patient}")
    events = list_events(scene.us)
    for event in events:
        AuditEvent.model_validate(event)
        assert event["agent"][0]["altId"] == scene.us.id
        assert event["entity"][0]["what"]["reference"] == f"Patient/{us_patient}" if "entity" in event else True
    assert [event["subtype"][0]["code"] for event in events] == ["read", "search-type", "search-type"]
    assert [len(event.get("entity", [])) for event in events] == [2, 3, 0]
    assert [event["agent"][0]["altId"] for event in list_events(scene.uk)] == [scene.uk.id]


def test_looks_are_found_by_patient_entity_client_and_date(scene: Scene) -> None:
    patient, observation = scene.us_exam.id_of("Patient"), scene.us_exam.id_of("Observation")
    scene.us.get(f"Observation/{observation}")
    scene.us.get("Observation?_id=nothing")
    first = list_events(scene.us)[0]
    for query, found in (
        (f"&patient={patient}", 1), (f"&patient=Patient/{patient}", 1), ("&patient=nobody", 0),
        (f"&patient={scene.uk_exam.id_of('Patient')}", 0), (f"&entity=Observation/{observation}", 1),
        ("&entity=Observation/nothing", 0), (f"&altid={scene.us.id}", 2), (f"&altid={scene.uk.id}", 0),
        (f"&date=ge{first['recorded'][:10]}", 2), ("&date=lt2001", 0), (f"&_id={first['id']}", 1),
        (f"&_lastUpdated=ge{first['recorded'][:10]}", 2), ("&entity=Observation/%25", 0),
    ):
        assert len(list_events(scene.us, query)) == found, query
    assert scene.us.get(f"AuditEvent/{first['id']}").json == first
    assert scene.uk.get(f"AuditEvent/{first['id']}").status_code == 404
    for wrong in ("patient:missing=true", "_tag=x", "patient.identifier=1", "colour=red", "altid:not=x",
                  "_revinclude=AuditEvent:patient"):
        assert scene.us.get(f"AuditEvent?{wrong}", Prefer="handling=strict").status_code == 400, wrong
    for path in (f"AuditEvent/{first['id']}/_history", f"AuditEvent/{first['id']}/_history/1"):
        assert scene.us.get(path).status_code == 404


def test_looking_at_the_list_does_not_lengthen_it(scene: Scene) -> None:
    for _ in range(3):
        scene.us.get("Patient")
    seen: list[str] = []
    address = "AuditEvent?_count=1"
    while address:
        page = scene.us.get(address).json
        seen += list_ids(page)
        address = (find_link(page, "next") or "").partition("/fhir/")[2]
    assert len(seen) == len(set(seen)) == 3
    assert scene.us.get("AuditEvent?_summary=count").json["total"] == 3


def test_audit_needs_its_scope(app: Flask, scene: Scene) -> None:
    with write_unit():
        narrow = Machine(app, "us", scopes="system/Patient.rs")
    assert narrow.sign_in().get("AuditEvent").status_code == 403


@pytest.fixture
def administrator(app: Flask, scene: Scene) -> User:
    """Of the site of both exams."""
    with write_unit():
        return make_user("admin", db.session.get_one(Case, scene.us_exam.case_id).site)


def test_clinic_sees_who_read_what(app: Flask, scene: Scene, administrator: User) -> None:
    scene.us.get(f"Patient/{scene.us_exam.id_of('Patient')}")
    scene.us.get("Observation")
    scene.uk.get(f"Bundle/{scene.uk_exam.bundle_id}")
    http = sign_in(app, administrator)
    page = http.get("/authority-access").text
    assert scene.us.id in page
    assert scene.uk.id in page
    of_case = http.get(f"/cases/{scene.us_exam.case_id}/authority-access").text
    assert "Observation × 3" in of_case
    assert "Read one entry" in of_case
    assert scene.uk.id not in of_case
    home = http.get(f"/cases/{scene.us_exam.case_id}").text
    assert "The authority has looked at this case 2 times" in home
    assert f"/cases/{scene.us_exam.case_id}/authority-access" in home


def test_another_site_sees_nothing_of_it(app: Flask, scene: Scene) -> None:
    scene.us.get("Observation")
    with write_unit():
        stranger, nurse = make_user("admin", make_site("MBA")), make_user("nurse")
    http = sign_in(app, stranger)
    assert scene.us.id not in http.get("/authority-access").text
    assert http.get(f"/cases/{scene.us_exam.case_id}/authority-access").status_code == 404
    other = sign_in(app, nurse)
    assert other.get("/authority-access").status_code == 403


def test_long_lists_are_read_page_by_page(app: Flask, scene: Scene, administrator: User) -> None:
    for _ in range(52):
        scene.us.get("Patient?_count=1")
    http = sign_in(app, administrator)
    for path in ("/authority-access", f"/cases/{scene.us_exam.case_id}/authority-access"):
        first = http.get(path).text
        assert first.count(scene.us.id) == 50
        following = first.split("?after=")[1].split('"')[0]
        assert http.get(f"{path}?after={following}").text.count(scene.us.id) == 2
