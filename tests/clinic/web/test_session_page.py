"""Sessions end by themselves; what was typed waits for its author, and for nobody else."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask, g
from flask.testing import FlaskClient

from clinic import clock
from clinic.db import db
from clinic.models import Case, FormResponse, KeptInput
from clinic.session_life import BACKGROUND
from tests.factory import PASSWORD, make_case, make_user
from tests.sign_in import sign_in

LONG = timedelta(minutes=16)
SHORT = timedelta(minutes=10)


@pytest.fixture
def case(app: Flask) -> Case:
    """A US case on which nothing has been done."""
    return make_case("us", user=make_user("reception"))


def _text(answer: object) -> str:
    return re.sub(r"\s+", " ", answer.get_data(as_text=True))  # type: ignore[attr-defined]


def _page(client: FlaskClient, address: str) -> str:
    found = re.search(r'name="page" value="([^"]+)"', _text(client.get(address)))
    assert found
    return found[1]


def test_screen_is_locked_after_a_quarter_of_an_hour_without_anybody(app: Flask) -> None:
    client = sign_in(app, make_user("nurse"))
    assert client.get("/").status_code == 200
    with clock.stopped_at(clock.now() + LONG):
        assert client.get("/").headers["Location"].startswith("/locked?then=")


def test_every_request_prolongs_but_those_a_page_makes_by_itself(app: Flask) -> None:
    client, start = sign_in(app, make_user("nurse")), clock.now()
    client.get("/")
    with clock.stopped_at(start + SHORT):
        assert client.get("/").status_code == 200
    with clock.stopped_at(start + 2 * SHORT):
        left = client.get("/session", headers={BACKGROUND: "1"}).json["left"]
        assert 290 <= left <= 300
    with clock.stopped_at(start + SHORT + LONG):
        assert client.get("/").status_code == 302


def test_no_time_is_left_only_once_the_screen_is_locked(app: Flask) -> None:
    """A page that covered itself within the last second was led back by the lock page, and stayed open for ever."""
    start = clock.now()
    with clock.stopped_at(start):
        client = sign_in(app, make_user("nurse"))
        client.get("/")
    with clock.stopped_at(start + timedelta(minutes=14, seconds=59.5)):
        assert client.get("/session", headers={BACKGROUND: "1"}).json["left"] == 1
    with clock.stopped_at(start + timedelta(minutes=15)):
        assert client.get("/session", headers={BACKGROUND: "1"}).json["left"] is None
        assert client.get("/locked", follow_redirects=False).status_code == 200


@pytest.mark.parametrize(("idle", "grain"), [(15, 60), (1, 4), (60, 60)])
def test_cookie_is_renewed_each_fifteenth_of_the_idle_time_and_at_least_once_a_minute(
    app: Flask, idle: int, grain: int
) -> None:
    app.config["SESSION_IDLE"] = timedelta(minutes=idle)
    client, start = sign_in(app, make_user("nurse")), clock.now()
    client.get("/")

    def is_renewed(seconds: float) -> bool:
        with clock.stopped_at(start + timedelta(seconds=seconds)):
            answer = client.get("/")
        assert answer.status_code == 200
        return "Set-Cookie" in answer.headers

    assert [is_renewed(grain * part) for part in (0.3, 0.9, 1.2, 1.4, 2.1, 2.3)] == [
        False, False, True, False, False, True]


def test_forms_of_a_session_have_one_token_that_no_other_session_may_use(app: Flask) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    one, other = (sign_in(app, user) for user in [make_user("nurse"), make_user("physician")])

    def read_token(client: FlaskClient) -> str:
        g.pop("csrf_token", None)  # a test's requests share its application context
        found = re.search(r'name="csrf_token" value="([^"]+)"', _text(client.get("/my-sign-in")))
        assert found
        return found[1]

    token = read_token(one)
    assert token == read_token(one) != read_token(other)
    assert other.post("/lock", data={"csrf_token": token}).status_code == 400
    assert one.post("/lock", data={"csrf_token": token}).status_code == 303


def test_sign_in_page_works_at_once_after_an_ended_sign_in(app: Flask) -> None:
    """It was the very page that let go of the cookie, and its form was refused as unreadable."""
    app.config["WTF_CSRF_ENABLED"] = True
    user = make_user("nurse")
    email, client = user.email, sign_in(app, user)
    client.get("/")
    with clock.stopped_at(clock.now() + timedelta(hours=13)):
        g.pop("csrf_token", None)
        found = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', _text(client.get("/sign-in")))
        assert found
        g.pop("csrf_token", None)
        form = {"email": email, "password": PASSWORD, "csrf_token": found[1]}
        assert client.post("/sign-in", data=form).status_code == 302


def test_session_ends_after_a_working_day_whatever_is_done(app: Flask) -> None:
    client, start = sign_in(app, make_user("nurse")), clock.now()
    for step in range(72):
        with clock.stopped_at(start + step * SHORT):
            assert client.get("/session").json["left"] > 0
    with clock.stopped_at(start + 73 * SHORT):
        assert client.get("/session").json["left"] is None


def test_page_that_asks_by_itself_is_refused_without_a_redirect(app: Flask) -> None:
    answer = app.test_client().get("/", headers={BACKGROUND: "1"})
    assert answer.status_code == 401


def test_form_posted_after_the_session_waits_for_its_author(app: Flask, case: Case) -> None:
    address = f"/cases/{case.id}/forms/us-medical-exam"
    nurse, other = make_user("nurse"), make_user("nurse")
    start = (clock.now() + timedelta(days=1)).replace(hour=9)  # whoever is confirmed before midnight is not after it
    with clock.stopped_at(start):
        client = sign_in(app, nurse, case.id)
        typed = {"version": "", "action": "save", "page": _page(client, address), "vital.pulse": "seventy-one",
                 "vital.weight": "62"}
    with clock.stopped_at(start + LONG):
        answer = client.post(address, data=typed)
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/locked?then=")
        assert db.session.query(FormResponse).count() == 0
        theirs = _text(sign_in(app, other, case.id).get(address))
        assert "seventy-one" not in theirs and "was not saved" not in theirs
        again = sign_in(app, nurse)
        mine = _text(again.get(address))
        assert "was not saved" in mine
        assert re.search(r'name="vital.pulse"[^>]*value="seventy-one"', mine)
        again.post(address, data={"version": "", "action": "save", "vital.pulse": "71", "vital.weight": "62"})
        assert db.session.query(KeptInput).count() == 0
        assert "was not saved" not in _text(again.get(address))


def test_draft_kept_by_itself_after_the_session_says_so_and_waits(app: Flask, case: Case) -> None:
    address = f"/cases/{case.id}/forms/us-medical-exam"
    client = sign_in(app, make_user("nurse"), case.id)
    page = _page(client, address)
    with clock.stopped_at(clock.now() + LONG):
        answer = client.post(f"{address}/draft", data={"version": "", "page": page, "vital.pulse": "71"},
                             headers={"HX-Request": "true"})
    assert answer.status_code == 422 and "Sign in again" in _text(answer)
    assert db.session.query(KeptInput).one().answers == {"vital.pulse": "71"}


def test_one_unreadable_answer_costs_no_other(app: Flask, case: Case) -> None:
    address = f"/cases/{case.id}/forms/us-medical-exam"
    client = sign_in(app, make_user("nurse"), case.id)
    page = _page(client, address)
    typed = {"version": "", "page": page, "vital.pulse": "seventy-one", "vital.weight": "62"}
    answer = client.post(f"{address}/draft", data=typed, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["X-Draft"]) == (200, "kept") and "cannot be read" in _text(answer)
    again = _text(client.get(address))
    assert re.search(r'name="vital.weight"[^>]*value="62"', again) and "seventy-one" in again
    answer = client.post(f"{address}/draft", data=typed | {"vital.pulse": "71"}, headers={"HX-Request": "true"})
    assert answer.headers["X-Draft"] == "saved" and db.session.query(KeptInput).count() == 0


def test_somebody_elses_page_is_not_saved_under_the_present_name(app: Flask, case: Case) -> None:
    address = f"/cases/{case.id}/forms/us-medical-exam"
    nurse, second = make_user("nurse"), make_user("nurse")
    page = _page(sign_in(app, nurse, case.id), address)
    other = sign_in(app, second, case.id)
    answer = other.post(address, data={"version": "", "action": "save", "page": page,
                                      "vital.pulse": "seventy-one"})
    assert answer.status_code == 409 and "seventy-one" not in _text(answer)
    assert db.session.query(FormResponse).count() == 0


@pytest.mark.parametrize("page", ["", "forged"])
def test_post_without_a_page_of_ours_keeps_nothing(app: Flask, case: Case, page: str) -> None:
    answer = app.test_client().post(f"/cases/{case.id}/forms/us-medical-exam", data={"page": page, "vital.pulse": "7"})
    assert answer.status_code == 302
    assert db.session.query(KeptInput).count() == 0


def test_amended_form_shows_its_earlier_version_and_why(app: Flask) -> None:
    from clinic.services import form
    from tests.us_case import make_complete_case, make_staff

    staff = make_staff()
    case = make_complete_case(staff)
    row = form.find_response(case, "us-medical-exam")
    assert row is not None
    changed = dict(row.answers) | {"vital.weight": "71"}
    form.amend_form(case, "us-medical-exam", changed, row.version, "weighed again", staff.physician)
    address = f"/cases/{case.id}/forms/us-medical-exam"
    client = sign_in(app, staff.physician, case.id)
    assert "weighed again" in _text(client.get(address))
    old = _text(client.get(f"{address}?version=1"))
    assert "replaced by" in old and "62.5 kg" in old and "71 kg" not in old
    assert client.get(f"{address}?version=2").status_code == 404
