"""What every answer's headers promise."""

from __future__ import annotations

import re

import pytest
from flask import Response
from flask.testing import FlaskClient

from tests.browser.gallery import create_gallery


@pytest.fixture
def client() -> FlaskClient:
    return create_gallery().test_client()


def test_page_carries_the_policy_with_the_nonce_of_its_script(client: FlaskClient) -> None:
    answer = client.get("/list")
    nonce = re.search(r'<script nonce="([^"]+)"', answer.text)
    assert nonce
    assert answer.headers["Content-Security-Policy"] == (
        f"default-src 'self'; script-src 'self' 'nonce-{nonce[1]}'; style-src 'self'; img-src 'self' data:; "
        "frame-ancestors 'none'; form-action 'self'; base-uri 'none'"
    )


def test_two_pages_never_share_a_nonce(client: FlaskClient) -> None:
    policies = {client.get("/list").headers["Content-Security-Policy"] for _ in range(2)}
    assert len(policies) == 2


def test_page_is_never_stored(client: FlaskClient) -> None:
    headers = client.get("/case").headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Permissions-Policy"].startswith("camera=(self)")


def test_secure_page_asks_for_https_from_now_on(client: FlaskClient) -> None:
    assert "Strict-Transport-Security" not in client.get("/list").headers
    assert "Strict-Transport-Security" in client.get("/list", base_url="https://localhost").headers


@pytest.mark.parametrize(("kind", "name"), [
    ("application/pdf", "document.pdf"), ("application/octet-stream", "answer.bin"), ("image/svg+xml", "answer.bin"),
    ("application/xhtml+xml", "answer.bin"), ("application/json", "answer.json"), ("text/xml", "answer.bin"),
])
def test_what_is_no_page_is_sandboxed_and_saved_under_a_name_of_ours(kind: str, name: str) -> None:
    app = create_gallery()
    app.add_url_rule("/file", view_func=lambda: Response("<script>alert(1)</script>", mimetype=kind))
    headers = app.test_client().get("/file").headers
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox; frame-ancestors 'none'"
    assert headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert (headers["X-Content-Type-Options"], headers["Cross-Origin-Resource-Policy"]) == ("nosniff", "same-origin")


def test_our_pictures_are_shown_and_run_nothing() -> None:
    app = create_gallery()
    app.add_url_rule("/picture", view_func=lambda: Response(b"\xff\xd8", mimetype="image/jpeg"))
    headers = app.test_client().get("/picture").headers
    assert "sandbox" in headers["Content-Security-Policy"] and "Content-Disposition" not in headers


def test_our_assets_run_nothing_by_themselves_and_carry_what_concerns_them_alone(client: FlaskClient) -> None:
    address = "/static/clinic.js?v=1"
    headers = client.get(address).headers
    again = client.get(address, headers={"If-None-Match": headers["ETag"]})
    assert again.status_code == 304
    for told in (headers, again.headers):
        assert told["Content-Security-Policy"] == "default-src 'none'; sandbox; frame-ancestors 'none'"
        assert told["X-Content-Type-Options"] == "nosniff"
        assert "attachment" not in told.get("Content-Disposition", "")
        assert not {"Permissions-Policy", "Cross-Origin-Opener-Policy"} & set(told.keys())
    missing = client.get("/static/nothing.js?v=1")  # which is a page that says so
    assert missing.status_code == 404 and "script-src 'self' 'nonce-" in missing.headers["Content-Security-Policy"]
