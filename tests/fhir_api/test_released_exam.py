"""A real signed exam, as its authority reads it: every resource, every reference, every amendment."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from flask import Flask

from clinic.db import db, write_unit
from clinic.models import FormResponse, FormStatus, SignedExam
from clinic.services.hold import place_hold
from fhir.parameter import AUDIT_KIND, PARAMETERS, list_references
from tests.factory import make_authority, make_user
from tests.fhir import sample
from tests.fhir.test_document import PDF, build_order, sign
from tests.fhir_api.machine import Machine


@pytest.fixture
def machine(app: Flask) -> Machine:
    """The US machine, with a whole exam released to its authority."""
    exam, _built = sign(build_order(sample.make_infiltrate(), classes=["B2"], overall="class-b"))
    machine = Machine(app, exam.authority_id)
    db.session.commit()
    machine.sign_in()
    return machine


def read_bundle(machine: Machine) -> dict[str, Any]:
    composition = machine.get("Composition").json["entry"][0]["resource"]
    document: dict[str, Any] = machine.get(f"Composition/{composition['id']}/$document").json
    return document


def test_every_entry_of_the_document_can_be_read_and_found(machine: Machine) -> None:
    document = read_bundle(machine)
    assert len(document["entry"]) > 15
    for entry in document["entry"]:
        kind, resource_id = entry["resource"]["resourceType"], entry["resource"]["id"]
        assert entry["fullUrl"] == f"http://localhost:8000/fhir/{kind}/{resource_id}"
        assert machine.get(f"{kind}/{resource_id}").json == entry["resource"]
        assert machine.get(f"{kind}?_id={resource_id}").json["total"] == 1


def test_types_released_are_the_types_offered(machine: Machine) -> None:
    with write_unit():
        case = sample.make_clean_adult()
        db.session.add(FormResponse(
            case_id=case.id, form="us-medical-exam", form_version="2026-11-22", status=FormStatus.COMPLETED,
            answers={"visit.exam-date": "2026-11-20"}, started_at=sample.MOMENT, started_by_id=case.opened_by_id,
            saved_at=sample.MOMENT, completed_at=sample.MOMENT, completed_by_id=case.opened_by_id,
        ))
        place_hold(case, "Coughs blood", make_user("physician", case.site))
        sign(build_order(case))
    statement = machine.get("metadata").json["rest"][0]["resource"]
    assert {entry["type"] for entry in statement if "searchParam" in entry} == {*PARAMETERS, AUDIT_KIND}
    for kind in PARAMETERS:
        assert machine.get(f"{kind}?_summary=count").json["total"] > 0, kind


def test_included_references_lead_to_what_was_released(machine: Machine) -> None:
    included = 0
    for kind in PARAMETERS:
        for reference in list_references(kind):
            answer = machine.get(f"{kind}?_include={kind}:{reference.name}&_count=200").json
            found = {e["fullUrl"] for e in answer.get("entry", []) if e["search"]["mode"] == "include"}
            included += len(found)
    assert included > 15
    patient = machine.get("Patient").json["entry"][0]["resource"]
    everything = machine.get(f"Patient/{patient['id']}/$everything").json
    addresses = {e["fullUrl"] for e in everything["entry"]}
    assert {e["fullUrl"] for e in read_bundle(machine)["entry"]} <= addresses


def test_case_is_found_by_the_authority_s_own_number(machine: Machine) -> None:
    episode = machine.get("EpisodeOfCare").json["entry"][0]["resource"]
    number = next(i["value"] for i in episode["identifier"] if "NRB2026" in i["value"])
    assert machine.get(f"EpisodeOfCare?identifier={number}").json["total"] == 1
    found = machine.get(f"Composition?patient.identifier={number}").json
    assert found["total"] == 1


def test_amendment_shows_as_a_new_version_beside_the_old_document(app: Flask) -> None:
    case = sample.make_clean_adult()
    first, _built = sign(build_order(case))
    first_id, authority_id = first.id, first.authority_id
    nurse, other = make_user("nurse"), make_user("labtech")
    sample.add_result(case, "hbsag", "positive", nurse, other)
    second, built = sign(build_order(case, replaces=db.session.get_one(SignedExam, first_id)))
    second_id, body = second.id, built.body
    machine = Machine(app, authority_id)
    db.session.commit()
    machine.sign_in()
    assert machine.get(f"Bundle/{first_id}").status_code == 200
    assert machine.get(f"Bundle/{second_id}").data == body
    current = machine.get("Composition").json
    assert current["total"] == 1
    composition = current["entry"][0]["resource"]
    assert composition["meta"]["versionId"] == "2"
    assert machine.get(f"Composition/{composition['id']}/$document").json["id"] == second_id
    history = machine.get(f"Composition/{composition['id']}/_history").json
    assert [entry["response"]["etag"] for entry in history["entry"]] == ['W/"2"', 'W/"1"']


def test_stranger_reads_published_definitions_that_the_document_names(app: Flask, machine: Machine) -> None:
    base = "https://clearway.example/fhir/"
    named = {word for word in json.dumps(read_bundle(machine)).split('"') if word.startswith(f"{base}CodeSystem/")}
    assert named
    http = app.test_client()
    for address in named:
        assert http.get(f"/fhir/{address.removeprefix(base)}").json["url"] == address


def test_printed_packet_is_described_and_fetched_as_a_file(machine: Machine) -> None:
    described = machine.get("DocumentReference").json["entry"][0]["resource"]
    attachment = described["content"][0]["attachment"]
    assert attachment["size"] == len(PDF)
    assert base64.b64decode(attachment["hash"]) == hashlib.sha1(PDF).digest()
    address = attachment["url"].removeprefix("http://localhost:8000/fhir/")
    for accept in ("application/pdf", "*/*", "application/pdf, */*;q=0.1"):
        answer = machine.get(address, Accept=accept)
        assert (answer.data, answer.mimetype) == (PDF, "application/pdf"), accept
    resource = machine.get(address, Accept="application/fhir+json").json
    assert (resource["resourceType"], resource["contentType"]) == ("Binary", "application/pdf")
    assert base64.b64decode(resource["data"]) == PDF
    assert machine.get(address + "?_format=json").json == resource
    assert machine.get(address, Accept="text/html").status_code == 406
    assert machine.get(f"Binary?_id={resource['id']}").json["entry"][0]["resource"] == resource


def test_printed_packet_is_another_authority_s_to_nobody(app: Flask, machine: Machine) -> None:
    described = machine.get("DocumentReference").json["entry"][0]["resource"]
    address = described["content"][0]["attachment"]["url"].removeprefix("http://localhost:8000/fhir/")
    with write_unit():
        make_authority("uk")
        other = Machine(app, "uk")
    other.sign_in()
    assert other.get(address, Accept="application/pdf").status_code == 404
    with write_unit():
        narrow = Machine(app, "us", scopes="system/Patient.rs")
    narrow.sign_in()
    assert narrow.get(address, Accept="application/pdf").status_code == 403
    assert app.test_client().get(f"/fhir/{address}", headers={"Accept": "application/pdf"}).status_code == 401
