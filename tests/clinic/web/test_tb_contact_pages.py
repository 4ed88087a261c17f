"""Contacts on the source's case and on the contact's own, which never says who the source is."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from clinic import clock
from clinic.db import db, write_unit
from clinic.models import Case, ContactSetting, ContactState, FamilyKind, Relation, SourceType, TbContact
from clinic.schemas.laboratory import NewResult
from clinic.schemas.tb_contact import NewContact
from clinic.services.family import found_family, join_family
from clinic.services.hold import place_hold
from clinic.services.laboratory import confirm_result, enter_result
from clinic.services.plausibility import get_today
from clinic.services.tb_contact import confirm_contact
from tests.factory import make_applicant, make_case, make_user
from tests.sign_in import sign_in


def text_of(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return re.sub(r"\s+", " ", answer.get_data(as_text=True))


def card_of(page: str) -> str:
    """The part of a case's page about contacts."""
    return page.partition("Tuberculosis contacts")[2].partition("</section>")[0]


@pytest.fixture
def pair(app: Flask) -> tuple[Case, Case]:
    """A mother who is held, and her child."""
    reception, physician = make_user("reception"), make_user("physician")
    mother = make_case("us", user=reception)
    facts = {"kind": FamilyKind.FAMILY, "name": "", "authority_number": None}
    family = found_family(mother.applicant, facts, reception)
    person = make_applicant(reception, birth_date="2022-01-05")
    join_family(family, person, Relation.CHILD, reception)
    child = make_case("us", applicant=person, user=reception)
    place_hold(mother, "Smear positive", physician)
    return mother, child


def test_tracer_confirms_and_the_childs_page_says_nothing_of_the_mother(app: Flask, pair: tuple[Case, Case]) -> None:
    mother, child = pair
    name, number = mother.applicant.given_names + mother.applicant.family_name, mother.number
    child_id, mother_id, person_id = child.id, mother.id, child.applicant_id
    assert name
    nurse_user = make_user("nurse")
    team, nurse = sign_in(app, make_user("tbteam")), sign_in(app, nurse_user)
    assert "1 to decide" in text_of(team, f"/cases/{mother_id}")
    form = text_of(team, f"/cases/{mother_id}/contacts/of/{person_id}")
    assert re.search(r'value="child" selected', form) and re.search(r'value="household"[^>]*checked', form)
    path = f"/cases/{mother_id}/contacts/of/{person_id}"
    assert team.post(path, data={"relation": "child", "setting": "household"}).status_code == 422
    ahead = (clock.today("Africa/Nairobi") + timedelta(days=5)).isoformat()
    refused = team.post(path, data={"relation": "child", "setting": "household", "last_exposed_on": ahead})
    assert "lies in the future" in refused.get_data(as_text=True)
    assert "Give the last day" not in refused.get_data(as_text=True), "it is given, and wrong"
    day = clock.today("Africa/Nairobi").isoformat()
    page = team.post(path, data={"relation": "child", "setting": "household", "last_exposed_on": day,
                                 "source_type": "mdr"}, follow_redirects=True).get_data(as_text=True)
    assert "MDR-TB" in page and "second test from" in page
    told = text_of(nurse, f"/cases/{child_id}")
    assert "Was exposed" in told and "no isoniazid or rifampicin" in told and "Contact to be tested" in told
    card = card_of(told)
    assert number not in card and mother_id not in card
    assert number in card_of(text_of(team, f"/cases/{child_id}"))
    for address in (f"/cases/{mother_id}/contacts", f"/cases/{child_id}/exposure", path):
        assert nurse.get(address).status_code == 403


def test_tracer_sees_of_each_contact_whether_it_was_tested(app: Flask, pair: tuple[Case, Case]) -> None:
    """The list led nowhere: neither to the contact's own case nor to its test."""
    mother, child = pair
    mother_id, child_id, labtech, supervisor = mother.id, child.id, make_user("labtech"), make_user("labsupervisor")
    confirm_contact(child.applicant, NewContact(
        Relation.CHILD, ContactSetting.HOUSEHOLD, last_exposed_on=get_today(child)), make_user("physician"), mother)
    team = sign_in(app, make_user("tbteam"))
    page = text_of(team, f"/cases/{mother_id}/contacts")
    assert f'href="/cases/{child_id}"' in page and "No IGRA or skin test is confirmed yet." in page
    assert "preventive treatment is recommended" in text_of(team, f"/cases/{child_id}")
    with write_unit():
        confirm_result(enter_result(db.session.get_one(Case, child_id), NewResult(
            test="igra", value="negative", performed_on=get_today(child)), labtech), supervisor)
    assert "IGRA of " in text_of(team, f"/cases/{mother_id}/contacts")


