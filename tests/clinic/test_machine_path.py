"""Where machines ask, nothing about the staff runs, and everything else does."""

from __future__ import annotations

import pytest
from flask import Flask, request

from clinic.machine_path import OF_STAFF, is_of_machine, leave_staff_out, name_hook
from tests.factory import make_user
from tests.sign_in import sign_in

pytestmark = pytest.mark.usefixtures("app")


def _list_hooks(app: Flask) -> list[str]:
    return [name_hook(hook) for hooks in (app.before_request_funcs, app.after_request_funcs) for hook in hooks[None]]


def test_every_hook_about_the_staff_exists(app: Flask) -> None:
    assert set(_list_hooks(app)) >= OF_STAFF


def test_hooks_that_hold_for_machines_are_these(app: Flask) -> None:
    """Whoever adds a hook decides here whether machines meet it too."""
    kept = {name_hook(hook) for hooks in (app.before_request_funcs, app.after_request_funcs)
            for hook in leave_staff_out(hooks[None])}
    assert kept == {
        "clinic.unit.install_request_units.<locals>._begin",
        "clinic.auth._keep_staff_out.<locals>._know_nobody",
        "clinic.error_page.install_error_pages.<locals>._refuse_nul",
        "clinic.web.asset._Packing.after_request",
        "clinic.web.asset.pack_static_text",
        "clinic.web.security_header.set_security_headers",
    }


def test_member_of_the_staff_is_nobody_where_machines_ask(app: Flask) -> None:
    http = sign_in(app, make_user("admin"))
    answer = http.get("/fhir/Patient")
    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers
    assert "Cookie" not in answer.headers["Vary"]
    assert http.get("/").status_code == 200


def test_machine_is_recognised_by_its_path_alone(app: Flask) -> None:
    for path, expected in (("/fhir/metadata", True), ("/oauth/token", True), ("/", False), ("/cases/fhir/", False)):
        with app.test_request_context(path):
            assert is_of_machine(request) is expected, path
