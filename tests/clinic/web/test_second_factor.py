"""The second factor through the pages: set up before anything else opens, asked at every sign-in, each code once.

The codes are computed by pyotp, another implementation of RFC 6238 than the one that checks them.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from webauthn.helpers import bytes_to_base64url
from werkzeug.test import TestResponse

from clinic import clock
from clinic.audit import audit_engine
from clinic.config import Settings, get_settings
from clinic.db import db, set_mode
from clinic.models import AuditChange, Authenticator, RecoveryCode, User
from clinic.services.recovery import reset_second_factor
from clinic.services.second_factor import (
    count_recovery_codes,
    describe_secret,
    draw_recovery_codes,
    draw_secret,
    set_up_authenticator,
)
from clinic.services.staff import get_user
from tests.factory import PASSWORD, make_user
from tests.fuzz.key import SoftKey
from tests.sign_in import SignedInClient, sign_in
from wsgi import create_app

STEP = timedelta(seconds=30)


def open_browser(app: Flask) -> FlaskClient:
    """A browser on which nobody is signed in; what the test has made is committed."""
    db.session.commit()
    app.test_client_class = SignedInClient
    return app.test_client()


def give_password(browser: FlaskClient, email: str, password: str = PASSWORD) -> TestResponse:
    return browser.post("/sign-in", data={"email": email, "password": password})


def read_key(page: str) -> str:
    found = re.search(r'<code class="sign-in__key" dir="ltr">([^<]+)</code>', page)
    assert found
    return found[1].replace(" ", "")


def read_state(page: str) -> str:
    found = re.search(r'name="state" value="([^"]+)"', page)
    assert found
    return found[1]


def show_code(key: str, steps: int = 0) -> str:
    """What the phone shows now, or some steps of thirty seconds from now."""
    return pyotp.TOTP(key).at(clock.now() + steps * STEP)


def set_up(user: User) -> str:
    """Give `user` an authenticator app; returns its key. Its first code was that of the step before."""
    secret = draw_secret()
    key = describe_secret(secret, user)[1].replace(" ", "")
    with clock.stopped_at(clock.now()):  # that code is too old as soon as a step ends between here and there
        set_up_authenticator(user, secret, show_code(key, -1))
    return key


def list_actions(user_id: str) -> list[str]:
    db.session.rollback()
    return [row.action for row in db.session.query(AuditChange).filter_by(subject_id=user_id).order_by(AuditChange.id)]


def test_nothing_opens_before_a_second_factor_is_set_up(app: Flask) -> None:
    email = make_user("reception").email
    browser = open_browser(app)
    assert give_password(browser, email).location == "/"
    for path in ("/", "/applicants/new", "/search?q=x", "/my-sign-in/password"):
        assert browser.get(path).location == "/my-sign-in", path
    assert browser.post("/applicants/new", data={}).status_code == 403
    assert browser.get("/api/v1/decisions").status_code in (403, 405)
    assert browser.get("/my-sign-in").status_code == 200
    page = browser.post("/my-sign-in/app").get_data(as_text=True)
    key, state = read_key(page), read_state(page)
    wrong = browser.post("/my-sign-in/app/code", data={"state": state, "code": "000000"})
    assert wrong.status_code == 422 and read_key(wrong.get_data(as_text=True)) == key, "the same picture again"
    assert browser.get("/").status_code == 302
    done = browser.post("/my-sign-in/app/code", data={"state": state, "code": show_code(key)})
    codes = re.findall(r"<code>([A-Z2-9-]{19})</code>", done.get_data(as_text=True))
    assert len(set(codes)) == 10
    assert browser.get("/").status_code == 200
    stored = db.session.query(Authenticator).one().secret
    assert key not in stored
    assert not {row.digest for row in db.session.query(RecoveryCode)} & set(codes)


def test_session_from_before_the_set_up_elsewhere_is_ended(app: Flask) -> None:
    user = make_user("reception")
    email, waiting = user.email, open_browser(app)
    give_password(waiting, email)
    set_mode("write")
    set_up(db.session.query(User).filter_by(email=email).one())
    db.session.commit()
    assert waiting.get("/").location.startswith("/sign-in")
    assert waiting.get("/my-sign-in").location.startswith("/sign-in")


def test_code_signs_in_once_and_its_neighbour_before_never_after(app: Flask) -> None:
    user = make_user("reception")
    email, user_id, key = user.email, user.id, set_up(user)
    with clock.stopped_at(clock.now()):
        first, second = open_browser(app), open_browser(app)
        asked = give_password(first, email)
        assert asked.location == "/sign-in/second-step"
        assert first.get("/").location.startswith("/sign-in"), "not signed in yet"
        code = show_code(key, 1)  # a phone that is ahead
        assert first.post("/sign-in/second-step", data={"code": code}).status_code == 302
        assert first.get("/").status_code == 200
        give_password(second, email)
        for steps in (1, 0, -1):
            refused = second.post("/sign-in/second-step", data={"code": show_code(key, steps)})
            assert refused.status_code == 422, steps
            assert "was used already" in refused.get_data(as_text=True)
        assert second.get("/").location.startswith("/sign-in")
    with clock.stopped_at(clock.now() + 2 * STEP):
        assert second.post("/sign-in/second-step", data={"code": show_code(key)}).status_code == 302
        assert second.get("/").status_code == 200
    assert list_actions(user_id).count("wrong-secret") == 3


def test_empty_second_step_asks_for_the_code_and_is_no_guess(app: Flask) -> None:
    user = make_user("reception")
    email, user_id, key = user.email, user.id, set_up(user)
    browser = open_browser(app)
    give_password(browser, email)
    assert re.search(r'id="code"[^>]* autofocus', browser.get("/sign-in/second-step").get_data(as_text=True))
    for _press in range(7):
        early = browser.post("/sign-in/second-step", data={"code": " "})
        assert early.status_code == 422 and "Enter the code that your" in early.get_data(as_text=True)
    assert browser.post("/sign-in/second-step", data={"code": show_code(key)}).status_code == 302
    assert "wrong-secret" not in list_actions(user_id)


def test_digits_of_an_arabic_keyboard_and_spaces_are_read(app: Flask) -> None:
    user = make_user("reception")
    email, key = user.email, set_up(user)
    browser = open_browser(app)
    give_password(browser, email)
    typed = " ".join(chr(0x0660 + int(digit)) for digit in show_code(key))
    assert browser.post("/sign-in/second-step", data={"code": typed}).status_code == 302


def test_second_step_waits_ten_minutes_and_knows_nobody_else(app: Flask) -> None:
    user = make_user("reception")
    email, user_id, key = user.email, user.id, set_up(user)
    browser, stranger = open_browser(app), open_browser(app)
    assert stranger.get("/sign-in/second-step").location == "/sign-in"
    assert stranger.post("/sign-in/second-step", data={"code": show_code(key)}).location == "/sign-in"
    assert give_password(browser, email, "a wrong password").status_code == 200
    assert list_actions(user_id) == ["set-up-authenticator", "wrong-secret"]
    assert browser.get("/sign-in/second-step").location == "/sign-in"
    give_password(browser, email)
    with clock.stopped_at(clock.now() + timedelta(minutes=11)):
        assert browser.post("/sign-in/second-step", data={"code": show_code(key)}).location == "/sign-in"


def test_recovery_code_stands_in_once(app: Flask) -> None:
    user = make_user("reception")
    email, user_id = user.email, user.id
    set_up(user)
    codes = draw_recovery_codes(user)
    for expected in (302, 422):
        browser = open_browser(app)
        give_password(browser, email)
        typed = codes[0].lower().replace("-", " ")
        assert browser.post("/sign-in/second-step", data={"code": typed}).status_code == expected
        told = "If your phone or key is gone, set up a new one now" in browser.get("/my-sign-in").get_data(as_text=True)
        assert told is (expected == 302)
    assert count_recovery_codes(user_id) == 9
    assert "use-recovery-code" in list_actions(user_id)


def test_lost_phone_is_replaced_with_recovery_codes_however_late_and_work_goes_on(app: Flask) -> None:
    user = make_user("reception")
    email, user_id, lost = user.email, user.id, set_up(user)
    codes, browser = draw_recovery_codes(user), open_browser(app)
    asked = browser.post("/sign-in?next=/search", data={"email": email, "password": PASSWORD}).location
    assert "<details" in browser.get(asked).get_data(as_text=True)
    led = browser.post(asked, data={"recovery_code": codes[0]}).location
    assert led.startswith("/my-sign-in?then=")
    then = unquote(led.partition("then=")[2])
    assert 'href="/search"' in browser.get(led).get_data(as_text=True), "or on to where they wanted to go"
    with clock.stopped_at(clock.now() + timedelta(minutes=6)):
        page = browser.get(led).get_data(as_text=True)
        assert 'name="app_recovery_code"' in page and 'name="key_recovery_code"' in page
        proof = {"app_password": PASSWORD, "app_recovery_code": codes[0], "then": then}
        used = browser.post("/my-sign-in/app", data=proof)
        assert used.status_code == 422 and "This recovery code is not right" in used.get_data(as_text=True)
        shown = browser.post("/my-sign-in/app", data=proof | {"app_recovery_code": codes[1]}).get_data(as_text=True)
        assert "That recovery code is used up; 8 are left." in shown
        key = read_key(shown)
        done = browser.post("/my-sign-in/app/code", data={
            "state": read_state(shown), "code": show_code(key), "then": then})
        assert done.location == led and 'href="/search"' in browser.get(led).get_data(as_text=True)
        assert show_code(lost) != show_code(key)
        stranger = browser.get("/my-sign-in?then=gAAAA-not-ours").get_data(as_text=True)
        assert "gAAAA" not in stranger and "Go on to your work" not in stranger
    assert list_actions(user_id).count("use-recovery-code") == 2
    assert count_recovery_codes(user_id) == 8


def test_guesses_at_recovery_codes_wait_like_any_other(app: Flask) -> None:
    user = make_user("reception")
    email, key = user.email, set_up(user)
    draw_recovery_codes(user)
    browser = open_browser(app)
    give_password(browser, email)
    with clock.stopped_at(clock.now()):
        guesses = [browser.post("/sign-in/second-step", data={"recovery_code": f"AAAA-{n}"}) for n in range(20)]
        assert guesses[0].status_code == 422 and guesses[-1].status_code == 429
    with clock.stopped_at(clock.now() + timedelta(hours=2)):
        give_password(browser, email)
        assert browser.post("/sign-in/second-step", data={"code": show_code(key)}).status_code == 302
        again = [browser.post("/my-sign-in/password", data={
            "new_password": "seven brass lamps on a river", "password": PASSWORD, "recovery_code": f"AAAA-{n}",
        }) for n in range(20)]
        assert again[0].status_code == 422 and again[-1].status_code == 429


def test_key_that_is_not_at_hand_is_stood_in_for_by_a_recovery_code(app: Flask) -> None:
    user = make_user("reception")
    client = sign_in(app, user)
    asked = client.get("/my-sign-in/passkeys/options").get_json()
    kept = client.post("/my-sign-in/passkeys", data={
        "name": "blue key", "new": SoftKey(*_find_origin(app)).register(asked)}).get_data(as_text=True)
    code = re.findall(r"<code>([A-Z2-9-]{19})</code>", kept)[0]
    change = {"new_password": "seven brass lamps on a river", "password": PASSWORD}
    refused = client.post("/my-sign-in/password", data=change).get_data(as_text=True)
    assert "Confirm with your passkey." in refused and 'name="recovery_code"' in refused
    assert client.post("/my-sign-in/password", data=change | {"recovery_code": code}).status_code == 303
    assert "wrong-secret" not in list_actions(user.id), "what was left empty is no guess"


def test_key_of_an_app_opens_it_on_the_same_phone_and_can_be_copied(app: Flask) -> None:
    client = sign_in(app, make_user("reception"))
    page = client.post("/my-sign-in/app").get_data(as_text=True)
    address = html.unescape(re.search(r'href="(otpauth://[^"]+)"', page)[1])  # type: ignore[index]
    assert pyotp.parse_uri(address).secret == read_key(page)


def test_reset_by_the_administrator_ends_sessions_and_begins_anew(app: Flask) -> None:
    user = make_user("reception")
    email, user_id, key = user.email, user.id, set_up(user)
    browser = open_browser(app)
    give_password(browser, email)
    browser.post("/sign-in/second-step", data={"code": show_code(key)})
    assert browser.get("/").status_code == 200
    set_mode("write")
    reset_second_factor(get_user(email), None)
    db.session.commit()
    assert browser.get("/").location.startswith("/sign-in")
    assert give_password(browser, email).location == "/"
    assert browser.get("/").location == "/my-sign-in"
    assert "reset-mfa" in list_actions(user_id)


def test_only_factor_is_not_removed(app: Flask) -> None:
    user = make_user("reception")
    email, key = user.email, set_up(user)
    browser = open_browser(app)
    give_password(browser, email)
    browser.post("/sign-in/second-step", data={"code": show_code(key)})
    page = browser.post("/my-sign-in/app/remove", follow_redirects=True).get_data(as_text=True)
    assert "This is your only second factor" in page
    assert db.session.query(Authenticator).count() == 1


@pytest.mark.parametrize("answer", [
    "", "no json", "[]", '{"challenge": "x", "credential": {}}', '{"challenge": 1}',
    '{"credential": null, "challenge": ""}', "[" * 20_000,
])
def test_nonsense_instead_of_a_passkey_is_refused(app: Flask, answer: str) -> None:
    user = make_user("reception")
    email = user.email
    set_up(user)
    browser = open_browser(app)
    assert browser.post("/sign-in/passkey", data={"passkey": answer}).location.startswith("/sign-in")
    give_password(browser, email)
    assert browser.post("/sign-in/second-step", data={"passkey": answer}).status_code == 422
    options = browser.get("/sign-in/second-step/options").get_json()
    for inner in ('"rawId": "AAAA", "id": "AAAA"', '"rawId": ["AAAA"]'):
        wrong = f'{{"challenge": "{options["challenge"]}", "credential": {{{inner}}}}}'
        assert browser.post("/sign-in/second-step", data={"passkey": wrong}).status_code == 422
    assert browser.get("/").location.startswith("/sign-in")


@pytest.mark.parametrize("response", [
    "text", {}, {"attestationObject": 1, "clientDataJSON": 1}, {"clientDataJSON": bytes_to_base64url(b"[" * 20_000)},
    {"clientDataJSON": bytes_to_base64url(b'{"type": "webauthn.create", "challenge": 1, "origin": []}')},
    {"attestationObject": bytes_to_base64url(b"\x81" * 2_000)}, {"transports": 1}, {"transports": [{}, "usb"]},
    {"attestationObject": bytes_to_base64url(b"\xa3cfmtdnonegattStmt\xa0hauthData\x01")},
])
def test_passkey_that_answers_nonsense_is_not_added_and_a_good_one_is(app: Flask, response: Any) -> None:
    user = make_user("reception")
    client = sign_in(app, user)
    key = SoftKey(*_find_origin(app))
    asked = client.get("/my-sign-in/passkeys/options").get_json()
    good = key.register(asked)
    bad = json.loads(good)
    whole = bad["credential"]["response"]
    bad["credential"]["response"] = whole | response if isinstance(response, dict) and response else response
    answer = client.post("/my-sign-in/passkeys", data={"name": "blue key", "new": json.dumps(bad)})
    assert answer.status_code == (200 if "transports" in response else 422), "recovery codes, or refused"
    if answer.status_code == 422:
        assert client.post("/my-sign-in/passkeys", data={"name": "blue key", "new": good}).status_code in (200, 303)


def _find_origin(app: Flask) -> tuple[str, str]:
    parts = urlsplit(get_settings(app).base_url)
    return f"{parts.scheme}://{parts.netloc}", parts.hostname or ""


def test_demonstration_asks_for_no_second_factor(settings: Settings) -> None:
    app = create_app(replace(settings, demo=True))
    app.config.update(WTF_CSRF_ENABLED=False)
    with app.app_context():
        set_mode("write")
        email = make_user("reception", email="demo-person@test.example").email
        browser = open_browser(app)
        give_password(browser, email)
        assert browser.get("/").status_code == 200
        db.session.remove()
        set_mode("read")
        db.engine.dispose()
        audit_engine().dispose()
