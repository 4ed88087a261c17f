"""The session's cookie."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

import pytest
from flask import Flask
from itsdangerous import BadSignature, SignatureExpired

from clinic import clock
from clinic.config import Settings
from wsgi import create_app


def test_cookie_is_bound_to_its_host_under_https(settings: Settings) -> None:
    app = create_app(replace(settings, base_url="https://clinic.example"))
    answer = app.test_client().get("/sign-in", base_url="https://clinic.example")  # its form has a token
    name, *marks = answer.headers["Set-Cookie"].split("; ")
    assert name.startswith("__Host-clearway=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(marks)
    assert not any(mark.startswith("Domain") for mark in marks)


def test_cookie_that_was_proven_still_grows_old_and_is_bound_to_its_letters(app: Flask) -> None:
    made = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    cookie = made.dumps({"a": "1"})
    assert made.loads(cookie, max_age=60) == made.loads(cookie, max_age=60) == {"a": "1"}
    made.loads(cookie, max_age=60)["a"] = "changed by a request"
    assert made.loads(cookie, max_age=60) == {"a": "1"}
    head, signature = cookie.rsplit(".", 1)  # the last letter of it holds two bits that count for nothing
    with pytest.raises(BadSignature):
        made.loads(f"{head}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}", max_age=60)
    with clock.stopped_at(clock.now() + timedelta(seconds=61)), \
            patch("itsdangerous.timed.time.time", return_value=time.time() + 61), pytest.raises(SignatureExpired):
        made.loads(cookie, max_age=60)


def test_value_that_a_request_could_change_is_read_anew(app: Flask) -> None:
    made = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    cookie = made.dumps({"a": ["1"]})
    made.loads(cookie, max_age=60)["a"].append("2")
    assert made.loads(cookie, max_age=60) == {"a": ["1"]}
