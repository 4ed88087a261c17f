"""Two people with a similar name in the building on one day."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event

from clinic import clock
from clinic.db import db
from clinic.models import IdentityMethod
from clinic.queries.namesake import find_namesakes, list_namesake_ids, list_present
from clinic.services.identity import confirm_identity
from clinic.station import list_stations
from clinic.web.case import list_flags
from tests.factory import make_applicant, make_case, make_site, make_user

ALIKE = [
    ({"family_name": "Mohamed", "given_names": "Ali"}, {"family_name": "Muhammad", "given_names": "Aly"}),
    ({"family_name": "Mohamed", "given_names": "Ali"}, {"family_name": "Ali", "given_names": "Mohamed"}),
    ({"family_name": "Shtarbanov", "given_names": "Georgi"},
     {"family_name": "Smith", "given_names": "George", "native_family_name": "Щърбанов",
      "native_given_names": "Георги"}),
]
UNLIKE = [
    ({"family_name": "Mohamed", "given_names": "Ali"}, {"family_name": "Mohamed", "given_names": "Zahra"}),
    ({"family_name": "Wanjiru", "given_names": "Grace"}, {"family_name": "Otieno", "given_names": "Peter"}),
]


@pytest.mark.parametrize(("one", "other", "alike"), [*((*pair, True) for pair in ALIKE),
                                                     *((*pair, False) for pair in UNLIKE)])
def test_similar_names_of_one_day_are_flagged_whatever_the_birth_date(
    app: Flask, one: dict[str, str], other: dict[str, str], alike: bool
) -> None:
    user = make_user()
    people = [make_applicant(user, birth_date="1991-01-05", **one), make_applicant(user, birth_date="1962-07", **other)]
    cases = [make_case("us", person, user) for person in people]
    assert [row.id for row in find_namesakes(people[0])] == ([people[1].id] if alike else [])
    assert list_namesake_ids(user.site) == ({person.id for person in people} if alike else set())
    flagged = "Similar name here today" in [flag["text"] for flag in list_flags(cases[0])]
    assert flagged is alike


def test_only_who_came_today_and_here_counts(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    user, elsewhere = make_user(), make_user(site=make_site("AMM"))
    name = {"family_name": "Mohamed", "given_names": "Ali"}
    one, other = make_applicant(user, **name), make_applicant(user, **name)
    far = make_applicant(elsewhere, **name)
    cases = [make_case("us", person, user) for person in (one, other)]
    make_case("us", far, elsewhere)
    assert far.id not in {row.id for row in list_present(user.site)}
    tomorrow = clock.now() + timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda: tomorrow)
    assert find_namesakes(one) == []
    station = list_stations()["reception"]
    confirm_identity(cases[0], station, IdentityMethod.KNOWN, user)
    assert find_namesakes(one) == []
    confirm_identity(cases[1], station, IdentityMethod.KNOWN, user)
    assert [row.id for row in find_namesakes(one)] == [other.id]


def test_who_is_here_is_found_by_index(app: Flask) -> None:
    """No table of the question is read from end to end (looked at on SQLite, whose plan says so in words)."""
    if db.engine.dialect.name != "sqlite":
        pytest.skip("reads SQLite's words")
    statements: list[tuple[str, object]] = []
    listener = event.listens_for(db.engine, "before_cursor_execute")
    listener(lambda _c, _cur, statement, values, _ctx, _many: statements.append((statement, values)))
    list_present(make_user().site)
    statement, values = next(one for one in statements if "identity_check" in one[0])
    plan = db.session.connection().exec_driver_sql(f"explain query plan {statement}", values)
    steps = [row[3] for row in plan]
    assert not [step for step in steps if step.startswith("SCAN") and "SUBQUERY" not in step.upper()], steps
