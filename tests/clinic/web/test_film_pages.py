"""Sending films by the browser, the second look, and who may see a film at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import encode_multipart

from clinic.audit import audit_engine, audit_read
from clinic.db import db
from clinic.dicom.transport import unpack
from clinic.models import Case, Film, FilmState, User
from clinic.services.plausibility import get_today
from tests.factory import make_applicant, make_case, make_site, make_user
from tests.film import SIDE, make_film
from tests.sign_in import meet, sign_in

ROLES = ("radiographer", "radiologist", "physician", "reception", "labtech")


@pytest.fixture
def case_id(app: Flask) -> str:
    """A US case of the woman whom the test films show."""
    user = make_user("reception", make_site())
    person = make_applicant(user, family_name="Wanjiru", given_names="Grace Achieng", birth_date="1991-01-05")
    case_id = make_case("us", person, user).id
    for role in ROLES:
        meet(db.session.get_one(Case, case_id), make_user(role, user.site, email=f"{role}@test.example"))
    make_user("radiologist", make_site("AMM"), email="stranger@test.example")
    db.session.commit()
    return case_id


@pytest.fixture
def enter(app: Flask, case_id: str) -> Callable[[str], FlaskClient]:
    """A client signed in as a role at the case's site, or as the stranger of another."""
    def _enter(name: str) -> FlaskClient:
        db.session.rollback()
        email = f"{name}@test.example"
        who = db.session.execute(select(User).where(User.email == email)).unique().scalar_one()
        return sign_in(app, who)
    return _enter


def _send(client: FlaskClient, case_id: str, *files: bytes) -> Any:
    return _post(client, f"/cases/{case_id}/films", *files)


def _post(client: FlaskClient, path: str, *files: bytes) -> Any:
    """As a browser sends it; in one piece, because the client's own way leaves a large body's file open."""
    content = [FileStorage(BytesIO(one), f"film-{number}.dcm", "films") for number, one in enumerate(files)]
    boundary, body = encode_multipart(MultiDict([("films", one) for one in content]))
    return client.post(path, data=body, content_type=f"multipart/form-data; boundary={boundary}")


def _film(case_id: str, **values: Any) -> bytes:
    return make_film(**{"taken_on": get_today(db.session.get_one(Case, case_id))} | values)


def _rows() -> list[Film]:
    db.session.rollback()
    return list(db.session.execute(select(Film).order_by(Film.id)).scalars())


def test_films_are_received_and_shown_beside_the_report(enter: Any, case_id: str) -> None:
    films = _film(case_id), _film(case_id, view="LL", number=2)
    answer = _send(enter("radiographer"), case_id, *films)
    assert answer.status_code == 302 and answer.location == f"/cases/{case_id}/xray"
    assert [film.state for film in _rows()] == [FilmState.ACCEPTED, FilmState.ACCEPTED]
    page = enter("radiologist").get(f"/cases/{case_id}/xray").text
    assert "data-viewer" in page and "primary reading on a diagnostic monitor" in page
    assert 'value="pa-lateral" checked' in page.replace("  ", " ")


def test_every_file_is_answered_by_itself(enter: Any, case_id: str) -> None:
    answer = _send(enter("radiographer"), case_id, _film(case_id), b"no film at all")
    assert answer.status_code == 422
    assert "Received; ready to be read." in answer.text and "This is no DICOM file." in answer.text
    assert len(_rows()) == 1


def test_nothing_chosen_is_said_at_the_field(enter: Any, case_id: str) -> None:
    answer = _send(enter("radiographer"), case_id)
    assert answer.status_code == 422 and 'href="#films"' in answer.text


def test_refused_film_leaves_no_file_behind(enter: Any, case_id: str, app: Flask) -> None:
    client = enter("radiographer")
    _send(client, case_id, _film(case_id))
    answer = _send(client, case_id, _film(case_id, change=lambda film: setattr(film, "PatientComments", "other")))
    assert answer.status_code == 422 and "the two differ" in answer.text
    folder = app.config["CLEARWAY"].var_dir / "files"
    kept = [path.name for path in folder.glob("??/*")]
    assert kept == [film.sha256 for film in _rows()]


