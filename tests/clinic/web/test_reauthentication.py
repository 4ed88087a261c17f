"""The one place that asks again who acts: always for what is signed, within minutes not again for what is released."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from clinic import clock
from clinic.db import db
from clinic.models import AuditChange
from clinic.services.second_factor import draw_recovery_codes
from tests.clinic.web.test_delivery_page import make_refused
from tests.clinic.web.test_second_factor import set_up, show_code
from tests.factory import PASSWORD, make_user
from tests.sign_in import sign_in
from tests.us_case import make_complete_case, make_staff

HELD = {"act": "hold", "reason": "the form is being mended"}
RELEASE = {"act": "release", "reason": "the form was mended"}
LATER = timedelta(minutes=6)  # the setting is five


def list_attempts(user_id: str) -> list[tuple[str, str]]:
    db.session.rollback()
    rows = db.session.execute(
        select(AuditChange.action, AuditChange.detail).where(AuditChange.subject_id == user_id)
    ).all()
    return sorted((action, detail["by"]) for action, detail in rows if "by" in detail)


def test_release_minutes_after_the_sign_in_asks_again(app: Flask) -> None:
    delivery_id, admin = make_refused().id, make_user("admin")
    admin_id, client = admin.id, sign_in(app, admin)
    url = f"/deliveries/{delivery_id}"
    assert client.post(url, data=HELD).status_code == 303
    assert 'id="password"' not in client.get(url).get_data(as_text=True), "just signed in"
    with clock.stopped_at(clock.now() + LATER):
        assert 'id="password"' in client.get(url).get_data(as_text=True)
        for wrong, said in (("", "Enter your password."), ("a guess, not the password", "This is not your password.")):
            refused = client.post(url, data=RELEASE | {"password": wrong})
            assert refused.status_code == 422 and said in refused.get_data(as_text=True)
        assert client.post(url, data=RELEASE | {"password": PASSWORD}).status_code == 303
        assert client.post(url, data=HELD).status_code == 303
        assert client.post(url, data=RELEASE).status_code == 303, "asked a moment ago"
    assert list_attempts(admin_id) == [("check-again", "password"), ("wrong-secret", "password")]


@pytest.mark.parametrize("password", ["a guess, not the password", PASSWORD])
def test_what_only_sends_again_or_holds_never_asks(app: Flask, password: str) -> None:
    delivery_id, client = make_refused().id, sign_in(app, make_user("admin"))
    with clock.stopped_at(clock.now() + LATER):
        assert client.post(f"/deliveries/{delivery_id}", data=HELD | {"password": password}).status_code == 303


def test_signing_asks_for_a_code_every_time_and_takes_each_once(app: Flask) -> None:
    staff = make_staff()
    key, user_id, case_id = set_up(staff.physician), staff.physician.id, make_complete_case(staff).id
    client = sign_in(app, staff.physician)  # a moment ago: signing asks all the same
    page = client.get(f"/cases/{case_id}/sign").get_data(as_text=True)
    assert 'id="code"' in page
    version = page.partition('name="case_version" value="')[2].partition('"')[0]
    form = {"kind": "accepted", "declared": "yes", "case_version": version, "password": PASSWORD}
    with clock.stopped_at(clock.now()):
        code = show_code(key)
        early = client.post(f"/cases/{case_id}/sign", data=form | {"code": code, "declared": ""})
        assert early.status_code == 422, "the declaration is missing, and the code is not used up by that"
        empty = client.post(f"/cases/{case_id}/sign", data=form)
        assert empty.status_code == 422
        assert "Enter the code that your authenticator app shows now." in empty.get_data(as_text=True)
        for wrong in ({"code": "111111"}, {"code": "000000"}, {"code": code, "password": "a guess, not the password"}):
            assert client.post(f"/cases/{case_id}/sign", data=form | wrong).status_code == 422
        assert client.post(f"/cases/{case_id}/sign", data=form | {"code": code}).status_code == 302
        exam = client.get(f"/cases/{case_id}/sign").location
        again = client.post(f"{exam}/revoke", data={
            "revocation": "film of another person", "password": PASSWORD, "code": code})
        assert again.status_code == 422 and "was used already" in again.get_data(as_text=True)
    assert [how for what, how in list_attempts(user_id) if what == "wrong-secret"] == ["code"] * 3 + ["password"]


def test_signature_is_proven_with_a_recovery_code_which_is_used_up(app: Flask) -> None:
    staff = make_staff()
    set_up(staff.physician)
    user_id, case_id, codes = staff.physician.id, make_complete_case(staff).id, draw_recovery_codes(staff.physician)
    client = sign_in(app, staff.physician)
    page = client.get(f"/cases/{case_id}/sign").get_data(as_text=True)
    assert 'id="recovery_code"' in page
    version = page.partition('name="case_version" value="')[2].partition('"')[0]
    form = {"kind": "accepted", "declared": "yes", "case_version": version, "password": PASSWORD}
    assert client.post(f"/cases/{case_id}/sign", data=form | {"recovery_code": codes[0]}).status_code == 302
    exam = client.get(f"/cases/{case_id}/sign").location
    again = client.post(f"{exam}/revoke", data={
        "revocation": "film of another person", "password": PASSWORD, "recovery_code": codes[0]})
    assert again.status_code == 422 and "This recovery code is not right" in again.get_data(as_text=True)
    assert list_attempts(user_id) == [("check-again", "recovery_code"), ("wrong-secret", "recovery_code")]
