"""Whoever opens very many records within an hour is stopped; work is not, nothing typed is lost, and it is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from clinic import clock
from clinic.audit import audit_engine, audit_read, record_read
from clinic.config import Settings
from clinic.db import db, set_mode
from clinic.limit import list_waiting
from clinic.reading_limit import STOP, ReadingLimit, count_opened
from tests.factory import make_applicant, make_case, make_site, make_user
from tests.sign_in import sign_in
from wsgi import create_app

MOST = 4


@pytest.fixture(autouse=True)
def limit(app: Flask) -> Iterator[ReadingLimit]:
    """A house where four cases an hour are all that anybody's work asks for."""
    limit: ReadingLimit = app.extensions["clearway_reading_limit"]
    usual, limit.most = limit.most, MOST
    yield limit
    limit.most = usual


@pytest.fixture
def cases(app: Flask) -> list[str]:
    """More than that."""
    clerk = make_user("reception")
    found = [make_case("us", make_applicant(clerk), clerk).id for _case in range(MOST + 2)]
    db.session.commit()
    return found


@pytest.fixture
def nurse(app: Flask, cases: list[str]) -> FlaskClient:
    """Signed in."""
    return sign_in(app, make_user("nurse reception", name="Nurse Njeri"))


def _list_stops() -> list[str]:
    with audit_engine().connect() as connection:
        return [row.actor_id for row in connection.execute(
            select(audit_read).where(audit_read.c.action == "stopped-reading"))]


def test_reader_of_very_many_is_stopped_for_a_while_and_told_what_to_do(
    nurse: FlaskClient, cases: list[str]
) -> None:
    with clock.stopped_at(clock.now()):
        assert [nurse.get(f"/cases/{one}").status_code for one in cases] == [200] * MOST + [429] * 2
        stopped = nurse.get(f"/cases/{cases[0]}")
        assert stopped.status_code == 429 and stopped.headers["Retry-After"] == str(int(STOP.total_seconds()))
        assert "You opened very many records within an hour. Wait 15 minutes" in stopped.text
        assert nurse.get("/").status_code == nurse.get("/cases").status_code == 429
        assert nurse.get("/my-sign-in").status_code == 200
        assert len(_list_stops()) == 1, "told once"
    with clock.stopped_at(clock.now() + STOP + timedelta(seconds=1)):
        assert nurse.get(f"/cases/{cases[0]}").status_code == 302, "locked meanwhile, and stopped no more"


def test_what_is_typed_is_saved_all_the_same(nurse: FlaskClient, cases: list[str]) -> None:
    for one in cases:
        nurse.get(f"/cases/{one}")
    saved = nurse.post(f"/cases/{cases[0]}/state", data={"to": "on-hold", "reason": "moved away", "version": "1"})
    assert saved.status_code != 429


def test_saving_for_one_case_after_the_other_is_work(nurse: FlaskClient, cases: list[str]) -> None:
    for one in cases:
        assert nurse.post(f"/cases/{one}/state", data={"to": "on-hold", "version": "1"}).status_code == 422, "no reason"
    assert nurse.get(f"/cases/{cases[0]}").status_code == 200 and not _list_stops()


def test_same_cases_again_and_again_are_work(nurse: FlaskClient, cases: list[str]) -> None:
    for _turn in range(3 * MOST):
        assert nurse.get(f"/cases/{cases[0]}").status_code == 200
        assert nurse.get(f"/cases/{cases[1]}").status_code == 200


def test_cases_of_an_hour_ago_count_no_more(nurse: FlaskClient, cases: list[str]) -> None:
    begun = clock.now()
    for place, one in enumerate(cases):
        with clock.stopped_at(begun + timedelta(minutes=40 * place)):
            assert nurse.get(f"/cases/{one}").status_code in (200, 302)  # or the lock page
            assert not _list_stops()


def test_another_process_s_answers_count_too(app: Flask, nurse: FlaskClient, cases: list[str]) -> None:
    """The audit is what all processes share."""
    begun = clock.now()
    set_mode("write")
    reader = make_user("nurse")
    db.session.commit()
    for one in cases[:MOST]:
        record_read("user", reader.id, "read", "case", one, case_id=one)
    record_read("user", reader.id, "list", "case", "", case_id=cases[-1])
    assert count_opened(reader.id, begun) == MOST
    client = sign_in(app, reader)
    assert client.get(f"/cases/{cases[0]}").status_code == 200
    assert client.get(f"/cases/{cases[0]}").status_code == 429


def test_register_cannot_be_leafed_through(
    app: Flask, nurse: FlaskClient, cases: list[str], limit: ReadingLimit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clinic.reading_limit.LISTED", 1)
    assert [nurse.get("/cases").status_code for _turn in range(2)] == [200, 429]
    limit.most = len(cases)
    set_mode("write")
    other = sign_in(app, make_user("nurse"))
    assert [other.get("/cases").status_code for _turn in range(3)] == [200] * 3


def test_administrator_sees_it_and_lets_the_person_go_on(app: Flask, nurse: FlaskClient, cases: list[str]) -> None:
    for one in cases:
        nurse.get(f"/cases/{one}")
    set_mode("write")
    far = make_site("AMM", country="JOR", time_zone="Asia/Amman")
    people = make_user("admin"), make_user("siteadmin", far)
    admin, stranger = (sign_in(app, one) for one in people)
    page = admin.get("/administration/delays").text
    assert "Nurse Njeri" in page and "Opening records" in page and "More within an hour" in page
    assert "Nurse Njeri" not in stranger.get("/administration/delays").text
    assert "Stopped: opened very many records" in admin.get("/audit").text
    wait = list_waiting()[0]
    assert stranger.post(f"/administration/delays/{wait.id}/lift").status_code == 404
    assert admin.post(f"/administration/delays/{wait.id}/lift").status_code == 302
    assert [nurse.get(f"/cases/{one}").status_code for one in cases[:MOST - 1]] == [200] * (MOST - 1), "an hour anew"
    assert not list_waiting()


def test_nobody_lets_themselves_go_on(app: Flask, cases: list[str]) -> None:
    admin = sign_in(app, make_user("admin"))
    for one in cases:
        admin.get(f"/cases/{one}")
    assert admin.get("/").status_code == 429 and admin.get("/administration/delays").status_code == 200
    assert admin.post(f"/administration/delays/{list_waiting()[0].id}/lift").status_code == 403
    assert admin.get("/").status_code == 429


def test_limit_of_nothing_is_none(settings: Settings) -> None:
    assert "clearway_reading_limit" not in create_app(replace(settings, records_an_hour=0)).extensions
