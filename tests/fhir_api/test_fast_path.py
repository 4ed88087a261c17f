"""The fast path, Flask's view, and the view over SQLAlchemy: the same bytes, headers, refusals and disclosures."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from werkzeug.test import Client

from clinic import clock
from clinic.audit import audit_engine, audit_read
from clinic.db import db, write_unit
from clinic.services.authority_client import revoke_client
from fhir.document_desk import DESK
from fhir.fast_path import FastPath
from tests.fhir_api.conftest import Scene
from tests.fhir_api.machine import Machine

pytestmark = pytest.mark.usefixtures("app")
SEED = 20261129
CASES = 400
Answer = tuple[str, list[tuple[str, str]], bytes]


class Twins:
    """Asks all three, and tells what they answered, what they wrote down, and who answered without SQLAlchemy."""

    def __init__(self, app: Flask) -> None:
        self.fast = app.wsgi_app
        assert isinstance(self.fast, FastPath)
        self.passed_on = self.handed_out = 0
        inner = self.fast.inner

        def count(environ: Any, start_response: Any) -> Any:
            self.passed_on += 1
            return inner(environ, start_response)

        self.fast.inner = count
        self.inner = inner
        self.desk = app.extensions[DESK]
        self._extensions = app.extensions

    def hand_out(self, *asked: Any) -> Any:
        """The view's desk, counting what it gave."""
        found = self.desk.hand_out(*asked)
        self.handed_out += found is not None
        return found

    def ask_view_alone(self, environ: Any, start_response: Any) -> Any:
        """The view with no desk: each of its questions goes through SQLAlchemy."""
        self._extensions[DESK] = None
        try:
            return self.inner(environ, start_response)
        finally:
            self._extensions[DESK] = self

    def ask(self, path: str, method: str = "GET", query: str = "", **headers: str) -> tuple[Answer, bool]:
        """The answer, the same from all, and whether the fast path gave it without Flask."""
        before = self.passed_on
        answers, rows = [], []
        for wsgi in (self.fast, self.inner, self.ask_view_alone):
            with _keep_rows() as written:
                answers.append(_call(wsgi, path, method, query, headers))
            rows.append(written)
        assert answers[0] == answers[1] == answers[2]
        assert rows[0] == rows[1] == rows[2]
        return answers[0], self.passed_on == before


def _call(wsgi: Any, path: str, method: str, query: str, headers: dict[str, str]) -> Answer:
    answer = Client(wsgi, use_cookies=False).open(path, method=method, query_string=query,
                               headers={name.replace("_", "-"): value for name, value in headers.items()})
    return answer.status, sorted((name, _hide_moment(name, value)) for name, value in answer.headers.items()), \
        answer.data


def _hide_moment(name: str, value: str) -> str:
    """A header's value without what differs from one answer to the next: the second, the policy's nonce."""
    if name == "Date":
        return ""
    start = value.find("'nonce-")
    return value if start < 0 else value[:start] + value[value.index("'", start + 1):]


@contextmanager
def _keep_rows() -> Iterator[list[tuple[Any, ...]]]:
    """What is written down meanwhile, without the key and the moment."""
    known = {row[0] for row in _list_rows()}
    written: list[tuple[Any, ...]] = []
    yield written
    written += [row[2:] for row in _list_rows() if row[0] not in known]


def _list_rows() -> list[Any]:
    with audit_engine().connect() as connection:
        return list(connection.execute(select(audit_read).order_by(audit_read.c.id)))


