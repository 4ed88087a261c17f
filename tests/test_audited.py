"""Whatever shows a health record to a member of staff is written down; whatever changes one, too."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.routing import Rule

from clinic.audit import audit_engine, audit_read
from clinic.change_audit import Unaudited, list_health_tables
from clinic.db import db, write_unit
from clinic.models import Applicant, Case, User
from clinic.read_audit import AGAIN, why_nobody
from tests.factory import make_applicant, make_case, make_user
from tests.sign_in import sign_in
from tests.world import World, build_world, make_everybody

# With a person in the address, and yet nothing of the person in the answer.
NOBODY_THERE = {"exam_form.autosave"}


def _list_rules(app: Flask, method: str) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if method in (rule.methods or ())
            and isinstance(getattr(app.view_functions[rule.endpoint], "permission", None), tuple)]


def _list_reads(after: str = "") -> list[Any]:
    with audit_engine().connect() as connection:
        return list(connection.execute(select(audit_read).where(audit_read.c.id > after).order_by(audit_read.c.id)))


def _newest() -> str:
    reads = _list_reads()
    return reads[-1].id if reads else ""


@pytest.fixture
def world(app: Flask) -> World:
    """Two cases and what belongs to them."""
    return build_world()


@pytest.fixture
def client(app: Flask, world: World) -> FlaskClient:
    """Somebody with every role, who has met the person at every station."""
    return sign_in(app, make_everybody(db.session.get_one(Case, world.case_id).site), world.case_id, consents=False)


def test_every_page_that_shows_a_record_is_written_down(app: Flask, world: World, client: FlaskClient) -> None:
    silent = []
    for rule in _list_rules(app, "GET"):
        if why_nobody(app, rule.endpoint) or "client_id" in rule.arguments:
            continue
        before = _newest()
        answer = client.get(world.address(app, rule))
        assert answer.status_code < 400 or answer.status_code in (404, 409), f"{rule}: {answer.status_code}"
        reads = _list_reads(before)
        if answer.status_code >= 300:
            continue
        if not reads:
            silent.append(str(rule))
        elif "case_id" in rule.arguments:
            assert {read.case_id for read in reads} == {world.case_id}, rule
        assert all(read.actor_kind == "user" and read.site_id == world.site_id for read in reads), rule
        assert all('"screen":' in read.detail and '"path":"/' in read.detail for read in reads), rule
    assert silent == []
    _post_nothing_everywhere(app, world, client)


def _post_nothing_everywhere(app: Flask, world: World, client: FlaskClient) -> None:
    """A refused input shows the record again, which is written down as well."""
    shown = 0
    for rule in _list_rules(app, "POST"):
        if why_nobody(app, rule.endpoint) or "case_id" not in rule.arguments or set(rule.arguments) - set(world.values):
            continue
        before = _newest()
        answer = client.post(world.address(app, rule), data={})
        if answer.status_code in (200, 422):
            shown += 1
            assert world.case_id in {read.case_id for read in _list_reads(before)}, rule
    assert shown > 10


def test_only_what_names_no_person_may_say_that_it_shows_nobody(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        if why_nobody(app, rule.endpoint) and rule.endpoint not in NOBODY_THERE:
            assert not rule.arguments & {"case_id", "applicant_id", "exam_id", "family_id", "delivery_id"}, rule


def test_list_names_the_cases_it_showed(app: Flask) -> None:
    case = make_case()
    case_id, client = case.id, sign_in(app, make_user("nurse"))
    before = _newest()
    client.get("/cases")
    (read,) = _list_reads(before)
    assert (read.action, read.case_id) == ("list", None)
    assert case_id in read.detail


def test_list_that_refreshes_itself_is_written_once_in_a_while(app: Flask) -> None:
    from clinic import clock

    client = sign_in(app, make_user("nurse"))
    moment = clock.now()
    counts = []
    for turn in (0, 1, AGAIN.total_seconds() + 1):
        with clock.stopped_at(moment.fromtimestamp(moment.timestamp() + turn, moment.tzinfo)):
            client.get("/today", headers={"X-Background": "1"})
        counts.append(len(_list_reads()))
    client.get("/today")
    assert (counts, len(_list_reads())) == ([1, 1, 2], 3)


def test_change_without_a_row_of_the_audit_is_refused_here_and_mended_in_the_house(app: Flask) -> None:
    person = make_applicant().id
    db.session.commit()

    def change() -> None:
        with write_unit() as session:
            session.get_one(Applicant, person).residence = "UGA"

    with app.test_request_context("/applicants/x"), pytest.raises(Unaudited):
        change()
    app.testing = False
    with app.test_request_context("/applicants/x"):
        change()
    from clinic.models import AuditChange

    row = db.session.execute(select(AuditChange).order_by(AuditChange.id.desc()).limit(1)).scalar_one()
    assert (row.action, row.detail) == ("change", {"tables": ["applicant"]})


def test_tables_of_health_records_are_those_that_hang_on_a_person(app: Flask) -> None:
    tables = list_health_tables()
    assert {"applicant", "health_case", "lab_result", "xray_reading", "consent", "film", "photo"} <= tables
    assert User.__tablename__ not in tables