def test_film_larger_than_a_form_is_taken_only_here(enter: Any, case_id: str, app: Flask) -> None:
    large = _film(case_id, side=1100)
    assert len(large) > app.config["MAX_CONTENT_LENGTH"]
    client = enter("radiographer")
    assert _post(client, f"/cases/{case_id}/xray", large).status_code in (403, 413)
    assert _send(client, case_id, large).status_code == 302


def test_stranger_cannot_send_more_than_a_form(app: Flask, case_id: str) -> None:
    answer = _send(app.test_client(), case_id, bytes(3 * 1024 * 1024))
    assert answer.status_code in (302, 401, 413) and _rows() == []


def test_quarantined_film_leads_to_the_second_look_and_waits_for_another(enter: Any, case_id: str) -> None:
    sender = enter("radiographer")
    answer = _send(sender, case_id, _film(case_id, name="OTIENO^PETER", sex="M"))
    film = _rows()[0]
    assert answer.location == f"/cases/{case_id}/films/{film.id}"
    page = sender.get(answer.location).text
    assert "OTIENO, PETER" in page and "Differs" in page and 'value="confirm"' not in page
    url = f"/cases/{case_id}/films/{film.id}/decide"
    choice = {"decision": "confirm", "reason": "photo and console compared"}
    assert sender.post(url, data=choice).status_code == 422
    second = enter("radiologist")
    xray = second.get(f"/cases/{case_id}/xray").text
    assert "Film in quarantine" in xray and "data-viewer" not in xray
    assert second.post(url, data={"decision": "confirm", "reason": ""}).status_code == 422
    assert second.post(url, data={"reason": "photo compared"}).status_code == 422
    assert second.post(url, data=choice).status_code == 302
    assert _rows()[0].state is FilmState.ACCEPTED


def test_reading_names_its_film(enter: Any, case_id: str) -> None:
    _send(enter("radiographer"), case_id, _film(case_id))
    film = _rows()[0]
    form = {"taken_on": film.taken_on.isoformat() if film.taken_on else "", "view": "pa", "findings": "NORMAL",
            "film_id": film.id}
    assert enter("radiologist").post(f"/cases/{case_id}/xray", data=form).status_code == 302


@pytest.mark.parametrize(("role", "status"), [
    ("radiographer", 200), ("radiologist", 200), ("physician", 200), ("reception", 403), ("labtech", 403),
])
def test_pixels_are_for_who_works_with_films_and_every_look_is_written_down(
    enter: Any, case_id: str, role: str, status: int
) -> None:
    _send(enter("radiographer"), case_id, _film(case_id))
    film = _rows()[0]
    answer = enter(role).get(f"/cases/{case_id}/films/{film.id}/full")
    assert answer.status_code == status
    with audit_engine().connect() as connection:
        looks = connection.execute(select(audit_read.c.subject_id).where(audit_read.c.action == "see-film")).scalars()
        assert list(looks) == ([film.id] if status == 200 else [])
    if status == 200:
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert unpack(answer.data, SIDE, SIDE).max() > 3000


def test_film_of_another_site_is_not_there(enter: Any, case_id: str) -> None:
    _send(enter("radiographer"), case_id, _film(case_id))
    film_id = _rows()[0].id
    stranger = enter("stranger")
    for path in (f"/cases/{case_id}/films", f"/cases/{case_id}/films/{film_id}",
                 f"/cases/{case_id}/films/{film_id}/preview"):
        assert stranger.get(path).status_code == 404
    assert _send(stranger, case_id, make_film()).status_code == 404


def test_picture_that_there_is_not_is_not_found(enter: Any, case_id: str) -> None:
    client = enter("radiographer")
    _send(client, case_id, _film(case_id))
    film = _rows()[0]
    for name in ("half", "film.dcm", "..%2ffilm.dcm"):
        assert client.get(f"/cases/{case_id}/films/{film.id}/{name}").status_code == 404


def test_page_stands_when_a_films_file_is_gone(enter: Any, case_id: str, app: Flask) -> None:
    _send(enter("radiographer"), case_id, _film(case_id))
    shutil.rmtree(app.config["CLEARWAY"].var_dir / "files")
    page = enter("radiologist").get(f"/cases/{case_id}/xray")
    assert page.status_code == 200 and "data-viewer" not in page.text
