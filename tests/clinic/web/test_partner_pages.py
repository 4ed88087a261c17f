"""Partner laboratories: registered, changed and refused; another site's is not there; its token is shown once."""

from __future__ import annotations

import re

from flask import Flask

from clinic.db import db
from clinic.models import Laboratory
from clinic.services.partner_laboratory import find_by_token
from tests.factory import PASSWORD, make_laboratory, make_site, make_user
from tests.sign_in import sign_in

AREA = "/administration/laboratories"
FINGERPRINT = "AB:" * 31 + "CD"


def make_form(**values: str) -> dict[str, str]:
    return {"name": "Central Laboratory", "application": "CENTRALLAB", "facility": "LAB01", "our_facility": "NBO",
            "time_zone": "Africa/Nairobi", "charset": "utf-8", "active": "1", "endpoint": "mllps://lab.example:2575",
            "fingerprint": FINGERPRINT, "folder": "central", "password": PASSWORD} | values


def test_laboratory_is_registered_refused_and_changed(app: Flask) -> None:
    make_laboratory(make_site(), folder="taken", application="OTHER")
    http = sign_in(app, make_user("admin"))
    for values, words in (
        ({"application": "A|B"}, "Write letters"), ({"endpoint": "http://lab.example"}, "Write an address like mllps"),
        ({"fingerprint": "AB:CD"}, "64 digits"), ({"time_zone": "Nairobi"}, "Choose a time zone"),
        ({"folder": "../etc"}, "small letters"), ({"folder": "taken"}, "puts its files there"),
        ({"application": "OTHER"}, "Another laboratory"), ({"password": "guess"}, "not your password"),
    ):
        answer = http.post(f"{AREA}/new", data=make_form(**values))
        assert (answer.status_code, words in answer.text) == (422, True), values
    answer = http.post(f"{AREA}/new", data=make_form())
    assert answer.status_code == 303
    page = answer.headers["Location"]
    kept = db.session.get_one(Laboratory, page.rsplit("/", 1)[-1])
    assert (kept.fingerprint, kept.active, kept.plain_allowed) == ("ab" * 31 + "cd", True, False)
    assert (kept.user.active, kept.user.roles, kept.user.password) == (False, [], None)
    assert "Central Laboratory" in http.get(AREA).text
    assert http.post(page, data=make_form(password="")).status_code == 422
    assert http.post(page, data=make_form(name="Central", plain_allowed="1")).status_code == 303
    shown = http.get(page).text
    assert "name, without encryption" in shown
    assert "Central" not in http.get("/administration/users").text, "it is no member of staff"


def test_laboratory_of_another_site_is_not_there(app: Flask) -> None:
    make_site()
    other = make_laboratory(make_site("KSM"), our_facility="KSM").id
    http = sign_in(app, make_user("admin"))
    assert http.get(f"{AREA}/{other}").status_code == 404
    assert http.post(f"{AREA}/{other}", data=make_form()).status_code == 404
    assert http.post(f"{AREA}/{other}/token", data={"token_password": PASSWORD}).status_code == 404


def test_token_is_shown_once_replaced_and_ended(app: Flask) -> None:
    laboratory_id = make_laboratory().id
    http = sign_in(app, make_user("admin"))
    page = f"{AREA}/{laboratory_id}"
    assert http.post(f"{page}/token", data={"act": "draw"}).status_code == 422
    tokens = []
    for _turn in range(2):
        shown = http.post(f"{page}/token", data={"act": "draw", "token_password": PASSWORD}).text
        found = re.search(r'code--shown"[^>]*>([\w-]+)<', shown)
        assert found
        tokens.append(found.group(1))
    db.session.rollback()
    first, second = map(find_by_token, tokens)
    assert first is None and second is not None and second.id == laboratory_id
    assert tokens[1] not in http.get(page).text
    assert http.post(f"{page}/token", data={"act": "end", "token_password": PASSWORD}).status_code == 303
    db.session.rollback()
    assert find_by_token(tokens[1]) is None and find_by_token("") is None
