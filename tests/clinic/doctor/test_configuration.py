"""Weak settings, each planted: the doctor names it, and says nothing of the secret itself."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from clinic.config import Settings
from clinic.consent_text import list_consent_texts
from clinic.db import db
from clinic.doctor import configuration
from clinic.doctor.finding import Check, Finding, Verdict
from tests.factory import make_user

STRONG = Settings(secret_key="xK3-vW9_qLr7TzB2mNc8YdHf5GjP4sEuAaRo6tVi1XkC0bMwZ")
POSTGRESQL = "postgresql+psycopg://{}@{}/clearway"


def judge(check: Check, settings: Settings) -> list[Finding]:
    return list(check(settings))


def only(check: Check, settings: Settings) -> Finding:
    found = judge(check, settings)
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize("secret", ["Zq7-kurz", "ab" * 40, "this-is-the-secret-of-our-clinic-in-nairobi-2026", ""])
def test_weak_secret_is_wrong_and_not_repeated(secret: str) -> None:
    found = only(configuration.check_secret_key, replace(STRONG, secret_key=secret))
    assert found.verdict is Verdict.WRONG
    assert not secret or secret not in found.words + found.todo
    assert only(configuration.check_secret_key, STRONG).verdict is Verdict.GOOD


@pytest.mark.parametrize(("who", "host", "verdict"), [
    ("clearway:clearway", "db.clinic.test", Verdict.WRONG), ("app:postgres-2026-xyz", "127.0.0.1", Verdict.WRONG),
    ("app:kurz", "db.clinic.test", Verdict.WRONG), ("app", "db.clinic.test", Verdict.WARNING),
    ("app", "localhost", Verdict.GOOD), ("app:vW9qLr7TzB2mNc8YdHf5", "db.clinic.test", Verdict.GOOD),
])
def test_database_password_is_judged_and_not_repeated(who: str, host: str, verdict: Verdict) -> None:
    found = only(configuration.check_database_password, replace(STRONG, database_url=POSTGRESQL.format(who, host)))
    assert found.verdict is verdict
    assert ":" not in who or who.split(":")[1] not in found.words


def test_text_of_consent_that_nobody_approved_is_named_outside_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judge(configuration.check_consent_text, replace(STRONG, demo=True)) == []
    assert only(configuration.check_consent_text, STRONG).verdict is Verdict.WARNING
    own = {name: replace(text, notice="Approved by the clinic") for name, text in list_consent_texts().items()}
    monkeypatch.setattr(configuration, "list_consent_texts", lambda: own)
    assert only(configuration.check_consent_text, STRONG).verdict is Verdict.GOOD


@pytest.mark.parametrize(("values", "verdict"), [
    ({}, Verdict.GOOD), ({"demo": True}, Verdict.WARNING),
    ({"demo": True, "base_url": "https://clinic.test"}, Verdict.WRONG),
])
def test_demo_that_others_can_reach_is_wrong(values: dict[str, Any], verdict: Verdict) -> None:
    assert only(configuration.check_demo, replace(STRONG, **values)).verdict is verdict


def test_demo_account_outside_the_demo_is_wrong_until_it_is_disabled(app: Flask) -> None:
    user = make_user("admin", email="admin@demo.example")
    db.session.commit()
    assert only(configuration.check_demo_accounts, STRONG).verdict is Verdict.WRONG
    assert judge(configuration.check_demo_accounts, replace(STRONG, demo=True)) == []
    user.active = False
    db.session.commit()
    assert only(configuration.check_demo_accounts, STRONG).verdict is Verdict.GOOD


@pytest.mark.parametrize(("address", "verdict"), [
    ("https://clinic.test", Verdict.GOOD), ("http://localhost:8000", Verdict.GOOD),
    ("http://127.0.0.1:8000", Verdict.GOOD), ("http://clinic.test", Verdict.WRONG), ("clinic.test", Verdict.WRONG),
    ("https://192.0.2.7", Verdict.WARNING),
    ("https://our clinic.test", Verdict.WRONG), ("https://[clinic", Verdict.WRONG),
])
def test_address_must_be_encrypted_or_our_own(address: str, verdict: Verdict) -> None:
    assert only(configuration.check_base_url, replace(STRONG, base_url=address)).verdict is verdict


@pytest.mark.parametrize(("setting", "value"), [
    ("SESSION_COOKIE_HTTPONLY", False), ("SESSION_COOKIE_SAMESITE", None), ("SESSION_COOKIE_SECURE", False)])
def test_weak_cookie_is_wrong(app: Flask, setting: str, value: object) -> None:
    settings = replace(STRONG, base_url="https://clinic.test")
    app.config["SESSION_COOKIE_SECURE"] = True
    assert only(configuration.check_cookies, settings).verdict is Verdict.GOOD
    app.config[setting] = value
    assert only(configuration.check_cookies, settings).verdict is Verdict.WRONG


@pytest.mark.parametrize(("values", "words", "verdict"), [
    ({"web_port": 0}, "WEB_PORT is no port", Verdict.WRONG), ({"mllp_port": 70000}, "is no port", Verdict.WRONG),
    ({"mllp_port": 8000}, "the same port", Verdict.WRONG), ({"dicom_port": 104}, "only root", Verdict.WARNING),
])
def test_ports_that_cannot_be_are_named(values: dict[str, Any], words: str, verdict: Verdict) -> None:
    found = [one for one in judge(configuration.check_ports, replace(STRONG, **values)) if one.subject == "ports"]
    assert [(words in one.words, one.verdict) for one in found] == [(True, verdict)]


def test_application_that_does_not_listen_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings = replace(STRONG, web_port=server.getsockname()[1])
        assert judge(configuration.check_ports, settings)[-1].verdict is Verdict.GOOD
    assert judge(configuration.check_ports, settings)[-1].verdict is Verdict.WARNING


@pytest.mark.parametrize(("most", "verdict"), [(300, Verdict.GOOD), (0, Verdict.WARNING), (1_000_000, Verdict.WARNING)])
def test_limit_of_reading_that_stops_nobody_is_noticed(settings: Settings, most: int, verdict: Verdict) -> None:
    assert only(configuration.check_reading_limit, replace(settings, records_an_hour=most)).verdict is verdict


@pytest.mark.parametrize(("values", "verdicts"), [
    ({}, [Verdict.GOOD]), ({"session_idle_minutes": 600}, [Verdict.WARNING]),
    ({"session_idle_minutes": 2}, [Verdict.WRONG]), ({"session_idle_minutes": 3}, [Verdict.GOOD]),
    ({"session_hours": 999}, [Verdict.WARNING]),
    ({"recheck_minutes": 10_000, "trusted_proxies": 9}, [Verdict.WARNING] * 2),
    ({"session_idle_minutes": 0, "session_hours": -1}, [Verdict.WRONG] * 2), ({"trusted_proxies": -1}, [Verdict.WRONG]),
])
def test_sign_ins_that_stay_open_for_anybody_are_noticed(
    settings: Settings, values: dict[str, int], verdicts: list[Verdict]
) -> None:
    found = list(configuration.check_sign_ins(replace(settings, **values)))  # type: ignore[arg-type]
    assert [one.verdict for one in found] == verdicts
