"""A locked screen shows nothing, opens for its own person alone, and keeps what they had typed for nobody else."""

from __future__ import annotations

import json
import re
from datetime import timedelta

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from clinic import clock
from clinic.db import db
from clinic.limit import STRICT
from clinic.models import Case, SignIn, SignInEnd, UnsavedPage, User
from clinic.session_life import BACKGROUND, OF_A_SIGN_IN, SEEN, SIGN_IN
from tests.factory import PASSWORD, make_applicant, make_case, make_user
from tests.sign_in import sign_in

LONG = timedelta(minutes=16)
FIELDS = [{"form": "/cases/1#0", "name": "note", "kind": "text", "value": "pale", "on": True, "label": "Note"},
          {"form": "/cases/1#0", "name": "password", "kind": "text", "value": "secret", "on": True, "label": ""}]


def _text(answer: object) -> str:
    return re.sub(r"\s+", " ", answer.get_data(as_text=True))  # type: ignore[attr-defined]


def _mark(client: FlaskClient, address: str = "/") -> str:
    found = re.search(r'data-page="([^"]+)"', _text(client.get(address)))
    assert found
    return found[1]


def _keep(client: FlaskClient, mark: str, address: str, before: str = "") -> str:
    answer = client.post("/session/keep", headers={BACKGROUND: "1"}, data={
        "page": mark, "address": address, "before": before, "fields": json.dumps(FIELDS)})
    assert answer.status_code == 200
    return str(answer.json["ahead"])


def _case(user: User) -> Case:
    return make_case("us", make_applicant(user, family_name="Secretname"), user)


def test_locked_screen_answers_with_nothing_but_the_lock_and_opens_at_the_same_place(app: Flask) -> None:
    clerk = make_user("reception")
    case = f"/cases/{_case(clerk).id}"
    name = clerk.name
    client = sign_in(app, clerk)
    assert "SECRETNAME" in _text(client.get(case)).upper()
    answer = client.post("/lock", headers={"Referer": f"http://localhost{case}"})
    ahead = answer.headers["Location"]
    assert answer.status_code == 303 and case not in ahead
    for address in (case, "/", "/applicants", "/sign-ins", "/session/kept?address=/"):
        refused = client.get(address)
        assert refused.status_code == 302 and refused.headers["Location"].startswith("/locked"), address
    page = client.get(ahead)
    assert page.headers["Cache-Control"] == "no-store"
    assert name in _text(page) and "SECRETNAME" not in _text(page).upper()
    then = re.search(r'name="then" value="([^"]+)"', _text(page))
    assert then
    wrong = client.post("/locked", data={"password": "wrong", "then": then[1]})
    assert wrong.status_code == 422 and client.get("/").status_code == 302
    right = client.post("/locked", data={"password": PASSWORD, "then": then[1]})
    assert (right.status_code, right.headers["Location"]) == (303, case)
    assert client.get(case).status_code == 200


def test_lock_holds_on_a_second_process_and_after_the_idle_time(app: Flask) -> None:
    client = sign_in(app, make_user("nurse"))
    client.get("/")
    client.post("/lock")
    assert db.session.execute(select(SignIn.locked_at)).scalar_one() is not None
    assert client.get("/session").json == {"left": None, "id": None}
    with clock.stopped_at(clock.now() + timedelta(hours=13)):
        way = client.get("/").headers["Location"]
        assert way.startswith("/sign-in?next=%2Fsession%2Fback%2F")
        assert "Your sign-in is over." in client.get(way).get_data(as_text=True)
        assert "Your sign-in is over." not in client.get("/sign-in").get_data(as_text=True)


def test_guesses_at_the_lock_have_to_wait_and_nobody_else_does(app: Flask) -> None:
    nurse = make_user("nurse")
    client, elsewhere = sign_in(app, nurse), sign_in(app, nurse)
    with clock.stopped_at(clock.now()):
        for each in (client, elsewhere):
            each.post("/lock")
        for _each in range(STRICT.free):
            assert client.post("/locked", data={"password": "guess"}).status_code == 422
        answer = client.post("/locked", data={"password": PASSWORD})
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "30")
        assert "Wait 30 seconds" in _text(answer)
        assert elsewhere.post("/locked", data={"password": PASSWORD}).status_code == 303


def test_typed_text_comes_back_to_its_author_without_passwords(app: Flask) -> None:
    clerk = make_user("reception")
    case = f"/cases/{_case(clerk).id}?look=1"
    client = sign_in(app, clerk)
    mark = _mark(client)
    ahead = _keep(client, mark, case)
    assert ahead.startswith("/locked?then=")
    client.post("/lock")
    then = ahead.partition("then=")[2]
    assert client.post("/locked", data={"password": PASSWORD, "then": then}).headers["Location"] == case
    assert 'data-kept="/session/kept"' in _text(client.get(case))
    assert client.get("/session/kept?address=/elsewhere").json == {"id": None, "fields": None}
    kept = client.get("/session/kept", query_string={"address": case}).json
    assert kept["fields"] == FIELDS[:1]
    client.post("/session/kept/drop", data={"id": kept["id"]})
    assert 'data-kept=""' in _text(client.get(case))
    assert db.session.query(UnsavedPage).count() == 0


