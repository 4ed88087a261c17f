"""The one place that asks again who acts: always for what is signed, within minutes not again for what is released."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from clinic import clock
from clinic.db import db
from clinic.models import AuditChange
from tests.clinic.web.test_delivery_page import make_refused
from tests.factory import PASSWORD, make_user
from tests.sign_in import sign_in

HELD = {"act": "hold", "reason": "the form is being mended"}
RELEASE = {"act": "release", "reason": "the form was mended"}
LATER = timedelta(minutes=6)  # the setting is five


def list_attempts(user_id: str) -> list[tuple[str, str]]:
    db.session.rollback()
    rows = db.session.execute(
        select(AuditChange.action, AuditChange.detail).where(AuditChange.subject_id == user_id)
    ).all()
    return sorted((action, detail["by"]) for action, detail in rows)


def test_release_minutes_after_the_sign_in_asks_again(app: Flask) -> None:
    delivery_id, admin = make_refused().id, make_user("admin")
    admin_id, client = admin.id, sign_in(app, admin)
    url = f"/deliveries/{delivery_id}"
    assert client.post(url, data=HELD).status_code == 303
    assert 'id="password"' not in client.get(url).get_data(as_text=True), "just signed in"
    with clock.stopped_at(clock.now() + LATER):
        assert 'id="password"' in client.get(url).get_data(as_text=True)
        for wrong in ({}, {"password": "a guess, not the password"}):
            refused = client.post(url, data=RELEASE | wrong)
            assert refused.status_code == 422
            assert "This is not your password." in refused.get_data(as_text=True)
        assert client.post(url, data=RELEASE | {"password": PASSWORD}).status_code == 303
        assert client.post(url, data=HELD).status_code == 303
        assert client.post(url, data=RELEASE).status_code == 303, "asked a moment ago"
    assert list_attempts(admin_id) == [("check-again", "password")] + [("wrong-secret", "password")] * 2


@pytest.mark.parametrize("password", ["a guess, not the password", PASSWORD])
def test_what_only_sends_again_or_holds_never_asks(app: Flask, password: str) -> None:
    delivery_id, client = make_refused().id, sign_in(app, make_user("admin"))
    with clock.stopped_at(clock.now() + LATER):
        assert client.post(f"/deliveries/{delivery_id}", data=HELD | {"password": password}).status_code == 303
