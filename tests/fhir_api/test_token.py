"""The token endpoint: who gets a token, who does not, and what a token is good for."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from flask import Flask
from sqlalchemy import func, select

from clinic import clock
from clinic.db import db, read_unit, write_unit
from clinic.key import new_id
from clinic.models import AuthorityClient
from clinic.services.authority_client import revoke_client
from fhir.table import UsedAssertion
from tests.factory import make_authority
from tests.fhir_api.machine import Machine, make_key


@pytest.fixture
def machine(app: Flask) -> Machine:
    make_authority("us")
    machine = Machine(app, "us")
    db.session.commit()
    return machine


def count_used() -> int:
    with read_unit() as session:
        return session.execute(select(func.count()).select_from(UsedAssertion)).scalar_one()


@pytest.mark.parametrize("kind", ["ES384", "RS384"])
def test_proven_client_gets_a_token_of_five_minutes(app: Flask, kind: str) -> None:
    make_authority("us")
    machine = Machine(app, "us", kind)
    db.session.commit()
    answer = machine.ask()
    assert answer.status_code == 200
    assert answer.json["token_type"] == "bearer"
    assert answer.json["expires_in"] == 300
    assert answer.json["scope"] == "system/*.rs"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"
    assert "Content-Encoding" not in answer.headers
    assert machine.sign_in().get("Patient").status_code == 200


def test_token_answer_is_never_compressed(machine: Machine) -> None:
    machine.http.environ_base["HTTP_ACCEPT_ENCODING"] = "gzip, br"
    assert "Content-Encoding" not in machine.ask().headers


WRONG_FORMS: list[tuple[dict[str, Any], str]] = [
    ({"grant_type": None}, "invalid_request"),
    ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
    ({"client_assertion_type": None}, "invalid_request"),
    ({"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"}, "invalid_request"),
    ({"client_assertion": None}, "invalid_request"),
    ({"client_assertion": "not.a.jwt"}, "invalid_client"),
    ({"client_assertion": "x" * 9000}, "invalid_client"),
    ({"client_id": "somebody-else"}, "invalid_client"),
    ({"client_secret": "also"}, "invalid_request"),
    ({"scope": None}, "invalid_scope"),
    ({"scope": ""}, "invalid_scope"),
    ({"scope": "system/Nonsense.rs"}, "invalid_scope"),
    ({"scope": "patient/*.rs user/*.rs openid"}, "invalid_scope"),
    ({"scope": "system/Patient.cud"}, "invalid_scope"),
    ({"scope": "system/*.read"}, "invalid_scope"),
    ({"scope": "system/Observation.rs?category=laboratory"}, "invalid_scope"),
]


def test_wrong_form_is_refused_and_burns_nothing(machine: Machine) -> None:
    for form, error in WRONG_FORMS:
        answer = machine.ask(**form)
        assert answer.status_code == (401 if error == "invalid_client" else 400), form
        assert answer.json["error"] == error, form
        assert answer.json["error_description"]
        assert answer.headers["Cache-Control"] == "no-store"
    assert count_used() == 0


def in_seconds(seconds: float) -> float:
    return clock.now().timestamp() + seconds


WRONG_CLAIMS: list[dict[str, Any]] = [
    {"iss": None}, {"sub": None}, {"aud": None}, {"exp": None}, {"jti": None},
    {"iss": "nobody"}, {"sub": "nobody"}, {"iss": "nobody", "sub": "nobody"}, {"iss": "\x00", "sub": "\x00"},
    {"iss": ["us"], "sub": ["us"]},
    {"aud": "http://localhost:8000/oauth/token/"}, {"aud": "http://evil.example/oauth/token"},
    {"aud": "http://localhost:8000/fhir"}, {"aud": ["http://localhost:8000/oauth/token", "http://evil.example"]},
    {"aud": []}, {"aud": 1},
    {"exp": lambda: in_seconds(-1)}, {"exp": lambda: in_seconds(310)}, {"exp": lambda: in_seconds(86400)},
    {"exp": "soon"}, {"exp": True}, {"exp": 0}, {"exp": -1},
    {"exp": float("inf")}, {"exp": float("nan")}, {"exp": 10 ** 400},
    {"nbf": lambda: in_seconds(120)}, {"nbf": "now"}, {"iat": lambda: in_seconds(120)},
    {"jti": ""}, {"jti": "x" * 201}, {"jti": 7}, {"jti": "\x00"}, {"jti": ["a"]}, {"jti": "\ud800"},
]  # fmt: skip


def test_wrong_claim_is_refused_and_burns_nothing(machine: Machine) -> None:
    for changes in WRONG_CLAIMS:
        made = {name: value() if callable(value) else value for name, value in changes.items()}
        answer = machine.ask(sign_raw(machine, machine.claims(**made)))
        assert answer.status_code == 401, changes
        assert answer.json["error"] == "invalid_client", changes
    assert count_used() == 0


def sign_raw(machine: Machine, claims: dict[str, Any]) -> str:
    """Sign claims that the library would not let through its own checks."""
    return jwt.api_jws.PyJWS().encode(
        json.dumps(claims).encode(), jwt.PyJWK(machine.key).key, algorithm="ES384",
        headers={"kid": machine.key["kid"], "typ": "JWT"},
    )  # fmt: skip


def test_wrong_key_or_header_is_refused(machine: Machine) -> None:
    claims, stranger = machine.claims(), make_key("ES384", 1)
    rsa = make_key("RS384")
    refused = {
        "another key of the same name": machine.sign(claims, stranger, kid=machine.key["kid"]),
        "another key": machine.sign(claims, stranger),
        "another kind of key of the same name": machine.sign(claims, rsa, kid=machine.key["kid"]),
        "no kid": machine.sign(claims, kid=None),
        "a key address": machine.sign(claims, jku="http://evil.example/jwks.json"),
        "another type": machine.sign(claims, typ="at+jwt"),
        "no algorithm": jwt.encode(claims, None, algorithm="none", headers={"kid": machine.key["kid"]}),
        "a shared secret": jwt.encode(claims, "s" * 64, algorithm="HS384", headers={"kid": machine.key["kid"]}),
        "an unknown extension": machine.sign(claims, crit=["exp"]),
    }
    for situation, assertion in refused.items():
        answer = machine.ask(assertion)
        assert (answer.status_code, answer.json["error"]) == (401, "invalid_client"), situation
    assert count_used() == 0
    assert machine.ask(machine.sign(claims)).status_code == 200


def test_changed_payload_is_refused(machine: Machine) -> None:
    head, _payload, signature = machine.sign(machine.claims()).split(".")
    other = machine.sign(machine.claims()).split(".")[1]
    assert machine.ask(f"{head}.{other}.{signature}").json["error"] == "invalid_client"


def test_used_assertion_is_refused_the_second_time(machine: Machine) -> None:
    assertion = machine.sign(machine.claims())
    assert machine.ask(assertion).status_code == 200
    again = machine.ask(assertion)
    assert (again.status_code, again.json["error"]) == (401, "invalid_client")
    same_number = machine.sign(machine.claims(jti=jwt.decode(assertion, options={"verify_signature": False})["jti"]))
    assert machine.ask(same_number).status_code == 401
    assert count_used() == 1


def test_refused_scope_leaves_the_assertion_usable(machine: Machine) -> None:
    assertion = machine.sign(machine.claims())
    assert machine.ask(assertion, scope="system/Nothing.rs").status_code == 400
    assert machine.ask(assertion).status_code == 200


def test_expired_assertions_are_forgotten(machine: Machine) -> None:
    machine.ask()
    with clock.stopped_at(clock.now() + timedelta(minutes=10)):
        assert machine.ask().status_code == 200
    assert count_used() == 1


def test_repeated_parameter_wrong_content_type_and_address_are_refused(machine: Machine) -> None:
    form = {"grant_type": ["client_credentials", "client_credentials"]}
    assert machine.http.post("/oauth/token", data=form).json["error"] == "invalid_request"
    assert machine.http.post("/oauth/token", json={"grant_type": "client_credentials"}).status_code == 400
    assert machine.http.post("/oauth/token?scope=x", data={"grant_type": "x"}).json["error"] == "invalid_request"
    huge = machine.http.post("/oauth/token", data={"grant_type": "x" * 100_000})
    assert huge.status_code == 413
    assert huge.json["error"] == "invalid_request"
    wrong = machine.http.get("/oauth/token")
    assert wrong.status_code == 405
    assert wrong.headers["Allow"] == "OPTIONS, POST"
    assert wrong.json["error"]
    assert machine.http.get("/oauth/nothing").json["error"]


def test_revoked_client_is_refused_at_once_even_with_a_token(machine: Machine) -> None:
    machine.sign_in()
    assert machine.get("Patient").status_code == 200
    with write_unit():
        revoke_client(machine.id)
    assert machine.get("Patient").status_code == 401
    assert machine.ask().json["error"] == "invalid_client"


def test_client_moved_to_another_authority_loses_its_token(machine: Machine) -> None:
    machine.sign_in()
    with write_unit():
        make_authority("uk")
        db.session.get_one(AuthorityClient, machine.id).authority_id = "uk"
    assert machine.get("Patient").status_code == 401


def test_expired_token_is_refused(machine: Machine) -> None:
    before = clock.now()  # a busy machine may take seconds to sign in
    machine.sign_in()
    with clock.stopped_at(before + timedelta(seconds=299)):
        assert machine.get("Patient").status_code == 200
    with clock.stopped_at(clock.now() + timedelta(seconds=301)):
        assert machine.get("Patient").status_code == 401


def test_forged_or_foreign_token_is_refused(app: Flask, machine: Machine) -> None:
    machine.sign_in()
    claims = jwt.decode(machine.token, options={"verify_signature": False})
    forged = [
        jwt.encode(claims, "k" * 32, algorithm="HS256", headers={"typ": "at+jwt"}),
        jwt.encode(claims, app.config["SECRET_KEY"].ljust(32), algorithm="HS256", headers={"typ": "at+jwt"}),
        jwt.encode(claims, None, algorithm="none", headers={"typ": "at+jwt"}),
        machine.sign(machine.claims()), machine.token[:-2], "nonsense", "", "é",
    ]  # fmt: skip
    for token in forged:
        answer = machine.http.get("/fhir/Patient", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401, token
        assert answer.json["issue"][0]["code"] == "login"
    for header in ("", "Basic dXM6dXM=", "Bearer", machine.token):
        assert machine.http.get("/fhir/Patient", headers={"Authorization": header}).status_code == 401


@pytest.mark.parametrize(("allowed", "asked", "granted"), [
    ("system/*.rs", "system/*.rs", "system/*.rs"),
    ("system/*.rs", "system/*.cruds", "system/*.rs"),
    ("system/*.rs", "system/Observation.rs system/Patient.r", "system/Observation.rs system/Patient.r"),
    ("system/Observation.rs", "system/*.rs", "system/Observation.rs"),
    ("system/Observation.r", "system/*.rs", "system/Observation.r"),
    ("system/*.r", "system/Patient.rs system/*.s", "system/Patient.r"),
    ("system/Patient.rs", "system/Patient.s system/Observation.rs", "system/Patient.s"),
])
def test_scope_is_what_was_asked_and_allowed(app: Flask, allowed: str, asked: str, granted: str) -> None:
    make_authority("us")
    machine = Machine(app, "us", scopes=allowed)
    db.session.commit()
    assert machine.ask(scope=asked).json["scope"] == granted


def test_scope_limits_every_way_of_reading(app: Flask) -> None:
    make_authority("us")
    machine = Machine(app, "us", scopes="system/Observation.rs system/Patient.r")
    db.session.commit()
    machine.sign_in()
    some = new_id()
    for path, status in {
        "Observation": 200, f"Observation/{some}": 404, "Patient": 403, f"Patient/{some}": 404,
        f"Bundle/{some}": 403, "Bundle": 403, f"Composition/{some}/$document": 403, f"Composition/{some}": 403,
        f"Patient/{some}/$everything": 404,
    }.items():
        answer = machine.get(path)
        assert answer.status_code == status, path
    assert machine.post("Patient/_search", {}).status_code == 403


def test_configuration_names_the_token_endpoint(app: Flask) -> None:
    db.session.commit()
    found = app.test_client().get("/fhir/.well-known/smart-configuration").json
    assert found["token_endpoint"] == "http://localhost:8000/oauth/token"
    assert found["token_endpoint_auth_signing_alg_values_supported"] == ["RS384", "ES384"]
    assert {"client-confidential-asymmetric", "permission-v2"} <= set(found["capabilities"])
