"""The session's cookie."""

from __future__ import annotations

from dataclasses import replace

from clinic.config import Settings
from wsgi import create_app


def test_cookie_is_bound_to_its_host_under_https(settings: Settings) -> None:
    app = create_app(replace(settings, base_url="https://clinic.example"))
    answer = app.test_client().get("/sign-in", base_url="https://clinic.example")  # its form has a token
    name, *marks = answer.headers["Set-Cookie"].split("; ")
    assert name.startswith("__Host-clearway=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(marks)
    assert not any(mark.startswith("Domain") for mark in marks)
