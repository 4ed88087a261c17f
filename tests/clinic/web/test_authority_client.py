"""The administrator's pages of authorities' clients: registered, changed, let in or out; with the password again."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from clinic import clock
from clinic.db import db, read_unit
from clinic.models import AuditChange, AuthorityClient
from clinic.services.authority_client import add_client
from tests.factory import PASSWORD, make_authority, make_user
from tests.fhir_api.machine import make_key, to_public
from tests.sign_in import sign_in

ADDRESS = "https://authority.example/jwks.json"
JWKS = json.dumps({"keys": [to_public(make_key("ES384"))]})


@pytest.fixture
def administrator(app: Flask) -> FlaskClient:
    make_authority("us")
    return sign_in(app, make_user("admin"))


def get_only() -> AuthorityClient:
    with read_unit() as session:
        client = session.execute(select(AuthorityClient)).scalar_one()
        session.expunge(client)
        return client


def register(http: FlaskClient, **values: str) -> Any:
    return http.post("/authority-clients/new", data={
        "authority": "us", "name": "Night pull", "scopes": "system/*.rs", "jwks_url": ADDRESS, "password": PASSWORD,
    } | values)


def test_client_is_registered_changed_revoked_and_let_in_again(administrator: FlaskClient) -> None:
    assert register(administrator).status_code == 303
    client = get_only()
    assert (client.jwks_url, client.jwks, client.active, client.scopes) == (ADDRESS, None, True, "system/*.rs")
    page = administrator.get("/authority-clients").text
    assert "Night pull" in page
    assert ADDRESS in page
    path = f"/authority-clients/{client.id}"
    until = (clock.today() + timedelta(days=3)).isoformat()
    for form in (
        {"act": "keys", "jwks": JWKS, "keys_expire_on": until, "password": PASSWORD},
        {"act": "end", "expires_on": until, "standing_password": PASSWORD},
        {"act": "revoke", "standing_password": PASSWORD}, {"act": "restore", "standing_password": PASSWORD},
    ):
        assert administrator.post(path, data=form).status_code == 303, form
    client = get_only()
    assert (client.jwks_url, str(client.keys_expire_on), str(client.expires_on)) == (None, until, until)
    assert client.active
    shown = administrator.get(path).text
    for word in ("ES384-0 (EC)", "Keys replaced", "Let in no more", "Let in again", "Registered"):
        assert word in shown, word
    with read_unit() as session:
        rows = session.execute(select(AuditChange).where(AuditChange.subject_id == client.id)).scalars()
        assert {row.action for row in rows if row.actor_kind == "user"} == {
            "add-client", "replace-client-keys", "set-client-end", "revoke-client", "restore-client"}


def test_what_is_wrong_changes_nothing_and_is_said(administrator: FlaskClient) -> None:
    for values, sentence in (
        ({"password": "guess"}, "This is not your password."), ({"name": ""}, "Fill this in."),
        ({"jwks_url": "http://authority.example/jwks"}, "beginning with https://"),
        ({"jwks": JWKS}, "Give either the keys themselves or the address"), ({"jwks_url": ""}, "Give either the keys"),
        ({"jwks_url": "", "jwks": json.dumps({"keys": [make_key("ES384")]})}, "holds a private key"),
        ({"scopes": "all"}, "Write scopes like"), ({"expires_on": "soon"}, "Write the date like"),
        ({"expires_on": "2001-01-01"}, "Give a day that has not passed."),
        ({"keys_expire_on": "2090-01-01"}, "Published keys have no end here"),
    ):
        answer = register(administrator, **values)
        assert answer.status_code == 422, values
        assert sentence in answer.text, values
    with read_unit() as session:
        assert session.execute(select(AuthorityClient)).first() is None
    register(administrator)
    path = f"/authority-clients/{get_only().id}"
    for form in ({"act": "revoke"}, {"act": "revoke", "standing_password": "guess"}, {"act": "restore"},
                 {"act": "keys", "jwks": JWKS, "password": "guess"}, {"act": "end", "expires_on": "x"}, {}):
        assert administrator.post(path, data=form).status_code == 422, form
    client = get_only()
    assert (client.active, client.jwks_url, client.expires_on) == (True, ADDRESS, None)
    assert administrator.get("/authority-clients/nobody").status_code == 404


def test_only_the_administrator_comes_in(app: Flask) -> None:
    make_authority("us")
    people = [make_user(role) for role in ("physician", "quality", "reception")]
    db.session.commit()
    for person in people:
        http = sign_in(app, person)
        for path in ("/authority-clients", "/authority-clients/new"):
            assert http.get(path).status_code == 403, path
        assert register(http).status_code == 403


def test_end_is_announced_thirty_days_before_to_the_administrator_alone(app: Flask) -> None:
    make_authority("us")
    add_client("us", JWKS, "Night pull", expires_on=clock.today() + timedelta(days=30))
    add_client("us", JWKS, "Day pull", keys_expire_on=clock.today() + timedelta(days=1))
    add_client("us", JWKS, "Later pull", expires_on=clock.today() + timedelta(days=31))
    physician = make_user("physician")
    http = sign_in(app, make_user("admin"))
    db.session.rollback()
    for path in ("/", "/authority-clients"):
        page = http.get(path).text
        assert "is let in for 30 days more" in page, path
        assert "are accepted for 1 day more" in page, path
        assert "Later pull (" not in page, path
    assert "more." not in sign_in(app, physician).get("/").text
