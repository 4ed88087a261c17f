"""What is open to everybody is open on purpose, and nothing else is reached without signing in."""

from __future__ import annotations

import pytest
from flask import Flask

from clinic.permissions import AUTHORITY_CLIENT, LABORATORY_CLIENT, PUBLIC, Permission
from tests.factory import make_user
from tests.sign_in import sign_in

# Open on purpose: they show nothing of any person.
OPEN_VIEWS = {
    "health.live", "health.ready", "health.measure", "key.jwks", "will_i_need.ask", "api_description.openapi",
    "api_description.docs", "verify.show", "session.ask",
    # The steps of signing in; who has not given a password is sent back to the first.
    "second_step.ask", "second_step.answer", "second_step.passkey", "second_step.options_first",
    "second_step.options_second", "password.ask_new", "password.set_new",
    "password.weigh",  # judges what is sent, knows nothing else
    "session.keep",  # takes what the mark of an opened page proves, shows nothing
    "lock.show", "lock.unlock", "lock.options",  # the name of whose screen it is, and a password
}
OPEN_PREFIXES = ("/fhir", "/oauth")  # guarded by tokens, or open by the standard: tests/fhir_api holds them


def _views(app: Flask) -> list[tuple[str, str]]:
    return sorted({(rule.endpoint, rule.rule) for rule in app.url_map.iter_rules()})


def test_marks_are_permissions_we_know(app: Flask) -> None:
    for endpoint, path in _views(app):
        mark = getattr(app.view_functions[endpoint], "permission", None)
        if isinstance(mark, tuple):
            assert mark and all(isinstance(permission, Permission) for permission in mark), path
        elif mark == PUBLIC:
            assert endpoint in OPEN_VIEWS or path.startswith(OPEN_PREFIXES), f"{path} is open to everybody"
        else:
            assert mark in (AUTHORITY_CLIENT, LABORATORY_CLIENT, None), path


def test_nobody_gets_a_page_without_signing_in(app: Flask) -> None:
    client = app.test_client()
    for endpoint, path in _views(app):
        mark = getattr(app.view_functions[endpoint], "permission", None)
        rule = next(rule for rule in app.url_map.iter_rules() if rule.rule == path and rule.endpoint == endpoint)
        if not isinstance(mark, tuple) or "GET" not in (rule.methods or ()):
            continue
        values = dict.fromkeys(rule.arguments, "0")
        address = app.url_map.bind("localhost").build(endpoint, values)
        answer = client.get(address)
        assert answer.status_code in (302, 401), f"{path}: {answer.status_code}"
        if answer.status_code == 302:
            assert answer.location.startswith("/sign-in"), path


@pytest.mark.parametrize("role", ["radiographer", "quality"])
def test_who_only_looks_cannot_register(app: Flask, role: str) -> None:
    client = sign_in(app, make_user(role))
    assert client.get("/").status_code == 200
    assert client.get("/applicants/new").status_code == 403
    assert client.post("/applicants/new", data={}).status_code == 403
