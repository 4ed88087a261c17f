"""Keys of a client: stored or published at an address, replaced, expired; used once whatever process is asked."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask

from clinic import clock
from clinic.audit import audit_engine
from clinic.config import Settings
from clinic.db import current_mode, db, write_unit
from clinic.errors import InvalidInput, NotNow
from clinic.key_set import check_key_address, pick_key_set
from clinic.services.authority_client import (
    Keys,
    list_ending,
    replace_keys,
    restore_client,
    revoke_client,
    set_client_end,
)
from fhir import key_fetch
from fhir.key_fetch import KeyStore, fetch
from tests.factory import make_authority
from tests.fhir_api.key_server import serve_keys
from tests.fhir_api.machine import Machine, make_key, to_public
from wsgi import create_app


@pytest.fixture
def authority(app: Flask) -> str:
    return make_authority("us").id


def make_machine(app: Flask, **values: Any) -> Machine:
    db.session.commit()
    with write_unit():
        return Machine(app, "us", **values)


def test_published_keys_are_asked_for_once_and_outside_a_transaction(
    app: Flask, authority: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = []
    ask = key_fetch._ask

    def watch(address: str) -> str | None:
        inside.append((current_mode(), db.session().in_transaction()))
        return ask(address)

    monkeypatch.setattr(key_fetch, "_ask", watch)
    with serve_keys(to_public(make_key("ES384"))) as server:
        machine = make_machine(app, jwks_url=server.url)
        assert machine.sign_in().get("Patient").status_code == 200
        assert machine.ask(machine.sign(machine.claims(), jku=server.url)).status_code == 200
        assert machine.ask(machine.sign(machine.claims(), jku=server.url + "?")).status_code == 401
        assert server.asked == 1
    assert inside == [("read", False)]


def test_unknown_key_asks_again_but_seldom(app: Flask, authority: str, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = [1000.0]
    monkeypatch.setattr("fhir.key_fetch.time.monotonic", lambda: moment[0])
    with serve_keys(to_public(make_key("ES384"))) as server:
        machine = make_machine(app, jwks_url=server.url)
        machine.sign_in()
        other = make_key("RS384")
        server.publish(to_public(other))
        for _ in range(5):  # many strange names make us ask no oftener
            assert machine.ask(machine.sign(machine.claims(), other)).status_code == 401
        assert server.asked == 1
        moment[0] += key_fetch.WAIT_SECONDS + 1
        assert machine.ask(machine.sign(machine.claims(), other)).status_code == 200
        assert machine.ask().status_code == 401  # the old key is gone
        moment[0] += key_fetch.FRESH_SECONDS + 1
        server.publish(to_public(make_key("ES384")))
        assert machine.ask().status_code == 200
        assert server.asked == 3


def test_stranger_makes_us_ask_nobody(app: Flask, authority: str) -> None:
    with serve_keys(to_public(make_key("ES384"))) as server:
        machine = make_machine(app, jwks_url=server.url)
        assert machine.ask(machine.sign(machine.claims(iss="x", sub="x"), jku=server.url)).status_code == 401
        assert machine.ask("nonsense").status_code == 401
        with write_unit():
            revoke_client(machine.id)
        assert machine.ask().status_code == 401
        assert server.asked == 0


def test_address_that_does_not_answer_properly_proves_nobody(app: Flask, authority: str) -> None:
    with serve_keys(to_public(make_key("ES384"))) as server:
        good = server.body
        for status, body, location in (
            (302, b"", server.url), (500, good, ""), (404, good, ""), (200, b"", ""), (200, b"<html>", ""),
            (200, b"[" * 50_000, ""), (200, b'{"keys": []}', ""), (200, good + b" " * key_fetch.LARGEST_BYTES, ""),
            (200, json.dumps({"keys": [make_key("ES384")]}).encode(), ""),  # private: no key to trust
        ):
            server.status, server.body, server.location = status, body, location
            app.extensions.pop("client_keys", None)
            asked = server.asked
            machine = make_machine(app, jwks_url=server.url)
            answer = machine.ask()
            assert (answer.status_code, answer.json["error"]) == (401, "invalid_client"), (status, body[:20])
            assert "registered address" in answer.json["error_description"]
            assert machine.ask().status_code == 401
            assert server.asked == asked + 1  # a failure is remembered for a while too
    app.extensions.pop("client_keys", None)
    assert make_machine(app, jwks_url=server.url).ask().status_code == 401  # nobody listens any more


def test_slow_address_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(0, 1000, 4))
    monkeypatch.setattr("fhir.key_fetch.time.monotonic", lambda: float(next(ticks)))
    with serve_keys(to_public(make_key("ES384"))) as server, pytest.raises(TimeoutError):
        fetch(server.url)


PRIVATE = ["10.0.0.7", "192.168.1.1", "172.16.0.1", "169.254.169.254", "127.0.0.1", "::1", "fd00::1", "fe80::1%1",
           "0.0.0.0", "100.64.0.1", "224.0.0.1", "::ffff:10.0.0.7", "::ffff:127.0.0.1"]  # fmt: skip


@pytest.mark.parametrize("machine", PRIVATE)
def test_name_that_leads_into_a_private_network_is_not_asked(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_args: object, **_named: object) -> list[Any]:
        return [(2, 1, 6, "", ("93.184.216.34", 443)), (2, 1, 6, "", (machine, 443))]

    def connect(*_args: object, **_named: object) -> None:
        raise AssertionError("a connection was made")

    monkeypatch.setattr("fhir.key_fetch.socket.getaddrinfo", resolve)
    monkeypatch.setattr("fhir.key_fetch.socket.create_connection", connect)
    with pytest.raises(InvalidInput):
        fetch("https://authority.example/jwks.json")


def test_name_of_this_machine_leads_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhir.key_fetch.socket.getaddrinfo", lambda *_a, **_n: [(2, 1, 6, "", ("93.184.216.34", 80))])
    with pytest.raises(InvalidInput):
        fetch("http://localhost/jwks.json")


def test_address_is_https_or_this_machine() -> None:
    for good in ("https://authority.example/jwks.json", "http://127.0.0.1:8090/jwks", "http://localhost/x",
                 "https://authority.example:8443/a?b=c"):
        assert check_key_address(f" {good} ") == good
    for bad in ("", "http://authority.example/jwks", "ftp://authority.example/x", "file:///etc/passwd", "https://",
                "https://user:word@authority.example/", "https://authority.example/#x", "https://a b.example/",
                "https://authority.example:x/", "https://authority.example/é", "https://a.example/" + "x" * 300,
                "http://127.0.0.1.authority.example/"):
        with pytest.raises(InvalidInput):
            check_key_address(bad)


def test_published_set_keeps_only_what_can_be_used() -> None:
    good = to_public(make_key("ES384"))
    picked = json.loads(pick_key_set(json.dumps({"keys": [{"kty": "OKP"}, make_key("RS384"), {**good, "kid": ""},
                                                          good]})))
    assert [key["kid"] for key in picked["keys"]] == [good["kid"]]
    with pytest.raises(InvalidInput):
        pick_key_set(json.dumps({"keys": [{"kty": "OKP"}]}))


def test_known_keys_are_kept_per_address() -> None:
    store = KeyStore()
    with serve_keys(to_public(make_key("ES384"))) as one, serve_keys(to_public(make_key("RS384"))) as two:
        assert "ES384-0" in store.get(one.url, "ES384-0")
        assert "RS384-0" in store.get(two.url, "RS384-0")


def test_assertion_is_used_once_whichever_process_is_asked(app: Flask, settings: Settings, authority: str) -> None:
    machine = make_machine(app)
    second = create_app(replace(settings))
    second.config["TESTING"] = True
    assertion = machine.sign(machine.claims())
    assert machine.ask(assertion).status_code == 200
    machine.http = second.test_client()
    answer = machine.ask(assertion)
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")
    assert machine.ask().status_code == 200
    with second.app_context():
        db.session.remove()
        db.engine.dispose()
        audit_engine().dispose()


def test_client_and_keys_end_after_their_last_day(app: Flask, authority: str) -> None:
    today = clock.today()
    client = make_machine(app, expires_on=today)
    keys = make_machine(app, keys_expire_on=today)
    for machine in (client, keys):
        assert machine.sign_in().get("Patient").status_code == 200
    with clock.stopped_at(clock.now().replace(hour=23, minute=59)):
        last = client.sign_in().token
    midnight = clock.now().replace(hour=0, minute=0, second=1) + timedelta(days=1)
    with clock.stopped_at(midnight):
        assert client.ask().json["error"] == "invalid_client"
        assert "expired" in keys.ask().json["error_description"]
        client.token = last  # four minutes of it are left, its client's time is over
        assert client.get("Patient").status_code == 401
    with write_unit():
        set_client_end(client.id, None)
        replace_keys(keys.id, Keys(json.dumps({"keys": [to_public(make_key("ES384"))]})))
    with clock.stopped_at(midnight):
        assert client.ask().status_code == keys.ask().status_code == 200


def test_replaced_keys_are_refused_at_once(app: Flask, authority: str) -> None:
    machine = make_machine(app)
    with write_unit():
        replace_keys(machine.id, Keys(json.dumps({"keys": [to_public(make_key("RS384"))]})))
    assert machine.ask().status_code == 401
    machine.key = make_key("RS384")
    assert machine.ask().status_code == 200


def test_what_ends_soon_is_named_from_thirty_days_before(app: Flask, authority: str) -> None:
    today = date(2026, 11, 22)
    with clock.stopped_at(clock.now().replace(year=2026, month=11, day=22, hour=12)):
        late = Machine(app, "us", expires_on=today + timedelta(days=31))
        soon = Machine(app, "us", expires_on=today + timedelta(days=30), keys_expire_on=today)
        revoked = Machine(app, "us", expires_on=today)
        revoke_client(revoked.id)
        db.session.flush()
        assert [(row.id, what, days) for row, what, days in list_ending()] == [
            (soon.id, "keys", 0), (soon.id, "client", 30)]
    with clock.stopped_at(clock.now().replace(year=2026, month=11, day=25, hour=12)):
        assert (late.id, "client", 28) in [(row.id, what, days) for row, what, days in list_ending()]
        assert (soon.id, "keys", -3) in [(row.id, what, days) for row, what, days in list_ending()]
        with pytest.raises(NotNow):
            restore_client(revoked.id)
        with pytest.raises(InvalidInput):
            set_client_end(late.id, today)
