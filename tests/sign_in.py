"""Signing in to a test client without the form, for tests of what lies behind it."""

from __future__ import annotations

from flask import Flask, g
from flask.testing import FlaskClient

from clinic.db import db
from clinic.models import User


def sign_in(app: Flask, user: User) -> FlaskClient:
    """A client on whose session `user` is signed in; commits what the test has made so far."""
    uniquifier = user.fs_uniquifier
    db.session.commit()
    for name in list(g):  # a test's requests share its application context, and with it who was signed in before
        g.pop(name)
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = uniquifier
        session["_fresh"] = True
        session["fs_cc"] = "set"
        session["fs_paa"] = 4102444800.0  # re-authenticated as late as anybody asks (seconds since 1970)
    return client