def test_typed_text_of_an_idle_screen_is_still_taken_and_prolongs_nothing(app: Flask) -> None:
    clerk = make_user("reception")
    client = sign_in(app, clerk)
    mark = _mark(client)
    with clock.stopped_at(clock.now() + LONG):
        assert _keep(client, mark, "/applicants").startswith("/locked?then=")
        assert client.get("/").headers["Location"].startswith("/locked")
    assert db.session.query(UnsavedPage).one().user_id == clerk.id


def test_text_typed_on_a_page_that_cannot_be_opened_again_waits_at_the_page_before(app: Flask) -> None:
    client = sign_in(app, make_user("reception"))
    mark = _mark(client)
    _keep(client, mark, "/lock", "/applicants/new")
    _keep(client, mark, "//evil.example/", "https://evil.example/")
    assert {row.address for row in db.session.query(UnsavedPage)} == {"/applicants/new", "/"}


def test_forged_mark_keeps_nothing(app: Flask) -> None:
    client = sign_in(app, make_user("reception"))
    assert _keep(client, "forged", "/applicants") == "/sign-in"
    assert db.session.query(UnsavedPage).count() == 0


def test_form_posted_to_a_locked_screen_is_kept_for_its_page(app: Flask) -> None:
    clerk = make_user("reception")
    client = sign_in(app, clerk)
    with clock.stopped_at(clock.now() + LONG):
        answer = client.post("/applicants/new", data={"family_name": "Otieno", "csrf_token": "x", "password": "x"},
                             headers={"Referer": "http://localhost/applicants/new"})
        assert answer.status_code == 302 and answer.headers["Location"].startswith("/locked?then=")
    row = db.session.query(UnsavedPage).one()
    assert (row.user_id, row.address) == (clerk.id, "/applicants/new")
    assert [(field["name"], field["value"]) for field in row.fields] == [("family_name", "Otieno")]


def test_somebody_else_signs_in_and_starts_clean(app: Flask) -> None:
    clerk, nurse = make_user("reception"), make_user("nurse")
    email = nurse.email
    case = f"/cases/{_case(clerk).id}"
    client = sign_in(app, clerk)
    mark = _mark(client)
    _keep(client, mark, case)
    ahead = client.post("/lock", headers={"Referer": f"http://localhost{case}"}).headers["Location"]
    client.get(ahead)
    answer = client.post("/sign-in", data={"email": email, "password": PASSWORD})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    with client.session_transaction() as session:
        assert set(session) <= OF_A_SIGN_IN | {SIGN_IN, SEEN}
        session["proved"] = session["_user_id"]  # the second factor has tests of its own
    assert 'data-kept=""' in _text(client.get("/"))
    assert client.get("/session/kept", query_string={"address": case}).json["fields"] is None
    assert client.get(ahead).headers["Location"] == "/"  # the first person's way back is not the second's
    first, second = db.session.query(SignIn).order_by(SignIn.id)
    assert (first.user_id, first.end_reason) == (clerk.id, SignInEnd.SIGNED_IN_ANEW)
    assert (second.user_id, second.ended_at) == (nurse.id, None)
    assert _keep(client, mark, case) == "/"  # a forgotten window of the first person still keeps for the first
    assert {row.user_id for row in db.session.query(UnsavedPage)} == {clerk.id}


def test_way_back_after_the_end_leads_its_person_alone(app: Flask) -> None:
    clerk, nurse = make_user("reception"), make_user("nurse")
    case = f"/cases/{_case(clerk).id}"
    client = sign_in(app, clerk)
    with clock.stopped_at(clock.now() + timedelta(hours=12)):
        way = client.get(case).headers["Location"]
        assert case not in way and way.startswith("/sign-in?next=%2Fsession%2Fback%2F")
        back = way.partition("next=")[2].replace("%2F", "/").replace("%3D", "=")
        assert sign_in(app, nurse).get(back).headers["Location"] == "/"
        assert sign_in(app, clerk).get(back).headers["Location"] == case


def test_sign_in_costs_one_read_by_key_with_its_person_and_writes_nothing_within_the_minute(app: Flask) -> None:
    client = sign_in(app, make_user("quality"))
    client.get("/sign-ins")
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(" ".join(statement.split()))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        client.get("/sign-ins")
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    by_key = [one for one in statements if "FROM sign_in JOIN" in one and "WHERE sign_in.id =" in one]
    assert len(by_key) == 1 and "JOIN role" in by_key[0]
    assert [one for one in statements if "fs_uniquifier =" in one] == []
    assert [one for one in statements if one.startswith(("UPDATE", "INSERT", "DELETE"))] == []


def test_row_hears_once_a_minute_that_somebody_is_there_but_not_of_a_page_by_itself(app: Flask) -> None:
    client, start = sign_in(app, make_user("nurse")), clock.now()
    began = db.session.execute(select(SignIn.seen_at)).scalar_one()

    def seen_after(seconds: int, **headers: str) -> float:
        with clock.stopped_at(start + timedelta(seconds=seconds)):
            assert client.get("/sign-ins", headers=headers).status_code == 200
        db.session.rollback()
        return float((db.session.execute(select(SignIn.seen_at)).scalar_one() - began).total_seconds())

    assert seen_after(30) == 0
    assert seen_after(90, **{BACKGROUND: "1"}) == 0
    assert 80 < seen_after(90) < 100
    assert 80 < seen_after(120) < 100
