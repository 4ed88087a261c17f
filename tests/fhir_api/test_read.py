"""Reading one resource or document: bytes, versions, entity tags, formats, errors."""

from __future__ import annotations

import gzip
import json

import pytest
from flask import Flask
from sqlalchemy import select

from clinic.audit import audit_engine, audit_read
from clinic.db import db, write_unit
from fhir.document_desk import DESK
from tests.fhir_api.conftest import Scene
from tests.fhir_api.exam import release_again

pytestmark = pytest.mark.usefixtures("app")


def list_audit() -> list[tuple[str, ...]]:
    with audit_engine().connect() as connection:
        return [tuple(row) for row in connection.execute(select(
            audit_read.c.actor_kind, audit_read.c.authority_id, audit_read.c.action, audit_read.c.subject_kind,
            audit_read.c.subject_id, audit_read.c.case_id,
        ).order_by(audit_read.c.id))]


def test_read_own_resource_answers_stored_bytes_and_version(scene: Scene) -> None:
    answer = scene.us.get(f"Patient/{scene.us_exam.id_of('Patient')}")
    assert answer.status_code == 200
    assert answer.content_type == "application/fhir+json; charset=utf-8"
    assert answer.headers["ETag"] == 'W/"1"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["meta"]["versionId"] == "1"
    assert list_audit()[-1] == (
        "client", "us", "read", "Patient", scene.us_exam.id_of("Patient"), scene.us_exam.case_id
    )


def test_read_with_known_version_answers_304_and_is_audited(scene: Scene) -> None:
    path = f"Patient/{scene.us_exam.id_of('Patient')}"
    before = len(list_audit())
    answer = scene.us.get(path, If_None_Match='W/"1"')
    assert (answer.status_code, answer.data) == (304, b"")
    assert len(list_audit()) == before + 1
    assert scene.us.get(path, If_None_Match='W/"2"').status_code == 200


def test_read_of_the_other_authority_looks_like_nothing(scene: Scene) -> None:
    theirs = scene.us.get(f"Patient/{scene.uk_exam.id_of('Patient')}")
    nothing = scene.us.get("Patient/00000000-0000-0000-0000-000000000000")
    assert theirs.status_code == nothing.status_code == 404
    assert theirs.data == nothing.data


def test_document_is_the_signed_bytes_plain_and_packed(scene: Scene) -> None:
    for path in (f"Bundle/{scene.us_exam.bundle_id}", f"Composition/{scene.us_exam.id_of('Composition')}/$document",
                 f"Bundle/{scene.us_exam.bundle_id}/_history/1"):
        plain = scene.us.get(path)
        assert plain.data == scene.us_exam.document
        packed = scene.us.get(path, Accept_Encoding="gzip")
        assert packed.headers["Content-Encoding"] == "gzip"
        assert "Accept-Encoding" in packed.headers["Vary"]
        assert gzip.decompress(packed.data) == scene.us_exam.document
        refused = scene.us.get(path, Accept_Encoding="gzip;q=0, identity")
        assert "Content-Encoding" not in refused.headers
    assert scene.uk.get(f"Bundle/{scene.us_exam.bundle_id}").status_code == 404


def test_amended_resource_keeps_its_versions(scene: Scene) -> None:
    patient_id = scene.us_exam.id_of("Patient")
    with write_unit():
        release_again(scene.us_exam.case_id, scene.us_exam, {"resourceType": "Patient", "id": patient_id}, 2)
    assert scene.us.get(f"Patient/{patient_id}").headers["ETag"] == 'W/"2"'
    assert scene.us.get(f"Patient/{patient_id}/_history/1").json["name"]
    assert scene.us.get(f"Patient/{patient_id}/_history/3").status_code == 404
    history = scene.us.get(f"Patient/{patient_id}/_history").json
    assert [entry["response"]["etag"] for entry in history["entry"]] == ['W/"2"', 'W/"1"']
    assert history["total"] == 2
    recent = scene.us.get(f"Patient/{patient_id}/_history?_since=2026-11-22T00:00:00+00:00").json
    assert [entry["resource"]["meta"]["versionId"] for entry in recent["entry"]] == ["2"]
    assert scene.uk.get(f"Patient/{patient_id}/_history").status_code == 404


def test_everything_holds_the_case_and_no_other(scene: Scene) -> None:
    answer = scene.us.get(f"Patient/{scene.us_exam.id_of('Patient')}/$everything").json
    found = {entry["resource"]["resourceType"] for entry in answer["entry"]}
    assert answer["entry"][0]["resource"]["resourceType"] == "Patient"
    assert found == set(scene.us_exam.ids)
    assert answer["total"] == sum(map(len, scene.us_exam.ids.values()))
    some = scene.us.get(f"Patient/{scene.us_exam.id_of('Patient')}/$everything?_type=Observation,Patient").json
    assert some["total"] == 4
    assert scene.uk.get(f"Patient/{scene.us_exam.id_of('Patient')}/$everything").status_code == 404


