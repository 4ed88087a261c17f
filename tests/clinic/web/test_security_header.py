"""What every answer's headers promise."""

from __future__ import annotations

import re

import pytest
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
