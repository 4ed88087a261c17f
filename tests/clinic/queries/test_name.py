"""Names are found by the beginning of any word, the words follow the name, and both ways to the cases agree."""

from __future__ import annotations

from importlib import import_module
from itertools import product

import pytest
from flask import Flask
from sqlalchemy import delete, select

from clinic import clock
from clinic.db import db
from clinic.models import ApplicantWord
from clinic.queries import name, waiting
from clinic.queries.applicant import find_people_by_name
from clinic.queries.waiting import View
from clinic.queries.worklist import Filter, count_cases, count_mine, count_waiting, list_cases, list_waiting
from clinic.services.registration import update_applicant
from tests.factory import applicant_data, make_applicant, make_case, make_site, make_user

PEOPLE = (("Nguyen", "Thi Hoa"), ("Nguyen", "Van Anh"), ("Hoang", "Anh"), ("Al-Hoa", "Nguyet"), ("Otieno", "Grace"))


def list_words(applicant_id: str) -> list[str]:
    query = select(ApplicantWord.word).where(ApplicantWord.applicant_id == applicant_id)
    return list(db.session.execute(query.order_by(ApplicantWord.word)).scalars())


def test_words_follow_the_name(app: Flask) -> None:
    user = make_user()
    person = make_applicant(user, family_name="Díaz O'Neill", given_names="Ana Ana")
    assert list_words(person.id) == ["ana", "diaz", "oneill"]
    db.session.flush()
    db.session.expire_all()
    update_applicant(person, applicant_data(family_name="Li", given_names="Ana"), person.version, user)
    assert list_words(person.id) == ["ana", "li"]
    assert find_people_by_name(user, "oneil") == []


@pytest.mark.parametrize("common", [1, 2, 4000])
@pytest.mark.parametrize("cost", [0, 8, 1000])
def test_every_word_in_any_order_finds_exactly_whom_a_scan_finds(
    app: Flask, monkeypatch: pytest.MonkeyPatch, common: int, cost: int
) -> None:
    monkeypatch.setattr(name, "COMMON", common)
    monkeypatch.setattr(name, "SCAN_COST", cost)
    user, stranger = make_user(), make_user(site=make_site("AMM"))
    cases = {}
    for number, (family, given) in enumerate(PEOPLE):
        person = make_applicant(user, family_name=family, given_names=given, birth_date=f"198{number}-01-02")
        cases[person.id] = make_case("us", person, user).id
    typed = ["nguyen", "hoa", "n", "an", "hoa nguyen", "ng hoa", "anh van", "a ho ng", "grace o", "h h", "anh anh",
             "zz", "otieno grace x"]
    folded = {person: " ".join(PEOPLE[number]).replace("-", " ").lower().split() for number, person in enumerate(cases)}
    for text in typed:
        wanted = {person for person, words in folded.items()
                  if all(any(word.startswith(part) for word in words) for part in text.split())}
        assert {row.id for row in find_people_by_name(user, text)} == wanted, text
        page = list_cases(user, Filter(name=text))
        assert ([row.applicant_id for row in page.rows] and wanted) or not page.rows
        assert {row.applicant_id for row in page.rows} == wanted, text
        assert len(page.rows) == len(wanted) == count_cases(user, Filter(name=text)), text
        assert find_people_by_name(stranger, text) == []
        assert not list_cases(stranger, Filter(name=text)).rows


def test_migration_writes_what_registering_writes(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    step = import_module("clinic.migrations.versions.0018_applicant_words")
    monkeypatch.setattr(step, "BATCH", 2)
    user = make_user()
    people = [make_applicant(user, family_name=family, given_names=given).id for family, given in PEOPLE]
    written = [list_words(person) for person in people]
    db.session.execute(delete(ApplicantWord))
    assert list_words(people[0]) == []
    step.write_words(db.session.connection(), ApplicantWord.__table__)
    assert [list_words(person) for person in people] == written


def test_whoever_begins_with_the_first_word_comes_first(app: Flask) -> None:
    user = make_user()
    for family, given in (("Abdi", "Hoa"), ("Hoang", "Anh"), ("Zama", "Hoa")):
        make_applicant(user, family_name=family, given_names=given)
    assert [row.family_name for row in find_people_by_name(user, "hoa")] == ["Hoang", "Abdi", "Zama"]


def test_waiting_work_is_the_same_whichever_way_it_is_found(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    user = make_user("physician")
    for number in range(3):
        make_case("us", make_applicant(user, birth_date=f"198{number}-01-02"), user)
    today = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    found = []
    for common in (1, 2000):
        monkeypatch.setattr(waiting, "COMMON", common)
        app.extensions.pop(waiting.WALKED, None)
        views = (View.TAKE, View.ENTER, View.EXAMINE, View.READ, View.SPUTUM, View.VACCINATE)
        found.append([
            [[row.id for row in list_waiting(user, view, today).rows] for view in views],
            [count_waiting(user, view, today) for view in views], count_mine(user, views, today),
        ])
    assert found[0] == found[1]
    assert any(count for count in found[0][1])


def test_typed_words_that_say_nothing_more_are_left_out() -> None:
    assert name.list_typed_words("an anh AN, Hoa") == ["anh", "hoa"]
    assert all(name.list_typed_words(f"{one} {other}") for one, other in product("ab", repeat=2))