ACCEPTED = [
    ("application/fhir+json", 200), ("application/json", 200), ("*/*", 200), ("text/json", 200),
    ("application/fhir+json; fhirVersion=4.0", 200), ("application/fhir+json, */*; q=0.1", 200),
    ("application/fhir+json; fhirVersion=5.0", 406), ("application/fhir+xml", 406), ("text/html", 406),
    ("application/json;q=0", 406),
]


def test_accept_header_decides_whether_we_can_answer(scene: Scene) -> None:
    for accept, status in ACCEPTED:
        answer = scene.us.get(f"Patient/{scene.us_exam.id_of('Patient')}", Accept=accept)
        assert answer.status_code == status, accept
        assert answer.json["resourceType"] == ("Patient" if status == 200 else "OperationOutcome")


FORMATS = [
    ("json", 200), ("application/fhir+json", 200), ("application/fhir%2Bjson", 200), ("xml", 406), ("ttl", 406),
]


def test_format_parameter_goes_before_the_header(scene: Scene) -> None:
    for wanted, status in FORMATS:
        path = f"Patient/{scene.us_exam.id_of('Patient')}?_format={wanted}"
        assert scene.us.get(path, Accept="text/html").status_code == status, wanted


WRONG = [
    ("Nonsense", "GET", 404), ("Nonsense/1", "GET", 404), ("Patient/$nope", "GET", 404), ("Patient/a_b", "GET", 404),
    ("Patient/1/_history/x", "GET", 404), ("Patient/1/$validate", "GET", 404), ("nothing/at/all/here", "GET", 404),
    ("", "GET", 404), ("Patient", "POST", 405), ("Patient/1", "DELETE", 405), ("Patient/1", "PUT", 405),
    ("metadata", "POST", 405), ("Patient/_search", "PUT", 405),
]


def test_whatever_goes_wrong_is_an_operation_outcome(scene: Scene) -> None:
    headers = {"Authorization": f"Bearer {scene.us.token}"}
    for path, method, status in WRONG:
        answer = scene.us.http.open(f"/fhir/{path}", method=method, headers=headers)
        assert answer.status_code == status, (method, path)
        assert answer.content_type.startswith("application/fhir+json")
        assert answer.json["resourceType"] == "OperationOutcome"
        assert answer.json["issue"][0]["diagnostics"]
        assert ("Allow" in answer.headers) == (status == 405)


def test_unforeseen_error_tells_the_client_nothing(app: Flask, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object) -> None:
        raise RuntimeError("Wanjiru's secret")

    monkeypatch.setattr("fhir.released.Released.find", fail)
    app.testing = False
    answer = scene.us.get(f"Patient/{scene.us_exam.id_of('Patient')}")
    assert answer.status_code == 500
    assert answer.json["issue"][0]["code"] == "exception"
    assert "secret" not in answer.text


def test_answer_is_withheld_when_its_audit_row_cannot_be_written(
    app: Flask, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_named: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("clinic.audit.find_shared_reads", fail)
    monkeypatch.setitem(app.extensions, DESK, None)  # test_fast_path.py has the other ways to a document
    monkeypatch.setattr(app, "wsgi_app", app.wsgi_app.inner)  # type: ignore[attr-defined]
    app.testing = False
    for path in (f"Patient/{scene.us_exam.id_of('Patient')}", "Patient", f"Bundle/{scene.us_exam.bundle_id}"):
        assert scene.us.get(path).status_code == 500


def test_open_addresses_need_no_token(app: Flask) -> None:
    db.session.commit()
    http = app.test_client()
    statement = http.get("/fhir/metadata")
    assert statement.json["fhirVersion"] == "4.0.1"
    assert http.get("/fhir/CodeSystem/us-tb-class").json["url"].endswith("/CodeSystem/us-tb-class")
    assert http.get("/fhir/ValueSet/us-tb-class").status_code == 200
    assert http.get("/fhir/CodeSystem/none").status_code == 404
    refused = http.get("/fhir/Patient")
    assert refused.status_code == 401
    assert refused.json["issue"][0]["code"] == "login"
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")


def test_capability_statement_is_valid_and_names_what_exists(app: Flask) -> None:
    from fhir.resources.R4B.capabilitystatement import CapabilityStatement

    db.session.commit()
    body = app.test_client().get("/fhir/metadata").data
    CapabilityStatement.model_validate_json(body)
    resources = {entry["type"]: entry for entry in json.loads(body)["rest"][0]["resource"]}
    parameters = {entry["name"]: entry for entry in resources["Patient"]["searchParam"]}
    assert parameters["identifier"]["type"] == "token"
    assert parameters["family"]["documentation"] == "Modifiers: :exact, :contains, :missing."
    assert resources["Composition"]["operation"][0]["name"] == "document"
