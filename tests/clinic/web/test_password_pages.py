"""Passwords: what is refused and why, one's own changed, a forgotten one set anew with the administrator's code."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from clinic import clock
from clinic.db import db, set_mode
from clinic.errors import InvalidInput
from clinic.limit import VISITORS
from clinic.models import PasswordReset, User
from clinic.services.password import ensure_good_password
from clinic.services.recovery import issue_recovery
from clinic.services.second_factor import has_authenticator
from clinic.services.staff import get_user
from tests.clinic.web.test_second_factor import give_password, list_actions, open_browser, set_up, show_code
from tests.factory import PASSWORD, make_user
from tests.sign_in import sign_in

NEW = "seven brass lamps on a river"


@pytest.mark.parametrize(("password", "word"), [
    ("short", "at least 12"), ("x" * 129, "at most 128"), ("password1234", "common"), ("qwertyuiop12", "common"),
    ("123456789012", "common"), ("mary.wanjiku1", "your name"), ("WanjikuMary!!", "your name"),
    ("clearwayclinic", "common"),
])
def test_poor_password_is_refused_with_the_reason(app: Flask, password: str, word: str) -> None:
    with pytest.raises(InvalidInput, match=word):
        ensure_good_password(password, "mary.wanjiku@clinic.example", "Mary Wanjiku")


@pytest.mark.parametrize("password", [
    NEW, "alllowercaseyetlong kettle", "Ünïcödé wörter zählen auch", "كلمات كثيرة لا تجتمع",
])
def test_kinds_of_characters_do_not_matter(app: Flask, password: str) -> None:
    ensure_good_password(password, "mary.wanjiku@clinic.example", "Mary Wanjiku")


def test_changed_password_ends_every_other_session(app: Flask) -> None:
    user = make_user("reception")
    email, user_id = user.email, user.id
    here, elsewhere = sign_in(app, user), sign_in(app, user)
    refused = here.post("/my-sign-in/password", data={"password": "not mine at all", "new_password": NEW})
    assert refused.status_code == 422 and "This is not your password." in refused.get_data(as_text=True)
    weak = here.post("/my-sign-in/password", data={"password": PASSWORD, "new_password": "password1234"})
    assert weak.status_code == 422 and "common or easy to guess" in weak.get_data(as_text=True)
    assert here.post("/my-sign-in/password", data={"password": PASSWORD, "new_password": NEW}).status_code == 303
    assert here.get("/").status_code == 200
    assert elsewhere.get("/").location.startswith("/sign-in")
    assert give_password(open_browser(app), email).status_code == 200, "the old one"
    assert give_password(open_browser(app), email, NEW).status_code == 302
    assert "change-password" in list_actions(user_id)


def test_code_of_the_administrator_sets_a_password_once_and_keeps_the_second_factor(app: Flask) -> None:
    user = make_user("reception")
    email, user_id, key = user.email, user.id, set_up(user)
    browser, code = sign_in(app, user), ""
    set_mode("write")
    issue_recovery(get_user(email), None)
    code = issue_recovery(get_user(email), None)  # only the newest counts
    assert code.replace("-", "") not in db.session.query(PasswordReset).one().digest
    stranger = open_browser(app)
    form = {"email": email, "code": code, "new_password": NEW}
    for wrong, word in (({"code": "ABCD-EFGH-JKLM"}, "not right"), ({"email": "nobody@test.example"}, "not right"),
                        ({"new_password": "password1234"}, "easy to guess")):
        answer = stranger.post("/sign-in/new-password", data=form | wrong)
        assert answer.status_code == 422 and word in answer.get_data(as_text=True)
        assert f'value="{(form | wrong)["code"]}"' in answer.get_data(as_text=True), "it need not be typed again"
    assert stranger.post("/sign-in/new-password", data=form).status_code == 303
    assert stranger.post("/sign-in/new-password", data=form).status_code == 422, "used up"
    assert browser.get("/").location.startswith("/sign-in"), "every session ended"
    assert give_password(stranger, email, NEW).location == "/sign-in/second-step"
    assert stranger.post("/sign-in/second-step", data={"code": show_code(key)}).status_code == 302
    assert has_authenticator(user_id)
    assert {"issue-password-reset", "reset-password", "wrong-secret"} <= set(list_actions(user_id))


def test_code_is_worth_nothing_after_half_an_hour(app: Flask) -> None:
    user = make_user("reception")
    email = user.email
    code = issue_recovery(get_user(email), None)
    browser = open_browser(app)
    with clock.stopped_at(clock.now() + timedelta(minutes=31)):
        late = browser.post("/sign-in/new-password", data={"email": email, "code": code, "new_password": NEW})
    assert late.status_code == 422
    assert db.session.query(User).filter_by(email=email).one()
    assert give_password(open_browser(app), email).status_code == 302, "the old one still stands"


def test_word_while_typing_is_the_judgement_of_the_refusal(app: Flask) -> None:
    user = make_user("reception", name="Mary Wanjiku")
    own, stranger = sign_in(app, user), open_browser(app)

    def weigh(browser: FlaskClient, password: str, email: str = "") -> tuple[str, bool]:
        answer = browser.post("/sign-in/password-strength", data={"new_password": password, "email": email})
        assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
        return answer.json["sentence"], answer.json["is_good"]  # type: ignore[index]

    assert weigh(own, NEW) == ("Very hard to guess.", True)
    assert weigh(stranger, "password1234")[0].startswith("This password is common")
    assert weigh(stranger, "short") == ("Choose a password of at least 12 characters.", False)
    assert weigh(stranger, "jane.otieno12", "jane.otieno@clinic.example")[0].startswith("This password contains")
    assert not weigh(own, "wanjikumary!")[1], "their own name"
    assert weigh(stranger, NEW, "@".join("x" * 400_000))[1], "a long address costs no time"


def test_name_of_somebody_cannot_be_asked_for_by_their_address(app: Flask) -> None:
    email = make_user("reception", name="Zebedee Kipchoge").email
    typed = {"new_password": "zebedeekipcho", "email": email}
    answer = open_browser(app).post("/sign-in/password-strength", data=typed)
    assert "your name" not in answer.get_data(as_text=True)


def test_strength_is_told_so_often_in_a_minute_and_no_more(app: Flask) -> None:
    browser = open_browser(app)
    with clock.stopped_at(clock.now()):
        said = [browser.post("/sign-in/password-strength", data={"new_password": "x"}).status_code
                for _turn in range(VISITORS + 1)]
    assert said == [200] * VISITORS + [429]