@pytest.fixture
def twins(app: Flask, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Twins:
    made = Twins(app)
    monkeypatch.setitem(app.extensions, DESK, made)
    return made


def _bearer(machine: Machine) -> str:
    """The machine's token, which Flask has seen once."""
    assert machine.get("Patient").status_code == 200
    return f"Bearer {machine.token}"


PLAIN: tuple[dict[str, str], ...] = (
    {}, {"Accept_Encoding": "gzip"}, {"If_None_Match": 'W/"1"'}, {"If_None_Match": '"2", W/"1"'},
    {"If_None_Match": 'W/"2"'}, {"If_None_Match": "*"}, {"Accept": "application/fhir+json; fhirVersion=4.0"},
    {"Accept_Encoding": "gzip, deflate, br, zstd"}, {"Accept": "*/*", "Accept_Encoding": "identity"},
)
UNUSUAL = (
    {"Authorization": ""}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer "},
    {"Authorization": "Bearer not.a.token"}, {"Accept": "application/fhir+xml"}, {"Accept_Encoding": "br"},
    {"Accept": "application/fhir+json; fhirVersion=5.0"}, {"Cookie": "clearway=x"}, {"Host": "a b"},
    {"Accept_Encoding": "gzip;q=0, identity;q=0.5"}, {"Accept": "text/html;q=" + "9" * 300},
)
OTHERS = (("HEAD", ""), ("POST", ""), ("PUT", ""), ("DELETE", ""), ("OPTIONS", ""), ("GET", "_format=json"),
          ("GET", "_format=xml"), ("GET", "_pretty=true"), ("GET", "x"))


def test_plain_requests_are_answered_without_flask_and_alike(twins: Twins, scene: Scene) -> None:
    path, bearer = f"/fhir/Bundle/{scene.us_exam.bundle_id}", _bearer(scene.us)
    for number, headers in enumerate(PLAIN, 1):
        answer, was_fast = twins.ask(path, Authorization=bearer, **headers)
        assert was_fast, headers
        assert twins.handed_out == number, headers  # so the view did not ask SQLAlchemy either
        assert answer[0] in ("200 OK", "304 NOT MODIFIED"), headers


def test_disclosure_is_written_before_the_answer(twins: Twins, scene: Scene) -> None:
    bearer = _bearer(scene.us)
    with _keep_rows() as written:
        _call(twins.fast, f"/fhir/Bundle/{scene.us_exam.bundle_id}", "GET", "", {"Authorization": bearer})
    assert twins.passed_on == 1  # the search by which Flask learnt the token
    assert [row[5:8] for row in written] == [("Bundle", scene.us_exam.bundle_id, scene.us_exam.case_id)]
    assert written[0][3:5] == ("us", "document")


def test_unusual_refused_and_other_requests_go_to_flask(twins: Twins, scene: Scene) -> None:
    path, bearer = f"/fhir/Bundle/{scene.us_exam.bundle_id}", _bearer(scene.us)
    for headers in UNUSUAL:
        assert not twins.ask(path, **({"Authorization": bearer} | headers))[1], headers
    for method, query in OTHERS:
        assert not twins.ask(path, method, query, Authorization=bearer)[1], (method, query)


def test_document_of_another_authority_and_unknown_one_are_refused_alike(twins: Twins, scene: Scene) -> None:
    bearer = _bearer(scene.us)
    theirs, was_fast = twins.ask(f"/fhir/Bundle/{scene.uk_exam.bundle_id}", Authorization=bearer)
    unknown, _ = twins.ask("/fhir/Bundle/00000000-0000-0000-0000-000000000000", Authorization=bearer)
    assert theirs == unknown
    assert theirs[0] == "404 NOT FOUND"
    assert not was_fast
    for strange in ("Bundle/a%20b", "Bundle/" + "x" * 65, "bundle/1", "Bundle/1/", "Bundle//1"):
        assert not twins.ask(f"/fhir/{strange}", Authorization=bearer)[1]


def test_token_of_a_narrower_scope_is_refused_alike(app: Flask, twins: Twins, scene: Scene) -> None:
    scene.us.sign_in("system/Patient.rs")
    answer, was_fast = twins.ask(f"/fhir/Bundle/{scene.us_exam.bundle_id}", Authorization=_bearer(scene.us))
    assert answer[0] == "403 FORBIDDEN"
    assert not was_fast


def test_token_that_flask_has_not_seen_is_verified_by_it_once(twins: Twins, scene: Scene) -> None:
    path = f"/fhir/Bundle/{scene.us_exam.bundle_id}"
    for expected in (False, True):
        before = twins.passed_on
        _call(twins.fast, path, "GET", "", {"Authorization": f"Bearer {scene.us.token}"})
        assert (twins.passed_on == before) is expected


def test_expired_token_revoked_and_ended_client_are_refused_at_once(twins: Twins, scene: Scene) -> None:
    path, bearer = f"/fhir/Bundle/{scene.us_exam.bundle_id}", _bearer(scene.us)
    assert twins.ask(path, Authorization=bearer)[1]
    with clock.stopped_at(clock.now() + timedelta(seconds=301)):
        assert twins.ask(path, Authorization=bearer)[0][0] == "401 UNAUTHORIZED"
    with write_unit():
        revoke_client(scene.us.id)
    answer, was_fast = twins.ask(path, Authorization=bearer)
    assert answer[0] == "401 UNAUTHORIZED"
    assert not was_fast


def test_client_whose_last_day_has_passed_is_refused(app: Flask, scene: Scene, twins: Twins) -> None:
    from clinic.models import AuthorityClient

    path, bearer = f"/fhir/Bundle/{scene.us_exam.bundle_id}", _bearer(scene.us)
    for days, expected in ((0, True), (-1, False)):
        with write_unit() as session:
            session.get_one(AuthorityClient, scene.us.id).expires_on = clock.today() + timedelta(days=days)
        answer, was_fast = twins.ask(path, Authorization=bearer)
        assert was_fast is expected
        assert (answer[0] == "200 OK") is expected


def test_host_outside_the_trusted_ones_is_refused_by_flask(app: Flask, scene: Scene, twins: Twins) -> None:
    path, bearer = f"/fhir/Bundle/{scene.us_exam.bundle_id}", _bearer(scene.us)
    app.config["TRUSTED_HOSTS"] = ["clearway.example"]
    assert not twins.ask(path, Authorization=bearer, Host="other.example")[1]
    assert twins.ask(path, Authorization=bearer, Host="clearway.example")[1]


@pytest.mark.parametrize("asked", ["fast", "inner", "ask_view_alone"])
def test_disclosure_that_cannot_be_written_lets_nothing_out(
    app: Flask, scene: Scene, twins: Twins, asked: str
) -> None:
    path, bearer = f"/fhir/Bundle/{scene.us_exam.bundle_id}", _bearer(scene.us)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    audit_engine().dispose()  # closes the desk's connections too
    with write_unit() as session:
        session.commit()
    with audit_engine().begin() as connection:
        connection.exec_driver_sql("alter table audit_read rename to audit_read_away")
    try:
        answer = _call(getattr(twins, asked), path, "GET", "", {"Authorization": bearer})
    except OperationalError:
        return
    finally:
        with audit_engine().begin() as connection:
            connection.exec_driver_sql("alter table audit_read_away rename to audit_read")
    assert answer[0].startswith("5")
    assert scene.us_exam.document not in answer[2]


def test_many_at_once_are_all_written_down(app: Flask, scene: Scene, twins: Twins) -> None:
    path, bearer = f"/fhir/Bundle/{scene.us_exam.bundle_id}", _bearer(scene.us)
    db.session.rollback()

    def pull(number: int) -> str:
        wsgi = twins.inner if number % 2 else twins.fast
        return _call(wsgi, path, "GET", "", {"Authorization": bearer})[0]

    with _keep_rows() as written, ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(pull, range(64)))
    assert statuses == ["200 OK"] * 64
    assert len(written) == 64


