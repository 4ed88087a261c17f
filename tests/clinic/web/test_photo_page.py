"""The photo of a visit: kept, replaced, shown in the banner, seen by nobody of another site."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select
from werkzeug.test import TestResponse

from clinic.config import get_settings
from clinic.db import db, read_unit
from clinic.file_store import open_store
from clinic.models import Case, CaseState, Photo, PhotoSource
from clinic.workflow import move
from tests.factory import make_case, make_site, make_user
from tests.picture import draw_face
from tests.sign_in import meet, sign_in


@pytest.fixture
def case_id(app: Flask) -> str:
    """A case without a photo."""
    return make_case("us", user=make_user("reception")).id


def _send(client: FlaskClient, case_id: str, content: bytes, **fields: str) -> TestResponse:
    form = {"photo": (BytesIO(content), "face.jpg"), **fields}
    answer = client.post(f"/cases/{case_id}/photo", data=form, content_type="multipart/form-data")
    answer.request.environ["wsgi.input"].close()  # the client writes a large form to a file and leaves it open
    return answer


def test_photo_is_kept_and_shown_wherever_the_person_is(app: Flask, case_id: str) -> None:
    client = sign_in(app, make_user("reception"), case_id)
    answer = _send(client, case_id, draw_face(), source="camera")
    assert answer.status_code == 302 and answer.headers["Location"].endswith(case_id)
    with read_unit() as unit:
        photo = unit.execute(select(Photo)).scalar_one()
        applicant_id = unit.get_one(Case, case_id).applicant_id
        assert (photo.source, photo.case_id) == (PhotoSource.CAMERA, case_id)
        address = f"/cases/{case_id}/photo.jpg?v={photo.sha256[:12]}"
    for page in (f"/cases/{case_id}", f"/cases/{case_id}/xray", f"/applicants/{applicant_id}"):
        assert f'src="{address}"' in client.get(page).get_data(as_text=True), page
    shown = client.get(address)
    assert shown.mimetype == "image/jpeg"
    assert "private" in shown.headers["Cache-Control"] and "public" not in shown.headers["Cache-Control"]
    with Image.open(BytesIO(shown.data)) as image:
        assert image.size == (480, 600)
    again = client.get(address, headers={"If-None-Match": shown.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_new_photo_replaces_and_the_same_one_changes_nothing(app: Flask, case_id: str) -> None:
    client = sign_in(app, make_user("reception"), case_id)
    for content in (draw_face(), draw_face(tone="#8d5a3c"), draw_face(tone="#8d5a3c")):
        assert _send(client, case_id, content).status_code == 302
    with read_unit() as unit:
        first, second = unit.execute(select(Photo).order_by(Photo.id)).scalars()
        assert first.replaced_at is not None and second.replaced_at is None
    assert f"photo.jpg?v={second.sha256[:12]}" in client.get(f"/cases/{case_id}/photo").get_data(as_text=True)


def test_nonsense_is_refused_in_place_and_nothing_is_kept(app: Flask, case_id: str) -> None:
    client = sign_in(app, make_user("reception"), case_id)
    answer = _send(client, case_id, b"no picture at all")
    assert answer.status_code == 422 and 'href="#photo"' in answer.get_data(as_text=True)
    empty = client.post(f"/cases/{case_id}/photo", data={"photo": (BytesIO(), "")}, content_type="multipart/form-data")
    assert empty.status_code == 422 and "Take a photo" in re.sub(r"\s+", " ", empty.get_data(as_text=True))
    with read_unit() as unit:
        assert unit.execute(select(Photo)).first() is None
    assert list(open_store(get_settings(app)).list_hashes()) == []


def test_photo_larger_than_a_form_is_taken_and_one_beyond_reason_is_not(app: Flask, case_id: str) -> None:
    client = sign_in(app, make_user("reception"), case_id)
    noise = BytesIO()
    Image.effect_noise((1200, 1500), 80).convert("RGB").save(noise, "PNG")
    assert 2 * 1024 * 1024 < len(noise.getvalue()) < 12 * 1024 * 1024
    assert _send(client, case_id, noise.getvalue()).status_code == 302
    assert _send(client, case_id, b"x" * (13 * 1024 * 1024)).status_code == 413


def test_photo_is_for_the_site_alone_and_taken_by_reception(app: Flask, case_id: str) -> None:
    people = make_user("reception"), make_user("labtech")
    other = make_user("physician", make_site("AMM", country="JOR"))
    _send(sign_in(app, people[0], case_id), case_id, draw_face())
    assert sign_in(app, other).get(f"/cases/{case_id}/photo.jpg").status_code == 404
    technician = sign_in(app, people[1])
    assert technician.get(f"/cases/{case_id}/photo.jpg").status_code == 200
    assert _send(technician, case_id, draw_face()).status_code == 403


def test_withdrawn_case_takes_no_photo(app: Flask, case_id: str) -> None:
    user = make_user("reception")
    meet(db.session.get_one(Case, case_id), user)
    move(db.session.get_one(Case, case_id), CaseState.WITHDRAWN, "left the country")
    client = sign_in(app, user)
    assert _send(client, case_id, draw_face()).status_code == 409
    assert 'type="file"' not in client.get(f"/cases/{case_id}/photo").get_data(as_text=True)
