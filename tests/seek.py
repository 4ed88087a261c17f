"""Searching as a form of the house does: by its body, then at the address that the answer leads to."""

from __future__ import annotations

from flask.testing import FlaskClient
from werkzeug.test import TestResponse


def find_address(client: FlaskClient, page: str, **typed: str) -> str:
    """Where the form of `page` leads with what was typed into it."""
    answer = client.post(f"/seek{page}", data=typed)
    assert answer.status_code == 303
    return answer.location


def seek(client: FlaskClient, page: str, **typed: str) -> TestResponse:
    """What stands there."""
    return client.get(find_address(client, page, **typed))
