"""Whom somebody searches for: found by whoever typed it, and read by nobody in an address."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from clinic import clock
from clinic.db import db
from clinic.models import AuditChange, UnsavedPage
from clinic.web.presentation import TEMPLATES
from tests.factory import PASSWORD, make_applicant, make_case, make_user
from tests.seek import find_address, seek
from tests.sign_in import sign_in

# The pages with a field for a name or a passport's number; {} is an applicant or a family.
PAGES = {"/search": "q", "/cases": "q", "/administration/users": "q", "/audit": "applicant",
         "/applicants/{}/merge": "number", "/applicants/{}/people/new": "q"}
# Forms that write into the address what somebody typed: numbers of labels and messages, days, the public's facts of
# nobody.
TYPED_INTO_THE_ADDRESS = {"draw/index.html", "laboratory/grid.html", "laboratory/bench.html",
                          "reported/messages.html", "tuberculosis/_period.html", "will_i_need/index.html"}


@pytest.mark.parametrize("page", PAGES)
def test_name_stands_in_no_address_and_is_found(app: Flask, page: str) -> None:
    user = make_user("reception receptionsupervisor admin quality", name="Zorro Zanzibar")
    page, name = page.format(make_applicant(user, family_name="Zanzibar").id), PAGES[page]
    db.session.commit()
    client = sign_in(app, user)
    address = find_address(client, page, **{name: "Zanzibar"})
    assert urlsplit(address).path == page and "anzibar" not in address.lower()
    shown = client.get(address)
    assert "Zanzibar" in shown.text or shown.status_code == 302  # found, and led to it
    assert "anzibar" not in (shown.location or "").lower()


def test_the_rest_of_the_form_stays_readable_and_a_field_left_empty_away(app: Flask) -> None:
    client = sign_in(app, make_user("reception"))
    address = find_address(client, "/cases", q="Zanzibar", programme="us", state="", csrf_token="x")
    given = parse_qs(urlsplit(address).query)
    assert set(given) == {"q", "programme"} and given["programme"] == ["us"]
    assert find_address(client, "/cases", q=" ") == "/cases"


def test_address_is_worth_nothing_to_anybody_else_nor_a_day_later(app: Flask) -> None:
    clerk = make_user("reception")
    case = make_case("us", make_applicant(clerk, family_name="Zanzibar"), clerk)
    other, number = make_user("reception", case.site), case.number
    db.session.commit()
    client, colleague = sign_in(app, clerk), sign_in(app, other)
    address = find_address(client, "/cases", q="Zanzibar")
    assert 'value="Zanzibar"' in client.get(address).text
    refused = colleague.get(address)
    assert refused.status_code == 422 and "Type it again" in refused.text and 'value="Zanzibar"' not in refused.text
    assert "Type it again" in colleague.get(find_address(client, "/search", q="Nobody")).text
    with clock.stopped_at(clock.now() + timedelta(hours=11)):
        assert number in sign_in(app, clerk).get(address).text
    with clock.stopped_at(clock.now() + timedelta(hours=13)):
        assert sign_in(app, clerk).get(address).status_code == 422


def test_word_in_the_clear_is_not_searched_for(app: Flask) -> None:
    """An address that somebody wrote by hand, or kept from before."""
    clerk = make_user("reception")
    make_case("us", make_applicant(clerk, family_name="Zanzibar"), clerk)
    client = sign_in(app, clerk)
    assert "Zanzibar" not in client.get("/search?q=Zanzibar").text
    assert client.get("/cases?q=Zanzibar").status_code == 422


@pytest.mark.parametrize("page", ["/today", "/nowhere", "//evil.example/cases", "/evil.example", "/seek/search",
                                  "/sign-in"])
def test_form_leads_to_pages_that_seek_alone(app: Flask, page: str) -> None:
    assert sign_in(app, make_user("admin")).post(f"/seek{page}", data={"q": "x"}).status_code == 404


@pytest.mark.parametrize("page", ["/search", "/cases"])
def test_search_goes_on_after_the_screen_was_locked(app: Flask, page: str) -> None:
    clerk = make_user("reception")
    make_case("us", make_applicant(clerk, family_name="Zanzibar"), clerk)
    client = sign_in(app, clerk)
    client.post("/lock")
    led = client.post(f"/seek{page}", data={"q": "Zanzibar"}, headers={"Referer": "http://localhost/cases"})
    assert led.location.startswith("/locked?then=") and "anzibar" not in led.location
    token = parse_qs(urlsplit(led.location).query)["then"][0]
    opened = client.post("/locked", data={"password": PASSWORD, "then": token})
    assert urlsplit(opened.location).path == page
    found = client.get(opened.location, follow_redirects=True).text
    assert "ZANZIBAR" in found and db.session.query(UnsavedPage).count() == 0


def test_search_that_leads_nowhere_is_no_way_on(app: Flask) -> None:
    client = sign_in(app, make_user("reception"))
    client.post("/lock")
    assert client.post("/seek/nowhere", data={"q": "x"}).location.startswith("/locked")


def test_searching_changes_nothing(app: Flask) -> None:
    client = sign_in(app, make_user("reception"))
    before = db.session.query(AuditChange).count()
    assert seek(client, "/search", q="Nobody").status_code == 200
    assert db.session.query(AuditChange).count() == before


def test_list_of_everybody_names_nobody_in_the_next_address(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clinic.queries.applicant.PAGE", 1)
    clerk = make_user("reception")
    for family in ("Adongo", "Zanzibar"):
        make_applicant(clerk, family_name=family)
    db.session.commit()
    client = sign_in(app, clerk)
    first = client.get("/applicants").text
    address = re.search(r'rel="next" href="([^"]+)"', first)
    assert address and "adongo" not in address[1].lower()
    second = client.get(address[1].replace("&amp;", "&")).text
    assert "ZANZIBAR" in second and "ADONGO" not in second
    assert "ADONGO" in client.get("/applicants?after=nobody").text


def test_no_other_form_writes_what_is_typed_into_the_address() -> None:
    found = set()
    for template in Path(TEMPLATES).rglob("*.html"):
        for form in re.findall(r'<form[^>]*method="get".*?</form>', template.read_text(), re.DOTALL):
            if re.search(r'type="(?:search|text)"|text_field|date_field|date_text_field|entry\(', form):
                found.add(str(template.relative_to(TEMPLATES)))
    assert found == TYPED_INTO_THE_ADDRESS
