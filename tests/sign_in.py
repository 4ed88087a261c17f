"""Signing in to a test client without the form, for tests of what lies behind it."""

from __future__ import annotations

from typing import Any

from flask import Flask, g
from flask.testing import FlaskClient

from clinic.db import db
from clinic.models import User


class SignedInClient(FlaskClient):
    """A client that is one person, also where several take turns within the application context of one test."""

    def open(self, *args: Any, **named: Any) -> Any:
        """Forget whom the last request of this context was made by; then the request itself."""
        g.pop("_login_user", None)
        return super().open(*args, **named)


def sign_in(app: Flask, user: User) -> FlaskClient:
    """A client on whose session `user` is signed in; commits what the test has made so far."""
    uniquifier = user.fs_uniquifier
    db.session.commit()
    for name in list(g):  # a test's requests share its application context, and with it who was signed in before
        g.pop(name)
    app.test_client_class = SignedInClient
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = uniquifier
        session["_fresh"] = True
        session["fs_cc"] = "set"
        session["fs_paa"] = 4102444800.0  # re-authenticated as late as anybody asks (seconds since 1970)
    return client
