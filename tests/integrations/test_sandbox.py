"""The sandbox authorities: what they take, what they refuse, what they show."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from clinic.config import Settings
from clinic.db import db
from clinic.signing_key import load_signing_key
from integrations.sandbox.app import AUTHORITIES, create_sandbox
from integrations.sandbox.signature import SignatureState, Verifier, fetch_from
from integrations.transport.http import NotSent, exchange, forget_connections
from tests.browser.server import serve
from tests.integrations.factory import make_bundle

BODY = make_bundle("b1")


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    return create_sandbox(tmp_path / "sandbox.sqlite3").test_client()


def send(client: FlaskClient, key: str = "k1", body: bytes = BODY, **headers: str) -> tuple[int, dict[str, object]]:
    answer = client.post("/us/fhir", data=body, headers={"Idempotency-Key": key, **headers})
    return answer.status_code, answer.get_json()


def test_same_key_is_stored_once_and_answered_as_the_first_time(client: FlaskClient) -> None:
    first, again = send(client), send(client)
    assert (first[0], again[0]) == (201, 200)
    assert first[1] == again[1]
    received = client.get("/us/inbox.json").get_json()["received"]
    assert [(r["idempotencyKey"], r["times"]) for r in received] == [("k1", 2)]
    assert client.get("/us/received/k1").data == BODY


def test_same_key_with_other_bytes_is_refused(client: FlaskClient) -> None:
    send(client)
    assert send(client, body=make_bundle("b2"))[0] == 422


def test_one_authority_does_not_see_anothers_inbox(client: FlaskClient) -> None:
    send(client)
    assert client.get("/ca/inbox.json").get_json()["received"] == []
    assert client.get("/ca/received/k1").status_code == 404
    assert client.get("/ca/fhir?idempotency-key=k1").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"[]",
        json.dumps({"resourceType": "Patient"}).encode(),
        json.dumps({"resourceType": "Bundle", "type": "collection", "id": "x"}).encode(),
        json.dumps({"resourceType": "Bundle", "type": "document", "id": "x", "entry": []}).encode(),
        BODY.replace(b"Composition", b"Observation"),
        BODY.replace(b'"id": "b1", ', b""),
    ],
)
def test_what_is_no_document_is_refused_with_an_outcome(client: FlaskClient, body: bytes) -> None:
    status, answer = send(client, body=body)
    assert (status, answer["resourceType"]) == (422, "OperationOutcome")


def test_wrong_digest_and_missing_key_are_refused(client: FlaskClient) -> None:
    assert send(client, **{"X-Content-SHA256": "0" * 64})[0] == 422
    assert send(client, **{"X-Content-SHA256": hashlib.sha256(BODY).hexdigest()})[0] == 201
    assert client.post("/us/fhir", data=BODY).status_code == 400


def test_every_switch_can_be_thrown_and_reset(client: FlaskClient) -> None:
    for behaviour, status in (("refuse", 422), ("down", 503), ("accept-later", 202)):
        assert client.post("/us/switch", json={"behaviour": behaviour}).status_code == 200
        assert send(client, key=behaviour)[0] == status
    assert client.post("/us/switch", json={"behaviour": "explode"}).status_code == 422
    assert client.post("/us/acknowledge", data={"key": "accept-later"}).status_code == 303
    assert client.get("/us/fhir?idempotency-key=accept-later").get_json()["receipt"]
    client.post("/us/reset")
    assert client.get("/us/inbox.json").get_json() == {"authority": "us", "behaviour": "accept", "received": []}


def test_another_sites_page_cannot_throw_a_switch(client: FlaskClient) -> None:
    answer = client.post("/us/switch", data={"behaviour": "down"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


def test_pages_show_the_inbox_and_escape_what_came_in(client: FlaskClient) -> None:
    body = BODY.replace(b"Medical examination", b"<script>alert(1)</script>")
    send(client, body=body)
    page = client.get("/us/").get_data(as_text=True)
    assert "WANJIRU, Grace" in page
    assert "<script>" not in page
    assert not re.search(r'style=|onclick=|<script', page)
    index = client.get("/")
    assert all(name in index.get_data(as_text=True) for name in AUTHORITIES.values())
    assert "default-src 'none'" in index.headers["Content-Security-Policy"]


def test_unknown_authority_is_not_found(client: FlaskClient) -> None:
    for path in ("/xx/", "/xx/inbox.json", "/xx/fhir?idempotency-key=1"):
        assert client.get(path).status_code == 404


def test_signature_of_the_published_key_is_valid_and_of_another_refused(tmp_path: Path) -> None:
    ours = load_signing_key(Settings(var_dir=tmp_path / "ours", secret_key="x"))
    theirs = load_signing_key(Settings(var_dir=tmp_path / "theirs", secret_key="x"))
    verifier = Verifier(lambda: {"keys": [ours.public_jwk()]})
    client = create_sandbox(tmp_path / "sandbox.sqlite3", verifier=verifier).test_client()
    assert send(client, key="a", **{"X-JWS-Signature": ours.sign_detached(BODY)})[0] == 201
    assert client.get("/us/inbox.json").get_json()["received"][0]["signature"] == "valid"
    assert send(client, key="b", **{"X-JWS-Signature": theirs.sign_detached(BODY)})[0] == 422
    assert send(client, key="c", **{"X-JWS-Signature": ours.sign_detached(BODY + b" ")})[0] == 422
    assert send(client, key="d", **{"X-JWS-Signature": "nonsense"})[0] == 422


def test_signature_is_not_checked_when_the_keys_cannot_be_fetched(tmp_path: Path) -> None:
    key = load_signing_key(Settings(var_dir=tmp_path, secret_key="x"))

    def fail() -> dict[str, object]:
        raise NotSent("down")

    assert Verifier(fail).check(key.sign_detached(BODY), BODY) is SignatureState.NOT_CHECKED
    assert Verifier(fail).check("", BODY) is SignatureState.MISSING


def test_keys_are_fetched_from_the_clinic_that_publishes_them(app: Flask, settings: Settings) -> None:
    key = load_signing_key(settings)
    db.session.commit()
    with serve(app) as address:
        assert Verifier(fetch_from(address)).check(key.sign_detached(BODY), BODY) is SignatureState.VALID
        nowhere = Verifier(fetch_from(f"{address}/no/such/page"))
        assert nowhere.check(key.sign_detached(BODY), BODY) is SignatureState.NOT_CHECKED
    forget_connections()


def test_process_serves_and_ends_when_it_is_asked(tmp_path: Path, closed_port: int) -> None:
    environment = {**os.environ, "CLEARWAY_VAR_DIR": str(tmp_path), "CLEARWAY_SANDBOX_PORT": str(closed_port)}
    command = [sys.executable, "-m", "integrations.sandbox"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        for _try in range(200):
            try:
                assert exchange("GET", f"http://127.0.0.1:{closed_port}/us/inbox.json", {}).status == 200
                break
            except NotSent:
                time.sleep(0.05)
        else:
            pytest.fail("the sandbox did not answer")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
        forget_connections()