def test_seeded_requests_are_answered_alike(twins: Twins, scene: Scene) -> None:
    """Four hundred requests put together at random: at least one in twenty is fast, and never do the three differ."""
    rng = random.Random(SEED)
    bearer = _bearer(scene.us)
    chosen: dict[str, list[str | None]] = {
        "Accept": [None, None, "*/*", "application/fhir+json", "application/json;q=0.1", "text/html", "",
                   "a/b, */*;q=0", "application/fhir+json;fhirversion=4.0.1", "\xe9", ",,;",
                   "application/fhir+json; fhirVersion=3.0"],
        "Accept-Encoding": [None, None, "gzip", "GZIP", "gzip;q=0", "*", "*;q=0", "br", "zstd, gzip;q=0.2", "identity",
                            ";"],
        "If-None-Match": [None, None, 'W/"1"', '"1"', "1", "*", 'W/"2"', 'W/"1', '"1" "2"', ",", "W/", '"\xe9"'],
        "Authorization": [bearer, bearer, bearer, bearer.lower(), bearer.replace(" ", "  "), bearer + "x", bearer + " ",
                          f"Bearer {scene.uk.token}", None],
        "Content-Length": [None, None, None, "0"],
        "If-Modified-Since": [None, None, "Fri, 20 Nov 2099 08:30:15 GMT"],
        "Range": [None, None, "bytes=0-9"],
        "X-HTTP-Method-Override": [None, None, "DELETE"],
    }
    ids = [scene.us_exam.bundle_id] * 4 + [scene.uk_exam.bundle_id, "x", scene.us_exam.bundle_id.upper()]
    fast = 0
    for number in range(CASES):
        headers = {name: value for name, values in chosen.items() if (value := rng.choice(values)) is not None}
        path = f"/fhir/Bundle/{rng.choice(ids)}"
        try:
            method, query = rng.choice(["GET"] * 6 + ["HEAD"]), rng.choice([""] * 5 + ["_format=json"])
            given = {name.replace("-", "_"): value for name, value in headers.items()}
            _answer, was_fast = twins.ask(path, method, query, **given)
        except AssertionError as problem:
            raise AssertionError(f"request {number} of seed {SEED}: {path} {headers}") from problem
        fast += was_fast
    assert fast >= CASES // 20
    db.session.rollback()
