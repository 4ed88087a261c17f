"""The lists everybody works from, in headless Chromium: keys, filters, a list that renews itself and stops politely."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from playwright.sync_api import Page, Request, expect
from sqlalchemy import select

from clinic.db import db, write_unit
from clinic.models import Case, User
from clinic.schemas.laboratory import NewResult
from clinic.services import laboratory
from clinic.services.plausibility import get_today
from clinic.services.visit import check_in
from tests.browser.accessibility import assert_focus_never_hidden
from tests.factory import make_applicant, make_case
from tests.features.look import look, sign_in_as

pytestmark = pytest.mark.browser


@pytest.fixture
def cases(clinic: Flask, address: str) -> list[str]:
    """Three cases: two people are here, and one result was sent back."""
    with clinic.app_context():
        with write_unit() as unit:
            staff = {user.email.split("@")[0]: user for user in unit.execute(select(User)).unique().scalars()}
            made: list[Case] = []
            for family, given in (("Okonkwo", "Ada"), ("Okafor", "Ben"), ("Haddad", "Karim")):
                person = make_applicant(staff["reception"], family_name=family, given_names=given)
                made.append(make_case("us", person, staff["reception"]))
            for case in made[:2]:
                check_in(case, staff["reception"])
            row = laboratory.enter_result(made[0], NewResult("igra", "negative", get_today(made[0])), staff["labtech"])
            laboratory.refuse_result(row, "the report says positive", staff["labsupervisor"])
            found = [case.id for case in made]
        db.session.remove()
    return found


def test_three_lists_are_walked_with_the_keyboard(
    page: Page, address: str, cases: list[str], complaints: list[str]
) -> None:
    page.set_viewport_size({"width": 1366, "height": 768})
    sign_in_as(page, address, "reception")
    expect(page.get_by_role("heading", name="My worklist")).to_be_visible()
    assert_focus_never_hidden(page)
    look(page, "list-mine")
    page.get_by_role("link", name=re.compile("^Here today")).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Reception", exact=True)).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("OKONKWO"))).to_contain_text("Photo to be taken")
    assert_focus_never_hidden(page)
    look(page, "list-today")
    page.get_by_role("link", name="Take photo OKONKWO, Ada").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("identity/reception|photo"))
    page.goto(f"{address}/cases")
    page.get_by_label("Case number or name").focus()
    page.keyboard.type("okafo")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 case", exact=True)).to_be_visible()
    assert "q=" in page.url and "okafo" not in page.url, "no name is left in the browser's history"
    expect(page.get_by_label("Case number or name")).to_have_value("okafo")
    look(page, "list-all")


def test_technician_sees_what_was_sent_back_first(
    page: Page, address: str, cases: list[str], complaints: list[str]
) -> None:
    sign_in_as(page, address, "labtech")
    row = page.get_by_role("row", name=re.compile("OKONKWO"))
    expect(row).to_contain_text("Sent back")
    expect(row).to_contain_text("the report says positive")
    look(page, "list-sent-back")
    page.get_by_role("link", name="Laboratory", exact=True).click()
    expect(page.get_by_role("heading", name="Sent back: enter again")).to_be_visible()
    look(page, "list-laboratory")


def test_list_of_today_renews_itself_but_not_under_the_reader(
    page: Page, clinic: Flask, address: str, cases: list[str], complaints: list[str]
) -> None:
    page.clock.install()
    sign_in_as(page, address, "reception")
    page.goto(f"{address}/today")
    expect(page.get_by_text("HADDAD, Karim")).to_have_count(0)
    with clinic.app_context():
        with write_unit() as unit:
            check_in(unit.get_one(Case, cases[2]), unit.execute(select(User)).unique().scalars().first())
        db.session.remove()
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request) if request.headers.get("x-background") == "1" else None)
    page.get_by_role("link", name="Take photo OKONKWO, Ada").focus()
    page.clock.run_for(16_000)
    assert asked == []  # the reader stands in the list: focus would be lost
    page.get_by_label("Update by itself").focus()
    page.clock.run_for(16_000)
    expect(page.get_by_role("link", name="HADDAD, Karim", exact=True)).to_be_visible()
    assert len(asked) == 1
    page.get_by_label("Update by itself").uncheck()
    page.clock.run_for(31_000)
    assert len(asked) == 1
    page.get_by_label("Update by itself").check()
    page.context.clear_cookies()
    page.clock.run_for(16_000)
    expect(page.get_by_text("This list is not being updated")).to_be_visible()
    expect(page.get_by_role("link", name="HADDAD, Karim", exact=True)).to_be_visible()
