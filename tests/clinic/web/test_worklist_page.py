"""The lists as pages: kinds of work by role, filters that stay, who is here, what was sent back."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from clinic.db import db, set_mode
from clinic.models import LabResult, Site, User
from clinic.queries import page as pages
from clinic.schemas.laboratory import NewResult
from clinic.services import laboratory
from clinic.services.plausibility import get_today
from clinic.services.visit import check_in
from tests.factory import make_applicant, make_case, make_site, make_user
from tests.seek import find_address
from tests.sign_in import sign_in


def read(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.get_data(as_text=True)


def find_link(text: str, rel: str) -> str:
    return re.search(rf'rel="{rel}" href="([^"]+)"', text)[1].replace("&amp;", "&")


@pytest.fixture
def site(app: Flask) -> Site:
    return make_site()


@pytest.fixture
def clerk(site: Site) -> User:
    return make_user("reception", site)


@pytest.mark.parametrize("role", ["reception", "nurse", "phlebotomist", "labtech", "labsupervisor", "radiographer",
                                  "radiologist", "physician", "tbteam", "quality", "admin"])
def test_every_role_opens_every_list(app: Flask, site: Site, clerk: User, role: str) -> None:
    case = make_case("us", user=clerk)
    check_in(case, clerk)
    case_id = case.id
    client = sign_in(app, make_user(role, site))
    for path in ("/", "/today", "/cases", "/cases?state=any", "/?view=mine", "/?view=nonsense"):
        text = read(client, path)
        assert 'aria-current="page"' in text
    assert client.get(f"/cases/{case_id}").status_code == 200


def test_who_enters_no_result_is_led_to_the_draw(app: Flask, site: Site, clerk: User) -> None:
    """The nurse was offered "Enter result" on the case, and found nothing to enter; the phlebotomist nothing at all."""
    case = make_case("us", user=clerk)
    address = f"/cases/{case.id}"
    nurse, phlebotomist, technician = (make_user(role, site) for role in ("nurse", "phlebotomist", "labtech"))
    for user in (nurse, phlebotomist):
        page = read(sign_in(app, user), address)
        assert f'href="{address}/draw"' in page and "Enter result" not in page
    assert "Enter result" in read(sign_in(app, technician), address)


def test_technician_is_told_at_the_top_what_was_sent_back(app: Flask, site: Site, clerk: User) -> None:
    technician, supervisor = make_user("labtech", site), make_user("labsupervisor", site, name="Halima Abdi")
    case = make_case("us", user=clerk)
    case_id = case.id
    row = laboratory.enter_result(case, NewResult("igra", "negative", get_today(case)), technician)
    laboratory.refuse_result(row, "the report says positive", supervisor)
    client = sign_in(app, technician)
    first = read(client, "/")
    assert "Sent back" in first and "by Halima Abdi" in first and "the report says positive" in first
    assert "Enter again" in first
    other = read(client, "/?view=enter")
    assert "1 case has a result that was sent back" in other
    queue = read(client, "/laboratory?list=enter")
    assert queue.index("Sent back: enter again") < queue.index("To be entered")
    assert "the report says positive" in read(client, f"/cases/{case_id}")


def test_lists_say_what_was_sent_back_that_no_rule_asked_for(app: Flask, site: Site, clerk: User) -> None:
    """The row said what the physician has to do, and nothing of the haemoglobin that is to be entered again."""
    technician, supervisor = make_user("labtech", site), make_user("labsupervisor", site)
    case = make_case("us", user=clerk)
    row = laboratory.enter_result(case, NewResult("haemoglobin", "14.2", get_today(case), unit="g/dL"), technician)
    assert "Needs second person" in (page := read(sign_in(app, supervisor), "/?view=confirm")) and "Haemoglobin" in page
    set_mode("write")
    laboratory.refuse_result(db.session.get_one(LabResult, row.id), "the printout says 12.4", supervisor)
    page = read(sign_in(app, technician), "/?view=sent-back")
    assert "the printout says 12.4" in page and "Haemoglobin" in page


def test_no_list_says_why_a_confidential_result_was_sent_back(app: Flask, site: Site, clerk: User) -> None:
    technician, supervisor = make_user("labtech", site), make_user("labsupervisor", site)
    case = make_case("us", user=clerk)
    row = laboratory.enter_result(case, NewResult("hiv", "negative", get_today(case)), technician)
    laboratory.refuse_result(row, "the printout says reactive", supervisor)
    page = read(sign_in(app, technician), "/?view=sent-back")
    assert "Sent back" in page and "the printout says" not in page


def test_laboratory_queue_shows_result_in_its_words_and_who_entered_it(app: Flask, site: Site, clerk: User) -> None:
    technician = make_user("labtech", site, name="Mutua Nzomo")
    case = make_case("us", user=clerk)
    laboratory.enter_result(case, NewResult("igra", "negative", get_today(case)), technician)
    text = read(sign_in(app, make_user("labsupervisor", site)), "/laboratory")
    assert "<strong>Negative</strong>" in text and "entered by Mutua Nzomo, today" in text
    own = read(sign_in(app, technician), "/laboratory?list=confirm")
    assert "You entered it" in own and ">Check<" not in own


def test_entered_result_leaves_the_queue_of_what_is_to_be_entered(app: Flask, site: Site, clerk: User) -> None:
    technician = make_user("labtech", site)
    waiting, entered = make_case("us", user=clerk), make_case("us", user=clerk)
    for test, value in (("igra", "negative"), ("syphilis-nontreponemal", "nonreactive")):
        laboratory.enter_result(entered, NewResult(test, value, get_today(entered)), technician)
    numbers = waiting.number, entered.number
    text = read(sign_in(app, technician), "/laboratory?list=enter")
    assert numbers[0] in text and numbers[1] not in text


def test_filters_stay_in_the_address_of_the_next_page(app: Flask, clerk: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "SIZE", 1)
    for given in ("Ada", "Ben"):
        make_case("us", make_applicant(clerk, family_name="Okonkwo", given_names=given), clerk)
    make_case("us", user=clerk)
    client = sign_in(app, clerk)
    first = read(client, find_address(client, "/cases", q="okonkwo", programme="us", **{"from": "2020"}, to=""))
    assert "2 cases" in first and ", Ben" in first and ", Ada" not in first  # a token may spell three letters
    following = find_link(first, "next")
    assert "q=" in following and "okonkwo" not in following and "programme=us" in following and "from=2020" in following
    second = read(client, following)
    assert ", Ada" in second and ", Ben" not in second and 'rel="next"' not in second
    assert "Ben" in read(client, find_link(second, "prev"))
    assert 'value="okonkwo"' in second and 'value="us" selected' in second


def test_day_that_cannot_be_read_is_said_and_not_ignored(app: Flask, clerk: User) -> None:
    client = sign_in(app, clerk)
    answer = client.get("/cases?from=03/04/2026")
    text = answer.get_data(as_text=True)
    assert answer.status_code == 422 and "Write the month in letters" in text and 'value="03/04/2026"' in text


def test_reception_checks_in_and_out(app: Flask, site: Site, clerk: User) -> None:
    case_id = make_case("us", user=clerk).id
    nurse = make_user("nurse", site)
    client = sign_in(app, clerk)
    assert "Check in" in read(client, f"/cases/{case_id}") and case_id not in read(client, "/today")
    page = client.post(f"/cases/{case_id}/arrive", follow_redirects=True).get_data(as_text=True)
    assert "Checked in: number 1 of today." in page and "Here since" in page and "Gone home" in page
    today = read(client, "/today")
    assert case_id in today and "Photo to be taken" in today and "Take photo" in today
    assert client.post(f"/cases/{case_id}/arrive").status_code == 409
    assert sign_in(app, nurse).post(f"/cases/{case_id}/leave").status_code == 403
    client = sign_in(app, clerk)
    page = client.post(f"/cases/{case_id}/leave", data={"from": "today"}, follow_redirects=True).get_data(as_text=True)
    assert case_id not in page and "Nobody is here" in page


def test_other_site_cannot_check_in(app: Flask, clerk: User) -> None:
    case_id = make_case("us", user=clerk).id
    client = sign_in(app, make_user("reception", make_site("AMM")))
    assert client.post(f"/cases/{case_id}/arrive").status_code == 404


def test_background_refresh_names_itself(app: Flask, clerk: User) -> None:
    text = read(sign_in(app, clerk), "/today")
    assert """hx-headers='{"X-Background": "1"}'""" in text and 'hx-trigger="every 15s"' in text


def test_case_page_counts_what_is_not_known_once_and_shows_the_stay_only_where_it_is_asked(
    app: Flask, clerk: User
) -> None:
    us_id = make_case("us", user=clerk, answer_no=False).id
    uk_id = make_case("uk", user=clerk).id
    client = sign_in(app, clerk)
    text = read(client, f"/cases/{us_id}")
    listed = len(re.findall(r'circumstances#row-', text))
    assert listed and re.search(rf"\b{listed} to be established\.", text)
    assert "Intended stay" not in text and "Intended stay" in read(client, f"/cases/{uk_id}")


def test_next_page_keeps_the_address_as_it_was_typed(
    app: Flask, site: Site, clerk: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "SIZE", 1)
    for _number in range(3):
        make_case("us", user=clerk)
    client = sign_in(app, clerk)
    # Words that mean something to the function which makes addresses of names.
    typed = "state=any&_scheme=javascript&_external=1&_method=x&_anchor=x&endpoint=key.jwks"
    following = find_link(read(client, f"/cases?{typed}"), "next")
    assert following.startswith(f"/cases?{typed}&after=")
    assert find_link(read(client, following), "prev").startswith(f"/cases?{typed}&before=")


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-01-01", "x", ""])
def test_place_in_a_list_that_cannot_be_read_is_the_beginning(app: Flask, clerk: User, moment: str) -> None:
    make_case("us", user=clerk)
    client = sign_in(app, clerk)
    for name in ("after", "before"):
        assert "NBO-" in client.get("/cases", query_string={name: f"{moment}_x"}).text
