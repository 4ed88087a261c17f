"""Client libraries that others wrote, against the real application on a real port."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.serving import make_server

from clinic.audit import audit_engine
from clinic.clock import now
from clinic.config import Settings
from clinic.db import db
from clinic.key import new_id
from tests.factory import make_user
from tests.fhir.sample import make_person
from tests.fhir_api.exam import ReleasedExam, release_exam
from tests.fhir_api.machine import Machine
from wsgi import create_app

ROOT = Path(__file__).resolve().parent.parent.parent


@contextmanager
def serve(settings: Settings) -> Iterator[str]:
    """A second application over the same database, listening on a free port; gives its address."""
    server = make_server("127.0.0.1", 0, lambda environ, start: served(environ, start), threaded=True)
    base = f"http://127.0.0.1:{server.server_port}"
    served = create_app(replace(settings, base_url=base))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield base
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        with served.app_context():
            db.engine.dispose()
            audit_engine().dispose()


@pytest.fixture
def exams(app: Flask) -> tuple[list[ReleasedExam], Machine]:
    physician = make_user("physician")
    exams = [release_exam(make_person(physician), physician) for _ in range(3)]
    release_exam(make_person(physician), physician, "uk")
    machine = Machine(app, "us")
    db.session.commit()
    return exams, machine


def test_script_of_the_handbook_pulls_every_document(
    exams: tuple[list[ReleasedExam], Machine], settings: Settings, tmp_path: Path
) -> None:
    released, machine = exams
    key_file = tmp_path / "us.jwk.json"
    key_file.write_text(json.dumps({**machine.key, "client_id": machine.id}))
    with serve(settings) as base:
        script = [sys.executable, str(ROOT / "docs" / "pull_with_fhirpy.py"), str(key_file), base]
        result = subprocess.run(script, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert len(lines) == 3
    for exam in released:
        assert sum(exam.bundle_id in line for line in lines) == 1


def test_fhirpy_walks_pages_and_names_errors(exams: tuple[list[ReleasedExam], Machine], settings: Settings) -> None:
    from fhirpy import SyncFHIRClient
    from fhirpy.base.exceptions import OperationOutcome, ResourceNotFound

    released, machine = exams
    with serve(settings) as base:
        client = SyncFHIRClient(f"{base}/fhir", authorization=f"Bearer {fetch_token(machine, base)}")
        found = client.resources("Observation").limit(2).fetch_all()
        assert len({observation.id for observation in found}) == 9
        assert client.resources("Observation").count() == 9
        patient = client.reference("Patient", released[0].id_of("Patient")).to_resource()
        assert patient["resourceType"] == "Patient"
        everything = client.execute(f"Patient/{patient.id}/$everything", method="get")
        assert everything["total"] == sum(map(len, released[0].ids.values()))
        with pytest.raises(ResourceNotFound):
            client.reference("Patient", "nobody").to_resource()
        with pytest.raises(OperationOutcome):
            client.resources("Observation").search(date="yesterday").fetch()


def test_fhirclient_reads_and_searches(exams: tuple[list[ReleasedExam], Machine], settings: Settings) -> None:
    from fhirclient.models.observation import Observation
    from fhirclient.models.patient import Patient
    from fhirclient.server import FHIRServer

    released, machine = exams
    with serve(settings) as base:
        server = FHIRServer(None, f"{base}/fhir")
        server.session.headers["Authorization"] = f"Bearer {fetch_token(machine, base)}"
        try:
            assert server.capabilityStatement.fhirVersion == "4.0.1"
            patient = Patient.read(released[1].id_of("Patient"), server)
            assert patient.birthDate.isostring == "1991-01-05"
            search = Observation.where({"patient": f"Patient/{patient.id}", "_count": "2"})
            assert len(list(search.perform_resources_iter(server))) == 3
        finally:
            server.session.close()


@pytest.mark.peers
@pytest.mark.parametrize("library", ["fhirclient", "fhir-kit-client", "medplum"])
def test_client_of_another_language_reads_it_all(
    exams: tuple[list[ReleasedExam], Machine], settings: Settings, tmp_path: Path, library: str
) -> None:
    released, machine = exams
    key_file = tmp_path / "us.jwk.json"
    key_file.write_text(json.dumps({**machine.key, "client_id": machine.id}))
    with serve(settings) as base:
        script = ["node", str(ROOT / "tests" / "peers" / "fhir_client.mjs"), library, base, str(key_file)]
        result = subprocess.run(script, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert sorted(told["observations"]) == sorted(i for exam in released for i in exam.ids["Observation"])
    assert told["pages"] == 5
    assert told["patient"] == "Patient"
    assert told["everything"] == sum(map(len, released[0].ids.values()))
    assert told["document"][0] == "Composition"
    assert len(told["document"]) == sum(map(len, released[0].ids.values()))
    assert told["missing"] == {"status": 404, "resourceType": "OperationOutcome", "code": "not-found"}


def test_ten_lines_of_the_handbook_stand_in_it_and_pull_the_exam(
    exams: tuple[list[ReleasedExam], Machine], settings: Settings, tmp_path: Path
) -> None:
    released, machine = exams
    page = (ROOT / "docs" / "pulling.md").read_text()
    lines = page.split("```python\n")[1].split("```")[0]
    assert len([line for line in lines.splitlines() if line and not line.startswith(("import", "from"))]) <= 10
    (tmp_path / "us.jwk.json").write_text(json.dumps({**machine.key, "client_id": machine.id}))
    with serve(settings) as base:
        script = [sys.executable, "-c", lines.replace("https://clinic.example", base)]
        result = subprocess.run(script, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    for exam in released:
        assert exam.bundle_id in result.stdout


def fetch_token(machine: Machine, base: str) -> str:
    """A token by a plain request, for the address that the server goes by."""
    import requests

    claims = machine.claims(aud=f"{base}/oauth/token", exp=int(now().timestamp()) + 60, jti=new_id())
    answer = requests.post(f"{base}/oauth/token", timeout=60, data={
        "grant_type": "client_credentials", "scope": "system/*.rs", "client_assertion": machine.sign(claims),
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    })  # fmt: skip
    return str(answer.json()["access_token"])
