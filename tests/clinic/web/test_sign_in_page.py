"""Signing in and out makes and ends rows; one's own are listed and ended; guessing has to wait, in the same words."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask, g, request
from flask.testing import FlaskClient
from sqlalchemy import select

from clinic import clock
from clinic.audit import audit_engine, audit_read, record_change
from clinic.config import Settings
from clinic.db import db, write_unit
from clinic.limit import STRICT, VISITORS
from clinic.models import AuditChange, SignIn, SignInEnd
from clinic.services.secret_attempt import record_wrong_secret
from tests.factory import PASSWORD, make_site, make_user
from tests.sign_in import SignedInClient, sign_in
from wsgi import create_app

WINDOWS = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Chrome/131.0.0.0 Safari/537.36"}


def _text(answer: object) -> str:
    return re.sub(r"\s+", " ", answer.get_data(as_text=True))  # type: ignore[attr-defined]


def _try(client: FlaskClient, email: str, password: str = "guess", **headers: str) -> int:
    answer = client.post("/sign-in", data={"email": email, "password": password}, headers=headers)
    return answer.status_code


def test_signing_in_and_out_leaves_a_row_and_two_lines_of_audit(app: Flask) -> None:
    nurse = make_user("nurse")
    email = nurse.email
    db.session.commit()
    client = app.test_client()
    assert _try(client, email, PASSWORD, **WINDOWS) == 302
    row = db.session.query(SignIn).one()
    assert (row.user_id, row.address, row.browser, row.ended_at) == (nurse.id, "127.0.0.1", "Chrome on Windows", None)
    assert client.get("/my-sign-in").status_code == 200
    client.post("/sign-out")
    db.session.rollback()
    assert db.session.query(SignIn).one().end_reason is SignInEnd.SIGNED_OUT
    actions = db.session.execute(select(AuditChange.action).order_by(AuditChange.id)).scalars().all()
    assert actions[-2:] == ["sign-in", "end-sign-in"]


@pytest.mark.parametrize("address", ["https://evil.example", "//evil.example", "/\\evil.example", "evil"])
def test_address_that_leads_elsewhere_is_left_out_and_the_sign_in_works(app: Flask, address: str) -> None:
    """The library refused it in its own words, on a page whose form sent it again: nobody got in by that link."""
    nurse = make_user("nurse")
    email = nurse.email
    db.session.commit()
    client = app.test_client()
    page = client.get("/sign-in", query_string={"next": address}).get_data(as_text=True)
    found = re.search(r'action="(/sign-in[^"]*)" method="post" name="login_user_form"', page)
    assert found is not None and found[1] == "/sign-in"
    answer = client.post(found[1], data={"email": email, "password": PASSWORD})
    assert (answer.status_code, answer.location) == (302, "/")


def test_address_of_ours_is_kept_by_the_sign_in(app: Flask) -> None:
    page = app.test_client().get("/sign-in", query_string={"next": "/tasks?kind=hold"}).get_data(as_text=True)
    assert 'action="/sign-in?next=/tasks%3Fkind%3Dhold" method="post"' in page


def _sign_in_and_look(app: Flask, email: str) -> str:
    client = app.test_client()
    assert _try(client, email, PASSWORD) == 302
    page = _text(client.get("/my-sign-in"))
    client.post("/sign-out")
    g.pop("_login_user", None)  # the test's context outlives its requests
    return page


def test_next_sign_in_tells_its_owner_what_happened_to_the_account(app: Flask) -> None:
    nurse, other = make_user("nurse"), make_user("nurse")
    email, began = nurse.email, datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
    when = f"{began.astimezone(ZoneInfo(nurse.site.time_zone)):%d-%b-%Y %H:%M}"
    db.session.commit()
    with clock.stopped_at(began):
        assert "happened to your account" not in _sign_in_and_look(app, email)
    for minute, (user, action) in enumerate(((nurse, "reset-mfa"), (nurse, "change-password"), (nurse, "lift-delay"),
                                             (other, "add-passkey"))):
        with clock.stopped_at(began + timedelta(minutes=50 + minute)), write_unit():  # told in their order
            record_change(action, "user", user.id, site_id=user.site_id)
    with clock.stopped_at(began + timedelta(hours=1)), write_unit():
        for _again in range(2):
            record_wrong_secret(nurse.id, "code", "sign-in")
    with clock.stopped_at(began + timedelta(hours=2)):
        with write_unit():
            record_wrong_secret(nurse.id, "password", "sign-in")  # mistyped just before
        told = _sign_in_and_look(app, email)
    assert f"Since you signed in on {when}, this happened to your account: Second factor reset; Password changed; " \
           "2 wrong passwords or codes. Was that not you?" in told
    assert 'your password on <a class="govuk-link" href="/my-sign-in">My sign-in</a> and tell' in told
    assert 'action="/sign-out"' in told
    with clock.stopped_at(began + timedelta(hours=3)):
        assert "happened to your account" not in _sign_in_and_look(app, email)


def test_cookie_of_an_ended_sign_in_is_nobody_at_once(app: Flask) -> None:
    nurse = make_user("nurse")
    here, there = sign_in(app, nurse), sign_in(app, nurse)
    assert there.get("/").status_code == 200
    page = _text(here.get("/sign-ins"))
    assert page.count("This one") == 1 and "End all others" in page
    end = re.search(r'action="(/sign-ins/[^"]+/end)"', page)
    assert end and here.post(end[1]).status_code == 302
    assert there.get("/").headers["Location"].startswith("/sign-in")
    assert here.get("/").status_code == 200


def test_all_others_are_ended_and_the_present_one_stands(app: Flask) -> None:
    nurse = make_user("nurse")
    here, there, third = (sign_in(app, nurse) for _each in range(3))
    here.post("/sign-ins/end-others")
    assert [each.get("/").status_code for each in (here, there, third)] == [200, 302, 302]


def test_administrator_ends_those_of_the_own_site_alone(app: Flask) -> None:
    nurse, admin = make_user("nurse"), make_user("siteadmin")
    stranger = make_user("nurse", make_site("MNL"))
    nurse_id, stranger_id = nurse.id, stranger.id
    other = sign_in(app, make_user("nurse"))
    theirs, client = sign_in(app, nurse), sign_in(app, admin)
    assert "127.0.0.1" in _text(client.get(f"/administration/users/{nurse_id}/sign-ins"))
    assert client.get(f"/administration/users/{stranger_id}/sign-ins").status_code == 404
    assert client.post(f"/administration/users/{stranger_id}/sign-ins/end-all").status_code == 404
    client.post(f"/administration/users/{nurse_id}/sign-ins/end-all")
    assert theirs.get("/").status_code == 302
    db.session.rollback()
    reasons = db.session.execute(select(SignIn.end_reason).where(SignIn.user_id == nurse_id)).scalars().all()
    assert reasons == [SignInEnd.ENDED_BY_ADMINISTRATOR]
    assert other.get(f"/administration/users/{nurse_id}/sign-ins").status_code == 403


@pytest.mark.parametrize("known", [True, False])
def test_guessing_waits_in_the_same_words_whether_the_account_exists(app: Flask, known: bool) -> None:
    nurse = make_user("nurse")
    email = nurse.email if known else "nobody@test.example"
    db.session.commit()
    client = app.test_client()
    with clock.stopped_at(clock.now()):
        assert [_try(client, email) for _each in range(STRICT.free)] == [200] * STRICT.free
        answer = client.post("/sign-in", data={"email": email, "password": PASSWORD})
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "30")
        assert "Too many attempts. Wait 30 seconds, then try again." in _text(answer)
        with audit_engine().connect() as connection:
            row = connection.execute(select(audit_read).where(audit_read.c.action == "delay-attempts")).one()
        assert row.subject_kind == ("user" if known else "account") and "@" not in row.subject_id


def test_password_is_not_even_compared_while_blocked(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    email = make_user("nurse").email
    db.session.commit()
    client = app.test_client()
    with clock.stopped_at(clock.now()):
        for _each in range(STRICT.free):
            _try(client, email)
        monkeypatch.setattr("flask_security.core.UserMixin.verify_and_update_password",
                            lambda *_args: pytest.fail("compared"))
        assert _try(client, email, PASSWORD) == 429


def test_clinician_on_a_known_browser_does_not_wait_for_a_strangers_guesses(app: Flask) -> None:
    email = make_user("physician").email
    db.session.commit()
    desk, stranger = app.test_client(), app.test_client()
    with clock.stopped_at(clock.now()):
        assert _try(desk, email, PASSWORD) == 302
        desk.post("/sign-out")
        for _each in range(STRICT.free):
            _try(stranger, email)
        assert _try(stranger, email) == 429
        assert _try(desk, email, PASSWORD) == 302


def test_staff_behind_one_address_sign_in_all_day(app: Flask) -> None:
    app.test_client_class = SignedInClient  # forgets who signed in last: the requests share the test's context
    emails = [make_user("nurse").email for _each in range(3)]
    db.session.commit()
    with clock.stopped_at(clock.now()):
        for _round in range(20):
            for email in emails:
                assert _try(app.test_client(), email, PASSWORD) == 302


def test_administrator_sees_who_waits_and_lets_them_try_again(app: Flask) -> None:
    nurse, admin = make_user("nurse"), make_user("admin")
    email, name = nurse.email, nurse.name
    with clock.stopped_at(clock.now()):
        client = sign_in(app, admin)
        stranger = app.test_client()
        for _each in range(STRICT.free):
            _try(stranger, email)
        page = _text(client.get("/administration/delays"))
        lift = re.search(r'action="(/administration/delays/[^"]+/lift)"', page)
        assert name in page and lift
        assert client.post(lift[1]).status_code == 302
        assert name not in _text(client.get("/administration/delays"))
        assert _try(stranger, email, PASSWORD) == 302
    assert db.session.query(AuditChange).filter_by(action="lift-delay").count() == 1


def test_public_pages_have_a_modest_limit(app: Flask) -> None:
    client = app.test_client()
    with clock.stopped_at(clock.now().replace(second=0)):
        for _each in range(VISITORS):
            assert client.get("/verify/none").status_code == 404
        answer = client.get("/will-i-need")
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")


@pytest.mark.parametrize(("proxies", "seen"), [(0, "127.0.0.1"), (1, "203.0.113.9"), (2, "198.51.100.4")])
def test_forwarded_address_is_believed_as_far_as_the_settings_say(
    settings: Settings, proxies: int, seen: str
) -> None:
    app = create_app(replace(settings, trusted_proxies=proxies))
    app.add_url_rule("/whoami", "whoami", lambda: request.remote_addr)
    with app.app_context():
        answer = app.test_client().get("/whoami", headers={"X-Forwarded-For": "6.6.6.6, 198.51.100.4, 203.0.113.9"})
        assert answer.get_data(as_text=True) == seen


def test_token_of_the_sign_in_library_stands_for_nobody(app: Flask) -> None:
    nurse = make_user("nurse")
    token = nurse.get_auth_token()
    db.session.commit()
    client = app.test_client()
    assert client.get("/", headers={"Authentication-Token": token}).status_code == 302
    assert client.get(f"/?auth_token={token}").status_code == 302


def test_idle_time_of_a_sign_in_is_shown_as_locked(app: Flask) -> None:
    nurse, start = make_user("nurse"), clock.now()
    sign_in(app, nurse)
    with clock.stopped_at(start + timedelta(minutes=20)):
        page = _text(sign_in(app, nurse).get("/sign-ins"))
    assert "Locked" in page and "This one" in page


@pytest.mark.parametrize("body", ['{"email": "nurse@test.example"}', '"x"', "[1]", "[" * 20_000, "{", "null"])
def test_sign_in_reads_no_json_of_strangers(app: Flask, body: str) -> None:
    for path in ("/sign-in", "/sign-in/new-password"):
        assert app.test_client().post(path, data=body, content_type="application/json").status_code == 415, path


@pytest.mark.parametrize(("language", "words"), [
    ("en", "The e-mail address or the password is not right."), ("fr", "le mot de passe n’est pas correct"),
])
def test_refused_sign_in_says_what_to_do_in_plain_words(app: Flask, language: str, words: str) -> None:
    email = make_user("nurse").email
    db.session.commit()
    client = app.test_client()
    for tried in (email, "nobody@test.example"):
        answer = client.post("/sign-in", data={"email": tried, "password": "guess"},
                             headers={"Accept-Language": language})
        assert words in _text(answer) and "identity" not in answer.text
