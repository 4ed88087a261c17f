"""Who is signed in where nothing is written: the same person as the row, known by one statement, anew each time."""

from __future__ import annotations

from datetime import date

import pytest
from flask import Flask, jsonify, request
from flask_login import current_user

from clinic.db import db, write_unit
from clinic.models import Authorisation, User
from clinic.permissions import ROLES, permissions_of, public
from clinic.reader import Reader
from tests.factory import make_user
from tests.sign_in import sign_in

WHO = "/emergency/open"


@pytest.fixture
def asked(app: Flask) -> Flask:
    """The application with a page that says who it sees."""

    @public
    def who() -> object:
        if not current_user.is_authenticated:
            return jsonify(None)
        person = current_user._get_current_object()
        return jsonify({
            "is_reader": isinstance(person, Reader), "is_row": isinstance(person, User), "id": person.id,
            "email": person.email, "name": person.name, "language": person.language, "site_id": person.site_id,
            "site": [person.site.code, person.site.name, person.site.city, person.site.country, person.site.time_zone],
            "roles": [role.name for role in person.roles], "permissions": sorted(permissions_of(person)),
            "licence": person.licence_number, "equals": person == db.session.get_one(User, person.id),
            "may_sign": [row.programme for row in person.authorisations], "way": request.method,
        })

    # In the place of a page that stands already: the application serves other tests after this one.
    app.view_functions["emergency.new"] = app.view_functions["emergency.create"] = who
    app.config["WTF_CSRF_ENABLED"] = False
    return app


@pytest.mark.parametrize("roles", [*ROLES, "physician reception", "labtech labsupervisor nurse"])
def test_reader_is_the_person_of_the_row(asked: Flask, roles: str) -> None:
    user = make_user(roles)
    user.licence_number = "L-1"
    db.session.add(Authorisation(user_id=user.id, programme="us", valid_from=date(2020, 1, 1)))
    client = sign_in(asked, user)
    read, written = client.get(WHO).get_json(), client.post(WHO).get_json()
    assert read["is_reader"] and written["is_row"]
    for one in (read, written):
        one["roles"].sort()
        del one["is_reader"], one["is_row"], one["way"]
    assert read == written
    assert read["equals"] and read["licence"] == "L-1" and "us" in read["may_sign"]


def test_person_without_a_role_is_known_and_may_nothing(asked: Flask) -> None:
    user = make_user("nurse")
    client = sign_in(asked, user)
    with write_unit() as session:
        session.get_one(User, user.id).roles.clear()
    seen = client.get(WHO).get_json()
    assert (seen["id"], seen["roles"], seen["permissions"]) == (user.id, [], [])


@pytest.mark.parametrize("change", ["disabled", "another uniquifier", "another's cookie"])
def test_change_of_the_account_acts_with_the_next_request(asked: Flask, change: str) -> None:
    user, other = make_user("nurse"), make_user("admin")
    client = sign_in(asked, user)
    assert client.get(WHO).get_json()["id"] == user.id
    with write_unit() as unit:
        row = unit.get_one(User, user.id)
        if change == "disabled":
            row.active = False
        elif change == "another uniquifier":
            row.fs_uniquifier = "anew"
        theirs = unit.get_one(User, other.id).fs_uniquifier
    if change == "another's cookie":
        with client.session_transaction() as session:
            session["_user_id"] = theirs
    assert client.get(WHO).get_json() is None and client.post(WHO).get_json() is None