def test_proposal_is_dismissed_with_a_reason(app: Flask, pair: tuple[Case, Case]) -> None:
    mother, child = pair
    path = f"/cases/{mother.id}/contacts/of/{child.applicant_id}/dismiss"
    team = sign_in(app, make_user("tbteam"))
    assert team.post(path, data={"reason": ""}).status_code == 422
    page = team.post(path, data={"reason": "lives with the grandmother"}, follow_redirects=True).get_data(as_text=True)
    assert "lives with the grandmother" in page and "Was exposed" not in page


def test_exposure_to_a_stranger_is_recorded_ended_and_withdrawn(app: Flask, pair: tuple[Case, Case]) -> None:
    case_id, mother_id = pair[1].id, pair[0].id
    team = sign_in(app, make_user("physician"))
    form = {"relation": "relative", "setting": "dormitory", "goes_on": "true"}
    assert "Name the source" in team.post(f"/cases/{case_id}/exposure", data=form).get_data(as_text=True)
    page = team.post(f"/cases/{case_id}/exposure", data=form | {"source_name": "Uncle Otieno"}, follow_redirects=True)
    assert "still exposed" in page.get_data(as_text=True) and "Uncle Otieno" in page.get_data(as_text=True)
    db.session.rollback()
    contact_id = db.session.query(TbContact).one().id
    path = f"/cases/{case_id}/contacts/{contact_id}"
    assert team.post(f"/cases/{mother_id}/contacts/{contact_id}/end", data={}).status_code == 404
    assert team.post(f"{path}/end", data={"last_on": ""}).status_code == 422
    day = clock.today("Africa/Nairobi").isoformat()
    page = team.post(f"{path}/end", data={"last_on": day}, follow_redirects=True).get_data(as_text=True)
    assert "last exposed" in page
    assert team.post(f"{path}/withdraw", data={"reason": "x"}).status_code == 422
    team.post(f"{path}/withdraw", data={"reason": "another person"})
    db.session.rollback()
    assert db.session.get_one(TbContact, contact_id).state is ContactState.WITHDRAWN


def test_somebody_of_no_group_is_found_by_number(app: Flask, pair: tuple[Case, Case]) -> None:
    mother_id = pair[0].id
    other = make_case(user=make_user("reception"))
    number, person_id = other.number, other.applicant_id
    team = sign_in(app, make_user("tbteam"))
    path = f"/cases/{mother_id}/contacts/find"
    assert team.post(path, data={"number": "nothing"}).status_code == 422
    assert team.post(path, data={"number": number}).headers["Location"].endswith(person_id)


def test_review_shows_what_is_signed_of_an_exposure_and_an_infected_person_is_asked_for_no_second_test(
    app: Flask, pair: tuple[Case, Case]
) -> None:
    mother, child = pair
    physician, technician, second = make_user("physician"), make_user("labtech"), make_user("labsupervisor")
    confirm_contact(child.applicant, NewContact(Relation.CHILD, ContactSetting.HOUSEHOLD, last_exposed_on=get_today(
        child), source_type=SourceType.MDR), physician, mother)
    row = enter_result(child, NewResult("igra", "positive", get_today(child)), technician)
    child_id, mother_id, number = child.id, mother.id, mother.number
    client = sign_in(app, physician)
    assert "second test from" in text_of(client, f"/cases/{child_id}"), "one person's word adds nothing yet"
    review = text_of(client, f"/cases/{child_id}/sign")
    assert f"tuberculosis: MDR-TB · {number}" in review and "Contact: Household" in review
    with write_unit() as session:
        confirm_result(session.merge(row), session.merge(second))
    for path in (f"/cases/{child_id}", f"/cases/{mother_id}/contacts"):
        page = text_of(client, path)
        assert "last exposed" in page and "second test from" not in page, path
