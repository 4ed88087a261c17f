"""`POST /api/v1/decisions`: bad input gets one sentence in its place, and nothing else is lost."""

from __future__ import annotations

import json

import pytest
from flask import Flask

from clinic.api.description import EXAMPLE, build_description
from clinic.rules import decide
from tests.factory import make_user
from tests.sign_in import sign_in

URL = "/api/v1/decisions"
RESULTS = "/api/v1/laboratory-results"


def test_one_object_is_decided_as_the_function_does(app: Flask) -> None:
    answer = sign_in(app, make_user("nurse")).post(URL, json=EXAMPLE)
    assert answer.status_code == 200
    assert answer.get_json() == json.loads(json.dumps(decide(EXAMPLE)))


def test_list_keeps_its_order_and_loses_nothing_to_a_bad_object(app: Flask) -> None:
    bad = [{"id": "x", "programme": "mars"}, 7, None, [], {"id": 3}, {**EXAMPLE, "id": "y", "yes": ["nonsense"]}]
    answer = sign_in(app, make_user("nurse")).post(URL, json=[EXAMPLE, *bad, {**EXAMPLE, "id": "last"}])
    assert answer.status_code == 207
    rows = answer.get_json()
    assert rows[0]["status"] == "final" and rows[-1]["id"] == "last" and rows[-1]["status"] == "final"
    assert [row["id"] for row in rows[1:-1]] == ["x", None, None, None, None, "y"]
    for row in rows[1:-1]:
        assert row["error"].count("\n") == 0 and "Traceback" not in row["error"]
    assert "nonsense" in rows[-2]["error"]


def test_body_that_is_no_json_gets_one_sentence(app: Flask) -> None:
    client = sign_in(app, make_user("nurse"))
    for body in (b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"a": NaN}', b'{"id": 1, "id": 2}', b"1" * 5000):
        answer = client.post(URL, data=body, content_type="application/json")
        assert answer.status_code == 422, body[:20]
        assert set(answer.get_json()) >= {"error"}, body[:20]


def test_body_that_does_not_say_it_is_json_is_refused(app: Flask) -> None:
    client = sign_in(app, make_user("nurse"))
    for kind in ("text/plain", "application/x-www-form-urlencoded", None):
        answer = client.post(URL, data=json.dumps(EXAMPLE), content_type=kind)
        assert answer.status_code == 415 and "application/json" in answer.get_json()["error"]


@pytest.mark.parametrize(("incidence", "is_high"), [("20", True), ("19.99999999999999999999", False)])
def test_decimals_stay_exact(app: Flask, incidence: str, is_high: bool) -> None:
    child = json.dumps({**EXAMPLE, "birth_date": "2018-01-05"}).replace(": 643", f": {incidence}")
    answer = sign_in(app, make_user("nurse")).post(URL, data=child, content_type="application/json")
    exams = {row["exam"] for row in answer.get_json()["required"]}
    assert ("igra" in exams) is is_high  # the threshold of 20 per 100,000 (us.md R2)


def test_nobody_may_ask_without_signing_in(app: Flask) -> None:
    assert app.test_client().post(URL, json=EXAMPLE).status_code == 401


def test_missing_csrf_token_is_refused(app: Flask) -> None:
    client = sign_in(app, make_user("nurse"))
    app.config["WTF_CSRF_ENABLED"] = True
    answer = client.post(URL, json=EXAMPLE)
    assert answer.status_code == 400 and "error" in answer.get_json()


def test_description_names_every_programme_and_the_route(app: Flask) -> None:
    description = app.test_client().get("/api/openapi.json").get_json()
    assert description == json.loads(json.dumps(build_description()))
    assert description["components"]["schemas"]["Facts"]["properties"]["programme"]["enum"] == [
        "us", "ca", "au", "nz", "uk"]
    assert set(description["paths"]) == {URL, RESULTS, f"{RESULTS}/{{id}}"}
    page = app.test_client().get("/api/docs")
    assert page.status_code == 200 and "//" not in page.get_data(as_text=True).replace("http://www.w3.org", "").replace(
        "http://localhost", "")
