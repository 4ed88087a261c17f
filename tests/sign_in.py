"""Signing in to a test client without the form, for tests of what lies behind it."""

from __future__ import annotations

from typing import Any

from flask import Flask, g
from flask.testing import FlaskClient

from clinic import clock
from clinic.db import current_mode, db, set_mode
from clinic.demo.walk import ensure_consent
from clinic.models import Case, IdentityMethod, User
from clinic.services.identity import confirm_identity
from clinic.services.sign_in import begin_sign_in
from clinic.station import list_stations
from tests.factory import make_user


class SignedInClient(FlaskClient):
    """A client that is one person, also where several take turns within the application context of one test."""

    def open(self, *args: Any, **named: Any) -> Any:
        """Forget whom the last request of this context was by, and what the test has looked up; then the request."""
        g.pop("_login_user", None)
        if current_mode() == "read":  # on PostgreSQL a unit that only reads stays so, whatever the request is
            db.session.rollback()
        return super().open(*args, **named)


def give_consent(case: Case) -> None:
    """The applicant of `case` signed."""
    ensure_consent(case, make_user("reception"))


def meet(case: Case, user: User, consents: bool = True) -> None:
    """`user` has confirmed at every station who is in front of them; the person has consented, or not yet."""
    if consents:
        give_consent(case)
    for station in list_stations().values():
        confirm_identity(case, station, IdentityMethod.KNOWN, user)


def sign_in(app: Flask, user: User, case_id: str | None = None, consents: bool = True) -> FlaskClient:
    """A client on whose session `user` is signed in; commits what the test has made so far.

    With `case_id` the person of that case stands before `user` at every station, and has consented, or not yet.
    """
    if current_mode() == "read":  # an earlier request of this test left a unit that only reads
        db.session.rollback()
        set_mode("write")
    if case_id is not None:
        meet(db.session.get_one(Case, case_id), user, consents)
    uniquifier = user.fs_uniquifier
    sign_in_id = begin_sign_in(db.session.get_one(User, user.id), "127.0.0.1", "").id
    db.session.commit()
    for name in list(g):  # a test's requests share its application context, and with it who was signed in before
        g.pop(name)
    app.test_client_class = SignedInClient
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = uniquifier
        session["sign_in"], session["seen"] = sign_in_id, clock.now().timestamp()
        session["_fresh"] = True
        session["fs_cc"] = "set"
        session["proved"] = uniquifier  # the second factor was passed
        session["checked"] = clock.now().timestamp()  # as after a sign-in
        session["fs_paa"] = 4102444800.0  # re-authenticated as late as anybody asks (seconds since 1970)
    return client
