"""Sites and the programmes they offer: added, corrected, and no case of a programme that is not in use."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from clinic.db import db
from clinic.errors import InvalidInput, NotFound, NotNow
from clinic.models import Answer, AuditChange, Site
from clinic.schemas.door import load
from clinic.schemas.site import SiteIn
from clinic.services.circumstance import write_answers
from clinic.services.site import SiteFacts, add_site, change_site, list_in_use
from tests.factory import make_applicant, make_case, make_site, make_user

MANILA = SiteFacts("MNL", "Manila", "Manila", "PHL", "Asia/Manila", frozenset({"us", "ca"}))
TYPED = {"code": "mnl", "name": "Manila", "city": "Manila", "country": "PHL", "time_zone": "Asia/Manila",
         "programmes": ["us", "ca"]}


def find_details(action: str) -> list[Any]:
    return list(db.session.execute(select(AuditChange.detail).where(AuditChange.action == action)).scalars())


def test_what_was_typed_becomes_the_facts() -> None:
    assert load(SiteIn(), TYPED) == MANILA


@pytest.mark.parametrize(("field", "value"), [
    ("code", "M"), ("code", "M1"), ("code", "TOOLONGCODE"), ("name", ""), ("city", ""), ("country", "Atlantis"),
    ("time_zone", "Africa/Nirobi"), ("time_zone", "EST5EDT"), ("time_zone", ""), ("programmes", ["us", "xx"])])
def test_wrong_field_is_named(app: Flask, field: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        load(SiteIn(), TYPED | {field: value})
    assert list(refused.value.fields) == [field]


def test_site_is_added_with_its_programmes_and_audited(app: Flask) -> None:
    site = add_site(MANILA)
    assert list_in_use(site.id) == {"us", "ca"}
    assert find_details("add-site") == [{"code": "MNL", "programmes": ["ca", "us"]}]
    with pytest.raises(InvalidInput, match="Choose another code"):
        add_site(MANILA)


def test_change_says_what_changed_by_codes_and_not_by_names(app: Flask) -> None:
    site = add_site(MANILA)
    facts = replace(MANILA, name="Manila Bay", time_zone="Asia/Tokyo", programmes=frozenset({"us", "nz"}))
    assert change_site(site.id, facts) == ["name", "time_zone", "programmes"]
    assert find_details("change-site") == [{
        "changed": ["name", "time_zone"], "time_zone": ["Asia/Manila", "Asia/Tokyo"], "added": ["nz"],
        "removed": ["ca"]}]
    assert change_site(site.id, facts) == []
    assert len(find_details("change-site")) == 1
    with pytest.raises(NotFound):
        change_site("nowhere", facts)


def test_code_can_be_corrected_until_a_number_was_given(app: Flask) -> None:
    site = add_site(MANILA)
    assert change_site(site.id, replace(MANILA, code="MAN")) == ["code"]
    make_applicant(make_user(site=site))
    with pytest.raises(InvalidInput) as refused:
        change_site(site.id, MANILA)
    assert refused.value.fields == {"code": ["Numbers were given under this code: it stays."]}
    other = add_site(replace(MANILA, code="CEB"))
    with pytest.raises(InvalidInput, match="Choose another code"):
        change_site(other.id, replace(MANILA, code="MAN"))


def test_no_case_of_a_programme_out_of_use_and_open_ones_go_on(app: Flask) -> None:
    site = make_site()
    user = make_user(site=site)
    case = make_case("us", user=user)
    facts = SiteFacts(site.code, site.name, site.city, site.country, site.time_zone, frozenset({"ca"}))
    change_site(site.id, facts)
    with pytest.raises(NotNow, match="This site does not offer United States"):
        make_case("us", user=user)
    assert make_case("ca", user=user).programme == "ca"
    word = case.circumstances[0].word
    write_answers(case, {word: Answer.YES}, user)
    db.session.flush()
    assert {one.word: one.answer for one in case.circumstances}[word] is Answer.YES


def test_site_without_a_row_offers_nothing(app: Flask) -> None:
    site = Site(code="XYZ", name="X", city="Y", country="UGA", time_zone="Africa/Kampala")
    db.session.add(site)
    db.session.flush()
    assert list_in_use(site.id) == frozenset()
